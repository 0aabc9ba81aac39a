"""Waiting for a fact that other threads and processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.02
"""Seconds between two looks. Shorter burns a core that the workers need."""


def wait_until(
    condition: Callable[[], Any],
    seconds: float,
    what: str,
    tell: Callable[[], str] | None = None,
) -> Any:
    """Return the condition's value once it is true; fail with `what` was awaited.

    `tell` adds the state of things to the failure, such as a worker's log.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            told = f"\n{tell()}" if tell is not None else ""
            raise AssertionError(f"Waited {seconds:g} s in vain for: {what}.{told}")
        time.sleep(PAUSE)
