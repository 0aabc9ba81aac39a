"""What the other side refused of a share, and why: the most frequent reasons first.

Called by the share's page. The reasons stand in the ledgers of the deliveries, which
may be large: of a share with many refusals only the first ledgers are read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Min, QuerySet

from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.models import Delivery, Failure
from tom_share_worker.status import overview, words

SHOWN = 10
"""Reasons on the page; the pages of the deliveries have them all."""

READ = 50
"""Ledgers that are read at most."""

READ_DATUMS = 20_000
"""Data points after which no further ledger is read."""


@dataclass(frozen=True)
class Reason:
    """Why something was refused, how much of it, and where that is told."""

    text: str
    count: str
    example: int


@dataclass(frozen=True)
class Refusals:
    """The reasons that are shown, and what is left out."""

    reasons: list[Reason]
    more: int = 0
    unread: int = 0


def of(seen: QuerySet[Delivery], tally: overview.Tally) -> Refusals:
    """Gather why data of these deliveries was refused, which the tally has counted."""
    points, examples, read = _from_ledgers(seen)
    found = [
        (number, Reason(text, words.count(number, "data point"), examples[text]))
        for text, number in points.items()
    ]
    whole = seen.filter(
        status=Delivery.Status.FAILED, failure=Failure.REFUSED_DATA, refused_count=0
    )
    rows = whole.order_by().values("note").annotate(n=Count("pk"), first=Min("pk"))
    found += [
        (n, Reason(note, words.deliveries(n), first))
        for note, n, first in rows.order_by("-n").values_list("note", "n", "first")
    ]
    found.sort(key=lambda one: -one[0])
    reasons = [reason for _, reason in found]
    unread = sum(row["with_refusals"] for row in tally) - read
    return Refusals(reasons[:SHOWN], max(0, len(reasons) - SHOWN), max(0, unread))


def _from_ledgers(seen: QuerySet[Delivery]) -> tuple[Counter[str], dict[str, int], int]:
    """Count the reasons within deliveries; say how many of these were read."""
    with_refusals = seen.filter(refused_count__gt=0).order_by("position")
    sizes = with_refusals.values_list("pk", "datum_count")[:READ]
    read: list[int] = []
    total = 0
    for pk, size in sizes:
        if read and total + size > READ_DATUMS:
            break
        read.append(pk)
        total += size
    counted: Counter[str] = Counter()
    examples: dict[str, int] = {}
    ledgers = with_refusals.filter(pk__in=read).values_list("pk", "ledger")
    for pk, ledger in ledgers:
        for _, reason in Ledger(ledger).refused():
            text = reason or "No reason was given."
            counted[text] += 1
            examples.setdefault(text, pk)
    return counted, examples, len(read)
