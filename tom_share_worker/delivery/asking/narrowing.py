"""Narrows the rows of a section of the share page: by date, filter and origin.

Called by `choosing`. What cannot be read as a date narrows nothing, as an empty field.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from tom_share_worker.delivery.outcomes import storable


@dataclass(frozen=True)
class Narrowing:
    """What a person typed over the rows of one kind of data points."""

    since: str = ""
    until: str = ""
    bandpass: str = ""
    origin: str = ""

    @classmethod
    def asked(cls, request: HttpRequest, kind: str) -> Narrowing:
        """Read the fields of one kind."""
        names = ("since", "until", "bandpass", "origin")
        typed = (request.GET.get(f"{kind}-{name}", "") for name in names)
        return cls(*(storable(text).strip() for text in typed))

    @property
    def is_asked(self) -> bool:
        """True if anything was typed."""
        return self != Narrowing()

    @property
    def objection(self) -> str:
        """Say what is wrong with what was typed, or nothing."""
        since, until = _midnight(self.since), _midnight(self.until)
        return "From is later than To." if since and until and since > until else ""

    def apply(self, data: Any) -> Any:
        """Return the data points that were asked for; both days are included."""
        if (since := _midnight(self.since)) is not None:
            data = data.filter(timestamp__gte=since)
        if (until := _midnight(self.until)) is not None:
            data = data.filter(timestamp__lt=until + timedelta(days=1))
        if self.bandpass:
            data = data.filter(bandpass__iexact=self.bandpass)
        if self.origin:
            data = data.filter(
                Q(telescope__icontains=self.origin)
                | Q(instrument__icontains=self.origin)
                | Q(source_name__icontains=self.origin)
            )
        return data


def _midnight(day: str) -> datetime | None:
    try:
        begun = datetime.combine(date.fromisoformat(day), time(tzinfo=UTC))
    except ValueError:
        return None
    # Beyond these, adding a day or changing to another time zone would overflow.
    return begun if 1 < begun.year < date.max.year else None
