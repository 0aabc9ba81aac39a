"""What is not prepared yet, or came to nothing, has no deliveries that would tell whose
targets it is about: who acts for others, acts on it only where they may view them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm
from tom_targets.models import Target

from tests.status.api.programs import Program
from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.delivery import closing, sweep
from tom_share_worker.delivery.planning import planner, rights
from tom_share_worker.models import Delivery, Share
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db

CANCELLED = {"status": "cancelled", "planned": False}
NOTHING = {"status": "failed", "planned": True, "note": "There was nothing to share."}
GAVE_UP = {"status": "failed", "planned": False}

Pair = list[Target]


@pytest.fixture
def pair(owner: User) -> Pair:
    """An open target and a secret one."""
    return [
        rows.target(owner, name, permissions=Target.Permissions.PRIVATE)
        for name in ("OPEN 1", "SECRET 2")
    ]


def _of_targets(pair: Pair) -> dict[str, Any]:
    return {"kind": "targets", "selection": {"targets": [t.pk for t in pair]}}


def _of_list(pair: Pair) -> dict[str, Any]:
    return {"kind": "target list", "target_list": rows.target_list("Bulge", *pair)}


def _some_of_list(pair: Pair) -> dict[str, Any]:
    return {**_of_list(pair), "selection": {"targets": [pair[1].pk]}}


def _of_data(pair: Pair) -> dict[str, Any]:
    pks = [pk for target in pair for pk in rows.photometry(target, 1)]
    return {"kind": "data points", "selection": {"photometry": pks}}


def _of_products(pair: Pair) -> dict[str, Any]:
    pks = [rows.product(target, name=f"{target.pk}.fits").pk for target in pair]
    return {"kind": "data points", "selection": {"data_products": pks}}


each_kind = pytest.mark.parametrize(
    "several", [_of_targets, _of_list, _some_of_list, _of_data, _of_products]
)


def made(owner: User, columns: dict[str, Any], **state: Any) -> Share:
    if state.get("status", "queued") in Share.ENDED:
        state["ended"] = timezone.now()
    return rows.share(owner, **columns, **state)


def seeing(name: str, *targets: Target, **columns: Any) -> User:
    """Return an operator who may view these targets."""
    person = permitted(name, "operate", **columns)
    for target in targets:
        assign_perm("tom_targets.view_target", person, target)
    return person


def by_page(person: User, verb: str, share: Share) -> None:
    browser(person).post(f"/shares/{share.pk}/{verb}/")


def by_api(person: User, verb: str, share: Share) -> None:
    Program(person).post(f"shares/{share.pk}/{verb}/")


def by_bulk(person: User, verb: str, share: Share) -> None:
    bulk.run(bulk.ask(person, verb, "shares", {"ids": [share.pk]}).pk)


each_door = pytest.mark.parametrize("door", [by_page, by_api, by_bulk])
Door = Callable[[User, str, Share], None]


def status(share: Share) -> str:
    share.refresh_from_db()
    return share.status


@each_door
@each_kind
def test_cancel_before_anything_is_prepared_is_for_those_who_may_view_all(
    pair: Pair, owner: User, several: Callable[[Pair], dict[str, Any]], door: Door
) -> None:
    columns = several(pair)
    for who, cancels in (
        (seeing("blind"), False),
        (seeing("half", pair[0]), False),
        (seeing("whole", *pair), True),
        (seeing("root", is_superuser=True), True),
        (owner, True),
    ):
        share = made(owner, columns)
        door(who, "cancel", share)
        assert status(share) == ("cancelled" if cancels else "queued"), who


@each_door
@pytest.mark.parametrize("state", [CANCELLED, NOTHING, GAVE_UP])
@each_kind
def test_what_ended_unprepared_is_prepared_again_for_those_who_may_view_all(
    pair: Pair,
    owner: User,
    several: Callable[[Pair], dict[str, Any]],
    state: dict[str, Any],
    door: Door,
) -> None:
    columns = several(pair)
    for who, retries in (
        (seeing("blind"), False),
        (seeing("half", pair[0]), False),
        (seeing("whole", *pair), True),
        (owner, True),
    ):
        share = made(owner, columns, **state)
        door(who, "retry", share)
        planner.plan(share.pk)
        assert share.deliveries.exists() is retries, who


def test_who_may_not_is_told_so_and_is_offered_no_button(
    pair: Pair, owner: User
) -> None:
    half, whole = seeing("half", pair[0]), seeing("whole", *pair)
    for verb, state, refusal in (
        ("cancel", {}, "There is nothing to cancel"),
        ("retry", CANCELLED, "There is nothing to send again"),
        ("retry", NOTHING, "There is nothing to send again"),
    ):
        share = made(owner, _of_targets(pair), **state)
        path, button = f"shares/{share.pk}/", f"{verb.capitalize()}</button>"
        for who, offered in ((half, False), (whole, True), (owner, True)):
            page = browser(who).get(f"/{path}").content.decode()
            assert (button in page) is offered, (verb, who)
            told = Program(who).get(path).json()["retryable"]
            assert told is (offered and verb == "retry")
        said = browser(half).post(f"/{path}{verb}/", follow=True)
        answer = Program(half).post(f"{path}{verb}/")
        assert refusal in said.content.decode()
        assert answer.status_code == 409
        assert refusal in answer.json()["detail"]


def test_a_bulk_action_counts_what_it_cancelled(pair: Pair, owner: User) -> None:
    half = seeing("half", pair[0])
    made(owner, _of_targets(pair))
    open_one = made(owner, _of_targets(pair[:1]))

    action = bulk.ask(half, "cancel", "shares", {"status": ["queued"]})
    bulk.run(action.pk)

    action.refresh_from_db()
    assert (action.done_count, action.left_count) == (1, 1)
    assert status(open_one) == "cancelled"


@pytest.fixture
def half_planned(pair: Pair, owner: User) -> Share:
    """A share in the middle of its planning: both targets wait."""
    share = made(owner, _of_targets(pair), status="running", plan_step=1)
    for target in pair:
        rows.delivery(share, target_id=target.pk, target_name=target.name)
    return share


def statuses(share: Share) -> list[str]:
    return list(share.deliveries.order_by("pk").values_list("status", flat=True))


@each_door
def test_cancel_in_the_middle_of_planning_ends_what_is_seen_and_the_rest_goes_on(
    pair: Pair, half_planned: Share, door: Door
) -> None:
    door(seeing("half", pair[0]), "cancel", half_planned)

    assert status(half_planned) == "running"
    assert statuses(half_planned) == ["cancelled", "queued"]
    planner.plan(half_planned.pk)
    Delivery.objects.filter(status="queued").update(status="delivered")
    closing.settle(half_planned.pk)
    assert status(half_planned) == "partly delivered"


def test_the_page_says_that_the_rest_is_still_being_prepared(
    pair: Pair, half_planned: Share
) -> None:
    client = browser(seeing("half", pair[0]))

    page = client.post(f"/shares/{half_planned.pk}/cancel/", follow=True)

    said = page.content.decode()
    assert "1 delivery will not be sent." in said
    assert "The share is cancelled" not in said
    assert "What concerns targets that you may not view goes on." in said
    assert "The share is still being prepared" in said


@each_door
def test_nothing_of_a_share_that_reads_cancelled_goes_on(
    pair: Pair, owner: User, half_planned: Share, door: Door
) -> None:
    """Also not what its person may not view any more."""
    remove_perm("tom_targets.view_target", owner, pair[1])
    requester = User.objects.get(pk=owner.pk)

    door(requester, "cancel", half_planned)

    assert status(half_planned) == "cancelled"
    assert statuses(half_planned) == ["cancelled", "cancelled"]


def test_a_retry_of_what_is_seen_does_not_prepare_the_rest(
    pair: Pair, owner: User, half_planned: Share
) -> None:
    half = seeing("half", pair[0])
    for state in (CANCELLED, GAVE_UP):
        Share.objects.update(**state, ended=timezone.now())
        Delivery.objects.update(status="failed", failure="destination down")

        by_api(half, "retry", half_planned)
        sweep.sweep()

        assert statuses(half_planned) == ["queued", "failed"]
        assert status(half_planned) == state["status"]
        page = browser(half).get(half_planned.get_absolute_url()).content.decode()
        assert "The rest of the share was not prepared." in page
        assert "What waits of these goes on." in page


def test_what_goes_on_hidden_cannot_be_cancelled(pair: Pair, owner: User) -> None:
    share = made(owner, _of_targets(pair), status="running", planned=True)
    rows.delivery(share, target_id=pair[0].pk, status="delivered")
    rows.delivery(share, target_id=pair[1].pk)
    half = seeing("half", pair[0])

    page = browser(half).get(share.get_absolute_url()).content.decode()
    answer = Program(half).post(f"shares/{share.pk}/cancel/")

    assert "Cancel</button>" not in page
    assert answer.status_code == 409
    assert statuses(share) == ["delivered", "queued"]


def test_a_list_that_is_hidden_is_acted_on_by_nobody_else(
    pair: Pair, owner: User
) -> None:
    """An empty list may be filled before it is prepared again."""
    share = made(owner, _of_list([]), **NOTHING)
    whole = seeing("whole", *pair)

    assert not rights.may_plan(whole, share)
    assert rights.may_plan(owner, share)


def test_what_was_deleted_meanwhile_bars_nobody(pair: Pair, owner: User) -> None:
    share = made(owner, _of_targets(pair))
    half = seeing("half", pair[0])
    assert not rights.may_plan(half, share)

    pair[1].delete()

    assert rights.may_plan(User.objects.get(pk=half.pk), share)


def test_what_was_prepared_and_left_the_list_bars_as_well(
    pair: Pair, owner: User
) -> None:
    share = made(owner, _of_list(pair[:1]), status="running")
    rows.delivery(share, target_id=pair[0].pk)
    rows.delivery(share, target_id=pair[1].pk)

    assert not rights.may_plan(seeing("half", pair[0]), share)
    assert rights.may_plan(seeing("whole", *pair), share)
