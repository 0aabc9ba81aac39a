"""Another TOM as destination, spoken to through TOM Toolkit's own REST API.

The conversation with a stock TOM: find the target, create it or put it into lists, post
data points one by one, upload a file. What each answer means is decided in `verdicts`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery import payloads
from tom_share_worker.delivery.destinations import datums, matching, products, verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.probe import Probe
from tom_share_worker.delivery.destinations.session import Session
from tom_share_worker.delivery.findings import Finding
from tom_share_worker.delivery.outcomes import Delivered, Halted, Outcome, Refused
from tom_share_worker.delivery.parcels import (
    DatumsParcel,
    Parcel,
    ProductParcel,
    TargetCard,
    TargetParcel,
)
from tom_share_worker.models import Failure

CONE = 2.0 / 3600
"""Degrees around a target in which a differently spelt twin of it is looked for."""

PAGES = 100
"""Pages of search results that are read; a name that matches more is no name."""


class Tom:
    """One conversation with another TOM, for one delivery."""

    def __init__(self, settings: DestinationSettings) -> None:
        self.settings = settings
        self.name = settings.display_name

    def deliver(self, parcel: Parcel, progress: Progress) -> Outcome:
        """Send a parcel; report to `progress`; return what came of it."""
        session = Session(self.settings, progress)
        try:
            match parcel:
                case TargetParcel():
                    return self._target(session, parcel, progress)
                case DatumsParcel():
                    remote_id = self._known(session, parcel.target, progress)
                    return datums.Batch(session, parcel, progress, self._again).send(
                        remote_id
                    )
                case ProductParcel():
                    remote_id = self._known(session, parcel.target, progress)
                    return products.Upload(session, parcel, progress, self._again).send(
                        remote_id
                    )
        except Halted as halted:
            return halted.outcome

    def test(self) -> list[Finding]:
        """Ask what works there with our account, and store nothing there."""
        return Probe(self.settings).findings()

    def _target(
        self, session: Session, parcel: TargetParcel, progress: Progress
    ) -> Outcome:
        """Put the target into the lists there, or create it in them."""
        remote_id = self._find(session, parcel.target)
        if remote_id is None:
            return self._create(session, parcel, progress)
        progress.found_target(remote_id)
        return self._join_lists(session, parcel, remote_id)

    def _join_lists(
        self, session: Session, parcel: TargetParcel, remote_id: str
    ) -> Outcome:
        answer = session.request(
            "PATCH", f"api/targets/{remote_id}/", body=payloads.target_lists(parcel)
        )
        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return Delivered(
                f"{self.name} has this target already, but does not let our account "
                f"put it into its lists."
            )
        session.halt_on_trouble(answer)
        return Delivered(
            f"{self.name} has this target already; its lists were updated."
        )

    def _create(
        self, session: Session, parcel: TargetParcel, progress: Progress
    ) -> Outcome:
        try:
            body = payloads.target(parcel)
        except payloads.Unsendable as unsendable:
            return Refused(Failure.REFUSED_DATA, str(unsendable))
        answer = session.request("POST", "api/targets/", body=body)
        if answer.status == HTTPStatus.BAD_REQUEST and _says_exists(answer.json()):
            # Somebody made it in this moment, or it is hidden from our account.
            remote_id = self._find(session, parcel.target)
            if remote_id is None:
                return Refused(
                    Failure.PERMISSION_MISSING,
                    f"{self.name} has a target of this name, or of one of its aliases, "
                    f"that our account may not see.",
                )
            progress.found_target(remote_id)
            return self._join_lists(session, parcel, remote_id)
        if answer.status == HTTPStatus.BAD_REQUEST and 0.0 in (
            parcel.target.ra,
            parcel.target.dec,
        ):
            return Refused(
                Failure.REFUSED_DATA,
                f"{self.name} refused it: {verdicts.words(answer.json())}. (A TOM "
                f"takes a coordinate of exactly 0 for a missing one.)",
            )
        session.halt_on_trouble(answer)
        progress.found_target(session.id_in(answer))
        return Delivered(f"{self.name} created this target.")

    def _known(self, session: Session, card: TargetCard, progress: Progress) -> str:
        """Return the id of the target there; halt where it has none."""
        if card.remote_id is not None:
            return card.remote_id
        remote_id = self._find(session, card)
        if remote_id is None:
            raise Halted(
                Refused(
                    Failure.NO_MATCHING_TARGET,
                    f"{self.name} has no target {card.name} that our account may see, "
                    f"under this name or an alias.",
                )
            )
        progress.found_target(remote_id)
        return remote_id

    def _again(
        self, session: Session, card: TargetCard, progress: Progress, old: str
    ) -> str:
        """Find the target anew after the id we knew was refused; halt if it is not
        the id that is the trouble."""
        progress.found_target(None)
        remote_id = self._find(session, card)
        if remote_id is None or remote_id == old:
            failure = (
                Failure.NO_MATCHING_TARGET
                if remote_id is None
                else Failure.PERMISSION_MISSING
            )
            raise Halted(
                Refused(
                    failure,
                    f"{self.name} does not let our account add data to {card.name}, or "
                    f"no longer has it.",
                )
            )
        progress.found_target(remote_id)
        return remote_id

    def _find(self, session: Session, card: TargetCard) -> str | None:
        """Look for the target by its names, then for a twin at its position."""
        try:
            for name in filter(toolkit.simplified, card.names):
                found = self._search(session, {"name": name})
                if (remote_id := matching.match(card, found)) is not None:
                    return remote_id
            if card.ra is None or card.dec is None:
                return None
            cone = {"cone_search": f"{card.ra},{card.dec},{CONE}"}
            return matching.match(card, self._search(session, cone))
        except matching.Ambiguous as several:
            names = ", ".join(str(t.get("name")) for t in several.candidates[:5])
            raise Halted(
                Refused(
                    Failure.AMBIGUOUS_TARGET,
                    f"{self.name} has {len(several.candidates)} targets that match "
                    f"{card.name}: {names}.",
                )
            ) from several

    def _search(self, session: Session, params: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(PAGES):
            answer = session.request(
                "GET",
                "api/targets/",
                params=params | {"limit": "100", "offset": str(100 * page)},
            )
            session.halt_on_trouble(answer)
            body = answer.json()
            results = body.get("results") if isinstance(body, dict) else None
            if not isinstance(results, list):
                raise Halted(session.nonsense())
            found += [t for t in results if isinstance(t, dict) and "id" in t]
            if not body.get("next"):
                break
        return found


def _says_exists(body: Any) -> bool:
    return "already exists" in verdicts.words(body)
