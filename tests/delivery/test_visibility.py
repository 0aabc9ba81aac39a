"""Who sees and acts on shares and deliveries: a matrix of people, pages and verbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm, remove_perm
from rest_framework.test import APIClient
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.delivery import visibility
from tom_share_worker.models import Delivery, Share


@pytest.fixture(autouse=True)
def _partner(settings: Any) -> None:
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://partner.invalid/", "API_TOKEN": "not-a-token"}
    }


@dataclass(frozen=True)
class Scene:
    """A private target, a share of it that failed in part, and who asked for it."""

    requester: User
    target: Target
    share: Share
    delivery: Delivery


@pytest.fixture
def scene(db: None) -> Scene:
    requester = rows.person("requester")
    target = rows.target(requester, permissions=Target.Permissions.PRIVATE)
    share = rows.share(
        requester, target=target, planned=True, status="failed", subject="All its data"
    )
    delivery = rows.delivery(share, status="failed", failure="destination down")
    return Scene(requester, target, share, delivery)


def anonymous(_: Scene) -> Any:
    return AnonymousUser()


def stranger(_: Scene) -> User:
    return rows.person("stranger")


def who_may_only_look(scene: Scene) -> User:
    person = rows.person("looks")
    assign_perm("tom_targets.view_target", person, scene.target)
    return person


def requester(scene: Scene) -> User:
    return scene.requester


def requester_who_lost_the_target(scene: Scene) -> User:
    remove_perm("tom_targets.view_target", scene.requester, scene.target)
    return User.objects.get(pk=scene.requester.pk)


def member_who_may_change(scene: Scene) -> User:
    person, group = rows.person("member"), Group.objects.create(name="project")
    person.groups.add(group)
    for verb in ("view", "change"):
        assign_perm(f"tom_targets.{verb}_target", group, scene.target)
    return person


def _holding(name: str, *codenames: str) -> User:
    person = rows.person(name)
    found = Permission.objects.filter(content_type__app_label="tom_share_worker")
    person.user_permissions.add(*found.filter(codename__in=codenames))
    return person


def viewing_staff_without_the_target(_: Scene) -> User:
    return _holding("far-staff", "view_share", "change_share")


def viewing_staff(scene: Scene) -> User:
    person = _holding("staff", "view_share")
    assign_perm("tom_targets.view_target", person, scene.target)
    return person


def operator(scene: Scene) -> User:
    person = _holding("operator", "view_share", "change_share")
    assign_perm("tom_targets.view_target", person, scene.target)
    return person


def superuser(_: Scene) -> User:
    return User.objects.create_superuser("root")


NOBODY, SEES, ACTS = "does not see it", "sees it", "sees it and acts"

MATRIX: list[tuple[Callable[[Scene], Any], str]] = [
    (anonymous, NOBODY),
    (stranger, NOBODY),
    (who_may_only_look, NOBODY),
    (requester, ACTS),
    (requester_who_lost_the_target, NOBODY),
    (member_who_may_change, SEES),
    (viewing_staff_without_the_target, NOBODY),
    (viewing_staff, SEES),
    (operator, ACTS),
    (superuser, ACTS),
]

each_person = pytest.mark.parametrize(
    ("who", "may"), MATRIX, ids=[who.__name__ for who, _ in MATRIX]
)


def browser(person: Any) -> Client:
    client = Client()
    if person.is_authenticated:
        client.force_login(
            person, "allauth.account.auth_backends.AuthenticationBackend"
        )
    return client


def page(name: str, pk: int) -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": pk})


@each_person
def test_the_queries(scene: Scene, who: Callable[[Scene], Any], may: str) -> None:
    person = who(scene)

    assert visibility.visible_shares(person).exists() is (may != NOBODY)
    assert visibility.visible_deliveries(person).exists() is (may != NOBODY)
    of_share = visibility.deliveries_of(person, scene.share)
    assert of_share.exists() is (may != NOBODY)
    assert visibility.may_act(person, scene.share) is (may == ACTS)
    assert visibility.actionable_shares(person).exists() is (may == ACTS)
    assert visibility.actionable_deliveries(person).exists() is (may == ACTS)


@each_person
def test_the_pages(scene: Scene, who: Callable[[Scene], Any], may: str) -> None:
    person = who(scene)
    client = browser(person)
    addresses = [
        page("share-detail", scene.share.pk),
        page("share-progress", scene.share.pk),
        page("delivery-detail", scene.delivery.pk),
    ]

    codes = {client.get(address).status_code for address in addresses}
    listed = client.get(reverse("tom_share_worker:share-list"))

    if person.is_anonymous:
        assert codes == {302}
        assert listed.status_code == 302
        return
    sees = may != NOBODY
    assert codes <= ({200, 286} if sees else {404})
    assert ("All its data" in listed.content.decode()) is sees


@each_person
@pytest.mark.parametrize("button", ["share-retry", "delivery-retry", "share-cancel"])
def test_the_buttons(
    scene: Scene, who: Callable[[Scene], Any], may: str, button: str
) -> None:
    if button == "share-cancel":
        Share.objects.update(status="running")
        Delivery.objects.update(status="queued", failure="")
    row = scene.delivery if button == "delivery-retry" else scene.share

    answer = browser(who(scene)).post(page(button, row.pk))

    acted = {"share-cancel": "cancelled"}.get(button, "queued")
    left = {"share-cancel": "queued"}.get(button, "failed")
    assert Delivery.objects.get().status == (acted if may == ACTS else left)
    assert answer.status_code in (302, 404)


@each_person
def test_the_rest_api(scene: Scene, who: Callable[[Scene], Any], may: str) -> None:
    person = who(scene)
    program = APIClient()
    if person.is_authenticated:
        program.force_authenticate(person)
    share, delivery = (
        f"/api/shares/{scene.share.pk}/",
        f"/api/deliveries/{scene.delivery.pk}/",
    )

    read = {program.get(address).status_code for address in (share, delivery)}
    acted = {
        program.post(f"{address}{verb}/").status_code
        for address, verb in (
            (delivery, "retry"),
            (share, "retry"),
            (share, "cancel"),
        )
    }

    if person.is_anonymous:
        assert (read, acted) == ({401}, {401})
        return
    listed = {
        program.get(f"/api/{rows_}/").json()["count"]
        for rows_ in ("shares", "deliveries")
    }
    assert read == ({404} if may == NOBODY else {200})
    assert listed == ({0} if may == NOBODY else {1})
    assert acted == {NOBODY: {404}, SEES: {403}, ACTS: {200}}[may]
