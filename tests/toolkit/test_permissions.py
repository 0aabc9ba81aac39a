"""Who may view what, as TOM Toolkit has it: asked through `toolkit` alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db.models import Model
from django.urls import reverse
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target

from tests.delivery.asking import clicks
from tests.support import rows
from tom_share_worker import toolkit

pytestmark = pytest.mark.django_db

PEOPLE = ("anonymous", "stranger", "owner", "admin")
VIEWERS = {
    "PRIVATE": {"owner", "admin"},
    "PUBLIC": {"stranger", "owner", "admin"},
    "OPEN": {"anonymous", "stranger", "owner", "admin"},
}


def somebody(who: str) -> Any:
    if who == "anonymous":
        return AnonymousUser()
    if who == "admin":
        return User.objects.create_superuser("admin")
    return rows.person(who)


def datum_of(kind: str, target: Target) -> Model:
    needed: dict[str, Any] = {
        "photometry": {"bandpass": "r", "brightness": 17.0},
        "astrometry": {"ra": 1.0, "dec": 2.0},
    }
    model = toolkit.DATUM_MODELS[kind]
    return model._default_manager.create(target=target, **needed.get(kind, {}))


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("permissions", VIEWERS)
def test_targets_and_all_they_have_are_viewed_as_the_host_allows(
    who: str, permissions: str
) -> None:
    sky = clicks.sky(permissions=permissions)
    data = {kind: datum_of(kind, sky.target) for kind in toolkit.DATUM_MODELS}
    person = somebody(who)
    may = who in VIEWERS[permissions]

    assert toolkit.viewable_targets(person).exists() is may
    assert toolkit.viewable_targets(person, [sky.target.pk]).exists() is may
    assert toolkit.viewable_data_products(person).exists() is may
    for kind, datum in data.items():
        datums = type(datum)._default_manager.filter(pk=datum.pk)
        assert toolkit.viewable_datums(person, kind, datums).exists() is may
    lists = toolkit.viewable_target_lists(person)
    assert lists.exists() is (may and who != "anonymous")


@pytest.mark.parametrize("kind", toolkit.DATUM_MODELS)
def test_where_targets_do_not_decide_a_data_point_has_its_own_permission(
    kind: str, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    sky = clicks.sky()
    datum = datum_of(kind, sky.target)
    datums = type(datum)._default_manager.filter(pk=datum.pk)
    assert not toolkit.viewable_datums(sky.owner, kind, datums).exists()

    permission = f"tom_dataproducts.view_{datum._meta.model_name}"
    assign_perm(permission, sky.owner, datum)
    assign_perm(permission, rows.person("stranger"), datum)

    assert toolkit.viewable_datums(sky.owner, kind, datums).get() == datum
    stranger = rows.person("stranger")
    assert not toolkit.viewable_datums(stranger, kind, datums).exists()


def test_nobody_is_nobody() -> None:
    clicks.sky()

    assert not toolkit.viewable_targets(None).exists()
    assert not toolkit.viewable_target_lists(None).exists()
    assert not toolkit.viewable_data_products(None).exists()
    assert DataProduct.objects.exists()


@pytest.mark.parametrize("codename", ["change_target", "delete_target"])
@pytest.mark.parametrize("permissions", VIEWERS)
def test_more_than_a_look_needs_a_grant_whatever_the_access(
    permissions: str, codename: str
) -> None:
    sky = clicks.sky(permissions=permissions)

    for who in PEOPLE:
        found = toolkit.permitted_targets(somebody(who), codename, [sky.target.pk])
        assert found.exists() is (who in ("owner", "admin")), who


def test_a_grant_without_the_permission_to_view_is_none() -> None:
    sky = clicks.sky(permissions="PRIVATE")
    stranger = rows.person("stranger")
    assign_perm("tom_targets.change_target", stranger, sky.target)

    assert not toolkit.permitted_targets(stranger, "change_target").exists()


@pytest.mark.parametrize("who", [*PEOPLE[1:], "member", "keeper"])
@pytest.mark.parametrize("permissions", VIEWERS)
def test_whether_targets_may_be_changed_is_asked_at_once_as_one_by_one(
    who: str, permissions: str
) -> None:
    sky = clicks.sky(permissions=permissions)
    group = Group.objects.create(name="members")
    group.user_set.add(rows.person("member"))
    assign_perm("tom_targets.change_target", group, sky.target)
    assign_perm("tom_targets.change_target", rows.person("keeper"))  # any, says Django
    others = [rows.target(rows.person("another"), f"M {n}").pk for n in range(2)]
    person = User.objects.get(pk=somebody(who).pk)
    pks = [sky.target.pk, *others, 999_999]

    one_by_one = {pk for pk in pks if toolkit.may_change_target(person, pk)}

    assert toolkit.changeable_targets(person, pks) == one_by_one
    assert one_by_one == {
        *([sky.target.pk] if who in ("owner", "member", "admin") else []),
        *(others if who == "admin" else []),
    }


def test_apps_add_to_the_rest_api_through_one_router() -> None:
    assert reverse("api:shares-list") == "/api/shares/"
    names = [prefix for prefix, _, _ in toolkit.api_router().shared_router.registry]

    assert {"targets", "reduceddatums", "shares", "deliveries"} <= set(names)
