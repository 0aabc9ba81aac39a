"""Builders for tests of continuous sharing: persistent shares, and data as it is saved.

The times of waiting rows are set back, instead of waiting for them to be ripe.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import PersistentShare, Target

from tests.support import rows
from tom_share_worker.delivery.continuous import gathering as continuous
from tom_share_worker.models import SavedDatum, Share


def persistent_share(
    user: Any, of: Target, destination: str = "partner"
) -> PersistentShare:
    """Return a persistent share without any terms."""
    return PersistentShare.objects.create(user=user, target=of, destination=destination)


def save_photometry(of: Target, count: int, first: int = 0, **fields: Any) -> list[int]:
    """Save so many data points one by one, as a person or a broker's listener does."""
    made = []
    for n in range(first, first + count):
        datum = PhotometryReducedDatum(
            **{
                "target": of,
                "timestamp": rows.NIGHT + timedelta(minutes=n),
                "brightness": 15.0 + n / 1000,
                "bandpass": "r",
                **fields,
            }
        )
        datum.save()
        made.append(datum.pk)
    return made


def save_spectrum(of: Target, **fields: Any) -> int:
    """Save a spectrum."""
    known = {"flux": [1.0, 2.0], "wavelength": [4000.0, 4001.0]}
    datum = SpectroscopyReducedDatum(
        **{"target": of, "timestamp": rows.NIGHT, **known, **fields}
    )
    datum.save()
    return int(datum.pk)


def save_astrometry(of: Target, **fields: Any) -> int:
    """Save a position."""
    datum = AstrometryReducedDatum(
        **{"target": of, "timestamp": rows.NIGHT, "ra": 10.0, "dec": 5.0, **fields}
    )
    datum.save()
    return int(datum.pk)


def save_generic(of: Target, **fields: Any) -> int:
    """Save data of a kind that the host knows nothing of."""
    known = {"data_type": "radio", "value": {"flux_mjy": 1.5}}
    datum = ReducedDatum(**{"target": of, "timestamp": rows.NIGHT, **known, **fields})
    datum.save()
    return int(datum.pk)


def waiting(of: PersistentShare) -> list[tuple[str, int]]:
    """Return the data points that wait to be gathered."""
    found = SavedDatum.objects.filter(persistent_share=of)
    return list(found.values_list("kind", "datum_pk"))


def gather_later(seconds: float = 3) -> int:
    """Gather as if this long had passed since everything was saved."""
    SavedDatum.objects.update(saved=F("saved") - timedelta(seconds=seconds))
    return continuous.gather()


def the_share() -> Share:
    """Return the only share there is."""
    return Share.objects.get()
