"""Which of another TOM's targets is ours: pure, and nothing is guessed.

Names are compared as the host does, without case, spaces, dashes, underscores and
brackets. A position alone never decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery.parcels import TargetCard


class Ambiguous(Exception):  # noqa: N818  (a finding that a person must resolve)
    """Several targets match; carries them."""

    def __init__(self, candidates: list[dict[str, Any]]) -> None:
        super().__init__(candidates)
        self.candidates = candidates


def match(card: TargetCard, found: Iterable[dict[str, Any]]) -> str | None:
    """Return the id of the one target that has a name of ours, or None.

    Where several have one, the one whose own name is exactly ours wins; if that does
    not settle it, `Ambiguous` is raised.
    """
    ours = {toolkit.simplified(name) for name in card.names} - {""}
    candidates = {
        str(target["id"]): target
        for target in found
        if ours & {toolkit.simplified(name) for name in _names(target)}
    }
    if len(candidates) > 1:
        exact = [pk for pk, t in candidates.items() if t.get("name") == card.name]
        if len(exact) != 1:
            raise Ambiguous(list(candidates.values()))
        return exact[0]
    return next(iter(candidates), None)


def _names(target: dict[str, Any]) -> list[str]:
    aliases = target.get("aliases")
    if not isinstance(aliases, list):
        aliases = []
    names = [target.get("name")] + [
        alias.get("name") for alias in aliases if isinstance(alias, dict)
    ]
    return [name for name in names if isinstance(name, str)]
