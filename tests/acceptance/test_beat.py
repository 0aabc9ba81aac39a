"""Plain Celery workers and beat, in place of `share_worker`."""

from __future__ import annotations

import pytest

from tests.support import persistent, rows
from tests.support.brokers import SharedBroker
from tests.support.remote_tom import RemoteTom
from tests.support.toms import Tom, assert_each_attempt_is_on_record
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_beats_at_once_find_what_the_hints_missed_and_send_it_once(
    tom: Tom, partner: RemoteTom, broker: SharedBroker
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN 2026-{n:02d}") for n in range(12)]
    for n, target in enumerate(targets):
        rows.photometry(target, 2, first=15.0 + n / 10)
    survey = rows.target_list("Survey", *targets)
    broker.stop()
    share = outbox.share_target_list(owner, "partner", survey, None, True)
    broker.start()

    for name in ("first", "second"):
        schedule = str(tom.directory / f"{name}-schedule")
        tom.start_celery(f"{name}-beat", "beat", "--pidfile=", "-s", schedule)
    tom.start_celery("worker", "worker", "--pool=threads", "--concurrency=4")

    tom.await_delivered(share)
    names = sorted(target["name"] for target in partner.store.targets)
    assert names == sorted(target.name for target in targets)
    assert len(partner.store.datums) == 24
    assert_each_attempt_is_on_record(share)


def test_beat_gathers_what_was_saved_under_a_persistent_share(
    tom: Tom, partner: RemoteTom
) -> None:
    tom.hurry(SWEEP_INTERVAL=600)  # the sweep gathers, too
    owner = rows.person()
    target = rows.target(owner)
    partner.store.add_target(target.name)
    persistent.persistent_share(owner, target)
    schedule = str(tom.directory / "schedule")
    tom.start_celery("beat", "beat", "--pidfile=", "-s", schedule)
    tom.start_celery("worker", "worker", "--pool=threads", "--concurrency=4")

    persistent.save_photometry(target, 30)

    wait_until(Share.objects.exists, 40, "a share", tom.tell)
    tom.await_delivered(Share.objects.get())
    assert len(partner.store.datums) == 30
