"""Bulk actions in words: which rows a filter means, and what came of it.

Called by `bulk` for the row, and by pages that ask before they act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from django.utils.dateparse import parse_datetime

from tom_share_worker import conf
from tom_share_worker.models import BulkAction, Delivery, Destination, Share
from tom_share_worker.operating import times
from tom_share_worker.operating.vocabulary import CHOICES

Rows = BulkAction.Rows
Verb = BulkAction.Verb

_NOUNS = {
    Rows.SHARES: ("share", "shares"),
    Rows.DELIVERIES: ("delivery", "deliveries"),
    Rows.INGEST_JOBS: ("ingest job", "ingest jobs"),
}

_TIMES = {
    "since": "since {}",
    "until": "until {}",
    "created_since": "created since {}",
    "created_until": "created until {}",
    "ended_since": "ended since {}",
    "ended_until": "ended until {}",
}


def counted(number: int, rows: str) -> str:
    """Return so many rows in words."""
    return times.count(number, *_NOUNS[Rows(rows)])


def described(rows: str, filters: Mapping[str, Any]) -> str:
    """Say which rows a cleaned filter means: deliveries to Partner TOM, failed."""
    said = [_NOUNS[Rows(rows)][1]]
    if "ids" in filters:
        said = [f"{counted(len(filters['ids']), rows)} chosen one by one"]
    if keys := filters.get("destination"):
        said[0] += f" to {_listed(conf.display_name(key) for key in keys)}"
    if "share" in filters:
        said[0] += f" of share {filters['share']}"
    for name, words in (("status", "{}"), ("failure", "for {}"), ("origin", "by {}")):
        if values := filters.get(name):
            said.append(words.format(_labels(rows, name, values)))
    if kinds := filters.get("kind"):
        said.append(f"of kind {_labels(rows, 'kind', kinds)}")
    if user := filters.get("user"):
        said.append(f"asked for by {user}")
    said += [
        words.format(_clock(filters[name]))
        for name, words in _TIMES.items()
        if name in filters
    ]
    if search := filters.get("search"):
        said.append(f"with “{search}”")
    return ", ".join(said)


def _labels(rows: str, name: str, values: Iterable[str]) -> str:
    choices = CHOICES.get((rows, name))
    named = [str(choices(one).label) if choices else one for one in values]
    return _listed(one[0].lower() + one[1:] if choices else one for one in named)


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _clock(text: str) -> str:
    found = parse_datetime(text)
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if found else text


DONE = {
    (Verb.RETRY, Rows.SHARES): "will be sent again",
    (Verb.RETRY, Rows.DELIVERIES): "will be sent again",
    (Verb.CANCEL, Rows.SHARES): "cancelled",
    (Verb.CANCEL, Rows.DELIVERIES): "cancelled",
    (Verb.REPROCESS, Rows.INGEST_JOBS): "will be processed again",
    (Verb.CANCEL, Rows.INGEST_JOBS): "cancelled",
}
"""What became of the rows, to be put after how many there are."""

_EFFECTS = {
    (Verb.RETRY, Rows.SHARES): "What of them did not arrive is sent again, and what "
    "waits is sent at once, as fast as the destination allows.",
    (Verb.RETRY, Rows.DELIVERIES): "What did not arrive is sent again, and what waits "
    "is sent at once, as fast as the destination allows.",
    (
        Verb.CANCEL,
        Rows.SHARES,
    ): "No more of them is sent; what has arrived stays there.",
    (Verb.CANCEL, Rows.DELIVERIES): "They are not sent; what has arrived stays there.",
    (Verb.REPROCESS, Rows.INGEST_JOBS): "The files are read again; what was read from "
    "them before is replaced when that has gone well.",
    (Verb.CANCEL, Rows.INGEST_JOBS): "The files are not processed, and kept.",
}


def effect(verb: str, rows: str) -> str:
    """Say what a verb does with rows, before it does."""
    return _EFFECTS[Verb(verb), Rows(rows)]


_LEFT = {
    Verb.RETRY: "had arrived, or {were} under way",
    Verb.CANCEL: "had ended already",
    Verb.REPROCESS: "{were} under way already, or had no data product any more",
}


def outcome(action: BulkAction, left: int) -> str:
    """Say what became of the rows, and why some go later."""
    verb, rows = Verb(action.verb), Rows(action.rows)
    if not action.done_count and not left:
        return "Nothing matched any more, so nothing was done."
    said = f"{counted(action.done_count, rows)} {DONE[verb, rows]}."
    if left:
        were = "was" if left == 1 else "were"
        why = _LEFT[verb].format(were=were)
        said += (
            f" {left:,} {were} left alone, as {'it' if left == 1 else 'they'} {why}."
        )
    if verb == Verb.RETRY and action.done_count:
        said += _paused(action)
    return said


def _paused(action: BulkAction) -> str:
    """Say what of it waits until a person resumes a destination, or nothing."""
    closed = Destination.objects.filter(paused=True)
    if keys := action.filters.get("destination"):
        closed = closed.filter(key__in=[*keys, *_topics(keys)])
    names = sorted({str(one) for one in closed if _waits(one.key)})
    if not names:
        return ""
    are = "is" if len(names) == 1 else "are"
    return (
        f" What is for {' and '.join(names)} waits until {' and '.join(names)} {are} "
        f"resumed."
    )


def _topics(keys: Iterable[str]) -> list[str]:
    found = Destination.objects.values_list("key", flat=True)
    return [key for key in found if key.partition(":")[0] in keys]


def _waits(key: str) -> bool:
    """True where anything waits for a destination."""
    waiting = Delivery.objects.filter(destination=key, status=Delivery.Status.QUEUED)
    unplanned = Share.objects.filter(destination=key, planned=False)
    return waiting.exists() or unplanned.exists()


_TELLING = ("search", "user", "share", "ids")
"""Filters that may name a target or a person."""


def described_plainly(action: BulkAction) -> str:
    """Say which rows an action means, to people who may not see all of them."""
    plain = {k: v for k, v in action.filters.items() if k not in _TELLING}
    more = ", narrowed further" if len(plain) < len(action.filters) else ""
    return f"{described(action.rows, plain)}{more}"
