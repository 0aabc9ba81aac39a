"""Keeps what a destination gets within its MAX_PER_SECOND, without a broker or a row.

Its slots, which rows enforce over all workers, bound how many deliveries are under way;
each of these makes its requests at the slots' share of the rate. A pause comes before
the first request, too, so that two deliveries of one slot keep their distance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.outcomes import Halted, Interrupted

LANE = 25.0
"""Requests a second that one delivery at a time can make. Larger: a low rate leaves
less to each of several slots than one could do; smaller: one slot must do too much."""

LOOK = 0.25
"""Seconds of a pause between two looks whether to go on, as a rate may be very low."""


def slots(settings: DestinationSettings) -> int:
    """Return how many deliveries may be under way: few where the rate is low."""
    if settings.max_per_second is None:
        return settings.slots
    return min(settings.slots, max(1, math.ceil(settings.max_per_second / LANE)))


class Pace:
    """The pauses between the requests of one delivery."""

    def __init__(
        self, settings: DestinationSettings, keep_going: Callable[[], bool]
    ) -> None:
        rate = settings.max_per_second
        self._pause = slots(settings) / rate if rate else 0.0
        self._next = time.monotonic() + self._pause
        self._keep_going = keep_going

    def wait(self) -> None:
        """Wait until the next request may go; halt when the delivery must be left."""
        if not self._pause:
            return
        while (left := self._next - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))
            if left > LOOK and not self._keep_going():
                raise Halted(Interrupted())
        self._next = time.monotonic() + self._pause
