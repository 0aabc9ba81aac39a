"""What a share concerns: targets and data points, as far as its owner may view them.

Asked by the planner, piece by piece; nothing here is as large as the share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.models import Share

PAGE = 50
"""Targets loaded at a time: a chunk of the planner uses no more."""

SLICE = 1000
"""Ids named in one query: databases bound them, SQLite at 32,766 or less."""


def targets(share: Share, first: int = 0) -> Iterator[Any]:
    """Yield the targets of a share in the order of their ids, from an id on."""
    found = _viewable(share)
    wanted = _wanted_targets(share)
    if wanted is None:
        while page := list(found.filter(pk__gte=first).order_by("pk")[:PAGE]):
            yield from page
            first = page[-1].pk + 1
        return
    for some in _slices((pk for pk in wanted if pk >= first), PAGE):
        yield from found.filter(pk__in=some).order_by("pk")


def batch(share: Share, target_pk: int, kind: str, above: int, size: int) -> list[Key]:
    """Return the next data points of one kind and target, above an id."""
    if not _takes_all_data(share) and not share.selection.get(kind):
        return []
    model = toolkit.DATUM_MODELS[kind]
    datums = model._default_manager.filter(target_id=target_pk, pk__gt=above)
    datums = toolkit.viewable_datums(share.user, kind, datums).order_by("pk")
    if _takes_all_data(share):
        return [Key(kind, pk) for pk in datums.values_list("pk", flat=True)[:size]]
    found: list[Key] = []
    for some in _slices(pk for pk in share.selection.get(kind, ()) if pk > above):
        pks = datums.filter(pk__in=some).values_list("pk", flat=True)
        found += [Key(kind, pk) for pk in pks]
        if len(found) >= size:
            break
    return found[:size]


def data_product(share: Share) -> Any:
    """Return the data product of a share with its target, or None."""
    products = toolkit.viewable_data_products(share.user)
    return products.filter(pk=share.data_product_id).select_related("target").first()


def left_out(share: Share) -> str:
    """Say what was asked for and is not sent, or nothing."""
    ticked = share.selection.get("photometry")
    if ticked:
        found = sum(_ticked(share, some).count() for some in _slices(ticked))
        return _sentence(len(set(ticked)) - found, "selected data point")
    if share.kind == Share.Kind.TARGET_LIST:
        asked = share.selection.get("targets")
        listed = toolkit.TargetList.objects.filter(pk=share.target_list_id)
        wanted = len(set(asked)) if asked else listed.values("targets__pk").count()
        viewable = _viewable(share)
        found = (
            sum(viewable.filter(pk__in=some).count() for some in _slices(asked))
            if asked is not None
            else viewable.count()
        )
        return _sentence(wanted - found, "target")
    return ""


def _viewable(share: Share) -> Any:
    """Return the targets a share may concern by its kind, narrowed to viewable ones."""
    found = toolkit.viewable_targets(share.user)
    if share.kind == Share.Kind.TARGET_LIST:
        lists = toolkit.TargetList.objects.filter(pk=share.target_list_id)
        return found.filter(pk__in=lists.values("targets__pk"))
    if share.target_id:
        return found.filter(pk=share.target_id)
    return found


def _wanted_targets(share: Share) -> Iterable[int] | None:
    """Return the ids that a share names, by themselves or by data; None for all."""
    if share.kind == Share.Kind.TARGET_LIST:
        named: list[int] | None = share.selection.get("targets")
        return named
    if share.target_id:
        return None
    if share.kind != Share.Kind.DATUMS:
        return []  # its target was deleted; its data may belong to another one by now
    ids: set[int] = set()
    for some in _slices(share.selection.get("photometry", ())):
        ids.update(_ticked(share, some).values_list("target_id", flat=True))
    return ids


def _takes_all_data(share: Share) -> bool:
    return share.kind == Share.Kind.TARGET_DATA or (
        share.kind == Share.Kind.TARGET_LIST and share.with_data
    )


def _ticked(share: Share, pks: list[int]) -> Any:
    """Return those of the ticked photometry that may be sent."""
    datums = toolkit.DATUM_MODELS["photometry"]._default_manager.filter(pk__in=pks)
    if share.target_id:
        datums = datums.filter(target_id=share.target_id)
    return toolkit.viewable_datums(share.user, "photometry", datums)


def _slices(ids: Iterable[int], size: int = SLICE) -> Iterator[list[int]]:
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _sentence(count: int, noun: str) -> str:
    if count <= 0:
        return ""
    nouns = f"1 {noun} was" if count == 1 else f"{count} {noun}s were"
    return f"{nouns} left out: deleted meanwhile, or not for you to view."
