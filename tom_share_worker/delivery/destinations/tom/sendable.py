"""What no other TOM can hold, and what every data point says: pure functions.

Asked by `payloads`, which has the words of a stock TOM, and `wire`, which has those of
this app. A data point that cannot go raises `Unsendable` with the reason, so that one
bad row never spoils a batch.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from django.utils import timezone

from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.outcomes import Unsendable
from tom_share_worker.delivery.parcels import DatumsParcel

_EVERYWHERE = {
    "source_name": 100,
    "source_location": 200,
    "telescope": 255,
    "instrument": 255,
    "reduction_version": 50,
}

MAX_LENGTHS: dict[str, dict[str, int]] = {
    "photometry": {"bandpass": 32, "unit": 32} | _EVERYWHERE,
    "spectroscopy": {"setup": 2000} | _EVERYWHERE,
    "astrometry": {"ra_error_units": 32, "dec_error_units": 32} | _EVERYWHERE,
    "generic": {"data_type": 100} | _EVERYWHERE,
}
"""What TOM Toolkit's columns hold; longer text a stock TOM answers with an internal
error."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def require(key: Key, datum: Any) -> None:
    """Refuse a data point that lacks what another TOM needs, or has too much of it."""
    if datum is None:
        raise Unsendable("It was deleted from this TOM before it could be sent.")
    for name, longest in MAX_LENGTHS[key.kind].items():
        text = getattr(datum, name) or ""
        if len(text) > longest:
            raise Unsendable(
                f"Its {name} has {len(text)} characters; another TOM holds {longest}."
            )
    if key.kind == "photometry" and not datum.bandpass:
        raise Unsendable("It has no filter (bandpass), which another TOM requires.")
    if key.kind == "generic" and not datum.data_type.strip():
        raise Unsendable("It has no data type, which another TOM requires.")
    if datum.value and not isinstance(datum.value, dict):
        raise Unsendable(
            "Its value is not a set of names and values, as another TOM requires."
        )


def require_storable(name: str, value: Any) -> None:
    """Refuse, however deep, what JSON has no words for and what databases refuse."""
    if isinstance(value, float):
        require_finite(name, value)
    elif isinstance(value, str):
        if "\0" in value or (not value.isascii() and _SURROGATE.search(value)):
            raise Unsendable(
                f"Its {name} holds what databases take for no text: a NUL character, "
                f"or half of a character."
            )
    elif isinstance(value, dict):
        for inner, item in value.items():
            require_storable(name, inner)
            require_storable(name, item)
    elif isinstance(value, list | tuple):
        for item in value:
            require_storable(name, item)


def require_finite(name: str, value: Any) -> None:
    """Refuse NaN and infinities, for which JSON has no words."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Unsendable(f"Its {name} is {value}, which is not a finite number.")


def source(parcel: DatumsParcel, key: Key, datum: Any) -> tuple[str, str]:
    """Return where a data point comes from: its own source, else this TOM."""
    if datum.source_name.strip():
        return datum.source_name, datum.source_location
    address = (parcel.public_url or f"<{parcel.tom_name}.url>").rstrip("/")
    location = f"{address}/api/reduceddatums/{key.pk}/"
    return parcel.tom_name[:100], datum.source_location or location[:200]


def moment(timestamp: datetime) -> str:
    """Return a time with its offset; a TOM without time zones means its own."""
    if timezone.is_naive(timestamp):
        timestamp = timezone.make_aware(timestamp)
    return timestamp.isoformat()
