"""The subject of a share of several targets names none that its reader may not view."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm
from tom_targets.models import Target

from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

SUBJECT = "Targets NGC 1 and SECRET 7 without data"


@pytest.fixture(autouse=True)
def _partner(settings: Any) -> None:
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://partner.invalid/", "API_TOKEN": "not-a-token"}
    }


@pytest.fixture
def owner() -> User:
    return rows.person("owner")


@pytest.fixture
def targets(owner: User) -> list[Target]:
    """Return two, of which a permitted viewer may view the first."""
    private = Target.Permissions.PRIVATE
    names = ("NGC 1", "SECRET 7")
    return [rows.target(owner, name, permissions=private) for name in names]


@pytest.fixture
def viewer(targets: list[Target]) -> User:
    person = permitted("viewer", "view_share", "view_delivery", is_staff=True)
    assign_perm("tom_targets.view_target", person, targets[0])
    return person


def of_both(owner: User, **columns: Any) -> Share:
    """Return a share of both targets that failed."""
    ended = {"planned": True, "status": "failed", "ended": timezone.now()}
    return rows.share(
        owner, **{"kind": "targets", "subject": SUBJECT, **ended, **columns}
    )


def subject(person: User, share: Share) -> str:
    shares = masking.with_subjects(person, visibility.visible_shares(person))
    return masking.subject(shares.get(pk=share.pk))


def test_a_share_that_came_to_nothing_names_no_target_to_others(
    owner: User, viewer: User
) -> None:
    share = of_both(owner)

    assert subject(viewer, share) == "Selected targets"
    assert subject(owner, share) == SUBJECT


def test_a_message_names_no_target_but_its_first_to_others(
    owner: User, viewer: User, targets: list[Target]
) -> None:
    share = of_both(owner)
    rows.delivery(share, kind="message", target_id=targets[0].pk, target_name="NGC 1")

    assert subject(viewer, share) == "Selected targets"
    assert subject(owner, share) == SUBJECT


def test_a_share_of_which_something_was_left_out_names_no_target_to_others(
    owner: User, viewer: User, targets: list[Target]
) -> None:
    share = of_both(owner, note="1 target was left out.")
    rows.delivery(share, target_id=targets[0].pk, target_name="NGC 1")

    assert subject(viewer, share) == "Selected targets"
    assert subject(owner, share) == SUBJECT


def test_the_suggestions_of_the_admin_name_no_hidden_target(
    owner: User, viewer: User, targets: list[Target]
) -> None:
    share = of_both(owner)
    for target in targets:
        rows.delivery(share, target_id=target.pk, target_name=target.name)
    asked = {"app_label": "tom_share_worker", "model_name": "delivery"}

    answer = browser(viewer).get(
        reverse("admin:autocomplete"), {**asked, "field_name": "share", "term": ""}
    )

    (found,) = json.loads(answer.content)["results"]
    assert found["id"] == str(share.pk)
    assert found["text"] == "Selected targets to partner"


def test_what_failed_names_no_target_that_is_hidden_meanwhile(
    owner: User, targets: list[Target]
) -> None:
    share = of_both(owner)
    for target in targets:
        rows.delivery(
            share, target_id=target.pk, target_name=target.name, status="failed"
        )
    remove_perm("tom_targets.view_target", owner, targets[1])

    page = browser(owner).get(reverse("tom_share_worker:unseen")).content.decode()

    assert "Selected targets" in page
    assert "SECRET 7" not in page


def test_the_order_of_the_admins_list_tells_nothing_of_hidden_subjects(
    owner: User, viewer: User
) -> None:
    for name in ("B", "A", "C"):
        of_both(owner, subject=f"Target {name} without data")
    address = reverse("admin:tom_share_worker_share_changelist")

    orders = [
        [
            row.pk
            for row in browser(viewer).get(address, asked).context["cl"].result_list
        ]
        for asked in ({}, {"o": "1"}, {"o": "-1"})
    ]

    assert orders[0] == orders[1] == orders[2]


def test_a_list_is_named_to_those_who_may_see_it(
    owner: User, viewer: User, targets: list[Target]
) -> None:
    """Who may view one of its targets, or the list itself, and who asked for it."""
    subject_of = "Target list Survey without data"
    columns = {"kind": "target list", "subject": subject_of}
    seen, hidden, granted = (
        of_both(owner, target_list=rows.target_list("Survey", *of), **columns)
        for of in (targets, targets[1:], [])
    )
    assign_perm("tom_targets.view_targetlist", viewer, granted.target_list)
    deleted = of_both(owner, **columns)

    assert subject(viewer, seen) == subject_of
    assert subject(viewer, granted) == subject_of
    assert subject(viewer, hidden) == "Target list"
    assert subject(viewer, deleted) == "Target list"
    assert subject(owner, hidden) == subject(owner, deleted) == subject_of


@pytest.mark.parametrize("hidden_from", ["nobody", "the viewer", "both"])
@pytest.mark.parametrize("planned", [True, False])
@pytest.mark.parametrize("note", ["", "1 target was left out."])
@pytest.mark.parametrize("kind", ["target", "message", ""])
def test_a_search_hides_what_the_list_hides(
    owner: User,
    viewer: User,
    targets: list[Target],
    hidden_from: str,
    planned: bool,
    note: str,
    kind: str,
) -> None:
    """What is found at once for a search is what is told of each share."""
    columns = {"planned": planned, "note": note}
    shares = [of_both(owner, **columns), of_both(viewer, **columns)]
    shares.append(of_both(owner, kind="target data", target=targets[0], **columns))
    for seen in (targets[:1], targets[1:], []):
        about = rows.target_list(f"Survey of {len(shares)}", *seen)
        shares.append(of_both(owner, kind="target list", target_list=about, **columns))
    shares.append(of_both(viewer, kind="target list", target_list=about, **columns))
    shares.append(of_both(owner, kind="target list", **columns))
    for share in shares if kind else []:
        for target in targets if hidden_from != "nobody" else targets[:1]:
            rows.delivery(
                share, kind=kind, target_id=target.pk, target_name=target.name
            )
    if hidden_from == "both":
        remove_perm("tom_targets.view_target", owner, targets[1])

    for name in ("owner", "viewer", "admin"):
        person = User.objects.filter(username=name).first()
        person = person or User.objects.create_superuser(name)
        visible = visibility.visible_shares(person)
        told: Any = masking.with_subjects(person, visible)
        found = masking.hiding(person, visible)
        assert {share.pk for share in found} == {
            share.pk for share in told if share.hides
        }
