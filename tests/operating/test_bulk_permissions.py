"""A bulk action does what the person who asked for it may do at that moment, and what
it prepares anew is what the person may share who asked for the share.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from tom_targets.models import Target

from tests.operating.test_bulk import done, ended_share, failed, retry
from tests.status.conftest import permitted, shown_to_all
from tests.support import rows
from tom_share_worker.delivery import sweep
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import BulkAction, Delivery, Share
from tom_share_worker.operating import bulk, verbs

pytestmark = pytest.mark.django_db


@pytest.fixture
def lists_share(settings: Any) -> Share:
    """A share of a list that was cancelled before it was planned.

    Its person may view one of the two targets of the list.
    """
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t"}
    }
    owner, other = rows.person("owner"), rows.person("other")
    theirs, hidden = (
        rows.target(person, name, permissions=Target.Permissions.PRIVATE)
        for person, name in ((owner, "SN 2026a"), (other, "SN 2026b"))
    )
    return rows.share(
        owner,
        kind=Share.Kind.TARGET_LIST,
        target_list=rows.target_list("Bulge list", theirs, hidden),
        status="cancelled",
        ended=timezone.now(),
    )


def test_who_retries_a_share_of_another_does_not_widen_what_is_shared(
    lists_share: Share,
) -> None:
    operator = permitted("operator", is_superuser=True)

    action = done(bulk.ask(operator, "retry", "shares", {}))
    planner.plan(lists_share.pk)

    assert action.done_count == 1
    (delivery,) = lists_share.deliveries.all()
    assert delivery.target_name == "SN 2026a"
    assert "1 target was left out" in Share.objects.get().note


def test_nothing_is_shared_for_a_person_whose_account_is_gone(
    lists_share: Share,
) -> None:
    operator = permitted("operator", is_superuser=True)
    User.objects.get(username="owner").delete()

    done(bulk.ask(operator, "retry", "shares", {}))
    planner.plan(lists_share.pk)

    share = Share.objects.get()
    assert (share.status, share.deliveries.count()) == ("failed", 0)
    assert share.note == "The person who asked for it no longer has an account here."


def test_a_retry_of_deliveries_does_not_prepare_the_rest_of_a_cancelled_share(
    lists_share: Share,
) -> None:
    operator = permitted("operator", is_superuser=True)
    sent = rows.delivery(lists_share, status="cancelled", position=0)
    cancelled = {"destination": "partner", "status": "cancelled"}

    done(bulk.ask(operator, "retry", "deliveries", cancelled))
    sweep.sweep()
    planner.plan(lists_share.pk)

    sent.refresh_from_db()
    assert sent.status == "queued"
    assert list(lists_share.deliveries.all()) == [sent]
    assert Share.objects.get().status == "cancelled"

    # Who wants all of it retries the share.
    done(bulk.ask(operator, "retry", "shares", {}))
    planner.plan(lists_share.pk)
    assert lists_share.deliveries.count() == 2


@pytest.mark.parametrize("withdrawn", ["permission", "account", "superuser"])
def test_what_is_withdrawn_meanwhile_holds_from_the_next_slice_on(
    withdrawn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = permitted("operator", "operate", is_superuser=withdrawn == "superuser")
    share = ended_share(rows.person("owner"))
    failed(share, 3)
    shown_to_all(share)
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
