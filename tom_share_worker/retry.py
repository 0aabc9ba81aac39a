"""When a delivery is tried again: pure functions of numbers, no clock, no row.

Called by the sender with the present time and a random number, which keeps every
case testable as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class RetryAt:
    """Try again, not before this time."""

    time: datetime


@dataclass(frozen=True)
class GiveUp:
    """The schedule is used up."""


@dataclass(frozen=True)
class Schedule:
    """The waits between attempts, in seconds, and how far each is spread."""

    waits: Sequence[float]
    jitter: float
    retry_after_limit: float

    def decide(
        self,
        attempts: int,
        now: datetime,
        draw: float,
        retry_after: float | None = None,
    ) -> RetryAt | GiveUp:
        """Say when to try again after so many attempts, the last of which failed.

        `draw` is a random number from 0 to 1; 0.5 gives the wait as scheduled. A
        `retry_after` (seconds) that the destination asked for lengthens the wait up to
        the limit, never shortens it.
        """
        if attempts > len(self.waits):
            return GiveUp()
        wait = self._spread(self.waits[attempts - 1], draw)
        if retry_after is not None:
            wait = max(wait, min(retry_after, self.retry_after_limit))
        return RetryAt(now + timedelta(seconds=wait))

    def back_off(
        self,
        failures: int,
        now: datetime,
        draw: float,
        limit: float,
        retry_after: float | None = None,
    ) -> datetime:
        """Say when to look again at a destination found down so many times in a row.

        Never gives up: as long as deliveries wait, somebody has to look. `limit`
        (seconds) bounds the wait, so that a destination that is back is noticed soon.
        """
        if self.waits:
            step = min(failures, len(self.waits)) - 1
            wait = min(self._spread(self.waits[step], draw), limit)
        else:
            wait = limit
        if retry_after is not None:
            wait = max(wait, min(retry_after, self.retry_after_limit))
        return now + timedelta(seconds=wait)

    def backed_off(self, failures: int, limit: float) -> float:
        """Say in how many seconds, at the least, one is found down so often in a row.

        The answer to "since when is it down?", as only the last look is written down.
        """
        waits = [min(self._spread(wait, 0), limit) for wait in self.waits] or [limit]
        listed, more = waits[: failures - 1], failures - 1 - len(waits)
        return sum(listed) + max(0, more) * waits[-1]

    def _spread(self, wait: float, draw: float) -> float:
        return wait * (1 + self.jitter * (2 * draw - 1))
