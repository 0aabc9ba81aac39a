"""One attempt, from claim to record, against a real remote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from tom_dataproducts.models import PhotometryReducedDatum

from tests.support import misbehaviour, rows
from tests.support.remote_tom import PASSWORD, RemoteTom
from tom_share_worker.delivery import actions, parcels
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import (
    Attempt,
    Delivery,
    Destination,
    Failure,
    RemoteTarget,
    Share,
)

pytestmark = pytest.mark.django_db(transaction=True)

DATA = ("POST", "/api/reduceddatums/")


@pytest.fixture(autouse=True)
def share(settings: Any, remote: RemoteTom) -> Share:
    """A planned share of a target with three data points."""
    settings.DATA_SHARING = {"partner": remote.entry()}
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.4, "RETRY_SCHEDULE": [0, 0, 0]}
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    rows.photometry(target, 3)
    remote.store.add_target("SN 2026abc")
    made = rows.share(owner, target=target)
    planner.plan(made.pk)
    return made


def send(share: Share) -> Delivery:
    """Try a share's one delivery as a worker does; return its row."""
    delivery = share.deliveries.get()
    open_gate()
    sender.send(delivery.pk, worker="a worker", task_id="task-1")
    return share.deliveries.get()


def open_gate() -> None:
    Destination.objects.update(retry_at=None)


def test_a_delivery_that_arrives_is_recorded_whole(
    share: Share, remote: RemoteTom
) -> None:
    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert (row.delivered_count, row.attempt_count, row.claim) == (3, 1, "")
    assert row.note == "3 delivered."
    attempt = row.attempts.get()
    assert attempt.outcome == Attempt.Outcome.DELIVERED
    assert (attempt.worker, attempt.task_id) == ("a worker", "task-1")
    assert attempt.request == f"POST {remote.url}api/reduceddatums/"
    assert attempt.status_code == 201
    share.refresh_from_db()
    assert share.status == Share.Status.DELIVERED
    assert RemoteTarget.objects.get().remote_id == str(remote.store.targets[0]["id"])


def test_trouble_is_recorded_in_words_and_the_destination_backs_off(
    share: Share, remote: RemoteTom
) -> None:
    remote.on(*DATA, misbehaviour.html(503), skip=1)

    row = send(share)

    assert row.status == Delivery.Status.QUEUED
    assert row.failure == Failure.DESTINATION_DOWN
    assert (row.delivered_count, row.attempt_count) == (1, 1)
    attempt = row.attempts.get()
    assert attempt.outcome == Attempt.Outcome.TRY_AGAIN
    assert "overloaded or down" in attempt.note
    assert "Something went wrong" in attempt.answer
    state = Destination.objects.get(key="partner")
    assert state.failures == 1
    assert state.note == attempt.note


def test_what_celery_keeps_and_logs_of_it_names_no_target(
    share: Share, remote: RemoteTom
) -> None:
    remote.store.targets.clear()

    said = sender.send(share.deliveries.get().pk)

    assert "SN 2026abc" in share.deliveries.get().note
    assert said == "Refused: no matching target"


def test_when_the_schedule_is_used_up_the_delivery_fails(
    share: Share, remote: RemoteTom
) -> None:
    remote.refuse()

    statuses = [send(share).status for _ in range(4)]

    assert statuses == [*["queued"] * 3, "failed"]
    row = share.deliveries.get()
    assert row.failure == Failure.DESTINATION_DOWN
    assert [a.number for a in row.attempts.all()] == [1, 2, 3, 4]
    share.refresh_from_db()
    assert share.status == Share.Status.FAILED


def test_a_person_who_retries_doubles_nothing_that_no_rule_there_would_catch(
    share: Share, remote: RemoteTom
) -> None:
    PhotometryReducedDatum.objects.update(brightness=None, exposure_time=30.0)
    remote.on(*DATA, misbehaviour.act_then_cut, skip=2, times=1)
    send(share)

    actions.retry_share(share)
    row = send(share)

    assert row.status == Delivery.Status.DELIVERED
    assert len(remote.store.datums) == 3


def test_what_a_person_cancels_in_the_middle_keeps_its_record(
    share: Share, remote: RemoteTom
) -> None:
    def cancel(exchange: misbehaviour.Exchange) -> None:
        actions.cancel_share(share)
        connection.close()
        exchange.send(exchange.act())

    remote.on(*DATA, cancel, skip=1, times=1)

    row = send(share)

    assert row.status == Delivery.Status.CANCELLED
    assert row.delivered_count == len(remote.store.datums)
    attempt = row.attempts.get()
    assert attempt.outcome == Attempt.Outcome.CANCELLED
    assert attempt.ended is not None


def test_a_bug_of_ours_loses_no_row_and_ends_after_some_tries(
    share: Share, remote: RemoteTom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(parcels, "load", broken)

    statuses = [send(share).status for _ in range(4)]

    assert statuses == [*["queued"] * 3, "failed"]
    row = share.deliveries.get()
    assert row.failure == Failure.OUR_FAULT
    assert "RuntimeError" in row.note
    assert not remote.requests


@pytest.mark.parametrize(
    ("sharing", "words"),
    [({}, "no destination 'partner'"), ({"partner": {"BASE_URL": "x"}}, "BASE_URL")],
)
def test_a_destination_that_left_the_settings_is_said_so(
    share: Share, settings: Any, sharing: Any, words: str
) -> None:
    settings.DATA_SHARING = sharing

    row = send(share)

    assert (row.status, row.failure) == ("failed", Failure.BAD_CONFIGURATION)
    assert words in row.note


def test_a_target_that_was_deleted_meanwhile_is_said_so(share: Share) -> None:
    assert share.target is not None
    share.target.delete()

    row = send(share)

    assert row.status == Delivery.Status.FAILED
    assert "was deleted from this TOM" in row.note


def test_no_secret_reaches_a_row(share: Share, remote: RemoteTom) -> None:
    def tell_all(exchange: misbehaviour.Exchange) -> None:
        page = f"{exchange.asked.headers} {PASSWORD}"
        exchange.send(misbehaviour.Reply(500, page.encode(), misbehaviour.HTML))

    remote.on(*DATA, tell_all)

    send(share)

    for model in (Attempt, Delivery, Destination, Share):
        stored = json.dumps(
            serializers.serialize("python", model.objects.all()), default=str
        )
        assert PASSWORD not in stored
        assert not any(token in stored for token in remote.tokens)


NUL = "a \0 and half a \ud800 character"


@pytest.mark.parametrize(
    "behaviour",
    [
        misbehaviour.rubbish(b"\x00\xff{"),
        misbehaviour.html(500, "<h1>\0</h1>"),
        misbehaviour.answer(400, {"timestamp": [NUL], NUL: NUL}),
        misbehaviour.answer(401, {"detail": NUL}),
        misbehaviour.answer(403, {"detail": NUL}),
        misbehaviour.answer(201, {"id": NUL}),
    ],
    ids=["rubbish", "page", "refusal", "account", "permission", "id"],
)
def test_characters_that_no_database_takes_lose_no_attempt(
    share: Share, remote: RemoteTom, behaviour: misbehaviour.Behaviour
) -> None:
    remote.on("POST", "/api/reduceddatums/", behaviour)

    row = send(share)

    attempt = row.attempts.get()
    assert attempt.ended is not None
    assert attempt.outcome
    assert row.status != Delivery.Status.SENDING
    assert row.failure != Failure.OUR_FAULT
