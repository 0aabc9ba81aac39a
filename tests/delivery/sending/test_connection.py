"""The test of a connection as a row: asked for once, made once, ended in any case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import misbehaviour, rows
from tests.support.remote_tom import PASSWORD, RemoteTom
from tom_share_worker import hints
from tom_share_worker.delivery import findings, gate, sweep
from tom_share_worker.delivery.findings import Found
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import ConnectionTest, Delivery, Destination

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any, remote: RemoteTom) -> None:
    settings.DATA_SHARING = {"partner": remote.entry(), "wrong": {"BASE_URL": "x"}}


def ask(destination: str = "partner") -> ConnectionTest:
    return connection.ask(destination, rows.person("operator"))


def hours_ago(hours: float) -> Any:
    return timezone.now() - timedelta(hours=hours)


def words(test: ConnectionTest) -> str:
    test.refresh_from_db()
    return " ".join(finding.words for finding in findings.read(test.findings))


def test_a_test_that_is_asked_for_is_made_and_tells_what_was_found() -> None:
    test = ask()

    assert connection.make(test.pk) == "all well"

    test.refresh_from_db()
    assert test.started is not None
    assert test.ended is not None
    assert test.asked_by is not None
    found = findings.read(test.findings)
    assert len(found) == 6
    assert findings.is_well(found)


def test_asking_makes_no_request_and_twice_makes_one_test(remote: RemoteTom) -> None:
    first, second = ask(), ask()

    assert first.pk == second.pk
    assert remote.requests == []
    connection.make(first.pk)
    assert ask().pk != first.pk


def test_a_hint_that_comes_twice_makes_one_test(remote: RemoteTom) -> None:
    test = ask()
    connection.make(test.pk)
    asked = len(remote.requests)

    assert connection.make(test.pk) == "not mine"
    assert len(remote.requests) == asked


def test_a_wrong_entry_is_told_with_the_line_to_correct() -> None:
    test = ask("wrong")

    assert connection.make(test.pk) == "trouble found"
    assert "DATA_SHARING['wrong']['BASE_URL'] must be" in words(test)


def test_an_entry_that_was_removed_meanwhile_is_told() -> None:
    test = ask("gone")
    connection.make(test.pk)

    assert "no destination 'gone'" in words(test)


def test_what_the_row_keeps_holds_no_secret(remote: RemoteTom) -> None:
    remote.on("*", "/", misbehaviour.answer(401, {"detail": f"not {PASSWORD}"}))
    test = ask()
    connection.make(test.pk)

    test.refresh_from_db()
    kept = ConnectionTest.objects.values().get(pk=test.pk)
    assert PASSWORD not in str(kept)
    assert test.findings


def test_the_sweep_has_tests_made_whose_hint_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hinted: list[int] = []
    monkeypatch.setattr(hints, "test_connection", hinted.append)
    waiting, running = ask(), ask("wrong")
    ConnectionTest.objects.filter(pk=running.pk).update(started=timezone.now())

    sweep.sweep()

    assert hinted == [waiting.pk]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"asked": hours_ago(1)}, "No worker took this test"),
        ({"asked": hours_ago(2), "started": hours_ago(1)}, "The worker was lost"),
    ],
)
def test_a_test_that_nobody_will_end_is_ended_and_says_so(
    columns: dict[str, Any], told: str
) -> None:
    test = ask()
    ConnectionTest.objects.filter(pk=test.pk).update(**columns)

    connection.tend()

    assert told in words(test)
    assert test.ended is not None
    assert connection.make(test.pk) == "not mine"


def test_a_test_that_is_under_way_is_left_alone() -> None:
    test = ask()
    ConnectionTest.objects.filter(pk=test.pk).update(started=timezone.now())

    connection.tend()

    test.refresh_from_db()
    assert test.ended is None


def test_a_good_answer_ends_the_wait_for_a_destination_that_was_down() -> None:
    share = rows.share(rows.person())
    waits = rows.delivery(
        share,
        failure="destination down",
        next_attempt_at=timezone.now() + timedelta(hours=5),
    )
    gate.state("partner")
    gate.found_down("partner", 0, "It was silent.", None)

    connection.make(ask().pk)

    assert Destination.objects.get().retry_at is None
    assert Delivery.objects.get(pk=waits.pk).next_attempt_at <= timezone.now()


def test_trouble_leaves_the_state_of_the_destination_alone(remote: RemoteTom) -> None:
    gate.state("partner")
    gate.found_down("partner", 0, "It was silent.", None)
    remote.refuse()

    connection.make(ask().pk)

    assert Destination.objects.get().retry_at is not None


def test_a_pause_by_a_person_outlives_a_good_test() -> None:
    gate.pause("partner", "On holiday.", rows.person("operator"))

    connection.make(ask().pk)

    assert Destination.objects.get().paused


def test_few_tests_of_each_destination_are_kept() -> None:
    other = ask("wrong")
    for _ in range(connection.KEPT + 3):
        last = ask()
        ConnectionTest.objects.filter(pk=last.pk).update(started=timezone.now())
        connection._end(last, [])

    kept = ConnectionTest.objects.filter(destination="partner")
    assert kept.count() == connection.KEPT
    assert kept.filter(pk=last.pk).exists()
    assert ConnectionTest.objects.filter(pk=other.pk).exists()


def test_a_kind_of_destination_that_fails_in_itself_is_told_and_logged(
    settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def test(self) -> list[findings.Finding]:
            raise ZeroDivisionError

    monkeypatch.setattr(connection, "open_destination", lambda _: Broken())

    [finding] = connection.look("partner")

    assert finding.found is Found.TROUBLE
    assert "log of the worker" in finding.words
    assert "ZeroDivisionError" in caplog.text
