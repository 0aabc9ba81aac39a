"""The sentences that say why things wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from tests.support import rows
from tom_share_worker.models import Destination, Worker
from tom_share_worker.status import notices, words

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _unnamed(settings: Any) -> None:
    """Destinations go by their keys, as those without a name do."""
    settings.DATA_SHARING = {}


def seen(ago: timedelta) -> None:
    now = timezone.now()
    Worker.objects.create(name="delivery@tom", started=now - ago, seen=now - ago)


@pytest.mark.django_db
def test_nothing_is_said_while_a_worker_is_alive() -> None:
    seen(timedelta(seconds=5))

    assert notices.worker_note() == ""


@pytest.mark.django_db
def test_the_note_says_since_when_no_worker_was_seen() -> None:
    with time_machine.travel(NOON, tick=False):
        seen(timedelta(minutes=25))

        assert notices.worker_note() == (
            "No worker has been seen since 11:35 UTC (25 minutes ago). Shares wait "
            "and nothing is lost. Start one with `python manage.py share_worker`; if "
            "one runs, its log says why it cannot reach its message broker."
        )


@pytest.mark.django_db
def test_the_note_names_the_day_when_it_is_not_today() -> None:
    with time_machine.travel(NOON, tick=False):
        seen(timedelta(days=2))

        assert "since 2026-05-30 12:00 UTC (2 days ago)" in notices.worker_note()


@pytest.mark.django_db
def test_the_note_says_that_no_worker_was_ever_seen() -> None:
    assert notices.worker_note().startswith("No worker has ever been seen. Shares wait")


@pytest.mark.django_db
def test_a_worker_that_only_delivers_processes_no_incoming_data() -> None:
    with time_machine.travel(NOON, tick=False):
        seen(timedelta(seconds=5))
        assert notices.worker_note() == ""
        assert notices.ingest_worker_note().startswith(
            "No worker that processes incoming data has ever been seen. Uploaded files "
            "wait and nothing is lost. Start one with `python manage.py share_worker`;"
        )

        Worker.objects.update(ingests=True)
        assert notices.ingest_worker_note() == ""

        Worker.objects.update(seen=NOON - timedelta(minutes=25))
        assert notices.ingest_worker_note(rows.person("person")).startswith(
            "No worker that processes incoming data has been seen since 11:35 UTC (25 "
        )


@pytest.mark.django_db
def test_who_cannot_start_a_worker_is_told_whom_to_ask() -> None:
    person, keeper = rows.person("person"), rows.person("keeper")
    keeper.is_staff = True

    assert notices.worker_note(person).endswith(". Tell whoever runs this TOM.")
    assert "Tell" not in notices.worker_note(keeper)

    seen(timedelta(seconds=5))
    assert notices.worker_note(person) == ""


def test_the_command_is_marked_up_and_the_rest_escaped() -> None:
    assert notices.marked_up("<Start> `a & b`.") == (
        "&lt;Start&gt; <code>a &amp; b</code>."
    )


def test_an_open_destination_needs_no_word() -> None:
    assert notices.destination_note(None) == ""
    assert notices.destination_note(Destination(key="partner")) == ""


@pytest.mark.django_db
def test_a_pause_names_who_and_why() -> None:
    keeper = rows.person("keeper")
    by_keeper = Destination(
        key="partner",
        paused=True,
        paused_by_person=True,
        paused_by=keeper,
        note="Their disk is full",
    )
    by_us = Destination(key="partner", paused=True, note="The account was refused.")

    said = notices.destination_note(by_keeper)
    said_of_us = notices.destination_note(by_us)

    assert said.startswith("Deliveries to partner were paused by keeper. Their disk is")
    assert "are paused. The account was refused. Nothing is lost" in said_of_us


def test_a_back_off_names_the_next_try() -> None:
    with time_machine.travel(NOON, tick=False):
        said = notices.destination_note(
            Destination(
                key="partner",
                failures=2,
                note="It is silent.",
                answered=NOON - timedelta(hours=1),
                retry_at=NOON + timedelta(seconds=90),
            )
        )

    assert said == (
        "It is silent. It last answered at 11:00 UTC. The next try is at 12:01 UTC "
        "(in 1 minute); Retry tries at once."
    )


def test_between_two_looks_at_a_dead_destination_the_reason_stays() -> None:
    with time_machine.travel(NOON, tick=False):
        said = notices.destination_note(
            Destination(key="partner", failures=1, note="It is silent.", retry_at=NOON)
        )

    assert said == "It is silent. It has never answered. It is being tried again now."


@pytest.mark.django_db
def test_a_refused_account_comes_with_its_cure() -> None:
    said = notices.destination_note(
        Destination(key="partner", paused=True, note="It refused our account.")
    )

    assert "It refused our account. Nothing is lost." in said
    assert said.endswith("restart the web server and the worker, then press Retry.")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "a moment"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(hours=30), "1 day"),
    ],
)
def test_lengths_of_time_are_said_in_their_largest_unit(
    length: timedelta, said: str
) -> None:
    assert words.span(length) == said
