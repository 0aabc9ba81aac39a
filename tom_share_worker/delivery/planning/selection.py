"""What a share concerns: targets, data points and data products, as far as its owner
may share them.

Asked by the planner, piece by piece. What was ticked one by one is held in memory, as
the share's row holds it, too; of what is meant as a whole, never more than a page.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.models import Share

PAGE = 50
"""Targets loaded at a time: a chunk of the planner uses no more."""

SLICE = 1000
"""Ids named in one query, or fetched by one: databases bound the former, SQLite at
32,766 or less."""

DATUM_KINDS = tuple(toolkit.DATUM_MODELS)
PRODUCTS = "data_products"
"""The key of data products in a selection, beside the kinds of data points."""

WHOLE = "all"
"""The key in a selection that lists the kinds of which everything is meant."""

NAMES_TARGETS = (Share.Kind.TARGETS, Share.Kind.TARGET_LIST)
"""The kinds of shares that may name targets one by one."""


class Selection:
    """What one share concerns; made once for the planning of a share to its end."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self.whole = frozenset(_whole(share))
        self._named = {
            kind: pks for kind, pks in _named(share) if kind not in self.whole
        }

    def targets(self, first: int = 0) -> Iterator[Any]:
        """Yield the targets in the order of their ids, from an id on."""
        found = _shareable(self.share)
        wanted = self._wanted_targets()
        if wanted is None:
            while page := list(found.filter(pk__gte=first).order_by("pk")[:PAGE]):
                yield from page
                first = page[-1].pk + 1
            return
        for some in _slices((pk for pk in wanted if pk >= first), PAGE):
            yield from found.filter(pk__in=some).order_by("pk")

    def pks(self, kind: str, target_pk: int, above: int = 0) -> Iterator[int]:
        """Yield the ids of one kind that a target has and the share means, ascending.

        The kind is one of the data points or of the data products.
        """
        if kind not in self.whole:
            pks = self._found.get(target_pk, {}).get(kind, [])
            yield from pks[bisect_right(pks, above) :]
            return
        # A query each for the next ones and not one cursor for all: a cursor would
        # hold its transaction open while the chunks are written in theirs.
        having = _shareable_data(self.share.user, kind).filter(target_id=target_pk)
        while page := list(having.filter(pk__gt=above)[:SLICE]):
            yield from (pk for pk, _ in page)
            above = page[-1][0]

    @property
    def names_products(self) -> bool:
        """True if data products are meant, whole or one by one."""
        return PRODUCTS in self.whole or PRODUCTS in self._named

    def left_out(self) -> str:
        """Say what was asked for and is not sent, or nothing."""
        missing = {"target": self._missing_targets()} | {
            f"selected {noun}": self._missing(*kinds)
            for noun, kinds in (
                ("data point", DATUM_KINDS),
                ("data product", (PRODUCTS,)),
            )
        }
        return _sentence({noun: n for noun, n in missing.items() if n > 0})

    def _missing(self, *kinds: str) -> int:
        if self.share.kind == Share.Kind.DATA_PRODUCT:
            return 0  # it is all there is, and the share says so
        asked = sum(len(self._named.get(kind, ())) for kind in kinds)
        return asked and asked - sum(
            len(of_target.get(kind, ()))
            for of_target in self._found.values()
            for kind in kinds
        )

    def _missing_targets(self) -> int:
        if self.share.kind not in NAMES_TARGETS:
            return 0
        asked = self.share.selection.get("targets")
        allowed = _shareable(self.share)
        if asked is not None:
            there = sum(allowed.filter(pk__in=some).count() for some in _slices(asked))
            return len(set(asked)) - int(there)
        listed = toolkit.TargetList.objects.filter(pk=self.share.target_list_id)
        return int(listed.values("targets__pk").count() - allowed.count())

    def _wanted_targets(self) -> Iterable[int] | None:
        """Return the ids that are named, by themselves or by data; None for all."""
        share = self.share
        if share.kind == Share.Kind.TARGETS:
            return [*share.selection.get("targets", ())]
        if share.kind == Share.Kind.TARGET_LIST:
            named: list[int] | None = share.selection.get("targets")
            return named
        if share.kind == Share.Kind.DATA_PRODUCT:
            return self._found
        if share.target_id:
            return None
        if share.kind != Share.Kind.DATUMS:
            return []  # its target was deleted; its data may be another's by now
        return self._found

    @cached_property
    def _found(self) -> dict[int, dict[str, list[int]]]:
        """Sort what was named by the targets that have it, as far as it is there.

        One pass over all that is named: data of a thousand targets do not ask a
        thousand times.
        """
        found: dict[int, dict[str, list[int]]] = {}
        for kind, pks in self._named.items():
            having = _shareable_data(self.share.user, kind)
            if self.share.target_id and self.share.kind != Share.Kind.DATA_PRODUCT:
                having = having.filter(target_id=self.share.target_id)
            for some in _slices(pks):
                for pk, target_pk in having.filter(pk__in=some):
                    found.setdefault(target_pk, {}).setdefault(kind, []).append(pk)
        return found


def _named(share: Share) -> Iterator[tuple[str, set[int]]]:
    """Yield the ids of each kind that are named one by one."""
    if share.kind == Share.Kind.DATA_PRODUCT:
        yield PRODUCTS, {share.data_product_id} if share.data_product_id else set()
        return
    for kind in (*DATUM_KINDS, PRODUCTS):
        if pks := share.selection.get(kind):
            yield kind, set(pks)


def _whole(share: Share) -> Iterator[str]:
    """Yield the kinds of which everything is meant."""
    yield from share.selection.get(WHOLE, ())
    if share.with_data or share.kind == Share.Kind.TARGET_DATA:
        yield from DATUM_KINDS


def _shareable(share: Share) -> Any:
    """Return the targets that a share may concern by its kind and its owner."""
    found = permissions.targets(share.user)
    if share.kind == Share.Kind.TARGET_LIST:
        lists = toolkit.TargetList.objects.filter(pk=share.target_list_id)
        return found.filter(pk__in=lists.values("targets__pk"))
    if share.target_id and share.kind != Share.Kind.DATA_PRODUCT:
        return found.filter(pk=share.target_id)
    return found


def _shareable_data(user: Any, kind: str) -> Any:
    """Return what a person may share of one kind as (id, target's id), ascending."""
    if kind == PRODUCTS:
        having = permissions.data_products(user)
    else:
        model = toolkit.DATUM_MODELS[kind]
        having = permissions.datums(user, kind, model._default_manager.all())
    return having.order_by("pk").values_list("pk", "target_id")


def _slices(ids: Iterable[int], size: int = SLICE) -> Iterator[list[int]]:
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _sentence(missing: dict[str, int]) -> str:
    if not missing:
        return ""
    counted = [f"{n} {noun if n == 1 else f'{noun}s'}" for noun, n in missing.items()]
    were = "was" if sum(missing.values()) == 1 else "were"
    return (
        f"{' and '.join(counted)} {were} left out: deleted meanwhile, or not for you "
        f"to share."
    )
