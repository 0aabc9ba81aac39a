"""Finds one of our targets at another TOM, by the id we remember or by its names.

Called by `tom` for each delivery. Where several match, the conversation halts with
the candidates, of which a person chooses.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tom_share_worker import toolkit
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.tom import matching
from tom_share_worker.delivery.destinations.tom.matching import CONE, Ambiguous, Theirs
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import Halted, Refused
from tom_share_worker.delivery.parcels import TargetCard
from tom_share_worker.models import Failure

SEEN_FOR = 600.0
"""Seconds for which one look vouches that an id is still our target's."""

SEEN_LIMIT = 10_000
"""Targets whose last look a process keeps in mind; then it looks anew."""

_seen: dict[tuple[str, str, str], float] = {}
"""When an id was seen to be our target's: by address, id, and our name for it."""

PAGES = 100
"""Pages of search results that are read; a name that matches more is no name."""


def known(session: Session, card: TargetCard, progress: Progress) -> str:
    """Return the id of a target there, to send data to; halt where it has none.

    An id that is remembered is asked for now and then: the address may lead to another
    server by now, or its database may have been made anew, with other targets.
    """
    if card.remote_id is not None and _was_seen(session, card, card.remote_id):
        link(session, progress, card.remote_id)
        return card.remote_id
    theirs = whole(session, card, progress)
    if theirs is None:
        raise Halted(
            Refused(
                Failure.NO_MATCHING_TARGET,
                f"{session.name} has no target {card.name} that our account may see, "
                f"under this name or an alias.",
            )
        )
    if card.remote_id is None:
        return remember(session, card, progress, theirs)
    # `whole` has reported it already where it is another one than we remembered.
    remote_id = str(theirs["id"])
    _note_seen(session, card, remote_id)
    link(session, progress, remote_id)
    return remote_id


def _was_seen(session: Session, card: TargetCard, remote_id: str) -> bool:
    when = _seen.get((session.settings.base_url, remote_id, card.name))
    return when is not None and time.monotonic() - when < SEEN_FOR


def _note_seen(session: Session, card: TargetCard, remote_id: str) -> None:
    if len(_seen) >= SEEN_LIMIT:
        _seen.clear()
    _seen[session.settings.base_url, remote_id, card.name] = time.monotonic()


def again(session: Session, card: TargetCard, progress: Progress, old: str) -> str:
    """Find a target anew after the id we knew was refused; halt if it is not the id
    that is the trouble."""
    theirs = look(session, card, instead_of=old)
    if theirs is None:
        progress.forget_target(old)
    if theirs is None or str(theirs["id"]) == old:
        raise Halted(
            Refused(
                Failure.NO_MATCHING_TARGET
                if theirs is None
                else Failure.PERMISSION_MISSING,
                f"{session.name} does not let our account add data to {card.name}, or "
                f"no longer has it.",
            )
        )
    return _replace(session, card, progress, old, theirs)


def whole(session: Session, card: TargetCard, progress: Progress) -> Theirs | None:
    """Return a target as the other TOM has it, or None where it does not."""
    old = card.remote_id
    if old is None:
        return look(session, card)
    answer = session.request("GET", f"api/targets/{quote(old, safe='')}/")
    if answer.status != HTTPStatus.NOT_FOUND or answer.json() is None:
        session.halt_on_trouble(answer)
        theirs = answer.json()
        if isinstance(theirs, dict) and "id" in theirs:
            if matching.is_still(card, theirs):
                return theirs
        else:
            raise Halted(session.nonsense())
    # It was deleted, hidden from us, or the id belongs to another target now.
    found = look(session, card, instead_of=old)
    if found is None:
        progress.forget_target(old)
    elif str(found["id"]) != old:
        _replace(session, card, progress, old, found)
    return found


def look(session: Session, card: TargetCard, instead_of: str = "") -> Theirs | None:
    """Look for a target by its names and at its position.

    A TOM finds a name as it is spelt there, so what it calls otherwise is looked for by
    the name without spaces and dashes, too, and by its place in the sky.
    """
    found: list[Theirs] = []
    for term in _terms(card):
        found += _search(session, {"name": term})
        if any(theirs.get("name") == card.name for theirs in found):
            break  # its very name, which decides
    else:
        if card.ra is not None and card.dec is not None:
            cone = {"cone_search": f"{card.ra},{card.dec},{CONE}"}
            found += _search(session, cone)
    try:
        return matching.match(card, found)
    except Ambiguous as several:
        raise Halted(_to_choose(session, card, several, instead_of)) from several


def _terms(card: TargetCard) -> list[str]:
    """Return the names to search for, as they are spelt and without spaces and dashes.

    One at a time: old releases know no list of names.
    """
    names = [name for name in card.names if toolkit.simplified(name)]
    short = [toolkit.simplified(name) for name in names]
    spelt = {name.lower() for name in names}
    return list(dict.fromkeys(names + [name for name in short if name not in spelt]))


def remember(
    session: Session, card: TargetCard, progress: Progress, theirs: Theirs
) -> str:
    """Report the id of a target there, and where people see it."""
    remote_id = str(theirs["id"])
    _note_seen(session, card, remote_id)
    progress.found_target(remote_id)
    link(session, progress, remote_id)
    return remote_id


def link(session: Session, progress: Progress, remote_id: str) -> None:
    """Report where people see a target there."""
    page = f"targets/{quote(remote_id, safe='')}/"
    progress.linked(f"{session.settings.base_url}{page}")


def _replace(
    session: Session, card: TargetCard, progress: Progress, old: str, theirs: Theirs
) -> str:
    """Take another target than the one we remember; not against a person's choice."""
    if card.chosen:
        # They chose another target than this one, so this one is no foregone matter.
        raise Halted(_to_choose(session, card, Ambiguous([theirs]), old))
    progress.forget_target(old)
    return remember(session, card, progress, theirs)


def _to_choose(
    session: Session, card: TargetCard, several: Ambiguous, instead_of: str
) -> Refused:
    candidates = matching.candidates(several)
    names = ", ".join(one["name"] or one["id"] for one in candidates[:5])
    if len(several.candidates) == 1:
        note = (
            f"The target that was chosen for {card.name} is no longer at "
            f"{session.name}, which has another one that matches: {names}. A person "
            f"must say whether it is this one."
        )
    else:
        note = (
            f"{session.name} has {len(several.candidates)} targets that match "
            f"{card.name}: {names}. A person must choose one of them."
        )
    return Refused(
        Failure.AMBIGUOUS_TARGET, note, candidates=candidates, instead_of=instead_of
    )


def _search(session: Session, params: dict[str, str]) -> list[Theirs]:
    found: list[Theirs] = []
    for page in range(PAGES):
        answer = session.request(
            "GET",
            "api/targets/",
            params=params | {"limit": "100", "offset": str(100 * page)},
        )
        session.halt_on_trouble(answer)
        body: Any = answer.json()
        results = body.get("results") if isinstance(body, dict) else None
        if not isinstance(results, list):
            raise Halted(session.nonsense())
        found += [t for t in results if isinstance(t, dict) and "id" in t]
        if not body.get("next"):
            break
    return found
