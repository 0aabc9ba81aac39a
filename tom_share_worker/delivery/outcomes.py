"""What can come of an attempt: a closed set, matched in one place, the sender.

Destinations return these values; they never touch a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tom_share_worker.models import Failure


@dataclass(frozen=True)
class Delivered:
    """The destination holds it; `note` says what is worth knowing."""

    note: str = ""


@dataclass(frozen=True)
class TryAgain:
    """It did not work this time.

    `destination_wide` tells trouble of the whole destination, which then backs off,
    from trouble with this delivery alone. `retry_after` (seconds) is the other side's
    wish.
    """

    failure: Failure
    note: str
    destination_wide: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class Refused:
    """It will not work however often it is tried.

    Unless a person chooses: `candidates` are the targets there that match ours, found
    when the id `instead_of` was no good, or none was known.
    """

    failure: Failure
    note: str
    candidates: tuple[dict[str, Any], ...] = ()
    instead_of: str = ""


@dataclass(frozen=True)
class Blocked:
    """Our account is refused: the destination is paused and the delivery waits."""

    note: str


@dataclass(frozen=True)
class Received:
    """The destination holds it and has not processed it yet; where it tells of that
    was reported to the progress. We look again later."""

    note: str


@dataclass(frozen=True)
class Interrupted:
    """The worker was told to stop, or its claim is gone; others go on with the row."""

    note: str = "The worker was stopped; another one goes on."


Outcome = Delivered | TryAgain | Refused | Blocked | Received | Interrupted


class Halted(Exception):  # noqa: N818  (control flow inside a destination, no error)
    """Ends a conversation with a destination early, with the outcome to report."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Unsendable(Exception):  # noqa: N818  (a verdict on one row, put in the ledger)
    """This data point cannot go to such a TOM; the text is the ledger's reason."""


def storable(text: str) -> str:
    """Return what another server said without the characters no database takes.

    PostgreSQL refuses NUL, and JSON may hold halves of characters that are no UTF-8.
    """
    return text.replace("\0", "").encode("utf-8", "replace").decode()
