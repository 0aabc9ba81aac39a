"""The kinds of destinations, and which one an entry of DATA_SHARING is.

A destination gets a parcel and a progress to report to, talks HTTP, and returns an
outcome. It knows no rows; the sender knows no HTTP.
"""

from __future__ import annotations

from typing import Protocol

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.tom import Tom
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.outcomes import Outcome
from tom_share_worker.delivery.parcels import Parcel


class Progress(Protocol):
    """What a destination reports to while it works."""

    ledger: Ledger

    def heard(self, request: str, status_code: int | None, answer: str) -> None: ...
    def settle(self, key: Key, fate: Fate, reason: str = "") -> None: ...
    def found_target(self, remote_id: str | None) -> None: ...
    def keep_going(self) -> bool: ...


class Destination(Protocol):
    """What a kind of destination has to offer."""

    def deliver(self, parcel: Parcel, progress: Progress) -> Outcome: ...


def open_destination(settings: DestinationSettings) -> Destination:
    """Return the destination of an entry of DATA_SHARING."""
    return Tom(settings)
