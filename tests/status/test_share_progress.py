"""How far a share is, as its page, the fragment that renews it, and JSON tell it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, partly_refused
from tests.support import rows
from tom_share_worker.models import Delivery, Destination, Share
from tom_share_worker.status import overview


def url(name: str, pk: int) -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": pk})


def json_of(client: Client, share: Share) -> Any:
    answer = client.get(url("share-progress", share.pk), HTTP_ACCEPT="application/json")
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def test_progress_as_json_counts_everything(owner: User, share: Share) -> None:
    partly_refused(share, refused=2, delivered=5)
    rows.delivery(share, photometry=[1, 2, 3])
    rows.delivery(share, status="failed", failure="no matching target")

    told = json_of(browser(owner), share)

    assert told["status"] == "running"
    assert told["ended"] is False
    assert told["deliveries"] == {
        "queued": 1,
        "sending": 0,
        "delivered": 1,
        "failed": 1,
        "cancelled": 0,
    }
    assert told["datums"] == {
        "delivered": 5,
        "already_there": 0,
        "refused": 2,
        "total": 10,
    }
    # Two of three deliveries and seven of ten data points are over: 9 of 13.
    assert told["percent"] == 69
    assert told["worker_note"].startswith("No worker has ever been seen.")


CLOSED: list[dict[str, Any]] = [
    {"paused": True, "paused_by_person": True},
    {"failures": 3, "retry_at": timezone.now() + timedelta(hours=1)},
]


def badge_of(client: Client, share: Share) -> str:
    """Return the word on the share's page."""
    page = client.get(url("share-detail", share.pk)).content
    found = BeautifulSoup(page, "html.parser").select_one("#share-progress .badge")
    return "" if found is None else str(found.text)


@pytest.mark.parametrize("closed", CLOSED)
def test_what_is_for_a_closed_destination_reads_waits_and_is_running(
    owner: User, share: Share, closed: dict[str, Any]
) -> None:
    client = browser(owner)
    delivery = rows.delivery(share)
    assert badge_of(client, share) == "Running"

    Destination.objects.create(key="partner", **closed)
    assert badge_of(client, share) == "Waits"
    assert json_of(client, share)["status"] == "running"
    assert json_of(client, share)["destination_note"]

    Delivery.objects.filter(pk=delivery.pk).update(status="sending")
    assert badge_of(client, share) == "Running"
    Delivery.objects.filter(pk=delivery.pk).update(status="queued")
    Share.objects.update(planned=False)
    assert badge_of(client, share) == "Running"
    Share.objects.update(planned=True)
    Destination.objects.update(paused=False, retry_at=timezone.now())
    assert badge_of(client, share) == "Running"


@pytest.mark.parametrize(
    ("kind", "total", "counted"),
    [
        ("target", 1, "1 target"),
        ("target", 2, "1 data point and 1 target"),
        ("target", 129, "128 data points and 1 target"),
        ("target list", 129, "129 targets and data points"),
        ("data points", 129, "129 data points"),
    ],
)
def test_targets_in_messages_are_not_called_data_points(
    owner: User, kind: str, total: int, counted: str
) -> None:
    share = rows.share(owner, kind=kind, planned=True, status="running")
    rows.delivery(share, kind=Delivery.Kind.MESSAGE, datum_count=total)

    progress = overview.progress(share, overview.tally(share))

    assert f"Of {counted}: 0 delivered, {total} not yet." in progress.sentences


def test_a_share_that_runs_never_shows_100_percent(owner: User, share: Share) -> None:
    share.planned = False
    share.save()
    rows.delivery(share, status="delivered")

    assert json_of(browser(owner), share)["percent"] == 99


def test_the_fragment_polls_until_the_share_has_ended(
    owner: User, share: Share
) -> None:
    rows.delivery(share)
    client = browser(owner)

    assert "every 2s" in client.get(url("share-detail", share.pk)).content.decode()
    running = client.get(url("share-progress", share.pk))
    Share.objects.update(status="delivered", ended=timezone.now())
    ended = client.get(url("share-progress", share.pk))

    assert (running.status_code, "HX-Refresh" in running) == (200, False)
    # 286 stops htmx, and the page is loaded anew for its buttons and its table.
    assert (ended.status_code, ended["HX-Refresh"]) == (286, "true")
    page = client.get(url("share-detail", share.pk)).content.decode()
    assert "hx-trigger" not in page


def test_the_page_is_renewed_when_a_retry_becomes_possible(
    owner: User, share: Share
) -> None:
    rows.delivery(share)
    client = browser(owner)
    shown = client.get(url("share-detail", share.pk)).content.decode()
    rows.delivery(share, status="failed", failure="refused data")

    progress = url("share-progress", share.pk)
    answer = client.get(progress, {"retry": "no"})

    assert "?retry=no" in shown
    assert answer.status_code == 200
    assert answer["HX-Refresh"] == "true"
    # The one cause has its button; of a second one the page shows that of the whole.
    assert "HX-Refresh" not in client.get(progress, {"retry": "one"})
    rows.delivery(share, status="failed", failure="our fault")
    assert client.get(progress, {"retry": "one"})["HX-Refresh"] == "true"
    assert "HX-Refresh" not in client.get(progress, {"retry": "all"})
