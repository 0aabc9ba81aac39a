"""Builders of the rows that tests share: people, targets, data, shares, deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    DataProduct,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target, TargetList

from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.models import Delivery, Share

NIGHT = datetime(2026, 3, 1, 2, 3, 4, 567891, tzinfo=UTC)
"""When the first data point was taken; the others follow minute by minute."""

_last = {"target": 0}


def person(name: str = "astronomer") -> User:
    """Return an account that may see nothing by itself."""
    return User.objects.get_or_create(username=name)[0]


def target(
    owner: User, name: str = "SN 2026abc", *aliases: str, **fields: Any
) -> Target:
    """Return a target that its owner may see, at a place of its own in the sky."""
    _last["target"] += 1
    place = {"ra": 10.0 + _last["target"] % 340, "dec": 5.5}
    made = Target(**{"name": name, "type": "SIDEREAL", **place, **fields})
    made.save(names=list(aliases))
    made.give_user_access(owner)
    return made


def photometry(of: Target, count: int, first: float = 15.0) -> list[int]:
    """Give a target so many data points of differing brightness; return their ids."""
    made = PhotometryReducedDatum.objects.bulk_create(
        PhotometryReducedDatum(
            target=of,
            timestamp=NIGHT + timedelta(minutes=n),
            brightness=first + n / 1000,
            brightness_error=0.012,
            bandpass="r",
            unit="AB mag",
            telescope="1m0",
            instrument="Sinistro",
        )
        for n in range(count)
    )
    return [datum.pk for datum in made]


def every_kind(of: Target, count: int) -> dict[str, list[int]]:
    """Give a target so many of each kind of data point and of data products."""
    common = [
        {"target": of, "timestamp": NIGHT + timedelta(minutes=n)} for n in range(count)
    ]
    spectra = SpectroscopyReducedDatum.objects.bulk_create(
        SpectroscopyReducedDatum(flux=[1.0, 2.0], wavelength=[4000.0, 9000.0], **base)
        for base in common
    )
    places = AstrometryReducedDatum.objects.bulk_create(
        AstrometryReducedDatum(ra=10.0, dec=5.5, **base) for base in common
    )
    others = ReducedDatum.objects.bulk_create(
        ReducedDatum(data_type="polarimetry", value={"q": 0.01}, **base)
        for base in common
    )
    files = [product(of, name=f"{of.pk}-{n}.fits") for n in range(count)]
    return {
        "photometry": photometry(of, count, first=12.0),
        "spectroscopy": [datum.pk for datum in spectra],
        "astrometry": [datum.pk for datum in places],
        "generic": [datum.pk for datum in others],
        "data_products": [file.pk for file in files],
    }


def magnitudes(count: int, first: float = 15.0) -> list[float]:
    """Return the brightnesses that `photometry` gives."""
    return [first + n / 1000 for n in range(count)]


def product(of: Target, content: bytes = b"FITS", name: str = "image.fits") -> Any:
    """Return a data product with its file in the TOM's storage."""
    made = DataProduct(target=of, data_product_type="fits_file", product_id=name)
    made.data.save(name, ContentFile(content), save=False)
    made.save()
    return made


def target_list(name: str, *targets: Target) -> TargetList:
    """Return a list of these targets."""
    made = TargetList.objects.create(name=name)
    made.targets.add(*targets)
    return made


def share(owner: User | None, **columns: Any) -> Share:
    """Return a share of everything a target has, or what the columns say."""
    defaults = {"destination": "partner", "kind": Share.Kind.TARGET_DATA}
    return Share.objects.create(user=owner, **{**defaults, **columns})


def delivery(of: Share, **columns: Any) -> Delivery:
    """Return a queued delivery of a share, due now."""
    keys = [Key("photometry", pk) for pk in columns.pop("photometry", [])]
    defaults = {
        "position": of.deliveries.count(),
        "destination": of.destination,
        "kind": Delivery.Kind.DATUMS if keys else Delivery.Kind.TARGET,
        "target_id": of.target_id,
        "target_name": of.target.name if of.target else "",
        "next_attempt_at": timezone.now(),
        "ledger": Ledger.of(keys).rows(),
        "datum_count": len(keys),
    }
    return Delivery.objects.create(share=of, **{**defaults, **columns})
