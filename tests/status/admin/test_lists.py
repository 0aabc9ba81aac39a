"""Django's admin: everything can be read, nothing edited, and the verbs work."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, partly_refused, permitted, shown_to_all
from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, Destination, Share, Worker

LOGIN = "/accounts/login/"

MODELS = ("share", "delivery", "attempt", "destination", "worker")


@pytest.fixture
def client(db: None) -> Client:
    """The browser of a superuser."""
    return browser(permitted("admin", is_staff=True, is_superuser=True))


def changelist(model: str) -> str:
    return reverse(f"admin:tom_share_worker_{model}_changelist")


def act(client: Client, model: str, verb: str, *objects: Any) -> str:
    """Run a verb on some rows; return what the admin says."""
    chosen = [row.pk for row in objects]
    answer = client.post(
        changelist(model), {"action": verb, "_selected_action": chosen}, follow=True
    )
    return " ".join(str(message) for message in answer.context["messages"])


def one_of_each(share: Share) -> dict[str, Any]:
    delivery = partly_refused(share, refused=1, delivered=1)
    now = timezone.now()
    return {
        "share": share,
        "delivery": delivery,
        "attempt": Attempt.objects.create(delivery=delivery, number=1, started=now),
        "destination": Destination.objects.create(key="partner"),
        "worker": Worker.objects.create(name="delivery@tom", started=now, seen=now),
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_row_can_be_read_and_not_edited(
    client: Client, share: Share, model: str
) -> None:
    row = one_of_each(share)[model]
    change = reverse(f"admin:tom_share_worker_{model}_change", args=[row.pk])

    assert client.get(changelist(model), {"q": "tom"}).status_code == 200
    assert client.get(changelist(model)).status_code == 200
    page = client.get(change)
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    add = reverse(f"admin:tom_share_worker_{model}_add")
    delete = reverse(f"admin:tom_share_worker_{model}_delete", args=[row.pk])
    refused = [
        client.post(change, {}),
        client.get(add),
        client.post(delete, {"post": "yes"}),
    ]
    # The host leads whoever meets a 403 to its login page.
    assert all(answer["Location"].startswith(LOGIN) for answer in refused)
    assert type(row).objects.filter(pk=row.pk).exists()


def test_shares_are_retried_and_the_rest_is_left_alone(
    client: Client, owner: User, share: Share
) -> None:
    rows.delivery(share, status="failed")
    delivered = rows.share(owner, planned=True, status="delivered")
    rows.delivery(delivered, status="delivered")

    said = act(client, "share", "retry", share, delivered)

    assert said == (
        "1 share will be sent now. 1 share left alone: not in a state for it."
    )
    assert share.deliveries.get().status == "queued"


def test_shares_are_cancelled(client: Client, share: Share) -> None:
    rows.delivery(share)

    assert act(client, "share", "cancel", share) == "1 share cancelled."
    assert act(client, "share", "cancel", share).startswith("0 shares cancelled.")
    assert Share.objects.get().status == "cancelled"


def test_deliveries_are_retried_and_cancelled(client: Client, share: Share) -> None:
    failed = rows.delivery(share, status="failed")
    sending = rows.delivery(share, status="sending")

    said = act(client, "delivery", "retry", failed, sending)
    assert said.startswith("1 delivery will be sent now. 1 delivery left alone")
    said = act(client, "delivery", "cancel", failed, sending)
    assert said == "2 deliveries cancelled."
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}


def test_destinations_are_paused_and_resumed(client: Client, db: None) -> None:
    partner = Destination.objects.create(key="partner")

    assert act(client, "destination", "pause", partner) == "1 destination paused."
    partner.refresh_from_db()
    assert (partner.paused, partner.note) == (True, "Paused by admin.")
    assert partner.paused_by is not None
    assert act(client, "destination", "pause", partner).startswith("0 destinations")
    assert act(client, "destination", "resume", partner) == "1 destination resumed."
    partner.refresh_from_db()
    assert not partner.paused


def test_who_may_only_view_is_offered_no_verbs(share: Share) -> None:
    rows.delivery(shown_to_all(share), status="failed")
    viewer = permitted("viewer", "view_share", is_staff=True)
    client = browser(viewer)

    page = client.get(changelist("share")).content.decode()
    act_answer = client.post(
        changelist("share"), {"action": "retry", "_selected_action": [share.pk]}
    )

    assert share.subject in page
    assert 'name="action"' not in page
    assert act_answer.status_code in (302, 200)
    assert Delivery.objects.get().status == "failed"


@pytest.mark.parametrize("model", ["share", "delivery", "attempt"])
def test_the_lists_take_as_many_queries_for_many_rows(
    client: Client,
    owner: User,
    model: str,
    django_assert_max_num_queries: Any,
) -> None:
    for n in range(40):
        share = rows.share(owner, subject=f"Share {n}")
        delivery = rows.delivery(share, status="failed")
        Attempt.objects.create(delivery=delivery, number=1, started=timezone.now())

    with django_assert_max_num_queries(10):
        assert client.get(changelist(model)).status_code == 200
