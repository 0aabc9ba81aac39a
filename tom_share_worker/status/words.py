"""Times and numbers as people read them; called by the other modules of this room."""

from __future__ import annotations

from datetime import UTC, datetime

from tom_share_worker.operating.times import clock, count, span

__all__ = ["WAITS", "clock", "count", "deliveries", "sentence", "span", "stamp"]

WAITS = "waits"
"""How a running share reads of which nothing is under way, as its destination takes
nothing. Its status stays `running`, in the rows, the filters and the REST API."""


def deliveries(number: int) -> str:
    """Return so many deliveries in words."""
    return count(number, "delivery", "deliveries")


def stamp(time: datetime | None) -> str:
    """Return date and time to the second in UTC, or a dash."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else "—"


def sentence(text: str) -> str:
    """Return a note with a full stop, so that another sentence can follow it."""
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
