"""What is sent to TOMs of other releases: data of every kind, and a file of each type.

`HELD` and the functions beside it say what a release can hold of it, in which form.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    DataProduct,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from tests.support import rows
from tests.support.rows import NIGHT

COMMON = {"telescope": "1m0", "instrument": "Sinistro", "reduction_version": "v2"}

CSV = b"time,filter,magnitude,error\n60000.5,r,17.25,0.01\n60001.5,g,17.5,0.02\n"


def target(owner: User, name: str) -> Target:
    """Return a target with an alias, extra fields and data of every kind."""
    made = rows.target(owner, name, f"{name} alias", distance=1 / 3, epoch=2000.0)
    made.save(extras={"redshift": 0.25, "host": "NGC 1"})
    photometry(made)
    spectrum(made)
    AstrometryReducedDatum.objects.create(
        target=made,
        timestamp=NIGHT,
        ra=10.000000000000002,
        dec=-0.1,
        ra_error=0.01,
        **COMMON,
    )
    ReducedDatum.objects.create(
        target=made,
        timestamp=NIGHT,
        data_type="polarimetry",
        value={"q": 0.1, "u": [0.2, {"v": 0.30000000000000004}]},
        **COMMON,
    )
    return made


def photometry(of: Target) -> None:
    """Give detections with errors, upper limits, and a point with both and extras."""
    detections = [
        PhotometryReducedDatum(
            target=of,
            timestamp=NIGHT + timedelta(minutes=n),
            brightness=15.1 + n / 7,
            brightness_error=0.01 + n / 1e4,
            bandpass="gri"[n % 3],
            unit="AB mag",
            exposure_time=30.0 + n,
            value={"airmass": 1.1 + n / 9},
            **COMMON,
        )
        for n in range(6)
    ]
    limits = [
        PhotometryReducedDatum(
            target=of,
            timestamp=NIGHT + timedelta(days=1, minutes=n),
            limit=20.1 + n / 3,
            bandpass="r",
            **COMMON,
        )
        for n in range(3)
    ]
    PhotometryReducedDatum.objects.bulk_create(detections + limits)


def spectrum(of: Target) -> None:
    """Give a spectrum with errors and further fields."""
    SpectroscopyReducedDatum.objects.create(
        target=of,
        timestamp=NIGHT,
        wavelength=[4000.1, 4000.2, 4000.3],
        flux=[1.1e-17, 2.2e-17, 3.3e-17],
        error=[1e-18, 1e-18, 2e-18],
        flux_unit="erg / (s cm2 Angstrom)",
        wavelength_unit="Angstrom",
        setup="grism 3",
        exposure_time=1200.5,
        value={"grade": "A"},
        **COMMON,
    )


def products(of: Target) -> list[Any]:
    """Give an image, a photometry table, and a table that nobody can read."""
    made = []
    for name, kind, content in (
        ("image.fits", "fits_file", bytes(range(256)) * 500),
        ("lightcurve.csv", "photometry", CSV),
        ("broken.csv", "photometry", b"no such columns\n1\n"),
    ):
        product = DataProduct(target=of, product_id=name, data_product_type=kind)
        product.data.save(name, ContentFile(content), save=False)
        product.save()
        made.append(product)
    return made
