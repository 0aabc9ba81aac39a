"""From the release before to this one and back, with rows, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, IngestJob, Share

APP = "tom_share_worker"
BEFORE = "0003_receiving"

pytestmark = pytest.mark.django_db(transaction=True)


def migrate_to(name: str | None) -> Any:
    """Migrate to this migration, None for the last one; return the models of then."""
    executor = MigrationExecutor(connection)
    goals = (
        [node for node in executor.loader.graph.leaf_nodes() if node[0] == APP]
        if name is None
        else [(APP, name)]
    )
    executor.migrate(goals)
    return MigrationExecutor(connection).loader.project_state(goals).apps


@pytest.fixture(autouse=True)
def _forward_again() -> Iterator[None]:
    yield
    migrate_to(None)


def work(apps: Any, name: str) -> None:
    """Leave rows as a worker of this release does: one share, delivered or not."""
    now = timezone.now()
    owner, target = rows.person(), Target.objects.get()
    share = apps.get_model(APP, "Share").objects.create(
        user_id=owner.pk,
        destination="partner",
        kind="target",
        subject=name,
        target_id=target.pk,
        status="failed",
        ended=now,
    )
    delivery = apps.get_model(APP, "Delivery").objects.create(
        share=share,
        position=0,
        destination="partner",
        kind="target",
        target_id=target.pk,
        target_name=target.name,
        status="failed",
        failure="destination down",
        next_attempt_at=now,
        ended=now,
    )
    apps.get_model(APP, "Attempt").objects.create(
        delivery=delivery, number=1, claim="x", started=now, ended=now
    )
    for model, columns in {
        "Destination": {"key": name},
        "RemoteTarget": {"destination": name, "target_id": target.pk},
        "IngestJob": {"file_name": name, "next_attempt_at": now, "status": "done"},
        "ReceivedBatch": {"user_id": owner.pk, "key": name, "begun": now},
        "ConnectionTest": {"destination": "partner"},
        "Worker": {"name": name, "seen": now, "started": now},
    }.items():
        apps.get_model(APP, model).objects.create(**columns)


def subjects() -> list[str]:
    return sorted(Share.objects.values_list("subject", flat=True))


@pytest.fixture
def _sky() -> None:
    rows.target(rows.person())


@pytest.mark.usefixtures("_sky")
def test_rows_of_the_release_before_are_there_after_the_upgrade() -> None:
    work(migrate_to(BEFORE), "before")

    migrate_to(None)

    assert subjects() == ["before"]
    share = Share.objects.get()
    assert (share.status, share.seen, share.plan_task_id) == ("failed", None, "")
    assert Delivery.objects.get().attempts.count() == Attempt.objects.count() == 1
    assert IngestJob.objects.get().status == "done"


@pytest.mark.usefixtures("_sky")
def test_the_release_before_works_on_beside_this_one() -> None:
    """While machines are upgraded one after the other."""
    older = MigrationExecutor(connection).loader.project_state([(APP, BEFORE)]).apps

    work(older, "by the older one")

    assert subjects() == ["by the older one"]
    Share.objects.create(destination="partner", kind="target", subject="by this one")
    assert older.get_model(APP, "Share").objects.count() == 2


@pytest.mark.usefixtures("_sky")
def test_a_rollback_keeps_all_that_the_release_before_knew() -> None:
    work(migrate_to(None), "by this one")

    older = migrate_to(BEFORE)

    assert older.get_model(APP, "Share").objects.get().subject == "by this one"
    for model in ("Delivery", "Attempt", "IngestJob", "Destination", "RemoteTarget"):
        assert older.get_model(APP, model).objects.count() == 1, model
    work(older, "after the rollback")
    migrate_to(None)
    assert subjects() == ["after the rollback", "by this one"]


@pytest.mark.usefixtures("_sky")
def test_nothing_is_left_when_the_app_is_taken_out() -> None:
    work(migrate_to(None), "by this one")

    MigrationExecutor(connection).migrate([(APP, None)])

    left = [t for t in connection.introspection.table_names() if t.startswith(APP)]
    assert left == []
    assert Target.objects.count() == 1
