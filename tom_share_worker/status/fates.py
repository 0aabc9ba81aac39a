"""What a delivery's ledger tells a person: the data points that did not arrive.

Called by the delivery's page.
"""

from __future__ import annotations

from dataclasses import dataclass

from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.models import Delivery

SHOWN = 200
"""Data points listed of each fate; a batch may hold more where settings say so."""


@dataclass(frozen=True)
class Fates:
    """The data points that were refused, and those whose fate is open."""

    refused: list[tuple[Key, str]]
    pending: list[Key]

    @property
    def refused_shown(self) -> list[tuple[Key, str]]:
        """Return as many of the refused as fit on a page."""
        return self.refused[:SHOWN]

    @property
    def pending_shown(self) -> list[Key]:
        """Return as many of the open ones as fit on a page."""
        return self.pending[:SHOWN]

    @property
    def pending_more(self) -> int:
        """Return how many more are open."""
        return len(self.pending) - len(self.pending_shown)


def of(delivery: Delivery) -> Fates:
    """Read a delivery's ledger."""
    ledger = Ledger(delivery.ledger)
    return Fates(ledger.refused(), ledger.pending())
