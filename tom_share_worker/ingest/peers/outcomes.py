"""What became of each data point of a batch; one of three, and how it is kept.

Used by `store`, `batches` and the view.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

Outcome = dict[str, str]
"""As the protocol has it, for one data point."""

CREATED: Outcome = {"outcome": "created"}
ALREADY_THERE: Outcome = {"outcome": "already there"}


def refused(reason: str) -> Outcome:
    """Return the outcome of what cannot be stored."""
    return {"outcome": "refused", "reason": reason}


def packed(outcomes: Iterable[Outcome]) -> list[list[Any]]:
    """Return outcomes as few rows: mostly a whole batch has the same."""
    return [
        [outcome["outcome"], outcome.get("reason", ""), len(list(run))]
        for outcome, run in groupby(outcomes)
    ]


def unpacked(runs: Iterable[list[Any]]) -> list[Outcome]:
    """Return the outcome of each data point again."""
    found = []
    for word, reason, length in runs:
        outcome = {"outcome": word, "reason": reason} if reason else {"outcome": word}
        found += [outcome] * length
    return found
