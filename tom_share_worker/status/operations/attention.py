"""What needs a person: failures by cause with their cure; a part of the overview."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tom_share_worker import conf
from tom_share_worker.models import Failure, IngestFailure
from tom_share_worker.status import words
from tom_share_worker.status.operations import counts, links
from tom_share_worker.status.operations.counts import Failed
from tom_share_worker.status.operations.roles import Role

NAMED = 3
"""Destinations that are named with a cause; the others are counted."""


@dataclass(frozen=True)
class Cause:
    """One cause of failures: how often, what to do, and where to do it."""

    title: str
    count: str
    cure: str
    rows: str
    """The admin's list of them; empty for who may not open it."""
    retry: str
    """The page that asks before all are retried; empty for who may not."""
    verb: str


def causes(
    failed: Sequence[Failed], refused: dict[str, int], role: Role
) -> list[Cause]:
    """Return why deliveries did not arrive, the most frequent cause first."""
    by_cause: dict[Failure, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in failed:
        by_cause[counts.known(row.failure)][row.destination] += row.count
    for destination in refused:
        by_cause[Failure.REFUSED_DATA].setdefault(destination, 0)
    ranked = sorted(by_cause.items(), key=lambda item: -sum(item[1].values()))
    return [_cause(failure, found, refused, role) for failure, found in ranked]


def _cause(
    failure: Failure, found: dict[str, int], refused: dict[str, int], role: Role
) -> Cause:
    chooses = failure == Failure.AMBIGUOUS_TARGET
    said = [words.deliveries(number)] if (number := sum(found.values())) else []
    if failure == Failure.REFUSED_DATA and (partly := sum(refused.values())):
        what = "delivery" if partly == 1 else "deliveries"
        said.append(f"some data points of {partly:,} {what} that arrived otherwise")
    asked: dict[str, Any] = {"failure": failure.value}
    return Cause(
        title="Waits for a person" if chooses else str(failure.label),
        count=f"{' and '.join(said)}, to {_named(found)}",
        cure=failure.cure,
        rows=links.rows("delivery", **_listed(failure))
        if role.lists_deliveries
        else "",
        retry=links.page("retry", **asked) if role.retries and not chooses else "",
        verb="Retry all…",
    )


def _listed(failure: Failure) -> dict[str, str]:
    """Return the filter of the admin's list; refused data is within others, too."""
    if failure == Failure.REFUSED_DATA:
        return {"failure": failure.value}
    return {"failure": failure.value, "status": "failed"}


def _named(destinations: Iterable[str]) -> str:
    names = sorted({conf.display_name(key) for key in destinations})
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def jobs(failed: dict[str, int], role: Role) -> list[Cause]:
    """Return why incoming files could not be read, the most frequent cause first."""
    ranked = sorted(failed.items(), key=lambda item: -item[1])
    return [
        Cause(
            title=f"Incoming: {_job_failure(name).label.lower()}",
            count=words.count(number, "incoming file"),
            cure=_job_failure(name).cure,
            rows=links.rows("ingestjob", failure=name, status="failed")
            if role.lists_jobs
            else "",
            retry=links.page("reprocess", failure=name) if role.reprocesses else "",
            verb="Reprocess all…",
        )
        for name, number in ranked
    ]


def _job_failure(name: str) -> IngestFailure:
    known = name in IngestFailure.values
    return IngestFailure(name) if known else IngestFailure.OUR_FAULT
