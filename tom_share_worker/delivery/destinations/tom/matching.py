"""Which of another TOM's targets is ours: pure, and nothing is guessed.

Names are compared as the host does, without case, spaces, dashes, underscores and
brackets. A position alone never decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery.outcomes import storable
from tom_share_worker.delivery.parcels import TargetCard

Theirs = dict[str, Any]
"""A target as another TOM's API shows it."""

CONE = 2.0 / 3600
"""Degrees within which a target there may be ours though its name is spelt otherwise,
or was changed since."""

_CANDIDATES = 50
"""Targets that a person is asked to choose from; more are no choice."""


class Ambiguous(Exception):  # noqa: N818  (a finding that a person must resolve)
    """Several targets match; carries them."""

    def __init__(self, candidates: list[Theirs]) -> None:
        super().__init__(candidates)
        self.candidates = candidates


def match(card: TargetCard, found: Iterable[Theirs]) -> Theirs | None:
    """Return the one target that has a name of ours, or None.

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
        exact = [t for t in candidates.values() if t.get("name") == card.name]
        if len(exact) != 1:
            raise Ambiguous(list(candidates.values()))
        return exact[0]
    return next(iter(candidates.values()), None)


def is_still(card: TargetCard, theirs: Theirs) -> bool:
    """True if the target that has the id we remember can be ours still.

    Its people may have renamed it, but not moved it, too: then the id is another's.
    """
    return match(card, [theirs]) is not None or _near(card, theirs)


def candidate(theirs: Theirs) -> Theirs:
    """Return what a person needs to know of a target there, and nothing else."""
    return {
        "id": storable(str(theirs["id"])),
        "name": storable(str(theirs.get("name") or "")),
        "aliases": [storable(name) for name in _names(theirs)[1:]],
        "ra": _number(theirs.get("ra")),
        "dec": _number(theirs.get("dec")),
        "type": storable(str(theirs.get("type") or "")),
    }


def candidates(several: Ambiguous) -> tuple[Theirs, ...]:
    """Return the targets to choose from, in an order that stays."""
    known = [candidate(theirs) for theirs in several.candidates]
    return tuple(sorted(known, key=lambda one: (one["name"], one["id"]))[:_CANDIDATES])


def _names(target: Theirs) -> list[str]:
    """Return a target's name, if it has one that is a text, and its aliases."""
    aliases = target.get("aliases")
    if not isinstance(aliases, list):
        aliases = []
    names = [target.get("name")] + [
        alias.get("name") for alias in aliases if isinstance(alias, dict)
    ]
    return [name for name in names if isinstance(name, str)]


def _near(card: TargetCard, theirs: Theirs) -> bool:
    ra, dec = _number(theirs.get("ra")), _number(theirs.get("dec"))
    if card.ra is None or card.dec is None or ra is None or dec is None:
        return False
    return _apart(card.ra, card.dec, ra, dec) <= CONE


def _apart(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Return the degrees between two places in the sky (haversine: exact nearby)."""
    ra1, dec1, ra2, dec2 = map(math.radians, (ra1, dec1, ra2, dec2))
    half = (
        math.sin((dec2 - dec1) / 2) ** 2
        + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    )
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, half))))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
