"""Who sees what in the admin, and who has the verbs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from tests.status.admin.conftest import changelist, page
from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import (
    Attempt,
    Delivery,
    Destination,
    RemoteTarget,
    Share,
)

pytestmark = pytest.mark.django_db

VIEWS = tuple(
    f"view_{model}"
    for model in (
        *("share", "delivery", "attempt", "ingestjob", "destination"),
        *("worker", "bulkaction", "remotetarget"),
    )
)
MODELS = [codename.removeprefix("view_") for codename in VIEWS]
HIDDEN = "SN 2026secret"


@pytest.fixture
def sky(owner: User) -> dict[str, Any]:
    """One of each of a target that nobody else may view, and of one of the viewer."""
    found = {}
    for name in ("M31", HIDDEN):
        target = rows.target(owner, name)
        share = rows.share(owner, subject=name, target=target, planned=True)
        delivery = rows.delivery(share, status="failed")
        now = timezone.now()
        Attempt.objects.create(delivery=delivery, number=1, started=now)
        jobs.job(owner, target, file_name=f"{name}.csv", **jobs.FAILED)
        RemoteTarget.objects.create(destination="partner", target=target)
        found[name] = target
    Destination.objects.create(key="partner")
    return found


def test_the_permission_is_found_by_its_name() -> None:
    permission = Permission.objects.get(codename="operate")

    assert permission.content_type.model == "share"
    assert permission.name.startswith("May retry, cancel, reprocess, pause and test")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("codenames", [VIEWS, ("operate",)], ids=["viewer", "operator"])
def test_staff_sees_no_rows_of_targets_they_may_not_view(
    sky: dict[str, Any], codenames: tuple[str, ...], model: str
) -> None:
    person = permitted("person", *codenames, is_staff=True)
    sky["M31"].give_user_access(person)
    client = browser(person)

    listed = client.get(changelist(model))
    found = client.get(changelist(model, q="secret"))

    assert listed.status_code == found.status_code == 200
    text = listed.content.decode()
    assert HIDDEN not in text
    if model in ("share", "delivery", "attempt", "ingestjob", "remotetarget"):
        assert "M31" in text
        assert 'class="row1"' not in found.content.decode()
        assert '<p class="paginator">' in found.content.decode()
        for row in listed.context["cl"].model.objects.all():
            answer = client.get(page(model, row.pk))
            if answer.status_code == 200:
                assert HIDDEN not in answer.content.decode()


def test_a_subject_that_names_hidden_targets_is_neither_shown_nor_searched(
    owner: User, sky: dict[str, Any]
) -> None:
    share = rows.share(owner, kind="targets", subject=f"M31 and {HIDDEN}", planned=True)
    for target in sky.values():
        rows.delivery(share, target_id=target.pk, target_name=target.name)
    viewer = permitted("viewer", "view_share", "view_delivery", is_staff=True)
    sky["M31"].give_user_access(viewer)
    client = browser(viewer)

    listed = client.get(changelist("share", kind="targets")).content.decode()
    searched: Any = client.get(changelist("share", q=HIDDEN))
    opened = client.get(page("share", share.pk)).content.decode()
    seen = share.deliveries.get(target_name="M31")
    delivery = client.get(page("delivery", seen.pk)).content.decode()

    assert "Selected targets" in listed
    assert HIDDEN not in listed + opened + delivery
    assert searched.context["cl"].result_count == 0
    operator = permitted("operator", "operate", is_staff=True)
    sky["M31"].give_user_access(operator)
    acts = browser(operator)
    listed = acts.get(changelist("share", kind="targets")).content.decode()
    assert 'name="action"' in listed
    assert HIDDEN not in listed
    body = {"action": "retry", "_selected_action": [share.pk]}
    acts.post(changelist("share"), body)
    assert LogEntry.objects.get(object_id=share.pk).object_repr == (
        "Selected targets to Partner TOM"
    )
    admin = browser(permitted("admin", is_staff=True, is_superuser=True))
    assert HIDDEN in admin.get(changelist("share", kind="targets")).content.decode()


@pytest.mark.parametrize("model", ["share", "delivery", "ingestjob", "destination"])
def test_who_may_only_view_has_no_verbs(sky: dict[str, Any], model: str) -> None:
    person = permitted("person", *VIEWS, is_staff=True)
    for target in sky.values():
        target.give_user_access(person)

    text = browser(person).get(changelist(model)).content.decode()

    assert 'name="action"' not in text


@pytest.mark.parametrize(
    ("codename", "model", "verb"),
    [
        ("operate", "share", "retry"),
        ("operate", "delivery", "retry"),
        ("operate", "ingestjob", "reprocess"),
        ("operate", "destination", "pause"),
        ("change_share", "share", "retry"),
        ("change_share", "delivery", "retry"),
        ("change_delivery", "delivery", "retry"),
        ("change_ingestjob", "ingestjob", "reprocess"),
        ("change_destination", "destination", "pause"),
    ],
)
def test_the_permission_to_operate_or_to_change_gives_the_verbs(
    sky: dict[str, Any], codename: str, model: str, verb: str
) -> None:
    views: tuple[str, ...] = () if codename == "operate" else (f"view_{model}",)
    if codename == "change_delivery":
        views = ("view_delivery", "view_share")
    person = permitted("person", codename, *views, is_staff=True)
    for target in sky.values():
        target.give_user_access(person)
    client = browser(person)
    listed: Any = client.get(changelist(model))
    chosen = [row.pk for row in listed.context["cl"].result_list]

    client.post(changelist(model), {"action": verb, "_selected_action": chosen})

    assert chosen
    if model == "destination":
        assert Destination.objects.get().paused
    elif model == "ingestjob":
        assert not listed.context["cl"].model.objects.exclude(status="queued").exists()
    else:
        assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}


def test_operators_who_are_no_staff_stay_outside(sky: dict[str, Any]) -> None:
    client = browser(permitted("person", "operate"))

    for model in MODELS:
        assert client.get(changelist(model)).status_code == 302
    assert Share.objects.count() == 2
