"""What a delivery's ledger tells a person: the data points that did not arrive.

Called by the delivery's page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.models import Delivery
from tom_share_worker.status import words

SHOWN = 200
"""Data points listed of each fate; a batch may hold more where settings say so."""


@dataclass(frozen=True)
class Fates:
    """The data points that were refused, and those whose fate is open, by name."""

    refused: list[tuple[str, str]]
    refused_count: int
    pending: list[str]
    pending_count: int

    @property
    def pending_more(self) -> int:
        """Return how many more are open."""
        return self.pending_count - len(self.pending)


def of(delivery: Delivery, reader: Any) -> Fates:
    """Read a delivery's ledger, as many of each fate as fit on a page.

    One query for each kind of data points among them.
    """
    ledger = Ledger(delivery.ledger)
    refused, pending = ledger.refused(), ledger.pending()
    shown = [*refused[:SHOWN]], pending[:SHOWN]
    name = _names(reader, [*(key for key, _ in shown[0]), *shown[1]])
    return Fates(
        [(name[key], reason) for key, reason in shown[0]],
        len(refused),
        [name[key] for key in shown[1]],
        len(pending),
    )


def _names(reader: Any, keys: Iterable[Key]) -> dict[Key, str]:
    """Call each data point by its time, where it is there and the reader may view it.

    Its id alone would tell nobody which one to correct.
    """
    by_kind: dict[str, list[int]] = {}
    for key in keys:
        by_kind.setdefault(key.kind, []).append(key.pk)
    names = {}
    for kind, pks in by_kind.items():
        times = _times(reader, kind, pks)
        for pk in pks:
            when = f" of {words.stamp(times[pk])} UTC" if pk in times else ""
            names[Key(kind, pk)] = f"{kind}{when} (number {pk})"
    return names


def _times(reader: Any, kind: str, pks: list[int]) -> dict[int, Any]:
    model: Any = toolkit.DATUM_MODELS.get(kind)
    if model is None:  # a target, which a message names, too
        return {}
    found = toolkit.viewable_datums(reader, kind, model.objects.filter(pk__in=pks))
    return dict(found.order_by().values_list("pk", "timestamp"))
