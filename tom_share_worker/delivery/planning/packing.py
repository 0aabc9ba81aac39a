"""The steps in which a share is planned, how large they are, and how they are packed
into messages.

Used by the planner. A TOM gets each step as a delivery of its own; a destination that
takes messages gets as many of them together as one message holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from tom_share_worker import conf
from tom_share_worker.delivery.ledger import TARGET, Key
from tom_share_worker.models import Delivery

TARGET_ITSELF = -1
"""The stage of a target before the stages of its data."""

CAPACITY = 1000
"""What one message holds, a target or a data point being 1. A thousand of photometry
are some 300 kB, and the streams behind Hermes take a megabyte at most."""

WEIGHTS = {"spectroscopy": 250}
"""What weighs more: a spectrum of 4,000 points with errors is some 240 kB."""

LARGEST = {"photometry": 2000, "astrometry": 2000, "generic": 500}
"""Data points of a delivery to a TOM that takes them in batches, at most: each delivery
costs much the same, however few it has. Of other kinds not more than to a stock TOM: a
hundred spectra of 4,000 points are 40 MB in the memory of the worker."""

NAME_LENGTH = 100
"""Characters that a delivery keeps of a target's name."""


@dataclass(frozen=True)
class Cursor:
    """Where planning goes on: this target, this stage, data points above this id."""

    target: int = 0
    stage: int = TARGET_ITSELF
    above: int = 0

    def row(self) -> list[int]:
        return [self.target, self.stage, self.above]


@dataclass(frozen=True)
class Planned:
    """One delivery to be, and where planning goes on after it."""

    kind: str
    target_id: int
    target_name: str
    then: Cursor
    keys: list[Key] = field(default_factory=list)
    data_product_id: int | None = None


def size(kind: str, batch: int | None) -> int:
    """Return how many data points of a kind go into one delivery.

    `batch` is what the destination takes in one request; None for a stock TOM, which
    takes one.
    """
    usual = conf.settings().BATCH_SIZE
    return max(usual, min(LARGEST.get(kind, 0), batch or 0))


def batches(pks: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield ids, so many at a time."""
    rest = iter(pks)
    while batch := list(islice(rest, size)):
        yield batch


def chunk(
    walk: Iterable[Planned], most: int, datums: int
) -> tuple[list[Planned], bool]:
    """Return the next deliveries, and True where no more come after them.

    Not more than `most`, and no more once they name so many data points.
    """
    found: list[Planned] = []
    for planned in walk:
        found.append(planned)
        datums -= len(planned.keys)
        if len(found) >= most or datums <= 0:
            return found, False
    return found, True


def into_messages(steps: Iterable[Planned]) -> Iterator[Planned]:
    """Pack steps into messages, in their order; data products are no part of one."""
    packed: list[Planned] = []
    room = CAPACITY
    for step in _pieces(steps):
        weight = sum(map(_weight, step.keys))
        if packed and weight > room:
            yield _message(packed)
            packed, room = [], CAPACITY
        packed.append(step)
        room -= weight
    if packed:
        yield _message(packed)


def _pieces(steps: Iterable[Planned]) -> Iterator[Planned]:
    """Yield the steps by their keys, one each: a message may end between any two."""
    for step in steps:
        if step.kind == Delivery.Kind.TARGET:
            yield replace(step, keys=[Key(TARGET, step.target_id)])
        elif step.kind == Delivery.Kind.DATUMS:
            for key in step.keys:
                then = replace(step.then, above=key.pk)
                yield replace(step, keys=[key], then=then)


def _weight(key: Key) -> int:
    return WEIGHTS.get(key.kind, 1)


def _message(packed: list[Planned]) -> Planned:
    first, last = packed[0], packed[-1]
    others = len({step.target_id for step in packed}) - 1
    and_more = f" and {others} more" if others else ""
    name = first.target_name[: NAME_LENGTH - len(and_more)] + and_more
    return Planned(
        Delivery.Kind.MESSAGE,
        first.target_id,
        name,
        last.then,
        [key for step in packed for key in step.keys],
    )
