"""What a destination reports while it works, saved now and then.

Between the sender, who owns the row, and the destination, which knows no rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tom_share_worker import presence, values
from tom_share_worker.delivery import memory
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.outcomes import storable
from tom_share_worker.delivery.sending import claims
from tom_share_worker.delivery.sending.claims import Claim

CHECKPOINT = 1.0
"""Seconds between two writes of the ledger while data points go out. Shorter: more
writes; longer: more data points to verify after a kill, and a later halt on cancel."""

LINK_LENGTH = 500
"""Characters of a link that its column holds; a cut one would lead nowhere."""


@dataclass
class Progress:
    """What a destination reports while it works, and how it learns to stop."""

    claim: Claim
    ledger: Ledger = field(init=False)
    request: str = ""
    status_code: int | None = None
    answer: str = ""
    link: str = ""
    _saved_at: float = field(default_factory=time.monotonic)
    _changed: bool = False

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.claim.delivery.ledger)
        self.link = self.claim.delivery.link

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        """Note the last request and its answer, already clean of secrets."""
        self.request, self.status_code = request, status_code
        self.answer = storable(answer)

    def settle(self, key: Key, fate: Fate, reason: str = "") -> None:
        """Write down what became of a data point."""
        self.ledger.settle(key, fate, storable(reason))
        self._changed = True

    def found_target(self, remote_id: str) -> None:
        """Remember the destination's id of our target."""
        memory.found(self.claim.delivery, remote_id)

    def forget_target(self, remote_id: str) -> None:
        """Forget the destination's id of our target."""
        memory.forget(self.claim.delivery, remote_id)

    def sent_extras(self, extras: Mapping[str, str]) -> None:
        """Remember the extra fields that the destination has from us."""
        memory.sent(self.claim.delivery, extras)

    def linked(self, url: str) -> None:
        """Take the address at which people see it there; nothing else than a web page.

        Pages make it a link, so that a `javascript:` of another server must not be one.
        """
        url = storable(url)
        if values.is_http(url) and len(url) <= LINK_LENGTH:
            self.link = url

    def found_peer(self, capabilities: Mapping[str, Any]) -> None:
        """Remember what the other TOM told of this app's protocol."""
        memory.found_peer(self.claim.delivery.destination, capabilities)

    def forget_peer(self) -> None:
        """Remember that the other TOM's protocol failed us."""
        memory.forget_peer(self.claim.delivery.destination)

    def received(self, receipt: str) -> None:
        """Write down at once where the other side tells what becomes of a file.

        Whoever goes on after a kill asks there instead of sending the file again. One
        longer than the column is dropped: a repeat is known by the product's id, too.
        """
        if len(receipt) > LINK_LENGTH:
            receipt = ""
        claims.ours(self.claim).update(receipt=receipt)

    def keep_going(self) -> bool:
        """Save the ledger now and then; False when this worker must let go."""
        if presence.stopping.is_set():
            return False
        if time.monotonic() - self._saved_at < CHECKPOINT:
            return True
        self._saved_at = time.monotonic()
        # Nothing there: the delivery was cancelled, or our claim lapsed.
        ours = claims.ours(self.claim)
        if not self._changed:
            return ours.exists()
        self._changed = False
        return bool(ours.update(**self.columns()))

    def columns(self) -> dict[str, Any]:
        """Return ledger and link as the columns of the delivery."""
        return {
            "link": self.link,
            "ledger": self.ledger.rows(),
            **self.ledger.counts(),
        }
