"""Destinations, and rows that are old: `shares pause`, `resume` and `prune`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tom_share_worker import conf
from tom_share_worker.delivery.asking import names
from tom_share_worker.management.shares import REFUSED, WELL
from tom_share_worker.models import Destination
from tom_share_worker.operating import destinations, prune


def pause(command: BaseCommand, options: dict[str, Any]) -> int:
    """Let nothing go to a destination; what waits, waits on."""
    keys, user = _keys(options["destination"]), _steering(options["user"])
    paused = destinations.pause(user, keys, options["reason"])
    name = conf.display_name(options["destination"])
    command.stdout.write(
        f"Deliveries to {name} wait until somebody resumes them."
        if paused
        else f"{name} is paused already."
    )
    return WELL


def resume(command: BaseCommand, options: dict[str, Any]) -> int:
    """Let deliveries go to a destination again, at once."""
    keys = _keys(options["destination"])
    user = _steering(options["user"]) if options["user"] else None
    resumed = destinations.resume(user, keys)
    name = conf.display_name(options["destination"])
    command.stdout.write(
        f"Deliveries go to {name} again." if resumed else f"{name} is open already."
    )
    return WELL


def _steering(name: str) -> Any:
    """Return the account of this name, if it may do so on the pages, too."""
    user = names.account(name)
    if not destinations.may_steer(user):
        raise CommandError(
            f"{name} may not pause or resume destinations: that takes the permission "
            f"to operate.",
            returncode=REFUSED,
        )
    return user


def _keys(key: str) -> list[str]:
    """Return the destination, or of an entry with topics all of them."""
    if key in conf.choices() or Destination.objects.filter(key=key).exists():
        return [key]
    if key in conf.destination_keys():
        return destinations.with_topics(key)
    known = ", ".join(conf.choices()) or "none"
    raise CommandError(
        f"There is no destination {key!r} in DATA_SHARING. Known are: {known}.",
        returncode=REFUSED,
    )


def pruning(command: BaseCommand, options: dict[str, Any]) -> int:
    """Delete what ended long ago, or tell how much that is."""
    retention = options["older_than"] or conf.settings().RETENTION
    if retention is None:
        raise CommandError(
            "Everything is kept for ever here, as TOM_SHARE_WORKER['RETENTION'] is "
            "None. Say what to delete by --older-than, such as 365d.",
            returncode=REFUSED,
        )
    terms = prune.Terms.of(retention)
    if options["dry_run"]:
        gone = prune.counted(terms)
        verb = "Nothing was deleted; it would be"
    else:
        gone = dict(prune.run(terms)[0])
        verb = "Deleted:"
    command.stdout.write(
        f"{verb} {prune.told(gone)}, of what ended before {terms.before:%Y-%m-%d}."
    )
    return WELL
