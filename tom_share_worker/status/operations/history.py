"""What ended when: counted in bins of time, for the charts and their tables.

Called by `charts`. The database counts, with an index that begins with the time; what
comes back is a few hundred rows, whatever went through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Func, IntegerField, QuerySet

from tom_share_worker.models import Attempt, Delivery, IngestJob
from tom_share_worker.status import words


@dataclass(frozen=True)
class Period:
    """How far back a chart looks, and how finely."""

    key: str
    name: str
    length: timedelta
    bin: timedelta

    @property
    def seconds(self) -> int:
        """Return the length of a bin in seconds."""
        return int(self.bin.total_seconds())

    @property
    def bin_words(self) -> str:
        """Return the length of a bin in words."""
        return words.span(self.bin)


PERIODS = (
    Period("hour", "Last hour", timedelta(hours=1), timedelta(minutes=2)),
    Period("day", "Last 24 hours", timedelta(hours=24), timedelta(minutes=30)),
    Period("week", "Last 7 days", timedelta(days=7), timedelta(hours=4)),
)
DEFAULT = "day"


def period(key: str) -> Period:
    """Return a period by its key, or the one that is shown where none is asked for."""
    by_key = {each.key: each for each in PERIODS}
    return by_key.get(key, by_key[DEFAULT])


class _Bin(Func):
    """The number of the bin in which a time lies, counted from 1970.

    Django's own functions for this know hours and days only, and are written in Python
    where the database is SQLite: ten times slower.
    """

    output_field = IntegerField()
    template = "FLOOR(DATE_PART('epoch', %(expressions)s) / %(seconds)s)::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """Cut off the fraction, which it would round up, and divide whole numbers."""
        time = "strftime('%%%%s', substr(%(expressions)s, 1, 19))"
        template = f"(CAST({time} AS INTEGER) / %(seconds)s)"
        return self.as_sql(compiler, connection, template=template, **more)


@dataclass(frozen=True)
class History:
    """How many of which kind ended in each bin; the kinds in their order."""

    starts: Sequence[datetime]
    counts: dict[str, list[int]]

    @property
    def is_empty(self) -> bool:
        """True if nothing ended in all this time."""
        return not any(any(line) for line in self.counts.values())

    def totals(self) -> dict[str, int]:
        """Return how many of each kind there are in all."""
        return {kind: sum(line) for kind, line in self.counts.items()}


def deliveries(over: Period, now: datetime) -> History:
    """Count deliveries by how they ended."""
    return _history(Delivery.objects.all(), "status", _ENDS, over, now)


def failures(over: Period, now: datetime) -> History:
    """Count attempts that failed by their cause, whether tried again or not."""
    failed = Attempt.objects.filter(failure__gt="")
    return _history(failed, "failure", (), over, now)


def ingest_jobs(over: Period, now: datetime) -> History:
    """Count ingest jobs by how they ended."""
    ends = tuple(status.value for status in IngestJob.ENDED)
    return _history(IngestJob.objects.all(), "status", ends, over, now)


_ENDS = (
    Delivery.Status.DELIVERED.value,
    Delivery.Status.FAILED.value,
    Delivery.Status.CANCELLED.value,
)


def _history(
    rows: QuerySet[Any], by: str, kinds: Sequence[str], over: Period, now: datetime
) -> History:
    """Count rows per bin and kind; kinds that are not named come by frequency."""
    last = int(now.timestamp()) // over.seconds
    first = last - int(over.length / over.bin) + 1
    begin = datetime.fromtimestamp(first * over.seconds, UTC)
    found = (
        rows.filter(ended__gte=begin, ended__isnull=False)
        .order_by()
        .annotate(bin=_Bin(F("ended"), seconds=over.seconds))
        .values_list("bin", by)
        .annotate(n=Count("*"))
    )
    per_bin = {(number, kind): n for number, kind, n in found}
    totals: Counter[str] = Counter()
    for (_, kind), n in per_bin.items():
        totals[kind] += n
    bins = range(first, last + 1)
    return History(
        [datetime.fromtimestamp(each * over.seconds, UTC) for each in bins],
        {
            kind: [per_bin.get((each, kind), 0) for each in bins]
            for kind in kinds or [kind for kind, _ in totals.most_common()]
        },
    )
