"""What went through and what failed over time: figures for plotly, and their tables.

Called by `views`. A figure is the dictionary that plotly.js takes, without colours of
text and ground, which the page's script takes from the theme of the admin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from tom_share_worker.models import Failure
from tom_share_worker.status import words
from tom_share_worker.status.operations import history
from tom_share_worker.status.operations.history import History, Period

# Told apart by people who see few colours, and from light and dark ground.
_COLOURS = {
    "delivered": "#0a8f6a",
    "done": "#0a8f6a",
    "failed": "#d5581a",
    "cancelled": "#8a8a8a",
}
_CAUSES = (
    *("#d5581a", "#3d85c6", "#b8860b", "#b565a7", "#0a8f6a", "#8a8a8a"),
    *("#1f9bb5", "#6a7fdb", "#7a8b3a"),
)
_HATCHED = ("failed",)
"""Drawn with lines, so that they stand out without any colour."""


@dataclass(frozen=True)
class Chart:
    """One chart, and the same in words and numbers."""

    key: str
    title: str
    meaning: str
    figure: dict[str, Any]
    kinds: list[tuple[str, int]]
    """Each kind with how many there are in all."""
    table: list[tuple[str, list[int]]]
    """The beginning of a bin, and how many of each kind; bins without any left out."""

    @property
    def script(self) -> str:
        """Return the id under which the page's script finds the figure."""
        return f"figure-{self.key}"

    @property
    def summary(self) -> str:
        """Say in words what it shows."""
        counted = ", ".join(f"{n:,} {kind.lower()}" for kind, n in self.kinds if n)
        return f"{counted}." if counted else "Nothing in this time."


def of(over: Period) -> list[Chart]:
    """Return the charts of a period: three queries."""
    now = timezone.now()
    return [_chart(over, now, *spec) for spec in _CHARTS]


_CHARTS: tuple[tuple[str, str, str, Callable[[Period, datetime], History]], ...] = (
    (
        "deliveries",
        "Deliveries that ended",
        "What was retried since counts when it ends again.",
        history.deliveries,
    ),
    (
        "failures",
        "Attempts that failed, by cause",
        "Most are tried again by themselves, and arrive later.",
        history.failures,
    ),
    (
        "ingest",
        "Incoming files that were read",
        "Done, or failed with the file kept.",
        history.ingest_jobs,
    ),
)


def _chart(
    over: Period,
    now: datetime,
    key: str,
    title: str,
    meaning: str,
    count: Callable[[Period, datetime], History],
) -> Chart:
    found = count(over, now)
    named = {_label(kind): line for kind, line in found.counts.items()}
    lines = zip(*named.values(), strict=True) if named else ()
    return Chart(
        key=key,
        title=title,
        meaning=meaning,
        figure=figure(found, over),
        kinds=[(name, sum(line)) for name, line in named.items()],
        table=[
            (words.stamp(start)[:-3], list(line))
            for start, line in zip(found.starts, lines, strict=False)
            if any(line)
        ],
    )


def _label(kind: str) -> str:
    if kind in Failure.values:
        return str(Failure(kind).label)
    return kind.capitalize()


def figure(found: History, over: Period) -> dict[str, Any]:
    """Return bars on top of each other, one for each bin; times are in UTC."""
    starts = [f"{start:%Y-%m-%d %H:%M}" for start in found.starts]
    width = over.seconds * 1000
    bars = [
        {
            "type": "bar",
            "name": _label(kind),
            "x": starts,
            "y": line,
            "width": width * 0.9,
            "offset": 0,
            "marker": _marker(kind, place),
            "hovertemplate": "%{x|%d %b %H:%M} UTC: %{y:,}",
        }
        for place, (kind, line) in enumerate(found.counts.items())
        if any(line)
    ]
    end = found.starts[-1] + over.bin
    return {"data": bars, "layout": _layout(starts[0], f"{end:%Y-%m-%d %H:%M}")}


def _marker(kind: str, place: int) -> dict[str, Any]:
    colour = _COLOURS.get(kind, _CAUSES[place % len(_CAUSES)])
    hatched = {"pattern": {"shape": "/", "solidity": 0.6, "fillmode": "overlay"}}
    return {"color": colour, **(hatched if kind in _HATCHED else {})}


def _layout(begin: str, end: str) -> dict[str, Any]:
    return {
        "barmode": "stack",
        "height": 260,
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "showlegend": True,
        "legend": {
            "traceorder": "normal",
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
        },
        "xaxis": {
            "type": "date",
            "range": [begin, end],
            "title": {"text": "UTC"},
            "fixedrange": True,
        },
        "yaxis": {
            "rangemode": "tozero",
            "tickformat": ",d",
            "fixedrange": True,
        },
    }
