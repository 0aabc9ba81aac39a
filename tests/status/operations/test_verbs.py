"""The buttons of the overview: what they do, for whom, and what is on record."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, partly_refused, shown_to_all
from tests.status.operations.conftest import address, ago, failed, plain
from tests.support import rows
from tom_share_worker.models import (
    BulkAction,
    ConnectionTest,
    Delivery,
    Destination,
    IngestJob,
    Share,
)
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db

PARTNER = {"destination": "partner"}
VERBS = ("pause", "resume", "test", "retry", "reprocess")


@pytest.fixture
def share(share: Share) -> Share:
    """A share that the operator sees."""
    return shown_to_all(share)


@pytest.fixture
def client(operator: User) -> Client:
    """The browser of an operator."""
    return browser(operator)


def press(client: Client, part: str, **given: Any) -> str:
    """Press a button; return what is said on the page that follows."""
    answer = client.post(address(part), given, follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def log() -> list[tuple[str, str, str]]:
    entries = LogEntry.objects.order_by("pk").select_related("user")
    return [(e.user.username, e.object_repr, e.change_message) for e in entries]


def job(**columns: Any) -> IngestJob:
    now = timezone.now()
    defaults = {"file_name": "a.csv", "data_product_type": "photometry"}
    return IngestJob.objects.create(
        **{**defaults, "next_attempt_at": now, "ended": now, **columns}
    )


@pytest.mark.parametrize("part", VERBS)
def test_who_may_only_look_is_refused(viewer: User, share: Share, part: str) -> None:
    failed(share, 1, "destination down")
    Destination.objects.create(key="partner", paused=True)
    client = browser(viewer)

    answer = client.post(address(part), {**PARTNER, "since": "all", "failure": ""})

    # The host leads whoever meets a 403 to its login page.
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert Destination.objects.get().paused
    assert not BulkAction.objects.exists()
    assert not ConnectionTest.objects.exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("part", VERBS)
def test_nothing_is_done_by_following_a_link(
    client: Client, share: Share, part: str
) -> None:
    failed(share, 1, "destination down")
    asks = part in ("pause", "retry", "reprocess")

    answer = client.get(address(part), PARTNER if part != "reprocess" else {})

    assert answer.status_code == (200 if asks else 405)
    assert not Destination.objects.filter(paused=True).exists()
    assert not BulkAction.objects.exists()
    assert not ConnectionTest.objects.exists()


@pytest.mark.parametrize("part", VERBS)
def test_a_form_of_another_site_is_refused(operator: User, part: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator, "allauth.account.auth_backends.AuthenticationBackend")

    answer = client.post(address(part), {**PARTNER, "since": "all"})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert not BulkAction.objects.exists()
    assert not Destination.objects.filter(paused=True).exists()
    assert not ConnectionTest.objects.exists()


def test_a_destination_is_paused_with_a_reason_and_resumed(client: Client) -> None:
    asked = plain(client.get(address("pause"), PARTNER).content.decode())
    assert "Nothing is sent to Partner TOM until somebody resumes it." in asked

    said = press(client, "pause", **PARTNER, reason="They move house.")

    assert said == "Partner TOM is paused: nothing is sent there."
    partner = Destination.objects.get()
    assert (partner.paused, partner.note) == (True, "They move house.")
    assert partner.paused_by is not None
    assert press(client, "pause", **PARTNER) == "Partner TOM is paused already."

    assert press(client, "resume", **PARTNER) == "Deliveries to Partner TOM go on."
    partner.refresh_from_db()
    assert not partner.paused
    assert log() == [
        ("operator", "Partner TOM", "Paused. Reason: They move house."),
        ("operator", "Partner TOM", "Resumed."),
    ]


def test_a_pause_holds_for_all_topics(client: Client, settings: Any) -> None:
    settings.DATA_SHARING = {
        "hermes": {"BASE_URL": "https://h.invalid/", "USER_TOPICS": ["one", "two"]}
    }

    press(client, "pause", destination="hermes")

    paused = Destination.objects.filter(paused=True)
    assert set(paused.values_list("key", flat=True)) == {"hermes:one", "hermes:two"}


def test_the_button_has_a_worker_test_a_destination(client: Client) -> None:
    said = press(client, "test", **PARTNER)

    assert said.startswith("A worker tests Partner TOM")
    assert ConnectionTest.objects.get().destination == "partner"
    assert log() == [("operator", "Partner TOM", "Tested.")]


@pytest.mark.parametrize("part", ["pause", "resume", "test"])
def test_what_data_sharing_does_not_name_is_not_there(
    client: Client, part: str
) -> None:
    assert client.post(address(part), {"destination": "x"}).status_code == 404
    assert client.post(address(part), {}).status_code == 404
    assert not Destination.objects.exists()


def test_from_the_index_to_all_retried_it_takes_three_clicks(
    share: Share, client: Client
) -> None:
    failed(share, 5, "destination down", ended=ago(hours=6))
    failed(share, 1, "destination down", ended=ago(hours=30))
    index = client.get(reverse("admin:index"))

    first = _follow(client, index, address())
    second = _follow(client, first, f"{address('retry')}?destination=partner")
    form = second.context["form"]
    assert "in the last 24 hours: 5" in plain(second.content.decode())
    assert "at any time: 6" in plain(second.content.decode())
    third = client.post(
        address("retry"), {**PARTNER, "failure": "", "since": form["since"].value()}
    )

    action = BulkAction.objects.get()
    assert third["Location"] == reverse(
        "admin:tom_share_worker_bulkaction_change", args=[action.pk]
    )
    assert (action.verb, action.rows, action.total) == ("retry", "deliveries", 5)
    bulk.run(action.pk)
    assert Delivery.objects.filter(status="queued").count() == 5
    assert [entry[2] for entry in log()] == ["Asked for: 5 deliveries."]


def _follow(client: Client, page: Any, url: str) -> Any:
    """Follow a link that the page must have."""
    assert f'href="{url}"' in page.content.decode()
    return client.get(url)


@pytest.mark.parametrize(
    ("since", "hits"), [("day", 1), ("week", 2), ("all", 3), ("time", 2)]
)
def test_what_failed_is_retried_since_the_time_that_is_chosen(
    client: Client, share: Share, since: str, hits: int
) -> None:
    for hours in (2, 50, 300):
        failed(share, 1, "destination down", ended=ago(hours=hours))
    time = ago(hours=60).astimezone(UTC)

    said = press(client, "retry", **PARTNER, since=since, time=f"{time:%Y-%m-%dT%H:%M}")

    noun = "delivery" if hits == 1 else "deliveries"
    assert said == f"A worker retries {hits} {noun}."
    bulk.run(BulkAction.objects.get().pk)
    assert Delivery.objects.filter(status="queued").count() == hits


def test_a_time_is_meant_in_utc_whatever_the_time_zone_of_the_tom(
    client: Client, share: Share, settings: Any
) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    failed(share, 1, "destination down", ended=ago(hours=2))
    time = (timezone.now() - timedelta(hours=3)).astimezone(UTC)

    said = press(client, "retry", since="time", time=f"{time:%Y-%m-%dT%H:%M}")

    assert said == "A worker retries 1 delivery."


def test_a_time_that_is_missing_or_none_is_asked_for_again(
    client: Client, share: Share
) -> None:
    failed(share, 1, "destination down")

    for time in ("", "yesterday"):
        answer = client.post(address("retry"), {"since": "time", "time": time})
        assert answer.status_code == 200
        assert 'class="errorlist' in answer.content.decode()
    assert client.post(address("retry"), {"since": "x"}).status_code == 200
    assert not BulkAction.objects.exists()


def test_the_shortest_time_in_which_anything_failed_is_offered(
    client: Client, share: Share
) -> None:
    def offered() -> Any:
        return client.get(address("retry"), PARTNER).context["form"]["since"].value()

    failed(share, 1, "destination down", ended=ago(days=30))
    assert offered() == "all"
    failed(share, 1, "destination down", ended=ago(days=3))
    assert offered() == "week"
    failed(share, 1, "destination down", ended=ago(hours=3))
    assert offered() == "day"


def test_only_what_failed_for_one_cause_is_retried(
    client: Client, share: Share
) -> None:
    failed(share, 2, "destination down")
    failed(share, 1, "permission missing there")

    press(client, "retry", failure="permission missing there", since="all")

    bulk.run(BulkAction.objects.get().pk)
    assert Delivery.objects.filter(status="failed").count() == 2


def test_refused_data_is_retried_within_what_arrived_otherwise(
    client: Client, share: Share
) -> None:
    partly = partly_refused(share, refused=1, delivered=1)
    whole = rows.delivery(share, status="delivered")
    (refused,) = failed(share, 1, "refused data")

    press(client, "retry", failure="refused data", since="all")

    bulk.run(BulkAction.objects.get().pk)
    queued = set(Delivery.objects.filter(status="queued").values_list("pk", flat=True))
    assert queued == {partly.pk, refused.pk}
    assert Delivery.objects.get(pk=whole.pk).status == "delivered"


def test_only_what_the_operator_may_see_is_counted_and_retried(
    client: Client, operator: User, owner: User
) -> None:
    mine, theirs = rows.target(operator, "SN mine"), rows.target(owner, "SN theirs")
    for target in (mine, theirs):
        failed(rows.share(owner, target=target, planned=True), 1, "our fault")

    asked = client.get(address("retry"), {"failure": "our fault"})
    assert "at any time: 1" in plain(asked.content.decode())
    press(client, "retry", failure="our fault", since="all")

    bulk.run(BulkAction.objects.get().pk)
    assert Delivery.objects.get(status="queued").target_name == "SN mine"


def test_a_destination_that_a_person_paused_is_told_of_before_all_is_retried(
    client: Client, share: Share, owner: User
) -> None:
    failed(share, 1, "destination down")
    Destination.objects.create(
        key="partner", paused=True, paused_by_person=True, paused_by=owner, note="Moves"
    )

    asked = plain(client.get(address("retry"), PARTNER).content.decode())

    assert "Deliveries to Partner TOM were paused by owner. Moves." in asked


def test_where_nothing_is_left_to_retry_the_page_says_so(client: Client) -> None:
    asked = client.get(address("retry"), PARTNER).content.decode()

    assert "There is nothing of this that you may see and act on" in asked
    assert 'name="since"' not in asked


def test_all_files_that_failed_are_reprocessed(client: Client, operator: User) -> None:
    target = rows.target(operator)
    jobs = [
        job(
            target=target,
            data_product=rows.product(target, name=f"{cause}.fits"),
            status="failed",
            failure=cause,
        )
        for cause in ("unreadable file", "time limit")
    ]

    press(client, "reprocess", failure="time limit", since="all")
    bulk.run(BulkAction.objects.get().pk)
    assert [IngestJob.objects.get(pk=j.pk).status for j in jobs] == ["failed", "queued"]

    press(client, "reprocess", since="day")
    bulk.run(BulkAction.objects.latest("pk").pk)
    assert IngestJob.objects.filter(status="queued").count() == 2


@pytest.mark.parametrize(
    ("part", "cause"), [("retry", "time limit"), ("reprocess", "ambiguous target")]
)
def test_a_cause_that_there_is_not_is_not_there(
    client: Client, part: str, cause: str
) -> None:
    assert client.get(address(part), {"failure": cause}).status_code == 404
    assert client.post(address(part), {"failure": "x"}).status_code == 404
