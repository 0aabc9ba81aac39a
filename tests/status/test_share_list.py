"""The list of shares: whose they are, and how it is narrowed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Destination, Share

LIST = "/shares/"


def shown(client: Client, **chosen: str) -> set[str]:
    """Return the subjects of the shares that the list shows."""
    page = client.get(LIST, chosen)
    return {row.record.subject for row in page.context["table"].paginated_rows}


@pytest.fixture
def three(owner: User) -> User:
    """Shares of two people on a target that both may change, and one of a third.

    Returns the colleague.
    """
    colleague, stranger = rows.person("colleague"), rows.person("stranger")
    common = rows.target(owner, "SN 2026abc")
    common.give_user_access(colleague)
    rows.share(owner, subject="of the owner", target=common)
    rows.share(colleague, subject="of the colleague", target=common)
    rows.share(stranger, subject="of a stranger", target=rows.target(stranger, "X"))
    rows.share(owner, subject="a list of the owner", kind="target list")
    return colleague


def test_people_see_their_own_and_those_of_their_targets(
    owner: User, three: User
) -> None:
    client = browser(owner)

    own = {"of the owner", "a list of the owner"}
    assert shown(client) == {*own, "of the colleague"}
    assert shown(client, whose="mine") == own
    assert shown(client, whose="targets") == {"of the owner", "of the colleague"}
    assert shown(browser(three)) == {"of the owner", "of the colleague"}


def test_the_list_is_narrowed_by_each_filter(owner: User) -> None:
    target = rows.target(owner, "NGC 1234")
    rows.share(owner, subject="a", status="failed", target=target)
    rows.share(owner, subject="b", destination="hermes:bulge", status="delivered")
    Destination.objects.create(key="hermes:bulge")
    old = rows.share(owner, subject="c of the bulge")
    Share.objects.filter(pk=old.pk).update(created=datetime(2026, 1, 2, 23, tzinfo=UTC))
    client = browser(owner)

    assert shown(client, status="failed") == {"a"}
    assert shown(client, destination="partner") == {"a", "c of the bulge"}
    assert shown(client, destination="hermes") == {"b"}
    assert shown(client, q="ngc") == {"a"}
    assert shown(client, q="BULGE") == {"c of the bulge"}
    assert shown(client, since="2026-01-02", until="2026-01-02") == {"c of the bulge"}
    assert shown(client, since="2026-01-03") == {"a", "b"}
    assert shown(client, q="ngc", status="delivered") == set()


def test_those_that_wait_for_a_person_are_told_from_those_that_failed(
    owner: User,
) -> None:
    for subject, failure in (("waits", "ambiguous target"), ("down", "our fault")):
        share = rows.share(owner, subject=subject, status="failed", planned=True)
        rows.delivery(share, status="failed", failure=failure)
    client = browser(owner)

    assert shown(client, status="waits for a person") == {"waits"}
    assert shown(client, status="failed") == {"down"}


def test_those_that_a_closed_destination_holds_up_read_waits_and_are_running(
    owner: User,
) -> None:
    for subject, status in (("under way", "sending"), ("held up", "queued")):
        share = rows.share(owner, subject=subject, status="running", planned=True)
        rows.delivery(share, status=status)
    rows.share(owner, subject="over", status="failed", planned=True)
    client = browser(owner)

    def words() -> dict[str, str]:
        table = client.get(LIST).context["table"]
        return {row.record.subject: row.record.standing for row in table.paginated_rows}

    assert words()["held up"] == "running"
    Destination.objects.create(key="partner", paused=True)

    assert words() == {"under way": "running", "held up": "waits", "over": "failed"}
    assert shown(client, status="running") == {"under way", "held up"}
    page = client.get(LIST).content.decode()
    assert ">Waits</span>" in page


def test_an_unreadable_filter_is_told_and_does_not_hide_the_rest(owner: User) -> None:
    rows.share(owner, subject="a")

    page = browser(owner).get(LIST, {"since": "yesterday", "status": "<script>"})

    assert shown(browser(owner), since="yesterday") == {"a"}
    assert "Enter a valid date." in page.content.decode()
    assert "<script>" not in page.content.decode().split("<main")[1]


def test_an_empty_list_says_what_to_do(owner: User) -> None:
    client = browser(owner)

    fresh = client.get(LIST).content.decode()
    rows.share(owner, subject="a")
    narrowed = client.get(LIST, {"q": "nothing like it"}).content.decode()

    assert "Nothing has been shared yet." in fresh
    assert f'href="{reverse("targets:list")}"' in fresh
    assert "<label" not in fresh
    assert "No share matches this filter." in narrowed
    assert "<label" in narrowed
    assert '<a href="?">Show all shares</a>' in narrowed


def test_the_filter_stays_from_page_to_page(owner: User) -> None:
    for n in range(60):
        rows.share(owner, subject=f"Share {n}", status="failed")

    page = browser(owner).get(LIST, {"status": "failed"}).content.decode()

    assert "?status=failed&amp;page=2" in page


def test_an_ended_share_can_be_shared_again_from_the_list(owner: User) -> None:
    target = rows.target(owner)
    share = rows.share(
        owner, target=target, subject="All data points of it", status="delivered"
    )
    client = browser(owner)
    button = reverse("tom_share_worker:share-again", args=[share.pk])

    page = client.get(LIST).content.decode()
    answer = client.post(button)

    assert f'action="{button}"' in page
    assert answer["Location"] == Share.objects.latest("pk").get_absolute_url()
    assert Share.objects.count() == 2


@pytest.mark.parametrize("who", ["owner", "viewer", "colleague"])
def test_the_list_asks_the_same_for_few_and_many(owner: User, who: str) -> None:
    target = rows.target(owner)
    people = {
        "owner": owner,
        "viewer": permitted("viewer", "view_share"),
        "colleague": rows.person("colleague"),
    }
    for person in people.values():
        target.give_user_access(person)
    client = browser(people[who])
    counts = []
    for size in (2, 58):
        for n in range(size):
            share = rows.share(owner, subject=f"Share {n}", target=target)
            rows.delivery(share, status="failed")
        client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(LIST, {"q": "Share"}).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 16
