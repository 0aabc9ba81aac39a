"""Why parts of a share did not arrive, and what a person can do about it.

Called by the pages; the cures are those of `models.Failure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tom_share_worker.models import Delivery, Failure
from tom_share_worker.models.retrying import has_failed
from tom_share_worker.status import words
from tom_share_worker.status.overview import Tally

Status = Delivery.Status


@dataclass(frozen=True)
class Cause:
    """One reason why parts of a share did not arrive, and what to do about it."""

    failure: Failure
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
    rows = [row for row in tally if has_failed(row["status"], row["refused"])]
    rows.sort(key=lambda row: -row["n"])
    found = Delivery.objects.defer("ledger").select_related("data_product")
    examples = found.in_bulk([row["example"] for row in rows])
    return [
        Cause(
            _failure(row["status"], row["failure"]),
            _how_many(row),
            examples.get(row["example"]),
        )
        for row in rows
    ]


def cure(delivery: Delivery) -> str:
    """Return what a person can do for one delivery, or nothing where none is needed."""
    if has_failed(delivery.status, delivery.refused_count):
        return _failure(delivery.status, delivery.failure).cure
    return ""


def _failure(status: str, failure: str) -> Failure:
    if status == Status.DELIVERED:
        return Failure.REFUSED_DATA
    return Failure(failure) if failure in Failure.values else Failure.OUR_FAULT


def _how_many(row: Mapping[str, Any]) -> str:
    if row["status"] == Status.DELIVERED:
        points = words.count(row["refused"], "data point")
        within = words.deliveries(row["with_refusals"])
        return f"{points} in {within}, whose other data arrived"
    return words.deliveries(row["n"])
