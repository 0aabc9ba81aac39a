"""The page on which a person chooses which target of another TOM is ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Delivery, Failure, RemoteTarget, Share

CANDIDATES: list[dict[str, Any]] = [
    {
        "id": "7",
        "name": "SN2026abc",
        "aliases": ["ZTF26x"],
        "ra": 10.0001,
        "dec": -5.5,
        "type": "SIDEREAL",
    },
    {
        "id": "8",
        "name": "sn 2026ABC",
        "aliases": [],
        "ra": 200.0,
        "dec": 1.0,
        "type": "",
    },
]
NEVER_SENT = {"status": "failed", "failure": Failure.AMBIGUOUS_TARGET}


@pytest.fixture
def share(owner: User) -> Share:
    """A share of a target that has two twins at the partner."""
    target = rows.target(owner, "SN 2026abc", "AT 2026abc", ra=10.0, dec=-5.5)
    made = rows.share(owner, target=target, planned=True, status="failed")
    first = rows.delivery(made, **NEVER_SENT)
    rows.delivery(made, photometry=[1], after=first, **NEVER_SENT)
    return made


@pytest.fixture
def known(share: Share) -> RemoteTarget:
    """What the worker found for it."""
    return RemoteTarget.objects.create(
        destination="partner", target=share.target, candidates=CANDIDATES
    )


def page(known: RemoteTarget, share: Share | None = None) -> str:
    address = reverse("tom_share_worker:target-choice", args=[known.pk])
    return f"{address}?share={share.pk}" if share else address


def pick(person: User, known: RemoteTarget, remote_id: str = "7", **more: str) -> Any:
    data = {"remote_id": remote_id, "seen": ""} | more
    return browser(person).post(page(known), data)


def test_the_page_shows_our_target_beside_the_candidates(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    text = browser(owner).get(page(known, share)).content.decode()

    assert "AT 2026abc" in text
    assert "10.000000, -5.500000" in text
    assert "00:40:00.00, -05:30:00.0" in text
    for name in ("SN2026abc", "ZTF26x", "sn 2026ABC"):
        assert name in text
    # A ten-thousandth of a degree in RA, shorter by the cosine of the declination.
    assert "0.36 arcsec" in text
    assert 'href="http://partner.invalid/targets/7/" rel="noopener"' in text
    assert "2 deliveries" in text
    assert "A new target cannot be made there from here" in text


def test_a_choice_is_remembered_and_sends_all_that_waited_for_it(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    another = rows.share(rows.person("b"), target=share.target, status="failed")
    rows.delivery(another, **NEVER_SENT)
    elsewhere = rows.share(owner, target=share.target, destination="other")
    rows.delivery(elsewhere, **NEVER_SENT)
    rows.delivery(share, status="failed", failure=Failure.REFUSED_DATA)

    answer = browser(owner).post(page(known, share), {"remote_id": "8", "seen": ""})

    assert answer["Location"] == share.get_absolute_url()
    known.refresh_from_db()
    assert (known.remote_id, known.chosen_by) == ("8", owner)
    assert known.chosen is not None
    queued = Delivery.objects.filter(status="queued")
    assert {delivery.share_id for delivery in queued} == {share.pk, another.pk}
    assert queued.count() == 3
    assert not queued.exclude(failure="").exists()
    share.refresh_from_db()
    assert share.status == Share.Status.RUNNING


def test_a_second_person_does_not_undo_the_choice_of_the_first(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    pick(permitted("first", "change_share", is_superuser=True), known, "8")

    pick(owner, known, "7")

    known.refresh_from_db()
    assert known.remote_id == "8"


def test_a_choice_can_be_changed_later(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    pick(owner, known, "8")
    RemoteTarget.objects.update(sent_extras={"redshift": "0.05"})

    text = browser(owner).get(page(known)).content.decode()
    pick(owner, known, "7", seen="8")

    assert "Chosen by owner" in text
    known.refresh_from_db()
    assert (known.remote_id, known.sent_extras) == ("7", {})


@pytest.mark.parametrize("remote_id", ["", "9", "7 OR 1=1"])
def test_what_is_no_candidate_is_not_taken(
    owner: User, share: Share, known: RemoteTarget, remote_id: str
) -> None:
    pick(owner, known, remote_id)

    known.refresh_from_db()
    assert known.remote_id == ""
    assert not Delivery.objects.filter(status="queued").exists()


def test_only_those_choose_who_share_it_or_may_change_shares(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    stranger = rows.person("stranger")
    viewer, helper = rows.person("viewer"), permitted("helper", "change_share")
    for person in (viewer, helper):
        assert share.target is not None
        share.target.give_user_access(person)
    blind = permitted("blind", "change_share")

    answers = {
        person.username: browser(person).get(page(known)).status_code
        for person in (stranger, viewer, helper, blind)
    }
    pick(viewer, known)

    # The host's middleware turns a 403 into a redirect with its words.
    assert answers == {"stranger": 404, "viewer": 302, "helper": 200, "blind": 404}
    assert browser(None).get(page(known)).status_code == 302
    known.refresh_from_db()
    assert known.remote_id == ""


def test_a_cancelled_share_is_not_sent_by_a_choice(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    Share.objects.update(status=Share.Status.CANCELLED)

    pick(owner, known)

    assert not Delivery.objects.filter(status="queued").exists()


def test_the_pages_of_share_and_delivery_say_that_a_person_must_choose(
    owner: User, share: Share, known: RemoteTarget
) -> None:
    delivery = share.deliveries.first()
    assert delivery is not None
    client = browser(owner)

    shown = [
        client.get(share.get_absolute_url()).content.decode(),
        client.get(
            reverse("tom_share_worker:delivery-detail", args=[delivery.pk])
        ).content.decode(),
    ]

    for text in shown:
        assert "Waits for a person" in text
        assert text.count("Choose the target</a>") == 1
        assert page(known, share) in text


def test_the_list_of_shares_says_so_too(owner: User, share: Share) -> None:
    other = rows.share(owner, planned=True, status="failed")
    rows.delivery(other, status="failed", failure=Failure.OUR_FAULT)

    text = browser(owner).get(reverse("tom_share_worker:share-list")).content.decode()

    assert text.count("Waits for a person</span>") == 1
    assert text.count("Failed</span>") == 1


def test_deliveries_that_wait_for_a_person_can_be_shown_alone(
    owner: User, share: Share
) -> None:
    rows.delivery(share, status="failed", failure=Failure.OUR_FAULT)
    client, address = browser(owner), share.get_absolute_url()

    text = client.get(address).content.decode()

    assert "Waits for a person (2)" in text
    assert "Failed (1)" in text
    assert '<option value="waits for a person">' in text
    for status, count in (("waits for a person", 2), ("failed", 1)):
        table = client.get(address, {"status": status}).context["table"]
        stands = [row.record.standing for row in table.paginated_rows]
        assert stands == [status] * count


def test_a_link_to_the_other_side_is_shown_and_gives_nothing_away(
    owner: User, share: Share
) -> None:
    link = "http://partner.invalid/targets/7/"
    delivery = rows.delivery(share, status="delivered", link=link)
    client = browser(owner)

    shown = [
        client.get(share.get_absolute_url()).content.decode(),
        client.get(
            reverse("tom_share_worker:delivery-detail", args=[delivery.pk])
        ).content.decode(),
    ]

    for text in shown:
        assert f'href="{link}"' in text
        assert 'rel="noopener"' in text
