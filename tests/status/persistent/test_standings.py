"""How many persistent shares stand: each by itself, and found in a few queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm, remove_perm
from tom_targets.models import PersistentShare, Target

from tests.delivery.asking import clicks
from tests.status.persistent.test_api import ALL as API
from tests.status.persistent.test_api import client, sharer
from tests.status.persistent.test_pages import ALL, of, text
from tests.support import persistent as saved
from tests.support import rows
from tom_share_worker.models import Failure, Share
from tom_share_worker.status.persistent import overview

pytestmark = pytest.mark.django_db

TABLE = f"{ALL}table"
OF_PARTNERS = clicks.PARTNER | {"GROUPS": ["partners"]}


@pytest.fixture(autouse=True)
def _sharing(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {"other": OF_PARTNERS}


def failed(row: PersistentShare, *causes: str, **columns: Any) -> Share:
    """Return the last share of a persistent share: one delivery failed by each."""
    ended = {"status": "failed", "planned": True, **columns}
    share = rows.share(row.user, target=row.target, persistent_share=row, **ended)
    for cause in causes:
        rows.delivery(share, status="failed", failure=cause)
    return share


def shared(maker: User, target: Target, onlooker: User) -> None:
    """Let two destinations have what is saved for a target; the onlooker may change it,
    and the last shares failed."""
    target.give_user_access(maker)
    target.give_user_access(onlooker)
    for destination in ("partner", "other"):
        row = saved.persistent_share(maker, target, destination)
        failed(row, Failure.OUR_FAULT)
    saved.save_photometry(target, 1)


@pytest.mark.parametrize("address", [ALL, TABLE, API])
@pytest.mark.parametrize("who", ["sharer", "admin"])
def test_more_of_them_take_no_more_queries(who: str, address: str) -> None:
    sharer("sharer")
    User.objects.create_superuser("admin")
    person = User.objects.get(username=who)
    makers = [rows.person(f"maker-{n}") for n in range(3)]
    browser = client(person)
    counts = []
    for size in (3, 18):
        for n in range(size):
            target = rows.target(makers[0], f"SN {size}-{n}")
            shared(makers[n % 3], target, person)
        browser.get(address)
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(address).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1] < 60


def test_the_trouble_of_each_is_its_own(settings: Any) -> None:
    member, other, gone = (rows.person(name) for name in ("member", "other", "gone"))
    Group.objects.create(name="partners").user_set.add(member)
    first, second = (rows.target(member, name) for name in ("M 1", "M 2"))
    for person in (other, gone):
        first.give_user_access(person)
        second.give_user_access(person)
    made = {
        (maker, target.name, destination): saved.persistent_share(
            maker, target, destination
        )
        for maker, destination in ((member, "other"), (other, "partner"))
        for target in (first, second)
    }
    closed = saved.persistent_share(other, rows.target(other, "M 3"), "other")
    ownerless = saved.persistent_share(gone, first, "third")
    remove_perm("tom_targets.view_target", other, second)
    gone.delete()

    admin = User.objects.create_superuser("admin")
    found = {
        one.row.pk: one.trouble
        for one in overview.standings(admin, list(overview.visible(admin)))
    }

    troubles = {key: found[row.pk] for key, row in made.items()}
    assert troubles.pop((other, "M 2", "partner")) == (
        "other made it, and it shares only what that person may. That person may no "
        "longer view or share M 2."
    )
    assert set(troubles.values()) == {""}
    assert "Only members of the group partners may share" in found[closed.pk]
    assert "no longer has an account here" in found[ownerless.pk]


def test_what_came_of_the_last_share_is_told_of_each() -> None:
    person = sharer()
    targets = [rows.target(person, f"M {n}") for n in range(4)]
    row = [saved.persistent_share(person, target) for target in targets]
    failed(row[0], Failure.OUR_FAULT)
    down, unmatched = Failure.DESTINATION_DOWN, Failure.NO_MATCHING_TARGET
    failed(row[0], down, unmatched, unmatched, status="partly delivered")
    failed(row[1], down)
    failed(row[2], note="Nothing was left to share.")
    failed(row[3], status="delivered")

    found = overview.standings(person, row)

    said = "Its last share did not arrive, or not all of it."
    assert [one.last_trouble for one in found] == [
        f"{said} No matching target: {unmatched.cure}",
        f"{said} Destination down: {down.cure}",
        f"{said} Nothing was left to share.",
        "",
    ]


def test_buttons_are_for_targets_that_one_may_change() -> None:
    person = sharer("limited", "view", "change")
    mine = rows.target(person, "M 1")
    theirs = rows.target(rows.person("owner"), "M 2")
    assign_perm("tom_targets.view_target", person, theirs)
    for target in (mine, theirs):
        saved.persistent_share(rows.person("owner"), target)

    found = overview.standings(person, list(overview.visible(person)))

    allowed = {one.row.target.name: (one.may_change, one.may_delete) for one in found}
    assert allowed == {"M 1": (True, False), "M 2": (False, False)}
    assert "Pause" in text(client(person).get(of(mine)))
    assert "Pause" not in text(client(person).get(of(theirs)))
