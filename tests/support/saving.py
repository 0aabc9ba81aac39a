"""What a TOM's own processes do in the tests of two TOMs: make targets, save data.

Run by `whole_tom` in a process of that TOM. The rows of each way of saving are counted
from a number on, so that two TOMs save different rows, or the same.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from tests.support.rows import NIGHT

WAYS = ("r", "g", "i")
"""Each way of saving has a filter of its own, and none meets the rows of another."""


def begin(names: list[str]) -> None:
    """Make the accounts and the targets."""
    from django.contrib.auth.models import Permission
    from tom_targets.models import Target

    from sample_data.accounts import ASTRONOMER, PARTNER
    from sample_data.management.commands.seed_demo import make_account

    people = [make_account(account) for account in (ASTRONOMER, PARTNER)]
    for codename in ("add_dataproduct", "add_reduceddatum"):
        people[0].user_permissions.add(Permission.objects.get(codename=codename))
    for n, name in enumerate(names):
        target = Target(name=name, type="SIDEREAL", ra=10.0 + n, dec=5.5)
        target.save()
        for person in people:
            target.give_user_access(person)


def share_all(destination: str) -> None:
    """Make a persistent share of each target."""
    from django.contrib.auth.models import User
    from tom_targets.models import Target

    from sample_data.accounts import ASTRONOMER
    from tom_share_worker.delivery.continuous import persistent

    owner = User.objects.get(username=ASTRONOMER.username)
    for target in Target.objects.all():
        persistent.make(owner, destination, target)


def _rows(model: Any, first: int, count: int, band: str, **fields: Any) -> list[Any]:
    from tom_targets.models import Target

    targets = list(Target.objects.order_by("pk"))
    return [
        model(
            target=targets[n % len(targets)],
            timestamp=NIGHT + timedelta(seconds=n),
            brightness=15.0 + n / 7000,
            brightness_error=0.01,
            bandpass=band,
            telescope="1m0",
            **fields,
        )
        for n in range(first, first + count)
    ]


def one_by_one(first: int, count: int, per_second: float = 0, source: str = "") -> None:
    """Save data points one by one."""
    from tom_dataproducts.models import PhotometryReducedDatum

    location = f"https://{source}.example/alert" if source else ""
    band = f"r{source}"
    for row in _rows(
        PhotometryReducedDatum,
        first,
        count,
        band,
        source_name=source,
        source_location=location,
    ):
        row.save()
        time.sleep(1 / per_second if per_second else 0)


def in_bulk(first: int, count: int, source: str = "ZTF") -> None:
    """Create data points in bulk, as a harvest does, and tell the host's function."""
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_targets.sharing import continuous_share_data

    made = _rows(PhotometryReducedDatum, first, count, "g", source_name=source)
    made = PhotometryReducedDatum.objects.bulk_create(made, ignore_conflicts=True)
    continuous_share_data(made[0].target, made)


def others(first: int, count: int) -> None:
    """Save spectra, positions, limits, and data of a kind of its own."""
    from tom_dataproducts.models import (
        AstrometryReducedDatum,
        PhotometryReducedDatum,
        ReducedDatum,
        SpectroscopyReducedDatum,
    )
    from tom_targets.models import Target

    targets = list(Target.objects.order_by("pk"))
    for n in range(first, first + count):
        at: dict[str, Any] = {
            "target": targets[n % len(targets)],
            "timestamp": NIGHT + timedelta(seconds=n),
        }
        flux = [1.0 + n / 7, 2.0]
        SpectroscopyReducedDatum(**at, flux=flux, wavelength=[4000.0, 4001.5]).save()
        AstrometryReducedDatum(**at, ra=10.0 + n / 7, dec=5.0).save()
        ReducedDatum(**at, data_type="radio", value={"flux_mjy": n / 7}).save()
        # An upper limit of a reduction: the other side's API shows neither.
        limit = {"limit": 18 + n / 7000, "reduction_version": "v2"}
        PhotometryReducedDatum(**at, bandpass="z", **limit).save()


def file(first: int, count: int) -> str:
    """Return a file of photometry."""
    lines = [
        f"{58000 + n / 86400:.9f},{15 + n / 7000},i,0.02"
        for n in range(first, first + count)
    ]
    return "\n".join(["time,magnitude,filter,error", *lines])
