"""A conversation with the scripted remote, without rows: parcels and a notebook.

Used by the tests of destinations, which know no database.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tom_dataproducts.models import PhotometryReducedDatum

from tests.support.remote_tom import PASSWORD, USERNAME, RemoteTom
from tests.support.rows import NIGHT
from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.outcomes import Outcome
from tom_share_worker.delivery.parcels import (
    DatumsParcel,
    Parcel,
    ProductParcel,
    TargetCard,
    TargetParcel,
)

NAME = "SN 2026abc"


class Notebook:
    """What a destination reported; stops it after so many data points if asked."""

    def __init__(self, parcel: Parcel, stop_after: int | None = None) -> None:
        keys = parcel.datums if isinstance(parcel, DatumsParcel) else ()
        self.ledger = Ledger.of(keys)
        self.requests: list[tuple[str, int | None, str]] = []
        self.targets: list[str | None] = []
        self.link = ""
        self.extras: dict[str, str] = {}
        self.peers: list[dict[str, Any] | None] = []
        self.receipts: list[str] = []
        self._left = stop_after

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        self.requests.append((request, status_code, answer))

    def settle(self, key: Key, fate: Fate, reason: str = "") -> None:
        self.ledger.settle(key, fate, reason)

    def found_target(self, remote_id: str) -> None:
        self.targets.append(remote_id)

    def forget_target(self, remote_id: str) -> None:
        self.targets.append(None)

    def sent_extras(self, extras: Mapping[str, str]) -> None:
        self.extras = dict(extras)

    def linked(self, url: str) -> None:
        self.link = url

    def found_peer(self, capabilities: Mapping[str, Any]) -> None:
        self.peers.append(dict(capabilities))

    def forget_peer(self) -> None:
        self.peers.append(None)

    def received(self, receipt: str) -> None:
        self.receipts.append(receipt)

    def keep_going(self) -> bool:
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def fates(self) -> list[str]:
        """Return the fate of each data point, in order."""
        return [row[2] for row in self.ledger.rows()]


def settings_of(remote: RemoteTom, **change: Any) -> DestinationSettings:
    """Return the settings that name this remote, with its account."""
    known = {"base_url": remote.url, "username": USERNAME, "password": PASSWORD}
    return DestinationSettings(
        key="partner", display_name="Remote TOM", **{**known, **change}
    )


def deliver(
    remote: RemoteTom, parcel: Parcel, stop_after: int | None = None, **change: Any
) -> tuple[Outcome, Notebook]:
    """Send a parcel; return what came of it, and what was reported."""
    notebook = Notebook(parcel, stop_after)
    destination = open_destination(settings_of(remote, **change))
    return destination.deliver(parcel, notebook), notebook


def card(name: str = NAME, *aliases: str, **change: Any) -> TargetCard:
    place: dict[str, Any] = {"ra": 10.0, "dec": 5.0, "remote_id": None}
    return TargetCard(name=name, names=(name, *aliases), **{**place, **change})


def target_parcel(of: TargetCard | None = None, **fields: Any) -> TargetParcel:
    of = of or card()
    known = {"name": of.name, "type": "SIDEREAL", "ra": of.ra, "dec": of.dec}
    return TargetParcel(
        target=of,
        fields=known | fields,
        extras={"redshift": "0.05"},
        lists=("Imported From Survey TOM",),
        shared_by="astronomer",
        shared_from="Survey TOM",
    )


def photometry(number: int, **fields: Any) -> PhotometryReducedDatum:
    """Return the data point of that number, not in any database."""
    known: dict[str, Any] = {
        "timestamp": NIGHT + timedelta(minutes=number),
        "brightness": 15 + number / 1000,
        "bandpass": "r",
    }
    return PhotometryReducedDatum(**{**known, **fields})


def datums_parcel(
    *datums: Any,
    of: TargetCard | None = None,
    attempts: int = 0,
    kind: str = "",
    **change: Any,
) -> DatumsParcel:
    keys = [Key(kind or "photometry", number + 1) for number in range(len(datums))]
    return DatumsParcel(
        target=of or card(),
        datums=dict(zip(keys, datums, strict=True)),
        tom_name="Survey TOM",
        public_url=None,
        attempts=attempts,
        **change,
    )


def product_parcel(
    content: bytes = b"FITS" * 100, of: TargetCard | None = None, **change: Any
) -> ProductParcel:
    known: dict[str, Any] = {
        "product_id": "Survey TOM:1",
        "id_is_ours": True,
        "data_product_type": "fits_file",
        "extra_data": "",
        "file_name": "image.fits",
        "size": len(content),
        "open": lambda: io.BytesIO(content),
    }
    return ProductParcel(target=of or card(), **{**known, **change})
