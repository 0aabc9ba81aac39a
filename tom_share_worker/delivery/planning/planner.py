"""Turns a share into deliveries, chunk by chunk, a target before its data.

Safe to run twice, at once or again after a kill: a chunk and the step counter that
guards it are written in one transaction, and the counter is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.delivery import (
    closing,
    destinations,
    dispatch,
    memory,
    permissions,
)
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.planning import packing
from tom_share_worker.delivery.planning.packing import TARGET_ITSELF, Cursor, Planned
from tom_share_worker.delivery.planning.selection import (
    DATUM_KINDS,
    PRODUCTS,
    Selection,
)
from tom_share_worker.models import Delivery, Share

CHUNK = 50
"""Deliveries written at a time. Larger: longer transactions; smaller: more of them."""

CHUNK_DATUMS = 10_000
"""Data points after which a chunk ends, as the deliveries of some destinations name
thousands of them: what is held in memory and written at a time stays small."""

GIVE_UP_AFTER = timedelta(hours=1)
"""A share whose planning fails for so long is failed: a fault that passes by itself,
such as a locked database, has passed by then."""

PRODUCTS_STAGE = len(DATUM_KINDS)
"""The last stage of a target. After the data points, which may come from the products:
they go with all that this TOM knows of them, and a product adds what is missing."""

SENDS_TARGET = (Share.Kind.TARGET, Share.Kind.TARGETS, Share.Kind.TARGET_LIST)
"""The kinds of shares that send the target itself."""


def plan(share_pk: int, task_id: str = "") -> str:
    """Plan a share to its end; say in words what came of it."""
    if task_id:
        Share.objects.filter(pk=share_pk, planned=False).update(plan_task_id=task_id)
    try:
        return _plan(share_pk)
    except Exception as error:
        # The row stays, and the sweep asks again; people see why it does not move.
        _tell(share_pk, error)
        raise


def _tell(share_pk: int, error: Exception) -> None:
    """Write on the share that planning fails, and end it if it has failed for long."""
    note = (
        f"This app failed to prepare the share ({type(error).__name__}); the worker's "
        f"log tells more."
    )
    share = Share.objects.filter(pk=share_pk, planned=False).exclude(
        status__in=Share.ENDED
    )
    now = timezone.now()
    share.update(note=note)
    share.filter(plan_failing_since=None).update(plan_failing_since=now)
    share.filter(plan_failing_since__lt=now - GIVE_UP_AFTER).update(
        status=Share.Status.FAILED, ended=now, **closing.NEWS
    )


def _plan(share_pk: int) -> str:
    share = Share.objects.filter(pk=share_pk).first()
    # Loaded once, and what it names is sorted once: it may name a million ids.
    chosen = Selection(share) if share is not None else None
    while share is not None and chosen is not None:
        if share.planned or share.is_ended:
            break
        if not _plan_chunk(share, chosen):
            return "Another worker plans this share."
        dispatch.dispatch(share.destination)
        if not _refresh(share):
            break
    # A target may have failed before the deliveries of its data were written.
    closing.end_followers(Delivery.objects.filter(share_id=share_pk))
    closing.settle(share_pk)
    return "Planned."


def _refresh(share: Share) -> bool:
    """Read again what may have changed since the last chunk; False if it is gone."""
    changing = ("user", "target", "target_list", "status", "planned")
    try:
        share.refresh_from_db(fields=[*changing, "plan_step", "plan_cursor"])
    except Share.DoesNotExist:
        return False
    return True


def _plan_chunk(share: Share, chosen: Selection) -> bool:
    """Write the next deliveries; False if another worker wrote them first."""
    cursor = Cursor(*share.plan_cursor) if share.plan_cursor else Cursor()
    # Hours may lie between asking and planning. Once planned in part it is planned to
    # its end, so that a Retry has all of it; the sender asks again, each time.
    objection = _objection(share) if share.plan_step == 0 else ""
    walk = iter(()) if objection else _walk(share, chosen, cursor)
    chunk, is_last = packing.chunk(walk, CHUNK, CHUNK_DATUMS)
    columns: dict[str, Any] = {
        "plan_step": share.plan_step + 1,
        "plan_failing_since": None,
        "status": Share.Status.RUNNING,
    }
    if share.plan_step == 0:
        columns["note"] = objection or _left_out(share, chosen)
    if is_last:
        columns["planned"] = True
    else:
        columns["plan_cursor"] = chunk[-1].then.row()
    with transaction.atomic():
        # Nothing updated: another worker planned this chunk, or it was cancelled.
        if (
            Share.objects.filter(pk=share.pk, plan_step=share.plan_step, planned=False)
            .exclude(status__in=Share.ENDED)
            .update(**columns)
            != 1
        ):
            return False
        _write(share, chunk)
    return True


def _left_out(share: Share, chosen: Selection) -> str:
    """Say what was asked for and is not sent, or nothing."""
    left_out = chosen.left_out()
    if chosen.names_products and destinations.takes_messages(share.destination):
        name = conf.display_name(share.destination)
        files = f"Data products were left out: {name} takes messages, not files."
        return f"{left_out} {files}".strip()
    return left_out


def _objection(share: Share) -> str:
    return permissions.destination_objection(share.user, share.destination)


def _write(share: Share, chunk: list[Planned]) -> None:
    last = share.deliveries.order_by("-position").values_list("position", flat=True)
    following = last.first()
    position = 0 if following is None else following + 1
    rows = [
        _delivery(share, position + offset, planned)
        for offset, planned in enumerate(chunk)
    ]
    targets = [row for row in rows if row.kind == Delivery.Kind.TARGET]
    Delivery.objects.bulk_create(targets)
    others = [row for row in rows if row.kind != Delivery.Kind.TARGET]
    if share.kind in SENDS_TARGET:
        _put_after_targets(share, targets, others)
    Delivery.objects.bulk_create(others)


def _put_after_targets(
    share: Share, targets: list[Delivery], others: list[Delivery]
) -> None:
    """Let data wait for their targets, of this chunk or of an earlier one."""
    arrivals: dict[int | None, Delivery | None] = {
        row.target_id: row for row in targets
    }
    for row in others:
        if row.target_id not in arrivals:
            arrivals[row.target_id] = share.deliveries.filter(
                kind=Delivery.Kind.TARGET, target_id=row.target_id
            ).first()
        row.after = arrivals[row.target_id]


def _delivery(share: Share, position: int, planned: Planned) -> Delivery:
    return Delivery(
        share=share,
        position=position,
        destination=share.destination,
        kind=planned.kind,
        target_id=planned.target_id,
        target_name=planned.target_name,
        data_product_id=planned.data_product_id,
        next_attempt_at=timezone.now(),
        ledger=Ledger.of(planned.keys).rows(),
        datum_count=len(planned.keys),
    )


def _walk(share: Share, chosen: Selection, cursor: Cursor) -> Iterator[Planned]:
    """Yield the deliveries of a share from the cursor on, in a fixed order."""
    batch = memory.batch_of_peer(share.destination)
    steps = _steps(share, chosen, cursor, batch)
    if destinations.takes_messages(share.destination):
        return packing.into_messages(steps)
    return steps


def _steps(
    share: Share, chosen: Selection, cursor: Cursor, batch: int | None
) -> Iterator[Planned]:
    for target in chosen.targets(cursor.target):
        here = cursor if target.pk == cursor.target else Cursor(target.pk)
        yield from _target(share, chosen, target, here, batch)


def _target(
    share: Share, chosen: Selection, target: Any, cursor: Cursor, batch: int | None
) -> Iterator[Planned]:
    """Yield the target itself, if the share sends it, then data points, then files."""
    if cursor.stage == TARGET_ITSELF:
        cursor = Cursor(target.pk, 0)
        if share.kind in SENDS_TARGET:
            yield Planned(Delivery.Kind.TARGET, target.pk, target.name, cursor)
    for stage in range(cursor.stage, PRODUCTS_STAGE):
        kind = DATUM_KINDS[stage]
        above = cursor.above if stage == cursor.stage else 0
        size = packing.size(kind, batch)
        for pks in packing.batches(chosen.pks(kind, target.pk, above), size):
            then = Cursor(target.pk, stage, pks[-1])
            keys = [Key(kind, pk) for pk in pks]
            yield Planned(Delivery.Kind.DATUMS, target.pk, target.name, then, keys)
    above = cursor.above if cursor.stage == PRODUCTS_STAGE else 0
    for pk in chosen.pks(PRODUCTS, target.pk, above):
        then = Cursor(target.pk, PRODUCTS_STAGE, pk)
        yield Planned(
            Delivery.Kind.DATA_PRODUCT,
            target.pk,
            target.name,
            then,
            data_product_id=pk,
        )
