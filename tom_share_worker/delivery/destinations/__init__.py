"""The kinds of destinations, and which one an entry of DATA_SHARING is.

A destination gets a parcel and a progress to report to, talks HTTP, and returns an
outcome. It knows no rows; the sender knows no HTTP. `docs/destinations.md` tells how to
add a kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

from tom_share_worker import conf
from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.base import Destination
from tom_share_worker.delivery.destinations.hermes.destination import Hermes
from tom_share_worker.delivery.destinations.tom.destination import Tom
from tom_share_worker.exceptions import ConfigurationError

_OURS: dict[str, Callable[[DestinationSettings], Destination]] = {
    conf.TOM: Tom,
    conf.HERMES: Hermes,
}


def open_destination(settings: DestinationSettings) -> Destination:
    """Return the destination of an entry of DATA_SHARING."""
    opened: Destination = _class(settings.kind, settings.key)(settings)
    return opened


def takes_messages(key: str) -> bool:
    """True if a share goes to this destination as messages, not piece by piece.

    What cannot be found out is taken for a TOM; each delivery then says what is wrong.
    """
    try:
        return bool(getattr(_class(conf.kind(key), key), "takes_messages", False))
    except ConfigurationError:
        return False


def _class(kind: str, key: str) -> Any:
    if kind in _OURS:
        return _OURS[kind]
    try:
        found = import_string(kind)
    except ImportError as error:
        found = None
        why = f" ({error})"
    else:
        why = ""
    if not callable(getattr(found, "deliver", None)):
        raise ConfigurationError(
            f"DATA_SHARING[{key.partition(':')[0]!r}]['KIND'] must be {conf.TOM!r}, "
            f"{conf.HERMES!r}, or the path of a class with a method deliver, such as "
            f"'mytom.sharing.Archive'; {kind!r} is none of them{why}."
        )
    return found
