"""Pages and the REST API let the same people share the same things, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from guardian.shortcuts import assign_perm

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import DOORS, Sky
from tests.status.api.programs import Program
from tests.support import rows
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db

Body = Callable[[Sky], dict[str, Any]]

REQUESTS: dict[str, Body] = {
    "target": lambda sky: {"target": sky.target.pk, "photometry": sky.points[:2]},
    "target list": lambda sky: {
        "target_list": sky.target_list.pk,
        "targets": [sky.target.pk],
        "with_data": True,
    },
    "all data": lambda sky: {
        "target": sky.target.pk,
        "with_target": False,
        "with_data": True,
    },
    "photometry": lambda sky: {"photometry": sky.points[:1]},
    "data product": lambda sky: {"data_product": sky.product.pk},
}
"""What a program asks where a person clicks: the same things by the same names."""

NEVER = {"stranger", "staff", "closed"}
VIEWERS = {"viewer", "editor", "member", "admin"}
ALLOWED = {
    ("view_target", True): VIEWERS,
    ("view_target", False): VIEWERS - {"viewer"},
    ("change_target", True): {"editor", "admin"},
    ("change_target", False): {"editor", "admin"},
}
"""Whose data goes, by SHARE_PERMISSION and TARGET_PERMISSIONS_ONLY: "viewer" was
granted the target alone, "editor" and the group of "member" the data as well."""


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def people(sky: Sky) -> dict[str, User]:
    """Return people with all kinds of rights; of the staff, with none."""
    made = {who: rows.person(who) for who in ("stranger", "viewer", "editor", "member")}
    group = Group.objects.create(name="Bulge team")
    made["member"].groups.add(group)
    for who in (made["viewer"], made["editor"], group):
        assign_perm("tom_targets.view_target", who, sky.target)
    assign_perm("tom_targets.change_target", made["editor"], sky.target)
    for who in (made["editor"], group):
        assign_perm("tom_dataproducts.view_dataproduct", who, sky.product)
        for point in sky.target.photometryreduceddatum_set.all():
            assign_perm("tom_dataproducts.view_photometryreduceddatum", who, point)
    made["staff"] = User.objects.create(username="staff", is_staff=True)
    made["admin"] = User.objects.create_superuser("admin")
    made["closed"] = User.objects.create_superuser("closed", is_active=False)
    return made


def click(person: User | None, door: str, sky: Sky) -> Any:
    browser = Client()
    if person is not None:
        browser.force_login(person)
    asked = DOORS[door](sky)
    return browser.post(asked.address, asked.fields)


def ask(person: User | None, door: str, sky: Sky) -> Any:
    return Program(person).share(**REQUESTS[door](sky))


WAYS = {"page": click, "api": ask}
every_way = pytest.mark.parametrize("way", WAYS)
every_door = pytest.mark.parametrize("door", DOORS)


def sends_data() -> bool:
    """Plan what was asked; say whether data goes out, and forget it."""
    for share in Share.objects.all():
        planner.plan(share.pk)
    data = Delivery.objects.exclude(kind=Delivery.Kind.TARGET)
    found = data.filter(status=Delivery.Status.QUEUED).exists()
    Share.objects.all().delete()
    return found


@every_way
@every_door
@pytest.mark.parametrize(("needed", "targets_decide"), ALLOWED)
def test_data_goes_for_whom_it_may_go(
    settings: Any, way: str, door: str, needed: str, targets_decide: bool
) -> None:
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": needed}
    settings.TARGET_PERMISSIONS_ONLY = targets_decide
    sky = clicks.sky()
    may = set()

    for who, person in people(sky).items():
        WAYS[way](person, door, sky)
        if sends_data():
            may.add(who)

    assert may == ALLOWED[needed, targets_decide]
    assert not may & NEVER


@every_way
@every_door
@pytest.mark.parametrize("access", ["PRIVATE", "PUBLIC", "OPEN"])
def test_nobody_shares_without_an_account(way: str, door: str, access: str) -> None:
    sky = clicks.sky(permissions=access)

    answer = WAYS[way](None, door, sky)

    assert answer.status_code in (302, 401)
    assert not Share.objects.exists()


@every_way
@every_door
def test_a_destination_for_a_group_is_for_its_members(
    settings: Any, way: str, door: str
) -> None:
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"GROUPS": ["Bulge team"]}}
    sky = clicks.sky()
    may = set()

    for who, person in people(sky).items():
        WAYS[way](person, door, sky)
        if sends_data():
            may.add(who)

    assert may == {"member", "admin"}


@every_door
def test_who_is_in_no_group_reads_which(settings: Any, door: str) -> None:
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"GROUPS": ["Bulge team"]}}
    sky = clicks.sky()

    told = ask(sky.owner, door, sky).json()
    page = click(sky.owner, door, sky)

    said = "Only members of the group Bulge team may share with Partner TOM."
    assert told["destination"][0].startswith(said)
    shown = [str(message) for message in get_messages(page.wsgi_request)]
    assert any(message.startswith(said) for message in shown)
    assert not Share.objects.exists()
