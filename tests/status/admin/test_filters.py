"""The admin's lists are narrowed by the names that bulk actions understand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.status.admin.conftest import changelist
from tests.status.conftest import partly_refused
from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, Share

pytestmark = pytest.mark.django_db


@pytest.fixture
def _night(owner: User, share: Share) -> None:
    """Deliveries of all sorts, told apart by the names of their targets."""
    now = timezone.now()
    other = rows.share(rows.person("other"), destination="other")
    for of, name, columns in (
        (share, "queued", {}),
        (share, "down", {"status": "failed", "failure": "destination down"}),
        (other, "ours", {"status": "failed", "failure": "our fault"}),
        (other, "message", {"status": "delivered", "kind": "message"}),
    ):
        ended = None if name == "queued" else now - timedelta(hours=3)
        rows.delivery(of, target_name=f"T-{name}", ended=ended, **columns)
    partly = partly_refused(share, refused=1, delivered=1)
    long_ago = now - timedelta(days=3)
    Delivery.objects.filter(pk=partly.pk).update(
        target_name="T-partly", created=long_ago, ended=long_ago
    )


NAMES = {"queued", "down", "ours", "message", "partly"}


@pytest.mark.usefixtures("_night")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, NAMES),
        ({"status": "failed"}, {"down", "ours"}),
        ({"status": ["failed", "queued"]}, {"down", "ours", "queued"}),
        ({"failure": "our fault"}, {"ours"}),
        ({"failure": "refused data"}, {"partly"}),
        ({"destination": "other"}, {"ours", "message"}),
        ({"kind": "message"}, {"message"}),
        ({"user": "other"}, {"ours", "message"}),
        ({"created_since": "24h"}, NAMES - {"partly"}),
        ({"created_since": "7d"}, NAMES),
        ({"ended_since": "1h"}, set()),
        ({"ended_since": "24h"}, {"down", "ours", "message"}),
        ({"since": "1h"}, {"queued"}),
        ({"until": "24h"}, {"partly"}),
        ({"q": "T-do"}, {"down"}),
        ({"q": "T- our"}, {"ours"}),
        ({"status": "failed", "user": "owner"}, {"down"}),
    ],
)
def test_deliveries_are_narrowed(
    client: Client, filters: dict[str, Any], found: set[str]
) -> None:
    text = client.get(changelist("delivery"), filters).content.decode()

    assert {name for name in NAMES if f"T-{name}" in text} == found


@pytest.mark.usefixtures("_night")
def test_what_only_an_address_names_is_shown_and_taken_away(client: Client) -> None:
    share = Share.objects.get(destination="other")

    text = client.get(changelist("delivery", share=share.pk)).content.decode()

    assert {name for name in NAMES if f"T-{name}" in text} == {"ours", "message"}
    assert "By share" in text
    chosen = Delivery.objects.get(target_name="T-down").pk
    text = client.get(changelist("delivery", ids=f"{chosen},999")).content.decode()
    assert {name for name in NAMES if f"T-{name}" in text} == {"down"}


@pytest.mark.usefixtures("_night")
@pytest.mark.parametrize(
    "filters", [{"status": "ill"}, {"created_since": "soon"}, {"share": "a"}]
)
def test_nonsense_is_told_and_shows_nothing(
    client: Client, filters: dict[str, str]
) -> None:
    text = client.get(changelist("delivery"), filters).content.decode()

    assert "T-" not in text
    assert "By " in text
    assert "messagelist" in text


@pytest.mark.parametrize("lookup", ["status__exact", "share__user__password", "note"])
def test_other_lookups_are_refused(client: Client, lookup: str) -> None:
    # Else a verb for all that match would act on more than is shown.
    assert client.get(changelist("delivery"), {lookup: "a"}).status_code == 400


def test_another_time_is_typed_and_keeps_the_other_filters(client: Client) -> None:
    listed = changelist("delivery", status="failed", created_since="2026-03-01T06:00")

    text = client.get(listed).content.decode()

    assert 'value="2026-03-01T06:00"' in text
    assert '<input type="hidden" name="status" value="failed">' in text


@pytest.mark.usefixtures("_night")
def test_attempts_are_narrowed(client: Client) -> None:
    now = timezone.now()
    for delivery in Delivery.objects.all():
        Attempt.objects.create(
            delivery=delivery,
            number=1,
            started=now - timedelta(days=2 * (delivery.status == "failed")),
            outcome="failed" if delivery.status == "failed" else "delivered",
            failure=delivery.failure,
            task_id=f"task-{delivery.target_name}",
        )
    one = Delivery.objects.get(target_name="T-ours").pk

    for filters, found in (
        ({}, 5),
        ({"outcome": "failed"}, 2),
        ({"failure": "our fault"}, 1),
        ({"destination": "other"}, 2),
        ({"since": "24h"}, 3),
        ({"q": "T-o"}, 1),
        ({"q": str(one)}, 1),
        ({"outcome": "failed", "destination": "partner"}, 1),
    ):
        answer: Any = client.get(changelist("attempt"), filters)
        assert answer.context["cl"].result_count == found, filters
