"""What is remembered of a destination: of a target its id there, the candidates that
a person must choose from, the extra fields as they were sent last; of a TOM, whether it
speaks the protocol of this app.

Read when a parcel is loaded and when a share is planned; written by the sender through
`progress`, and by people through `actions`. Each change is one conditional UPDATE, so
that no worker undoes what a person chose meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from tom_share_worker.models import Delivery, Destination, RemoteTarget

PEER_KNOWN_FOR = timedelta(days=1)
"""How long it is remembered whether a TOM speaks the protocol of this app. Shorter:
more requests; longer: one that installs it gets data the slow way for longer."""

PEER_FAILED_FOR = timedelta(minutes=10)
"""How long a TOM that spoke the protocol and then did not is taken for a stock one: it
may be in the middle of an update."""


def found(delivery: Delivery, remote_id: str) -> None:
    """Remember the id of a delivery's target, unless a person has chosen one."""
    changed = (
        _known(delivery)
        .filter(chosen=None)
        .exclude(remote_id=remote_id)
        .update(
            remote_id=remote_id, candidates=[], sent_extras={}, found=timezone.now()
        )
    )
    if not changed:
        RemoteTarget.objects.get_or_create(
            destination=delivery.destination,
            target_id=delivery.target_id,
            defaults={"remote_id": remote_id},
        )


def forget(delivery: Delivery, remote_id: str) -> None:
    """Forget an id that is no longer good, unless there is another by now."""
    _known(delivery).filter(remote_id=remote_id).delete()


def several(
    delivery: Delivery, candidates: Iterable[Mapping[str, Any]], instead_of: str
) -> bool:
    """Let a target wait for a person who chooses among these.

    False where another id than the one we tried is known by now: a person, or another
    worker, was quicker.
    """
    columns: dict[str, Any] = {"candidates": [dict(one) for one in candidates]}
    row, made = RemoteTarget.objects.get_or_create(
        destination=delivery.destination,
        target_id=delivery.target_id,
        defaults=columns,
    )
    if made:
        return True
    return bool(
        RemoteTarget.objects.filter(pk=row.pk, remote_id__in={"", instead_of}).update(
            remote_id="",
            chosen=None,
            chosen_by=None,
            sent_extras={},
            found=timezone.now(),
            **columns,
        )
    )


def choose(seen: RemoteTarget, remote_id: str, by: Any) -> bool:
    """Remember what a person chose; False if it changed since they looked.

    The candidates stay, so that another can be chosen later.
    """
    return bool(
        RemoteTarget.objects.filter(pk=seen.pk, remote_id=seen.remote_id).update(
            remote_id=remote_id, chosen=timezone.now(), chosen_by=by, sent_extras={}
        )
    )


def sent(delivery: Delivery, extras: Mapping[str, str]) -> None:
    """Remember the extra fields as a destination has them from us."""
    _known(delivery).update(sent_extras=dict(extras))


def _known(delivery: Delivery) -> QuerySet[RemoteTarget]:
    return RemoteTarget.objects.filter(
        destination=delivery.destination, target_id=delivery.target_id
    )


def peer(destination: str) -> dict[str, Any] | None:
    """Return what is remembered of a TOM's protocol; None where it must be asked."""
    found = Destination.objects.filter(
        key=destination, peer_asked__gt=timezone.now() - PEER_KNOWN_FOR
    ).first()
    return found.peer if found is not None else None


def batch_of_peer(destination: str) -> int | None:
    """Return how many data points a TOM takes in one request; None for a stock TOM.

    However long ago it was asked: deliveries of the wrong size arrive all the same.
    """
    found = Destination.objects.filter(key=destination).first()
    return found.peer["batch"] if found is not None and found.peer else None


def found_peer(destination: str, capabilities: Mapping[str, Any]) -> None:
    """Remember what a TOM told of the protocol of this app; empty: it has none."""
    Destination.objects.filter(key=destination).update(
        peer=dict(capabilities), peer_asked=timezone.now()
    )


def forget_peer(destination: str) -> None:
    """Take a TOM for a stock one, and ask it again soon."""
    asked = timezone.now() - PEER_KNOWN_FOR + PEER_FAILED_FOR
    Destination.objects.filter(key=destination).update(peer={}, peer_asked=asked)


def ask_peer_again(destination: str) -> None:
    """Have a TOM asked anew by the next delivery, as something may have changed."""
    Destination.objects.filter(key=destination).update(peer_asked=None)
