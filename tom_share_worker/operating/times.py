"""Numbers and times as people read them; called here and, as `words`, in `status`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
    ("second", timedelta(seconds=1)),
)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 delivery, 2 deliveries."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clock(time: datetime, now: datetime) -> str:
    """Return a time in UTC and labelled so, with the date unless it is today's."""
    there = time.astimezone(UTC)
    if there.date() == now.astimezone(UTC).date():
        return f"{there:%H:%M} UTC"
    return f"{there:%Y-%m-%d %H:%M} UTC"


def span(length: timedelta) -> str:
    """Return a length of time in its largest whole unit: 25 minutes, 2 days."""
    for noun, unit in _UNITS:
        if length >= unit:
            return count(length // unit, noun)
    return "a moment"
