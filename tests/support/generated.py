"""Rows of every kind, made up by Hypothesis: what an astronomer's TOM may hold.

Used by the round trip between real TOMs. Floats of any size to the last bit, text of
any script, moments to the microsecond, free values of any depth; names and values that
a stock TOM changes by its own rules are left out and tested one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tom_share_worker.delivery.destinations.tom import payloads

Row = dict[str, Any]

numbers = st.floats(allow_nan=False, allow_infinity=False)
odd_numbers = st.sampled_from(
    [0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1 + 0.2, 1e22]
)
floats = st.one_of(numbers, odd_numbers)
maybe = st.one_of(st.none(), floats)

_letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def text(longest: int) -> st.SearchStrategy[str]:
    """Return text that no database refuses, up to a length."""
    some = st.text(_letters, max_size=min(longest, 12))
    full = st.sampled_from(["Ω" * longest, "x" * longest])
    usual = st.sampled_from(["", "AB mag", "1m0-doma", "v2.1 é", " blanks around "])
    return st.one_of(usual, some, full).filter(lambda found: len(found) <= longest)


def stripped(longest: int) -> st.SearchStrategy[str]:
    """Return text without blanks at its ends, which the host would strip."""
    return text(longest).map(str.strip)


moments = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(
        [
            datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
        ]
    ),
)

_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), floats, st.text(_letters)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(_letters, max_size=5), inner, max_size=3),
    ),
    max_leaves=4,
)


def free_values(kind: str) -> st.SearchStrategy[Row]:
    """Return free values; names that are columns of other kinds are among them."""
    elsewhere = sorted(set().union(*payloads.RESERVED.values()) - _taken(kind))
    usual = ["airmass", "seeing", "extra_filter", "pk", "groups", *elsewhere]
    names = st.one_of(st.sampled_from(usual), st.text(_letters, max_size=6))
    allowed = names.filter(lambda name: name not in _taken(kind))
    return st.one_of(st.just({}), st.dictionaries(allowed, _json, max_size=2))


def _taken(kind: str) -> set[str]:
    return payloads.RESERVED[kind]


def _common(kind: str) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "timestamp": moments,
        "telescope": text(255),
        "instrument": text(255),
        "reduction_version": text(50),
        "source_name": stripped(100),
        "source_location": stripped(200),
        "value": free_values(kind),
    }


_spectrum = st.lists(floats, max_size=6)

KINDS: dict[str, st.SearchStrategy[Row]] = {
    "photometry": st.fixed_dictionaries(
        _common("photometry")
        | {
            "brightness": maybe,
            "brightness_error": maybe,
            "limit": maybe,
            "unit": text(32),
            "bandpass": text(32).filter(bool),
            "exposure_time": maybe,
        }
    ),
    "spectroscopy": st.fixed_dictionaries(
        _common("spectroscopy")
        | {
            "wavelength": _spectrum,
            "flux": _spectrum,
            "error": _spectrum,
            "flux_unit": text(300),
            "wavelength_unit": text(300),
            "setup": text(2000),
            "exposure_time": maybe,
        }
    ),
    "astrometry": st.fixed_dictionaries(
        _common("astrometry")
        | {
            "ra": floats,
            "dec": floats,
            "ra_error": maybe,
            "dec_error": maybe,
            "ra_error_units": text(32),
            "dec_error_units": text(32),
        }
    ),
    "generic": st.fixed_dictionaries(
        _common("generic")
        | {
            "data_type": stripped(100)
            .map(str.lower)
            .filter(lambda name: name not in ("", *payloads.FIELDS)),
        }
    ),
}


def rows(kind: str, most: int) -> st.SearchStrategy[list[Row]]:
    """Return rows of one kind, each at a moment of its own, so that none clash."""
    return st.lists(KINDS[kind], max_size=most, unique_by=lambda row: row["timestamp"])


data = st.fixed_dictionaries(
    {
        "photometry": rows("photometry", 20),
        "spectroscopy": rows("spectroscopy", 4),
        "astrometry": rows("astrometry", 6),
        "generic": rows("generic", 6),
    }
)
"""All data of one target."""

_present = floats.filter(bool)
"""The host takes a zero for a missing value, where it asks for one."""

_numbers_of_a_target = (
    *("epoch", "parallax", "pm_ra", "pm_dec", "galactic_lng", "galactic_lat"),
    *("distance", "distance_err", "mean_daily_motion", "semimajor_axis"),
    *("ephemeris_period", "ephemeris_period_err", "ephemeris_epoch"),
    *("ephemeris_epoch_err", "perihdist", "abs_mag", "slope", "mean_anomaly"),
)
_any_target = dict.fromkeys(_numbers_of_a_target, maybe)
_elements = (
    *("epoch_of_elements", "inclination", "lng_asc_node", "arg_of_perihelion"),
    "eccentricity",
)
_extras = st.dictionaries(
    st.text(_letters, min_size=1, max_size=8).map(lambda name: f"key {name}".strip()),
    st.one_of(
        floats.map(repr),
        st.sampled_from(["True", "False", "", "2026-03-01T02:03:04.567891+00:00"]),
        stripped(30).map(lambda words: f"type {words}".strip()),
    ),
    max_size=4,
)
_names = st.text(_letters, max_size=20).map(lambda name: f" {name}".rstrip())


def _targets(fields: dict[str, Any]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {
            "fields": st.fixed_dictionaries({**_any_target, **fields}),
            "name": _names,
            "aliases": st.lists(_names, max_size=3),
            "extras": _extras,
            "data": data,
        }
    )


sidereal = _targets(
    {
        "type": st.just("SIDEREAL"),
        "ra": st.floats(0, 360, exclude_min=True),
        "dec": st.floats(-90, 90).filter(bool),
    }
)
non_sidereal = _targets(
    dict.fromkeys(_elements, _present)
    | {
        "type": st.just("NON_SIDEREAL"),
        "scheme": st.sampled_from(
            ["MPC_MINOR_PLANET", "MPC_COMET", "JPL_MAJOR_PLANET"]
        ),
        "mean_anomaly": _present,
        "semimajor_axis": _present,
        "mean_daily_motion": _present,
        "perihdist": _present,
        "epoch_of_perihelion": _present,
    }
)


class Sky:
    """Targets, each with its aliases, its extras and all its data."""

    def __init__(self, targets: list[Row]) -> None:
        self.targets = targets

    def __repr__(self) -> str:
        # Hypothesis would print it all, many pages of it.
        return f"<{len(self.targets)} targets>"


sky = st.lists(st.one_of(sidereal, non_sidereal), min_size=1, max_size=3).map(Sky)
