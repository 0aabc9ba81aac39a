"""Times and numbers as people read them; called by the other modules of this room."""

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


def deliveries(number: int) -> str:
    """Return so many deliveries in words."""
    return count(number, "delivery", "deliveries")


def clock(time: datetime, now: datetime) -> str:
    """Return a time in UTC and labelled so, with the date unless it is today's."""
    there = time.astimezone(UTC)
    if there.date() == now.astimezone(UTC).date():
        return f"{there:%H:%M} UTC"
    return f"{there:%Y-%m-%d %H:%M} UTC"


def stamp(time: datetime | None) -> str:
    """Return date and time to the second in UTC, or a dash."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else "—"


def span(length: timedelta) -> str:
    """Return a length of time in its largest whole unit: 25 minutes, 2 days."""
    for noun, unit in _UNITS:
        if length >= unit:
            return count(length // unit, noun)
    return "a moment"


def sentence(text: str) -> str:
    """Return a note with a full stop, so that another sentence can follow it."""
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
