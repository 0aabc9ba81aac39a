"""One data point or data product in words: the cells of a row on the share page.

Called by `choosing`. Whatever another TOM or a broken file left in a row, a cell shows
something and never fails.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from typing import Any

NOTHING = "—"

EXCERPT = 60
"""Characters shown of a value of any form; enough to tell one from another."""


def time(datum: Any) -> str:
    """Return when it was taken, in UTC to the second."""
    return _stamp(datum.timestamp)


def telescope(datum: Any) -> str:
    """Return with what it was taken."""
    return ", ".join(filter(None, (datum.telescope, datum.instrument))) or NOTHING


def source(datum: Any) -> str:
    """Return from where this TOM has it."""
    return str(datum.source_name or NOTHING)


def bandpass(datum: Any) -> str:
    """Return the filter of photometry."""
    return str(datum.bandpass or NOTHING)


def brightness(datum: Any) -> str:
    """Return a measured brightness with its error, or the limit of a non-detection."""
    said = []
    if datum.brightness is not None:
        said.append(_with_error(datum.brightness, datum.brightness_error))
    if datum.limit is not None:
        # Fainter than the limit: a larger magnitude, but a smaller flux.
        is_magnitude = not datum.unit or "mag" in datum.unit.lower()
        said.append(f"{'>' if is_magnitude else '<'} {_number(datum.limit)}")
    unit = f" {datum.unit}" if datum.unit else ""
    return f"{'; '.join(said)}{unit}" if said else NOTHING


def wavelengths(datum: Any) -> str:
    """Return the range of a spectrum and the number of its points."""
    known = [w for w in datum.wavelength or () if isinstance(w, int | float)]
    if not known:
        return NOTHING
    unit = f" {datum.wavelength_unit}" if datum.wavelength_unit else ""
    ends = f"{_number(min(known))} to {_number(max(known))}"
    return f"{ends}{unit}, {len(known):,} {'point' if len(known) == 1 else 'points'}"


def ra(datum: Any) -> str:
    """Return a right ascension in degrees with its error."""
    return _place(datum.ra, datum.ra_error, datum.ra_error_units)


def dec(datum: Any) -> str:
    """Return a declination in degrees with its error."""
    return _place(datum.dec, datum.dec_error, datum.dec_error_units)


def data_type(datum: Any) -> str:
    """Return of what type other data are."""
    return str(datum.data_type or NOTHING)


def value(datum: Any) -> str:
    """Return the beginning of a value of any form."""
    if not datum.value:
        return NOTHING
    whole = json.dumps(datum.value, ensure_ascii=False, default=str)
    return whole if len(whole) <= EXCERPT else f"{whole[: EXCERPT - 1]}…"


def file(product: Any) -> str:
    """Return the name of a data product's file."""
    return os.path.basename(product.data.name or "") or "(no file)"


def product_type(product: Any) -> str:
    """Return of what type a data product is."""
    return str(product.data_product_type).replace("_", " ") or NOTHING


def added(product: Any) -> str:
    """Return when a data product came to this TOM."""
    return _stamp(product.created)


def _stamp(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _place(degrees: float, error: float | None, unit: str) -> str:
    place = f"{degrees:.6f}°"
    return place if error is None else f"{place} ± {_number(error)} {unit}".strip()


def _with_error(measured: float, error: float | None) -> str:
    return _number(measured) + ("" if error is None else f" ± {_number(error)}")


def _number(number: float) -> str:
    """Return a number as short as it can be recognised by."""
    if not math.isfinite(number):
        return str(number)
    if number and not 0.001 <= abs(number) < 1e6:
        return f"{number:.4g}"
    return f"{number:.4f}".rstrip("0").rstrip(".")
