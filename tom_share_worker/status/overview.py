"""How a share stands, read from the rows in a fixed number of queries.

Called by the pages, which show what is found here and decide nothing themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum

from tom_share_worker.delivery.planning.planner import SENDS_TARGET
from tom_share_worker.models import Delivery, Failure, Share, retrying
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.status import words

Status = Delivery.Status

Tally = Sequence[Mapping[str, Any]]
"""What `tally` counts: rows with status, failure, and the numbers."""


@dataclass(frozen=True)
class Datums:
    """How many data points went which way."""

    total: int = 0
    delivered: int = 0
    already_there: int = 0
    refused: int = 0

    @property
    def settled(self) -> int:
        """Return how many have met their fate."""
        return self.delivered + self.already_there + self.refused


@dataclass(frozen=True)
class Progress:
    """How far a share is."""

    status: str
    ended: bool
    planned: bool
    note: str
    deliveries: dict[str, int] = field(default_factory=dict)
    datums: Datums = field(default_factory=Datums)
    targets: int | None = 0
    """How many of what is counted are targets, which messages count, too; None where
    there may be several."""
    received: int = 0
    """How many files are there, and are being processed there."""
    percent: int = 0
    retryable: bool = False
    must_choose: bool = False
    closed: bool = False
    """True while its destination takes nothing."""
    refuses_us: bool = False
    """True while its destination is paused as it refused our account."""

    @property
    def standing(self) -> str:
        """Return the status as people read it: some failures wait for their choice,
        and what is for a destination that takes nothing waits, too.
        """
        if self.closed and self.planned and not self.ended:
            return self.status if self.deliveries["sending"] else words.WAITS
        return WAITS_FOR_A_PERSON if self.ended and self.must_choose else self.status

    @property
    def total(self) -> int:
        """Return how many deliveries there are by now."""
        return sum(self.deliveries.values())

    @property
    def over(self) -> int:
        """Return how many deliveries have ended, well or not."""
        return self.total - self.deliveries["queued"] - self.deliveries["sending"]

    @property
    def sentences(self) -> list[str]:
        """Return what a person reads under the bar."""
        if not self.total:
            waiting = "Nothing is sent yet; the share is being prepared."
            return [] if self.ended else [waiting]
        have = "has" if self.total == 1 else "have"
        said = [f"{self.over:,} of {words.deliveries(self.total)} {have} ended."]
        if not self.planned:
            said.append(self._about_the_rest)
        if self.received:
            files = words.count(self.received, "file")
            are = "has" if self.received == 1 else "have"
            said.append(f"{files} {are} arrived there, to be processed there.")
        if self.datums.total:
            counted = _counted(self.datums.total, self.targets)
            said.append(_datum_sentence(counted, self.datums, self.ended))
        return said

    @property
    def _about_the_rest(self) -> str:
        """Say what becomes of the deliveries that there are not yet."""
        if not self.ended:
            return "More are being prepared."
        # Single ones of a share that was cancelled may be retried.
        going = " What waits of these goes on." if self.over < self.total else ""
        return f"The rest of the share was not prepared.{going}"


def _counted(total: int, targets: int | None) -> str:
    """Say what the fates are of: data points, and in messages their targets."""
    if targets is None:
        return words.count(total, "target or data point", "targets and data points")
    said = [words.count(total - targets, "data point")] if total > targets else []
    said += [words.count(targets, "target")] if targets else []
    return " and ".join(said)


def _datum_sentence(counted: str, datums: Datums, ended: bool) -> str:
    fates = [f"{datums.delivered:,} delivered"]
    if datums.already_there:
        fates.append(f"{datums.already_there:,} already there")
    if datums.refused:
        fates.append(f"{datums.refused:,} refused")
    if open_ := datums.total - datums.settled:
        fates.append(f"{open_:,} not {'sent' if ended else 'yet'}")
    return f"Of {counted}: {', '.join(fates)}."


def tally(share: Share, seen: QuerySet[Delivery] | None = None) -> Tally:
    """Count a share's deliveries and data points by status and cause of failure.

    `seen` are those of its deliveries that the reader may see, if not all. One query
    for the whole page: on a share of 100,000 deliveries, each further one would take
    longer than all the rest.
    """
    counted = share.deliveries.all() if seen is None else seen
    return list(_counts(counted.order_by().values("status", "failure")))


def tallies(shares: Collection[int]) -> dict[int, Tally]:
    """Count the same of each of these shares, whoever may see it, in one query."""
    found: dict[int, list[Mapping[str, Any]]] = {pk: [] for pk in shares}
    counted = Delivery.objects.filter(share__in=shares).order_by()
    for row in _counts(counted.values("share_id", "status", "failure")):
        found[row["share_id"]].append(row)
    return dict(found)


def _counts(rows: Any) -> Any:
    refused = Q(refused_count__gt=0)
    return rows.annotate(
        n=Count("pk"),
        total=Sum("datum_count"),
        delivered=Sum("delivered_count"),
        already_there=Sum("already_there_count"),
        refused=Sum("refused_count"),
        messages=Count("pk", filter=Q(kind=Delivery.Kind.MESSAGE)),
        with_refusals=Count("pk", filter=refused),
        received=Count("pk", filter=_RECEIVED),
        example=Min("pk", filter=refused | Q(status=Status.FAILED)),
    )


_RECEIVED = Q(status=Status.QUEUED) & ~Q(receipt="")
"""Files that are there, and are being processed there."""


def progress(
    share: Share,
    rows: Tally,
    *,
    closed: bool = False,
    refuses_us: bool = False,
    may_prepare: bool = True,
) -> Progress:
    """Sum up how far a share is; say how its destination stands now, and whether the
    reader may have it prepared again.
    """
    counts = dict.fromkeys(Status.values, 0)
    for row in rows:
        counts[row["status"]] += row["n"]
    return Progress(
        status=share.status,
        ended=share.is_ended,
        planned=share.planned,
        note=share.note,
        deliveries=counts,
        datums=Datums(
            *(
                sum(row[name] for row in rows)
                for name in ("total", "delivered", "already_there", "refused")
            )
        ),
        targets=_targets(share, rows),
        received=sum(row["received"] for row in rows),
        percent=100 if share.is_ended else _percent(rows),
        retryable=_retryable(share, rows, refuses_us, may_prepare),
        must_choose=any(must_choose(row) for row in rows),
        closed=closed,
        refuses_us=refuses_us,
    )


def _targets(share: Share, rows: Tally) -> int | None:
    if share.kind not in SENDS_TARGET or not any(row["messages"] for row in rows):
        return 0
    return 1 if share.kind == Share.Kind.TARGET else None


def must_choose(row: Mapping[str, Any]) -> bool:
    """True for a row of the tally that waits for a person's choice of a target."""
    return bool(
        row["status"] == Status.FAILED and row["failure"] == Failure.AMBIGUOUS_TARGET
    )


def _percent(rows: Tally) -> int:
    """Weigh a delivery by itself and its data points, so that large ones move too."""
    done = whole = 0
    for row in rows:
        weight = row["n"] + row["total"]
        whole += weight
        if row["status"] in (Status.QUEUED, Status.SENDING):
            done += row["delivered"] + row["already_there"] + row["refused"]
        else:
            done += weight
    # 100 is for a share that has ended: the last delivery may be a hard one.
    return min(99, 100 * done // whole) if whole else 0


def _retryable(share: Share, rows: Tally, refuses_us: bool, may_prepare: bool) -> bool:
    """True if a person has a reason to press Retry on a share, planned or not."""
    if may_prepare and (not rows or (share.is_ended and not share.planned)):
        return share.status in (Share.Status.FAILED, Share.Status.CANCELLED)
    return any(
        retrying.needs_retry(
            row["status"], row["failure"], row["refused"], refuses_us=refuses_us
        )
        for row in rows
    )
