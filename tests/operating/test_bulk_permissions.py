"""A bulk action does what the person who asked for it may do at that moment."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.operating.test_bulk import ended_share, failed, retry
from tests.status.conftest import permitted
from tests.support import rows
from tom_share_worker.models import BulkAction, Delivery
from tom_share_worker.operating import bulk, verbs

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("withdrawn", ["permission", "account", "superuser"])
def test_what_is_withdrawn_meanwhile_holds_from_the_next_slice_on(
    withdrawn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = permitted("operator", "operate", is_superuser=withdrawn == "superuser")
    failed(ended_share(rows.person("owner")), 3)
    doing = verbs.SLICES["retry", "deliveries"]

    def act(pks: list[int], user: User) -> int:
        done = doing.act(pks, user)
        operator.user_permissions.clear()
        User.objects.filter(pk=operator.pk).update(
            is_active=withdrawn != "account", is_superuser=False
        )
        return done

    slices = {**verbs.SLICES, ("retry", "deliveries"): verbs.Doing(act, doing.fits, 1)}
    monkeypatch.setattr(verbs, "SLICES", slices)
    action = retry(operator, status="failed")

    bulk.run(action.pk)

    assert Delivery.objects.filter(status="queued").count() == 1
    action.refresh_from_db()
    ends = BulkAction.Status
    assert action.status == (ends.FAILED if withdrawn == "account" else ends.DONE)
