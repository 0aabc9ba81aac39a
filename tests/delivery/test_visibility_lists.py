"""Shares of several targets: each person sees what is about targets they may view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm, remove_perm
from rest_framework.test import APIClient
from tom_targets.models import Target

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.delivery import visibility
from tom_share_worker.models import Attempt, Delivery, Share


@dataclass(frozen=True)
class Pair:
    """A share of two targets of which both deliveries failed."""

    owner: User
    share: Share
    open: Target
    secret: Target


@pytest.fixture(autouse=True)
def _partner(settings: Any) -> None:
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://partner.invalid/", "API_TOKEN": "not-a-token"}
    }


@pytest.fixture
def pair(db: None) -> Pair:
    owner = rows.person("owner")
    targets = [
        rows.target(owner, name, permissions=Target.Permissions.PRIVATE)
        for name in ("NGC 1", "SECRET 7")
    ]
    share = rows.share(
        owner,
        kind="targets",
        subject="Targets NGC 1 and SECRET 7 without data",
        planned=True,
        status="failed",
    )
    for target in targets:
        rows.delivery(
            share,
            target_id=target.pk,
            target_name=target.name,
            status="failed",
            failure="destination down",
        )
    return Pair(owner, share, *targets)


def operator(pair: Pair) -> User:
    """Return an operator who may view one of the targets only."""
    person = permitted("operator", "view_share", "change_share")
    assign_perm("tom_targets.view_target", person, pair.open)
    return person


def seen(person: User) -> set[str]:
    """Return what a person sees: among all deliveries, and among those of the share."""
    found = visibility.visible_deliveries(person)
    assert set(visibility.deliveries_of(person, Share.objects.get())) == set(found)
    return set(found.values_list("target_name", flat=True))


def test_each_sees_the_deliveries_of_targets_they_may_view(pair: Pair) -> None:
    member = rows.person("member")
    pair.secret.give_user_access(member)

    assert seen(pair.owner) == {"NGC 1", "SECRET 7"}
    assert seen(operator(pair)) == {"NGC 1"}
    assert seen(member) == {"SECRET 7"}
    assert seen(rows.person("stranger")) == set()
    assert not visibility.visible_shares(member).exists()
    remove_perm("tom_targets.view_target", pair.owner, pair.secret)
    assert seen(User.objects.get(pk=pair.owner.pk)) == {"NGC 1"}


def test_the_page_says_how_much_is_hidden_and_names_none_of_it(pair: Pair) -> None:
    client = browser(operator(pair))

    pages = [
        client.get("/shares/").content.decode(),
        client.get(pair.share.get_absolute_url()).content.decode(),
        client.get(f"{pair.share.get_absolute_url()}progress/").content.decode(),
        client.get("/shares/", {"q": "SECRET"}).content.decode().split("<main")[1],
    ]

    assert (
        "1 delivery of this share concerns a target that you may not view."
        in (pages[1])
    )
    assert "1 of 1 delivery has ended." in pages[1]
    assert "Destination down: 1 delivery" in pages[1]
    assert "NGC 1" in pages[1]
    assert "Selected targets" in pages[0]
    assert "SECRET 7" not in "".join(pages)
    assert "No share matches this filter." in pages[3]


def test_nothing_is_said_of_hidden_parts_where_there_are_none(pair: Pair) -> None:
    page = browser(pair.owner).get(pair.share.get_absolute_url()).content.decode()

    assert "may not view" not in page
    assert "Targets NGC 1 and SECRET 7 without data" in page


@pytest.mark.parametrize("how", ["page", "cause", "api"])
def test_retry_leaves_what_is_hidden_alone(pair: Pair, how: str) -> None:
    person = operator(pair)
    address = f"{pair.share.get_absolute_url()}retry/"

    if how == "api":
        assert _program(person).post(f"/api/shares/{pair.share.pk}/retry/").json()
    else:
        cause = {"cause": "destination down"} if how == "cause" else {}
        browser(person).post(address, cause)

    assert _statuses() == {"NGC 1": "queued", "SECRET 7": "failed"}


@pytest.mark.parametrize("planned", [True, False])
def test_cancel_leaves_what_is_hidden_alone_and_says_so(
    pair: Pair, planned: bool
) -> None:
    Share.objects.update(status="running", planned=planned)
    Delivery.objects.update(status="queued", failure="")
    client = browser(operator(pair))

    answer = client.post(f"{pair.share.get_absolute_url()}cancel/", follow=True)

    assert _statuses() == {"NGC 1": "cancelled", "SECRET 7": "queued"}
    said = answer.content.decode()
    assert "1 delivery will not be sent" in said
    assert "What concerns targets that you may not view goes on." in said


@pytest.mark.parametrize("about_one", [True, False])
def test_a_message_on_several_targets_is_not_for_those_who_may_change_one(
    pair: Pair, about_one: bool
) -> None:
    member = rows.person("member")
    pair.open.give_user_access(member)
    Share.objects.update(target=pair.open if about_one else None)
    Delivery.objects.filter(target=pair.open).update(kind="message")

    assert seen(member) == ({"NGC 1"} if about_one else set())
    assert "NGC 1" in seen(pair.owner)


def test_before_it_is_planned_only_its_person_reads_which_targets_it_names(
    pair: Pair,
) -> None:
    Delivery.objects.all().delete()
    Share.objects.update(planned=False)

    for person, shown in ((pair.owner, True), (operator(pair), False)):
        page = browser(person).get("/shares/").content.decode()
        assert ("SECRET 7" in page) is shown


@pytest.mark.parametrize("kind", ["target", "target data", "data product"])
def test_what_is_about_a_deleted_target_is_seen_by_who_asked_for_it_alone(
    pair: Pair, kind: str
) -> None:
    share = rows.share(
        pair.owner, kind=kind, target=pair.secret, subject="Target SECRET 7"
    )
    delivery = rows.delivery(share, status="failed")
    Attempt.objects.create(delivery=delivery, number=1, started=share.created)
    permitted("viewer", "view_share")
    permitted("operator", "operate")
    permitted("admin", is_superuser=True)
    rows.person("member")
    sees = {}
    for when in ("there", "deleted"):
        for person in User.objects.exclude(username="AnonymousUser"):
            if when == "there":
                pair.secret.give_user_access(person)
            found = [
                visibility.visible_shares(person).filter(pk=share.pk).exists(),
                visibility.visible_deliveries(person).filter(share=share).exists(),
                visibility.visible_attempts(person).exists(),
                visibility.deliveries_of(person, share).exists(),
            ]
            assert len(set(found)) == 1, (person, when, found)
            sees[person.username, when] = found[0]
        if when == "there":
            pair.secret.delete()

    everybody = {"owner", "viewer", "operator", "admin", "member"}
    assert {who for who, when in sees if sees[who, "there"]} == everybody
    assert {who for who, when in sees if sees[who, "deleted"]} == {"owner", "admin"}


def test_a_share_of_several_targets_is_seen_when_one_of_them_is_deleted(
    pair: Pair,
) -> None:
    viewer = permitted("viewer", "view_share")
    pair.open.give_user_access(viewer)
    pair.secret.delete()

    assert seen(pair.owner) == {"NGC 1", "SECRET 7"}
    assert seen(viewer) == {"NGC 1"}
    page = browser(viewer).get(pair.share.get_absolute_url()).content.decode()
    assert "SECRET 7" not in page


@pytest.mark.parametrize(("granted", "sees"), [(False, False), (True, True)])
def test_where_products_have_permissions_a_colleague_needs_them_too(
    pair: Pair, settings: Any, granted: bool, sees: bool
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    colleague, product = rows.person("colleague"), rows.product(pair.open)
    pair.open.give_user_access(colleague)
    share = rows.share(pair.owner, target=pair.open, data_product=product)
    rows.delivery(share, kind="data product", data_product=product)
    if granted:
        assign_perm("tom_dataproducts.view_dataproduct", colleague, product)

    for visible in (visibility.visible_shares, visibility.visible_deliveries):
        found = visible(colleague).filter(data_product=product)
        assert found.exists() is sees
        assert visible(pair.owner).filter(data_product=product).exists()


def test_the_page_asks_the_same_for_few_hidden_deliveries_and_many(pair: Pair) -> None:
    client = browser(operator(pair))
    counts = []
    for size in (1, 300):
        Delivery.objects.bulk_create(
            Delivery(
                share=pair.share,
                position=pair.share.deliveries.count() + n,
                destination="partner",
                kind="target",
                target_id=(pair.open if n % 2 else pair.secret).pk,
                target_name="X",
                status="failed",
                failure="our fault",
                next_attempt_at=pair.share.created,
            )
            for n in range(size)
        )
        client.get(pair.share.get_absolute_url())
        with CaptureQueriesContext(connection) as asked:
            assert client.get(pair.share.get_absolute_url()).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 22


def _statuses() -> dict[str, str]:
    return dict(Delivery.objects.values_list("target_name", "status"))


def _program(person: User) -> Any:
    program = APIClient()
    program.force_authenticate(person)
    return program
