"""How another TOM follows the processing of what it has uploaded."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm
from tom_targets.models import Target

from tests.ingest.peers.sender import Sender, problem
from tests.support import rows
from tom_share_worker.models import IngestFailure, IngestJob

pytestmark = pytest.mark.django_db


def job(sender: Sender, target: Target, **columns: Any) -> IngestJob:
    return IngestJob.objects.create(
        data_product=rows.product(target),
        target=target,
        target_name=target.name,
        user=sender.account,
        file_name="night.csv",
        data_product_type="photometry",
        next_attempt_at=timezone.now(),
        **columns,
    )


def where(of: IngestJob) -> str:
    return f"/api/tom-share/ingest/{of.pk}/"


@pytest.mark.parametrize(
    ("columns", "said", "ended"),
    [
        ({}, "Waiting to be processed.", False),
        ({"note": "Tried again soon."}, "Tried again soon.", False),
        ({"status": "running"}, "Being processed.", False),
        (
            {"status": "done", "datum_count": 37, "new_count": 35},
            "Processed: 37 data points, 35 of them new.",
            True,
        ),
        ({"status": "done", "datum_count": 1}, "Processed: 1 data point, 0", True),
        (
            {"status": "done", "datum_count": 10000, "new_count": 2000},
            "Processed: 10,000 data points, 2,000 of them new.",
            True,
        ),
        (
            {"status": "done", "note": "Processed: there is nothing to read."},
            "Processed: there is nothing to read.",
            True,
        ),
        (
            {
                "status": "failed",
                "failure": IngestFailure.UNREADABLE,
                "note": "Line 7 has no time.",
            },
            "Line 7 has no time.",
            True,
        ),
        ({"status": "cancelled"}, "Cancelled; the file was kept.", True),
    ],
)
def test_it_is_told_how_it_stands(
    columns: Any, said: str, ended: bool, sender: Sender, target: Target
) -> None:
    if ended:
        columns = columns | {"ended": timezone.now()}
    row = job(sender, target, **columns)

    answer = sender.get(where(row))

    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("message").startswith(said)
    assert body == {
        "id": row.pk,
        "status": row.status,
        "data_product": row.data_product_id,
        "target": target.pk,
        "datums": row.datum_count,
        "new": row.new_count,
        "failure": row.failure,
        "created": row.created.isoformat(),
        "ended": row.ended.isoformat() if row.ended else None,
    }
    assert ("Retry-After" in answer.headers) is not ended


def test_it_is_told_after_its_product_and_target_are_gone(
    sender: Sender, target: Target
) -> None:
    row = job(sender, target, status="done", ended=timezone.now())
    target.delete()

    body = sender.get(where(row)).json()

    assert (body["data_product"], body["target"]) == (None, None)


def test_others_are_told_nothing_unless_they_may_see_all(
    sender: Sender, target: Target
) -> None:
    row = job(sender, target)
    stranger = rows.person("stranger")
    assign_perm("tom_targets.view_target", stranger, target)

    problem(Sender(None).get(where(row)), "not-authenticated", 401)
    problem(Sender(stranger).get(where(row)), "not-found", 404)

    stranger.user_permissions.add(Permission.objects.get(codename="view_ingestjob"))
    assert Sender(stranger).get(where(row)).status_code == 200


def test_who_may_not_view_the_target_any_more_is_told_nothing(
    sender: Sender, target: Target
) -> None:
    row = job(sender, target)
    assert sender.get(where(row)).status_code == 200
    assert row.user is not None
    remove_perm("tom_targets.view_target", row.user, target)

    person = User.objects.get(pk=row.user.pk)
    problem(Sender(person).get(where(row)), "not-found", 404)


@pytest.mark.parametrize("pk", ["0", "999999", str(2**63), "9" * 400])
def test_what_is_not_there_is_not_found(pk: str, sender: Sender) -> None:
    problem(sender.get(f"/api/tom-share/ingest/{pk}/"), "not-found", 404)
