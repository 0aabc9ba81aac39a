"""Who may share what, at each of the host's addresses."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import DOORS, Door, Sky
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


@pytest.fixture
def stranger() -> User:
    return rows.person("stranger")


def as_person(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def refused(answer: Any) -> bool:
    """True for 404, and for 403, of which the host makes a way to the login."""
    if answer.status_code == 302:
        return bool(answer["Location"].startswith("/accounts/login/?next=/"))
    return bool(answer.status_code == 404)


@every_door
def test_an_anonymous_click_leads_to_the_login_and_leaves_no_row(
    door: Door, sky: Sky
) -> None:
    click = door(sky)

    answer = Client().post(click.address, click.fields)

    assert answer.status_code == 302
    assert refused(answer)
    assert not Share.objects.exists()


@every_door
def test_an_anonymous_look_leads_to_the_login(door: Door, sky: Sky) -> None:
    click = door(sky)

    answer = Client().get(click.address)

    assert answer.status_code == 302
    assert refused(answer)


@every_door
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_open_target_is_no_licence_to_share_for_anonymous_visitors(
    door: Door, method: str
) -> None:
    click = door(clicks.sky(permissions="OPEN"))

    answer = getattr(Client(), method)(click.address, click.fields)

    assert refused(answer)
    assert not Share.objects.exists()


@every_door
def test_who_may_not_view_is_refused_and_leaves_no_row(
    door: Door, sky: Sky, stranger: User
) -> None:
    click = door(sky)

    answer = as_person(stranger).post(click.address, click.fields)

    assert refused(answer)
    assert not Share.objects.exists()


@every_door
def test_who_may_not_view_sees_no_form_either(
    door: Door, sky: Sky, stranger: User
) -> None:
    click = door(sky)

    answer = as_person(stranger).get(click.address)

    assert refused(answer)


@every_door
def test_who_may_view_gets_one_row_that_says_what_was_asked(
    door: Door, sky: Sky
) -> None:
    click = door(sky)

    answer = as_person(sky.owner).post(click.address, click.fields)

    assert answer.status_code == 302
    share = Share.objects.get()
    assert share.user == sky.owner
    assert share.destination == "partner"
    assert share.kind == click.kind
    assert share.selection == click.selection
    assert share.with_data is click.with_data
    assert (share.title, share.message) == ("Tonight's data", "Have a look.")
    assert share.status == Share.Status.QUEUED
    assert not share.planned


@every_door
def test_the_row_points_at_what_is_shared(door: Door, sky: Sky) -> None:
    click = door(sky)

    as_person(sky.owner).post(click.address, click.fields)

    share = Share.objects.get()
    if click.kind == Share.Kind.TARGET_LIST:
        assert share.target_list == sky.target_list
    else:
        assert share.target_id == sky.target.pk
    if click.kind == Share.Kind.DATA_PRODUCT:
        assert share.data_product == sky.product


@every_door
def test_who_may_view_finds_a_page_behind_each_address(door: Door, sky: Sky) -> None:
    """A login leads back by GET, even to addresses that the host only posts to."""
    click = door(sky)

    answer = as_person(sky.owner).get(click.address, follow=True)

    assert answer.status_code == 200


@every_door
@pytest.mark.parametrize("permissions", ["PUBLIC", "OPEN"])
def test_a_target_that_everyone_logged_in_may_view_everyone_may_share(
    door: Door, permissions: str, stranger: User
) -> None:
    click = door(clicks.sky(permissions=permissions))

    as_person(stranger).post(click.address, click.fields)

    assert Share.objects.get().user == stranger


@every_door
def test_an_administrator_may_share_everything(door: Door, sky: Sky) -> None:
    admin = User.objects.create_superuser("admin")
    click = door(sky)

    as_person(admin).post(click.address, click.fields)

    assert Share.objects.get().user == admin


def test_a_list_may_be_seen_by_its_own_permission(sky: Sky, stranger: User) -> None:
    assign_perm("tom_targets.view_targetlist", stranger, sky.target_list)
    click = clicks.on_target_list(sky)

    as_person(stranger).post(click.address, click.fields)

    assert Share.objects.get().target_list == sky.target_list


def test_a_product_needs_its_own_permission_where_targets_do_not_decide(
    sky: Sky, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    click = clicks.on_product(sky)
    browser = as_person(sky.owner)

    assert refused(browser.post(click.address, click.fields))
    assert not Share.objects.exists()

    assign_perm("tom_dataproducts.view_dataproduct", sky.owner, sky.product)
    browser.post(click.address, click.fields)
    assert Share.objects.get().data_product == sky.product


@every_door
def test_a_click_from_another_site_is_refused(door: Door, sky: Sky) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(sky.owner)
    click = door(sky)

    answer = browser.post(click.address, click.fields)

    assert refused(answer)
    assert not Share.objects.exists()


@pytest.mark.parametrize("number", [10**9, 10**30])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("targets:share", "pk"),
        ("targets:share-group", "pk"),
        ("dataproducts:share_all", "tg_pk"),
        ("dataproducts:share", "dp_pk"),
    ],
)
def test_what_does_not_exist_is_not_found(
    number: int, method: str, name: str, argument: str, sky: Sky
) -> None:
    click = clicks.on_target(sky)
    address = reverse(name, kwargs={argument: number})

    answer = getattr(as_person(sky.owner), method)(address, click.fields)

    assert refused(answer)
    assert not Share.objects.exists()
