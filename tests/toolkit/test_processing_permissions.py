"""Who may view a product and its data where targets do not decide it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import get_group_perms, get_user_perms

from tests.support.rows import NIGHT
from tests.toolkit import processed
from tests.toolkit.processed import KINDS, MADE, Made, row
from tom_share_worker import toolkit
from tom_share_worker.toolkit import processing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_permissions(settings: Any) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    settings.DATA_PROCESSORS = {"photometry": MADE}


@pytest.fixture
def people() -> dict[str, Any]:
    """The uploader, a member of a group that was chosen, and a stranger."""
    group = Group.objects.create(name="Supernovae")
    member = User.objects.create_user("member")
    member.groups.add(group)
    return {
        "uploader": User.objects.create_user("uploader"),
        "member": member,
        "stranger": User.objects.create_user("stranger"),
        "group": group,
    }


def granted() -> int:
    return sum(m.objects.count() for m in (UserObjectPermission, GroupObjectPermission))


@pytest.mark.parametrize("kind", KINDS)
def test_uploader_and_groups_may_view_product_and_data(
    kind: str, people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Made, "rows", [(NIGHT, KINDS[kind], "")])
    monkeypatch.setattr(Made, "override", kind)
    ours = processed.product()

    processed.ours(ours, [people["group"].pk], people["uploader"])

    may = {"view_dataproduct", "delete_dataproduct"}
    assert set(get_user_perms(people["uploader"], ours)) == may
    assert set(get_group_perms(people["group"], ours)) == may
    model = toolkit.DATUM_MODELS.get(kind, toolkit.DATUM_MODELS["generic"])
    [datum] = model._default_manager.filter(data_product=ours)
    may = {f"view_{model._meta.model_name}"}
    assert set(get_user_perms(people["uploader"], datum)) == may
    assert set(get_group_perms(people["group"], datum)) == may
    assert not people["stranger"].has_perm("tom_dataproducts.view_dataproduct", ours)
    for who in ("uploader", "member"):
        target = ours.target
        target.give_user_access(people[who])
        kind_here = next(k for k, m in toolkit.DATUM_MODELS.items() if m is model)
        seen = toolkit.viewable_datums(people[who], kind_here, model._default_manager)
        assert list(seen) == [datum]


def test_every_row_of_a_large_file_may_be_viewed(
    people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = processing.AT_A_TIME + 5
    monkeypatch.setattr(Made, "rows", [row(n) for n in range(count)])
    ours = processed.product()

    processed.ours(ours, [people["group"].pk], people["uploader"])

    datums = toolkit.DATUM_MODELS["photometry"]._default_manager
    for who in ("uploader", "member"):
        ours.target.give_user_access(people[who])
        assert (
            toolkit.viewable_datums(people[who], "photometry", datums).count() == count
        )


def test_data_that_was_there_stays_with_those_who_had_it(
    people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Made, "rows", [row()])
    first = processed.product()
    again = processed.product(target=first.target)
    processed.ours(first)

    assert processed.ours(again, user=people["uploader"]).new == 0
    [datum] = toolkit.DATUM_MODELS["photometry"]._default_manager.all()
    assert not get_user_perms(people["uploader"], datum)


def test_nothing_is_left_of_the_permissions_for_data_that_was_replaced(
    people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Made, "rows", [row(0), row(1)])
    ours = processed.product()
    at_first = granted()
    processed.ours(ours, [people["group"].pk], people["uploader"])
    before = granted()

    processed.ours(ours, [people["group"].pk], people["uploader"])

    assert granted() == before == at_first + 2 * (2 + 2)


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_without_an_account_and_groups_nobody_gets_a_permission(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Made, "rows", [row()])

    ours = processed.product()
    before = granted()

    assert processed.ours(ours, [12345], user).new == 1
    assert granted() == before


def test_where_targets_decide_no_permission_is_written(
    people: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = True
    monkeypatch.setattr(Made, "rows", [row()])
    ours = processed.product()
    before = granted()

    processed.ours(ours, [people["group"].pk], people["uploader"])

    assert granted() == before
