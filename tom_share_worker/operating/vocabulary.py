"""The names by which rows are narrowed, and what each may say: one vocabulary for the
admin, the REST API, the command and bulk actions. Called by `matching` and `wording`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from tom_share_worker.delivery.outcomes import storable
from tom_share_worker.models import (
    BulkAction,
    Delivery,
    Failure,
    IngestFailure,
    IngestJob,
    Share,
)

Rows = BulkAction.Rows

TIMES = (
    *("since", "until", "created_since", "created_until"),
    *("ended_since", "ended_until"),
)
"""Times; `since` and `until` are of the end of what has ended, else of its creation,
and of shares always of their creation. Without a zone they are in UTC."""

SPANS = {
    "today": "today (UTC)",
    "1h": "the last hour",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
}
"""Times that are reckoned from the moment at which they are asked for."""

SEVERAL = ("status", "destination", "failure", "kind", "origin")
"""Names that may say several things, any of which will do."""

LARGEST_ID = 2**63 - 1
LONGEST = 300
MOST_IDS = 10_000
"""Rows that may be named one by one; more are better named by a filter."""

_COMMON = {"status", "user", "search", "ids", *TIMES}

NAMES: dict[str, set[str]] = {
    Rows.SHARES: _COMMON | {"destination", "kind", "origin"},
    Rows.DELIVERIES: _COMMON | {"destination", "kind", "failure", "share"},
    Rows.INGEST_JOBS: _COMMON | {"kind", "origin", "failure"},
}
"""Which names there are for which rows."""

CHOICES: dict[tuple[str, str], Any] = {
    (Rows.SHARES, "status"): Share.Status,
    (Rows.SHARES, "kind"): Share.Kind,
    (Rows.SHARES, "origin"): Share.Origin,
    (Rows.DELIVERIES, "status"): Delivery.Status,
    (Rows.DELIVERIES, "kind"): Delivery.Kind,
    (Rows.DELIVERIES, "failure"): Failure,
    (Rows.INGEST_JOBS, "status"): IngestJob.Status,
    (Rows.INGEST_JOBS, "origin"): IngestJob.Origin,
    (Rows.INGEST_JOBS, "failure"): IngestFailure,
}
"""What a name may say, where that is a closed set."""


class WrongFilter(ValueError):  # noqa: N818  (a verdict on what was asked)
    """A filter that says nothing; `name` tells which, and the text what is wrong."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def cleaned(rows: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters as a row keeps them: checked, without empty ones.

    Choices and destinations are lists, times are in ISO 8601, ids are numbers. Spans
    such as `24h` become times, so that the same filter means the same rows tomorrow.
    """
    known = NAMES[rows]
    for name in filters:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise WrongFilter(
                str(name), f"There is no such filter; known are {listed}."
            )
    found = {name: _value(rows, name, value) for name, value in filters.items()}
    # An empty selection is one of no rows, and not of all.
    return {
        name: value
        for name, value in found.items()
        if name == "ids" or value not in ("", None, [])
    }


def _value(rows: str, name: str, value: Any) -> Any:
    if name in TIMES:
        return _time(name, value)
    if name == "ids":
        return _ids(value)
    if name == "share":
        return _id(name, value) if value not in ("", None) else None
    if name in SEVERAL:
        return _several(name, value, CHOICES.get((rows, name)))
    return _text(name, value).strip()


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WrongFilter(name, "This must be text.")
    if len(value) > LONGEST:
        raise WrongFilter(name, f"This may have {LONGEST} characters at most.")
    if storable(value) != value:
        raise WrongFilter(name, "This has a NUL or half a character in it.")
    return value


def _several(name: str, value: Any, choices: Any) -> list[str]:
    given = value if isinstance(value, list | tuple | set) else [value]
    found = sorted({_text(name, one) for one in given if one not in ("", None)})
    for one in found:
        if choices is not None and one not in choices.values:
            listed = ", ".join(choices.values)
            raise WrongFilter(name, f"There is no “{one}”; known are {listed}.")
    return found


def _ids(value: Any) -> list[int]:
    if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
        raise WrongFilter("ids", "This must be a list of ids, such as [12, 15].")
    found = sorted({_id("ids", one) for one in value})
    if len(found) > MOST_IDS:
        raise WrongFilter(
            "ids",
            f"These are {len(found):,} ids; {MOST_IDS:,} may be named at a time. Name "
            f"more of them by a filter.",
        )
    return found


def _id(name: str, value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 0 < number <= LARGEST_ID:
        raise WrongFilter(name, "This must be an id, such as 12.")
    return number


def _time(name: str, value: Any) -> str:
    return "" if value in ("", None) else moment(name, value).isoformat()


def moment(name: str, value: Any) -> datetime:
    """Return the time that a value means, in UTC."""
    found = value if isinstance(value, datetime) else _parsed(str(value).strip())
    if found is None or not MINYEAR < found.year < MAXYEAR:
        raise WrongFilter(
            name,
            "This must be a time, such as 2026-03-01T06:00Z, or one of today, 1h, 24h "
            "and 7d.",
        )
    if timezone.is_naive(found):
        found = found.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def _parsed(text: str) -> datetime | None:
    now = timezone.now()
    if text == "today":
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text in SPANS:
        number, unit = int(text[:-1]), text[-1]
        return now - (
            timedelta(days=number) if unit == "d" else timedelta(hours=number)
        )
    try:
        if day := parse_date(text):
            return datetime.combine(day, time.min)
        return parse_datetime(text)
    except ValueError:  # on no calendar
        return None
