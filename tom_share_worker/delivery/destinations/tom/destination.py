"""Another TOM as destination, spoken to through TOM Toolkit's own REST API.

The conversation with a stock TOM: find the target, create it or put it into lists, post
data points one by one, upload a file. What each answer means is decided in `verdicts`.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.tom import (
    batches,
    datums,
    extras,
    finding,
    lists,
    payloads,
    peer,
    products,
    receipts,
)
from tom_share_worker.delivery.destinations.tom.matching import Theirs
from tom_share_worker.delivery.destinations.tom.peer import Surprise
from tom_share_worker.delivery.destinations.tom.probe import Probe
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.findings import Finding
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Outcome,
    Refused,
    Unsendable,
)
from tom_share_worker.delivery.parcels import (
    DatumsParcel,
    Parcel,
    ProductParcel,
    TargetParcel,
)
from tom_share_worker.models import Failure


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
                    return self._datums(session, parcel, progress)
                case ProductParcel():
                    return self._product(session, parcel, progress)
                case MessageParcel():
                    return Refused(
                        Failure.BAD_CONFIGURATION,
                        f"This was prepared as a message, and {self.name} is a TOM by "
                        f"now. Share it again.",
                    )
        except Halted as halted:
            return halted.outcome

    def test(self) -> list[Finding]:
        """Ask what works there with our account, and store nothing there."""
        return Probe(self.settings).findings()

    def _datums(
        self, session: Session, parcel: DatumsParcel, progress: Progress
    ) -> Outcome:
        """Send data points in batches where the other TOM takes them, else singly."""
        remote_id = finding.known(session, parcel.target, progress)
        spoken = peer.of(session, parcel.peer, progress)
        if spoken is not None:
            try:
                return batches.Batches(
                    session, parcel, progress, finding.again, spoken
                ).send(remote_id)
            except Surprise as surprise:
                if surprise.of_the_protocol:
                    progress.forget_peer()
            left = {key: parcel.datums[key] for key in progress.ledger.pending()}
            parcel = replace(parcel, datums=left)
        return datums.Batch(session, parcel, progress, finding.again).send(remote_id)

    def _product(
        self, session: Session, parcel: ProductParcel, progress: Progress
    ) -> Outcome:
        """Upload a file, or ask what has become of it since it was received."""
        if parcel.receipt:
            told = receipts.ask(session, parcel.receipt, progress)
            if told is not None:
                return told
        remote_id = finding.known(session, parcel.target, progress)
        spoken = peer.of(session, parcel.peer, progress)
        upload = products.Upload(session, parcel, progress, finding.again)
        return upload.send(remote_id, to_peer=spoken is not None)

    def _target(
        self, session: Session, parcel: TargetParcel, progress: Progress
    ) -> Outcome:
        """Put the target into the lists there, or create it in them."""
        theirs = finding.whole(session, parcel.target, progress)
        # Nothing of it is needed here: it is for the data that follow the target.
        peer.of(session, parcel.peer, progress)
        if theirs is None:
            return self._create(session, parcel, progress)
        return self._update(session, parcel, progress, theirs)

    def _update(
        self,
        session: Session,
        parcel: TargetParcel,
        progress: Progress,
        theirs: Theirs,
    ) -> Outcome:
        """Put a target that is there into the lists; bring its extra fields up."""
        remote_id = finding.remember(session, parcel.target, progress, theirs)
        changes = extras.compare(parcel, theirs)
        if changes.rows:
            progress.sent_extras(changes.promised)
        body = payloads.target_lists(parcel)
        if changes.rows:
            body["targetextra_set"] = changes.rows
        path = f"api/targets/{quote(remote_id, safe='')}/"
        answer = lists.put(session, "PATCH", path, body)
        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return Delivered(
                f"{self.name} has this target already, but does not let our account "
                f"put it into its lists or change it."
            )
        session.halt_on_trouble(answer)
        if changes.agreed != parcel.sent_extras:
            progress.sent_extras(changes.agreed)
        note = f"{self.name} has this target already; its lists were updated."
        return Delivered(f"{note} {changes.sentence()}".strip())

    def _create(
        self, session: Session, parcel: TargetParcel, progress: Progress
    ) -> Outcome:
        try:
            body = payloads.target(parcel)
        except Unsendable as unsendable:
            return Refused(Failure.REFUSED_DATA, str(unsendable))
        answer = lists.put(session, "POST", "api/targets/", body)
        if answer.status == HTTPStatus.BAD_REQUEST and _says_exists(answer.json()):
            # Somebody made it in this moment, or it is hidden from our account.
            theirs = finding.look(session, parcel.target)
            if theirs is None:
                return Refused(
                    Failure.PERMISSION_MISSING,
                    f"{self.name} has a target of this name, or of one of its aliases, "
                    f"that our account may not see.",
                )
            return self._update(session, parcel, progress, theirs)
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
        made = answer.json()
        finding.remember(
            session, parcel.target, progress, {"id": session.id_in(answer)}
        )
        changes = extras.compare(replace(parcel, sent_extras=parcel.extras), made)
        if changes.agreed:
            progress.sent_extras(changes.agreed)
        note = f"{self.name} created this target."
        return Delivered(f"{note} {changes.sentence(arrived=False)}".strip())


def _says_exists(body: Any) -> bool:
    return "already exists" in verdicts.words(body)
