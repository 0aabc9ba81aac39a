"""The verbs of a persistent share: make, limit, pause, resume, end; and its trouble.

Called by its pages and its API, and asked by `continuous` whether it may share now.
The row itself is the host's; what this app adds to it are `PersistentShareTerms`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import PersistentShareTerms, SavedDatum, Share

KINDS = tuple(toolkit.DATUM_MODELS)


def make(
    user: Any,
    destination: str,
    target: Any,
    *,
    kinds: Collection[str] = (),
    until: datetime | None = None,
    existing: bool = False,
) -> Any:
    """Share with a destination what will be saved, and if asked what there is.

    Returns the row of the host. No kinds means all kinds.
    """
    destination = conf.key_of(destination)
    _require(user, destination, target)
    try:
        with transaction.atomic():
            made = toolkit.PersistentShare.objects.create(
                user=user, destination=destination, target_id=target.pk
            )
            limit(made, kinds, until)
            if existing:
                share_existing(made, target)
    except IntegrityError as error:
        raise ShareRefused(_is_there(destination, target)) from error
    return made


def _is_there(destination: str, target: Any) -> str:
    return (
        f"{target.name} is shared with {conf.display_name(destination)} continuously "
        f"already. Edit that persistent share, or delete it first."
    )


def share_existing(persistent_share: Any, target: Any) -> Share:
    """Share the target and the data it has now, of the types that are shared."""
    return outbox.share_selected(
        persistent_share.user,
        persistent_share.destination,
        {},
        target=target,
        with_target=True,
        whole=terms(persistent_share).kinds or KINDS,
        title=title(target),
        origin=Share.Origin.PERSISTENT_SHARE,
        persistent_share=persistent_share,
    )


def title(target: Any) -> str:
    """Return the title of a persistent share's shares, in the host's words."""
    return f"Updated data for {target.name}"


def limit(
    persistent_share: Any, kinds: Collection[str], until: datetime | None
) -> None:
    """Set the types of data that are shared, and the time up to which."""
    chosen = [kind for kind in KINDS if kind in kinds]
    PersistentShareTerms.objects.update_or_create(
        persistent_share_id=persistent_share.pk,
        defaults={"kinds": [] if len(chosen) == len(KINDS) else chosen, "until": until},
    )


def change(persistent_share: Any, by: Any, destination: str, target: Any) -> None:
    """Let a persistent share concern another target or destination, from now on.

    It becomes the share of the person who changes it: its data goes where that person
    says, so it may be no more than that person may view.
    """
    destination = conf.key_of(destination)
    if (persistent_share.destination, persistent_share.target_id) == (
        destination,
        target.pk,
    ):
        return
    _require(by, destination, target)
    _require_nothing_waits(persistent_share)
    persistent_share.user = by
    persistent_share.destination = destination
    persistent_share.target_id = target.pk
    try:
        with transaction.atomic():
            persistent_share.save()
    except IntegrityError as error:
        raise ShareRefused(_is_there(destination, target)) from error


def _require_nothing_waits(persistent_share: Any) -> None:
    """Refuse a change that would send what waits to where it was not meant to go."""
    waiting = SavedDatum.objects.filter(persistent_share_id=persistent_share.pk)
    if count := waiting.count():
        points = "1 data point waits" if count == 1 else f"{count} data points wait"
        raise ShareRefused(
            f"{points} to be shared with "
            f"{conf.display_name(conf.key_of(persistent_share.destination))}. Change "
            f"this a few seconds later, after resuming it if it is paused; or make "
            f"another persistent share."
        )


def pause(persistent_share: Any, by: Any) -> None:
    """Let what is saved from now on wait."""
    PersistentShareTerms.objects.update_or_create(
        persistent_share_id=persistent_share.pk,
        defaults={"paused": True, "paused_by": by},
    )


def resume(persistent_share: Any) -> None:
    """Share again, beginning with what has waited."""
    PersistentShareTerms.objects.filter(
        persistent_share_id=persistent_share.pk, paused=True
    ).update(paused=False, paused_by=None)


def terms(persistent_share: Any) -> PersistentShareTerms:
    """Return what a persistent share is limited to; not a saved row if to nothing."""
    found = PersistentShareTerms.objects.filter(
        persistent_share_id=persistent_share.pk
    ).select_related("paused_by")
    return found.first() or PersistentShareTerms(
        persistent_share_id=persistent_share.pk
    )


def trouble(persistent_share: Any) -> str:
    """Say why nothing can be shared by it, or nothing where all is well.

    What is saved meanwhile waits.
    """
    return troubles([persistent_share])[persistent_share.pk]


def troubles(found: Iterable[Any]) -> dict[int, str]:
    """Say the same of each of these, by its key.

    With as many queries for many as for one, as long as the same people made them.
    """
    made: dict[int | None, list[Any]] = defaultdict(list)
    for row in found:
        made[row.user_id].append(row)
    return {pk: said for rows in made.values() for pk, said in _troubles_of(rows)}


def _troubles_of(found: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield the troubles of what one person made."""
    user = found[0].user
    if user is None:
        yield from ((row.pk, _OF_NOBODY) for row in found)
        return
    keys = {row.destination for row in found}
    objections = {key: _objection(user, key) for key in keys}
    targets = permissions.targets(user, {row.target_id for row in found})
    may_share = set(targets.values_list("pk", flat=True))
    for row in found:
        hidden = f"That person may no longer view or share {row.target.name}."
        lost = "" if row.target_id in may_share else _told_of(user, hidden)
        yield row.pk, objections[row.destination] or lost


_OF_NOBODY = (
    "The person who made it no longer has an account here, and it may share only what "
    "that person may see. Delete it, and make a new one."
)


def _objection(user: Any, destination: str) -> str:
    """Say why what a person made cannot go to a destination, or nothing."""
    key = conf.key_of(destination)
    try:
        if key not in conf.choices():
            return (
                f"DATA_SHARING in settings.py no longer names {key!r}. An "
                f"administrator of this TOM can add it again; else delete this."
            )
        conf.destination(key)
        objection = permissions.destination_objection(user, key)
    except ConfigurationError as error:
        return str(error)
    return _told_of(user, objection) if objection else ""


def _told_of(user: Any, objection: str) -> str:
    by = f"{user.get_username()} made it, and it shares only what that person may."
    return f"{by} {objection}"


def _require(user: Any, destination: str, target: Any) -> None:
    permissions.require_destination(user, destination)
    permissions.require_target(user, target)
