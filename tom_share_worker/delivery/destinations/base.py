"""What a kind of destination has to offer, and what it may report to.

To add a kind: one class with `deliver`, named by KIND in its entry of DATA_SHARING.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from tom_share_worker.delivery.findings import Finding
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.outcomes import Outcome
from tom_share_worker.delivery.parcels import Parcel


class Progress(Protocol):
    """What a destination reports to while it works."""

    ledger: Ledger

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        """Take the last request and its answer, clean of secrets."""

    def settle(self, key: Key, fate: Fate, reason: str = "") -> None:
        """Take the fate of a data point."""

    def found_target(self, remote_id: str) -> None:
        """Take the id of our target there."""

    def forget_target(self, remote_id: str) -> None:
        """Forget the id of our target there: it is no longer good."""

    def sent_extras(self, extras: Mapping[str, str]) -> None:
        """Take our target's extra fields as the other side has them from us."""

    def linked(self, url: str) -> None:
        """Take the address at which people see it there."""

    def found_peer(self, capabilities: Mapping[str, Any]) -> None:
        """Take what a TOM told of this app's protocol; empty: it does not speak it."""

    def forget_peer(self) -> None:
        """Take the other TOM for a stock one for now: its protocol failed us."""

    def received(self, receipt: str) -> None:
        """Take where the other side tells what becomes of a file that it received;
        empty: nowhere any more."""

    def keep_going(self) -> bool:
        """Return False when the destination must stop and hand back."""


@runtime_checkable
class OffersTest(Protocol):
    """What a kind of destination may offer beside: the test of its connection."""

    def test(self) -> list[Finding]:
        """Ask what works there with our account, and store nothing there."""


class Destination(Protocol):
    """What a kind of destination has to offer.

    Made for each attempt from the `DestinationSettings` of its entry. One with the
    attribute `takes_messages = True` gets a share as messages (`MessageParcel`), many
    targets and data points in each; any other gets its pieces one by one.
    """

    def deliver(self, parcel: Parcel, progress: Progress) -> Outcome:
        """Send a parcel, report to `progress`, return what came of it."""
