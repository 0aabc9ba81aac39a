"""What the overview counts is what the rows say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.status.conftest import partly_refused
from tests.status.operations.conftest import ago, failed
from tests.support import rows
from tom_share_worker.models import (
    BulkAction,
    ConnectionTest,
    Destination,
    IngestJob,
    Share,
    Worker,
)
from tom_share_worker.status.operations import (
    attention,
    counts,
    destinations,
    live,
    progress,
    queue,
    roles,
)
from tom_share_worker.status.operations.roles import Role

pytestmark = pytest.mark.django_db

ALL = Role(True, True, True, True, True, True, True)
NONE = Role(True, False, False, False, False, False, False)


def job(**columns: Any) -> IngestJob:
    defaults: dict[str, Any] = {
        "file_name": "a.csv",
        "data_product_type": "photometry",
    }
    defaults |= {"target_name": "SN", "next_attempt_at": ago(minutes=2)}
    return IngestJob.objects.create(**{**defaults, **columns})


def lines() -> dict[str, tuple[int, str]]:
    now = timezone.now()
    states = list(Destination.objects.all())
    found = queue.lines(counts.deliveries(now), destinations.closed(states, now), now)
    return {line.name: (line.count, line.since) for line in found}


def entry(key: str = "partner") -> destinations.Row:
    found: list[destinations.Row] = live.gather(ALL)["destinations"]
    return next(row for row in found if row.key == key)


def test_each_delivery_that_has_not_ended_is_counted_once(share: Share) -> None:
    rows.delivery(share, next_attempt_at=ago(minutes=10))
    rows.delivery(share, next_attempt_at=ago(minutes=3), receipt="https://x/1")
    rows.delivery(share, next_attempt_at=timezone.now() + timedelta(minutes=5))
    rows.delivery(share, status="sending")
    for status in ("delivered", "failed", "cancelled"):
        rows.delivery(share, status=status, ended=timezone.now())

    found = lines()

    assert found["Deliveries due now"][0] == 2
    assert found["Deliveries due now"][1].startswith("10 minutes (since ")
    assert found["Deliveries waiting for later"][0] == 1
    assert found["Deliveries waiting for later"][1].startswith("first in 4 minutes")
    assert found["Deliveries being sent"][0] == 1
    assert found["Deliveries held"] == (0, "—")
    assert found["Files being processed by other TOMs"][0] == 1


def test_what_waits_for_a_closed_destination_is_held_and_not_due(share: Share) -> None:
    rows.delivery(share)
    rows.delivery(share, next_attempt_at=timezone.now() + timedelta(hours=1))
    partner = Destination.objects.create(key="partner", paused=True)

    found = lines()
    assert (found["Deliveries held"][0], found["Deliveries due now"][0]) == (2, 0)
    assert found["Deliveries waiting for later"][0] == 0

    partner.paused, partner.retry_at = False, timezone.now() + timedelta(minutes=1)
    partner.save()
    assert lines()["Deliveries held"][0] == 2

    partner.retry_at = ago(minutes=1)
    partner.save()
    assert (lines()["Deliveries held"][0], lines()["Deliveries due now"][0]) == (0, 1)


def test_shares_that_are_being_prepared_are_counted(owner: User) -> None:
    waiting = rows.share(owner)
    rows.share(owner, planned=True, status="running")
    rows.share(owner, status="cancelled")
    Share.objects.filter(pk=waiting.pk).update(created=ago(minutes=7))

    count, since = lines()["Shares being prepared"]

    assert count == 1
    assert since.startswith("7 minutes")


def test_incoming_files_are_counted_by_how_they_stand(db: None) -> None:
    job()
    job(next_attempt_at=timezone.now() + timedelta(minutes=5))
    job(status="running")
    for status in ("done", "failed", "cancelled"):
        job(status=status, ended=timezone.now())

    found = lines()

    assert found["Incoming files waiting"][0] == 2
    assert found["Incoming files waiting"][1].startswith("2 minutes")
    assert found["Incoming files being read"][0] == 1


def test_a_destination_shows_its_queue_and_its_failures(
    share: Share, owner: User
) -> None:
    rows.delivery(share, next_attempt_at=ago(hours=2))
    rows.delivery(share, status="sending")
    failed(share, 2, "destination down")
    failed(share, 1, "destination down", ended=ago(hours=30))
    other = rows.share(owner, destination="elsewhere", planned=True)
    failed(other, 1, "our fault")

    shown = entry()

    assert shown.waiting == "1, 1 being sent"
    assert shown.oldest.startswith("2 hours")
    assert shown.failed_words == "2 (3 in all)"
    assert (shown.state, shown.answered) == ("Open", "never")


def test_what_is_left_of_a_destination_that_settings_no_longer_name_is_shown(
    owner: User,
) -> None:
    rows.delivery(rows.share(owner, destination="gone", planned=True))

    shown = entry("gone")

    assert (shown.known, shown.waiting) == (False, "1")
    assert shown.state == "Not in DATA_SHARING"
    assert not shown.pauses
    assert not shown.resumes


def test_the_topics_of_a_destination_are_one_row(owner: User, settings: Any) -> None:
    settings.DATA_SHARING = {
        "hermes": {
            "DISPLAY_NAME": "Hermes",
            "BASE_URL": "https://hermes.invalid/",
            "USER_TOPICS": ["one", "two"],
        }
    }
    for topic in ("one", "two"):
        of = rows.share(owner, destination=f"hermes:{topic}", planned=True)
        rows.delivery(of)
        failed(of, 1, "refused data")
    Destination.objects.create(key="hermes:two", paused=True, note="Refused.")

    found = live.gather(ALL)["destinations"]

    assert [(row.key, row.waiting, row.failed) for row in found] == [("hermes", "2", 2)]
    assert found[0].state == "Paused"
    assert found[0].protocol == "not a TOM"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "not asked yet what it takes"),
        (
            {"peer": {}, "peer_asked": timezone.now()},
            "takes data points one by one",
        ),
        (
            {"peer": {"batch": 2000}, "peer_asked": timezone.now()},
            "runs this app, takes batches",
        ),
    ],
)
def test_a_destination_tells_whether_it_speaks_the_protocol(
    db: None, known: dict[str, Any], said: str
) -> None:
    Destination.objects.create(key="partner", **known)

    assert entry().protocol == said


def test_the_last_test_of_a_destination_is_told(db: None) -> None:
    assert entry().test == ""
    tests = ConnectionTest.objects
    tests.create(destination="partner", ended=ago(hours=2), findings=[])
    bad = [["May we write?", "trouble", "No."], ["Is it there?", "ok", "Yes."]]
    last = tests.create(destination="partner", ended=ago(minutes=3), findings=bad)

    assert entry().test == "1 thing to mend, found 3 minutes ago"
    assert entry().test_pk == last.pk

    tests.create(destination="partner")
    assert entry().test == "being tested"


def test_causes_are_counted_named_and_told_how_to_cure(
    share: Share, owner: User
) -> None:
    failed(share, 2, "permission missing there")
    failed(share, 1, "ambiguous target")
    other = rows.share(owner, destination="elsewhere", planned=True)
    failed(other, 3, "permission missing there")
    now = timezone.now()

    found = attention.causes(counts.failed(now), counts.refused(), ALL)

    assert [cause.title for cause in found] == [
        "Permission missing there",
        "Waits for a person",
    ]
    assert found[0].count == "5 deliveries, to Partner TOM and elsewhere"
    assert "Ask the people of that TOM" in found[0].cure
    assert "failure=permission+missing+there&status=failed" in found[0].rows
    assert found[0].retry.endswith("retry/?failure=permission+missing+there")
    # To retry what is ambiguous would only ask the same question again.
    assert found[1].retry == ""
    assert found[1].rows != ""


def test_refused_data_is_counted_within_what_arrived_otherwise(share: Share) -> None:
    partly_refused(share, refused=2, delivered=1)
    now = timezone.now()

    (cause,) = attention.causes(counts.failed(now), counts.refused(), ALL)
    assert cause.count == (
        "some data points of 1 delivery that arrived otherwise, to Partner TOM"
    )

    failed(share, 3, "refused data")
    (cause,) = attention.causes(counts.failed(now), counts.refused(), ALL)
    assert cause.count.startswith("3 deliveries and some data points of 1 delivery")
    assert "status" not in cause.rows


def test_failed_incoming_files_are_told_with_their_cure(db: None) -> None:
    for cause in ("time limit", "unreadable file", "unreadable file"):
        job(status="failed", failure=cause, ended=timezone.now())

    found = attention.jobs(counts.failed_jobs(), ALL)

    assert [cause.count for cause in found] == ["2 incoming files", "1 incoming file"]
    assert found[0].title == "Incoming: unreadable file"
    assert "press Reprocess" in found[0].cure
    assert found[0].retry.endswith("reprocess/?failure=unreadable+file")


def test_who_may_not_act_or_list_gets_no_address_for_it(share: Share) -> None:
    failed(share, 1, "our fault")
    job(status="failed", failure="time limit", ended=timezone.now())
    now = timezone.now()

    found = [
        *attention.causes(counts.failed(now), counts.refused(), NONE),
        *attention.jobs(counts.failed_jobs(), NONE),
    ]

    assert len(found) == 2
    assert {(cause.rows, cause.retry) for cause in found} == {("", "")}


def test_bulk_actions_under_way_and_lately_ended_are_shown(owner: User) -> None:
    made = {"verb": "retry", "rows": "deliveries", "asked_by": owner, "total": 8}
    BulkAction.objects.create(**made, status="running", done_count=3, left_count=1)
    BulkAction.objects.create(**made, status="done", ended=ago(minutes=5), note="So.")
    BulkAction.objects.create(**made, status="done", ended=ago(hours=2))

    done, running = progress.actions(timezone.now())

    assert (running.counted, running.percent) == ("4 of 8", 50)
    assert (running.person, running.under_way, running.note) == ("owner", True, "")
    assert (done.status, done.under_way, done.note) == ("Done", False, "So.")


def test_a_bulk_action_does_not_tell_what_was_searched_for(owner: User) -> None:
    BulkAction.objects.create(
        verb="retry",
        rows="deliveries",
        filters={"status": ["failed"], "search": "SN 2026secret"},
        described="deliveries, failed, with “SN 2026secret”",
        asked_by=owner,
    )

    (shown,) = progress.actions(timezone.now())

    assert shown.name == "Retry deliveries, failed, narrowed further"


def test_workers_tell_what_they_do_and_whether_they_live(db: None) -> None:
    now = timezone.now()
    Worker.objects.create(name="one", started=now, seen=now, ingests=True)
    old = now - timedelta(hours=3)
    Worker.objects.create(name="two", started=old, seen=old, delivers=False)

    one, two = live.workers(now)

    assert (one.does, one.alive) == ("sends deliveries and reads incoming files", True)
    assert (two.does, two.alive, two.seen) == (
        "nothing of this app",
        False,
        "3 hours ago",
    )


def test_roles_follow_the_permissions(viewer: User, operator: User) -> None:
    sees, acts = roles.of(viewer), roles.of(operator)

    assert sees.views
    assert not any((sees.steers, sees.retries, sees.reprocesses))
    assert acts.views
    assert acts.steers
    assert acts.retries
    assert acts.reprocesses
    assert not roles.of(rows.person("astronomer")).views
