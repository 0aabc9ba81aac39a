"""Who uses the TOM of `crowd`, and which targets it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PARTNERS = ("partner", "survey", "archive", "network")
PEOPLE = ("requester", "member", "operator", "superuser")
GROUP = "Survey group"

SHARED_ON = 100
"""Targets that are shared continuously; the requester may change them."""


@dataclass(frozen=True)
class Sky:
    """What the rows refer to."""

    people: list[Any]
    targets: list[Any]
    products: list[int]
    now: datetime

    def moment(self, n: int, days: float = 60) -> datetime:
        """Return a time of the last so many days, the later the larger n."""
        return self.now - timedelta(days=days) + timedelta(days=days) * (n % 997) / 997


def settle(counts: dict[str, int]) -> Sky:
    """Make the people and the targets, and let the ones see the others."""
    from django.utils import timezone
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    people = _people()
    start = Target.objects.count()
    targets = Target.objects.bulk_create(
        Target(name=f"Survey {start + n}", type="SIDEREAL", ra=n % 360, dec=20.5)
        for n in range(counts["targets"])
    )
    _permissions(people, targets)
    # No file is read by a page; a job has a data product of its own.
    products = DataProduct.objects.bulk_create(
        (
            DataProduct(
                product_id=f"product-{start}-{n}",
                target=targets[n % len(targets)],
                data=f"survey/night-{n}.csv",
                data_product_type="photometry",
            )
            for n in range(counts["jobs"])
        ),
        batch_size=2000,
    )
    return Sky(people, targets, [made.pk for made in products], timezone.now())


def _people() -> list[Any]:
    """Make those who look, and forty more who share; the first is the requester."""
    from django.contrib.auth.models import Group, Permission, User

    others = [f"observer-{n}" for n in range(40)]
    known = [User(username=name) for name in (*PEOPLE, *others)]
    User.objects.bulk_create(known, ignore_conflicts=True)
    named = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    operator, superuser = named["operator"], named["superuser"]
    superuser.is_superuser = superuser.is_staff = operator.is_staff = True
    superuser.save()
    operator.save()
    hosts = Permission.objects.filter(codename__endswith="_persistentshare")
    named["requester"].user_permissions.set(hosts)
    ours = Permission.objects.filter(content_type__app_label="tom_share_worker")
    operator.user_permissions.set(ours.exclude(codename__startswith="delete"))
    group, _ = Group.objects.get_or_create(name=GROUP)
    group.user_set.add(named["member"])
    observers = User.objects.filter(username__in=others)
    return [named["requester"], named["member"], *observers]


def _permissions(people: list[Any], targets: list[Any]) -> None:
    """Let the requester and the operator see most targets, and the group a half."""
    from django.contrib.auth.models import Group, User
    from guardian.shortcuts import assign_perm

    most, half = targets[: len(targets) * 4 // 5], targets[: len(targets) // 2]
    for person in (people[0], User.objects.get(username="operator")):
        assign_perm("tom_targets.view_target", person, most)
    assign_perm("tom_targets.change_target", people[0], most[:SHARED_ON])
    assign_perm("tom_targets.view_target", Group.objects.get(name=GROUP), half)
    for number, person in enumerate(people[2:]):
        if own := targets[number::40]:
            assign_perm("tom_targets.view_target", person, own)
