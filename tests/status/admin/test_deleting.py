"""Rows of the host are deleted in its admin, whatever of this app goes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct
from tom_targets.models import PersistentShare, Target, TargetList

from tests.status.admin.conftest import changelist, page
from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    ConnectionTest,
    Destination,
    IngestJob,
    Mail,
    PersistentShareTerms,
    RemoteTarget,
    SavedDatum,
    Share,
)

pytestmark = pytest.mark.django_db

DELETED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "auth_user": lambda sky: sky["owner"],
    "tom_targets_basetarget": lambda sky: sky["target"],
    "tom_targets_targetlist": lambda sky: sky["list"],
    "tom_targets_persistentshare": lambda sky: sky["persistent"],
    "tom_dataproducts_dataproduct": lambda sky: sky["product"],
}
NEEDS = {
    "auth_user": ["delete_user", "delete_persistentshare"],
    "tom_targets_basetarget": [
        *("delete_basetarget", "delete_persistentshare", "delete_dataproduct"),
    ],
    "tom_targets_targetlist": ["delete_targetlist"],
    "tom_targets_persistentshare": ["delete_persistentshare"],
    "tom_dataproducts_dataproduct": ["delete_dataproduct"],
}
"""What the host itself asks for: also for rows of its own that go with these."""


@pytest.fixture
def sky(owner: User) -> dict[str, Any]:
    """Rows of the host, and of each kind of ours that refers to them."""
    now = timezone.now()
    target = rows.target(owner, "M31")
    product = rows.product(target)
    some = rows.target_list("Bulge", target)
    persistent = PersistentShare.objects.create(
        user=owner, target=target, destination="partner"
    )
    PersistentShareTerms.objects.create(persistent_share=persistent, paused_by=owner)
    SavedDatum.objects.create(
        persistent_share=persistent, kind="photometry", datum_pk=1
    )
    whole = rows.share(
        owner,
        target=target,
        target_list=some,
        data_product=product,
        persistent_share=persistent,
        planned=True,
    )
    delivery = rows.delivery(whole, data_product=product)
    Attempt.objects.create(delivery=delivery, number=1, started=now)
    jobs.job(owner, target, data_product=product)
    known = RemoteTarget.objects.create(
        destination="partner", target=target, remote_id="7", chosen_by=owner
    )
    Destination.objects.create(key="partner", paused=True, paused_by=owner)
    BulkAction.objects.create(asked_by=owner, verb="retry", rows="deliveries")
    ConnectionTest.objects.create(asked_by=owner, destination="partner")
    Mail.objects.create(
        user=owner, kind=Mail.Kind.FAILURES, created=now, next_attempt_at=now
    )
    return {
        **{"owner": owner, "target": target, "product": product, "list": some},
        **{"persistent": persistent, "known": known},
    }


def _staff(*codenames: str) -> User:
    person = permitted("keeper", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


def _delete(person: User, model: str, row: Any) -> None:
    address = reverse(f"admin:{model}_delete", args=[row.pk])
    answer = browser(person).post(address, {"post": "yes"})
    assert answer.status_code == 302
    assert not type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", DELETED)
def test_a_superuser_deletes_a_row_of_the_host(sky: dict[str, Any], model: str) -> None:
    root = permitted("root", is_staff=True, is_superuser=True)

    _delete(root, model, DELETED[model](sky))


@pytest.mark.parametrize("model", DELETED)
def test_staff_delete_it_by_the_hosts_permission_alone(
    sky: dict[str, Any], model: str
) -> None:
    keeper = _staff(*NEEDS[model])
    if model == "tom_targets_persistentshare":  # is listed by what its target lets see
        assign_perm("tom_targets.view_target", keeper, sky["target"])

    _delete(keeper, model, DELETED[model](sky))


def test_what_was_shared_and_received_stays_on_record(sky: dict[str, Any]) -> None:
    root = permitted("root", is_staff=True, is_superuser=True)

    for model in ("tom_targets_basetarget", "auth_user"):
        _delete(root, model, DELETED[model](sky))

    assert Share.objects.count() == IngestJob.objects.count() == 1
    assert Attempt.objects.count() == BulkAction.objects.count() == 1
    assert not RemoteTarget.objects.exists()
    assert not DataProduct.objects.exists()
    assert not Target.objects.exists()
    assert TargetList.objects.count() == 1


def test_a_selection_of_targets_is_deleted_from_their_list(sky: dict[str, Any]) -> None:
    root = permitted("root", is_staff=True, is_superuser=True)

    browser(root).post(
        reverse("admin:tom_targets_basetarget_changelist"),
        {
            "action": "delete_selected",
            "_selected_action": [sky["target"].pk],
            "post": "yes",
        },
    )

    assert not Target.objects.exists()


def test_our_own_lists_offer_no_delete(sky: dict[str, Any]) -> None:
    root = browser(permitted("root", is_staff=True, is_superuser=True))
    known = sky["known"]

    root.post(page("remotetarget", known.pk, "delete"), {"post": "yes"})
    root.post(
        changelist("remotetarget"),
        {"action": "delete_selected", "_selected_action": [known.pk], "post": "yes"},
    )

    assert RemoteTarget.objects.filter(pk=known.pk).exists()
    assert "deletelink" not in root.get(page("remotetarget", known.pk)).content.decode()


def test_the_index_names_no_list_more_than_a_person_may_view(owner: User) -> None:
    viewer = permitted("viewer", "view_destination", is_staff=True)

    shown = browser(viewer).get(reverse("admin:index")).content.decode()

    assert "Destinations" in shown
    assert "Remote targets" not in shown
