"""Why parts of a share did not arrive, and what a person can do about it.

Called by the pages and the REST API; the cures are those of `models.Failure`, and the
button that brings one about is found by `cures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from tom_share_worker.models import Delivery, Failure
from tom_share_worker.models.retrying import has_failed
from tom_share_worker.status import words
from tom_share_worker.status.overview import Tally

Status = Delivery.Status


@dataclass(frozen=True)
class Cause:
    """One reason why parts of a share did not arrive, and what to do about it."""

    failure: Failure
    number: int
    count: str
    example: Delivery | None

    @property
    def title(self) -> str:
        """Return the reason as a heading."""
        return self.failure.value.capitalize()

    @property
    def cure(self) -> str:
        """Return what a person can do."""
        return self.failure.cure


def of_tally(tally: Tally) -> list[Cause]:
    """Say why what was counted did not arrive, the most frequent cause first."""
    by_cause = _by_cause(tally)
    found = Delivery.objects.defer("ledger").select_related("data_product")
    examples = found.in_bulk([rows[0]["example"] for rows in by_cause.values()])
    causes = [
        Cause(failure, _number(rows), _how_many(rows), examples.get(rows[0]["example"]))
        for failure, rows in by_cause.items()
    ]
    return sorted(causes, key=lambda cause: -cause.number)


def numbers(tally: Tally) -> dict[Failure, int]:
    """Count what did not arrive by its cause, without a query."""
    return {failure: _number(rows) for failure, rows in _by_cause(tally).items()}


def _by_cause(tally: Tally) -> dict[Failure, list[Any]]:
    found: dict[Failure, list[Any]] = {}
    for row in tally:
        if has_failed(row["status"], row["refused"]):
            failure = _failure(row["status"], row["failure"])
            found.setdefault(failure, []).append(row)
    return found


def cure(delivery: Delivery) -> str:
    """Return what a person can do for one delivery, or nothing where none is needed."""
    if has_failed(delivery.status, delivery.refused_count):
        return _failure(delivery.status, delivery.failure).cure
    return ""


def deliveries_with(failure: str) -> Q:
    """Return the condition that a delivery did not arrive for this cause."""
    named = [failure]
    if failure == Failure.OUR_FAULT:
        named.append("")
    condition = Q(status=Status.FAILED, failure__in=named)
    if failure == Failure.REFUSED_DATA:
        condition |= Q(status=Status.DELIVERED, refused_count__gt=0)
    return condition


def _failure(status: str, failure: str) -> Failure:
    if status == Status.DELIVERED:
        return Failure.REFUSED_DATA
    return Failure(failure) if failure in Failure.values else Failure.OUR_FAULT


def _number(rows: Sequence[Any]) -> int:
    """Return how many deliveries did not arrive, or not all of them."""
    return sum(
        row["with_refusals"] if row["status"] == Status.DELIVERED else row["n"]
        for row in rows
    )


def _how_many(rows: Sequence[Any]) -> str:
    failed = sum(row["n"] for row in rows if row["status"] != Status.DELIVERED)
    said = [words.deliveries(failed)] if failed else []
    for row in rows:
        if row["status"] == Status.DELIVERED:
            points = words.count(row["refused"], "data point")
            within = words.deliveries(row["with_refusals"])
            said.append(f"{points} in {within}, whose other data arrived")
    return ", and ".join(said)
