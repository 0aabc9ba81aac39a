"""A data product uploaded to a stock TOM, its file streamed.

Called by `tom` once the target there is known; a repeat is recognised by the product's
id, which must not belong to another target or name another file there.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.text import get_valid_filename

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.multipart import DIGEST, Multipart
from tom_share_worker.delivery.destinations.tom import listing, receipts, wire
from tom_share_worker.delivery.destinations.tom.datums import Resolve
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Refused,
    TryAgain,
)
from tom_share_worker.delivery.parcels import ProductParcel
from tom_share_worker.models import Failure

_TABLES = ("photometry", "spectroscopy")
"""Types of data products that every TOM reads data points from."""

_FROM_A_PEER = {"Tom-Share-Version": str(wire.VERSION)}
"""The header by which a TOM knows that the file comes from another one."""


class Upload:
    """The sending of one data product."""

    def __init__(
        self,
        session: Session,
        parcel: ProductParcel,
        progress: Progress,
        resolve_again: Resolve,
    ) -> None:
        self.session = session
        self.parcel = parcel
        self.progress = progress
        self._resolve_again = resolve_again
        self._to_peer = False
        self._digest = ""

    def send(self, remote_id: str, *, to_peer: bool = False) -> Outcome:
        """Upload the file; say what the other TOM made of it."""
        self._to_peer = to_peer
        if self._is_at_home(remote_id):
            return Delivered(f"{self.session.name} is this TOM, which has this file.")
        answer = self._upload(remote_id)
        if verdicts.says_invalid_target(answer):
            remote_id = self._resolve_again(
                self.session, self.parcel.target, self.progress, remote_id
            )
            answer = self._upload(remote_id)
        if _says_exists(answer):
            return self._judge_older(remote_id)
        if _says_damaged(answer):
            return TryAgain(
                Failure.DESTINATION_DOWN,
                f"The file arrived damaged at {self.session.name}, which kept nothing "
                f"of it.",
            )
        self.session.halt_on_trouble(answer)
        body = answer.json()
        if not isinstance(body, dict):
            return self.session.nonsense()
        outcome = self._judge(body, remote_id)
        if isinstance(outcome, Refused):
            return outcome
        if answer.status == HTTPStatus.ACCEPTED or _is_unprocessed(body):
            return self._follow(answer, outcome)
        if answer.status == HTTPStatus.CREATED:
            return self._received(self._unread(body))
        return outcome

    def _follow(self, answer: Answer, otherwise: Outcome) -> Outcome:
        """Look what becomes of a file that is processed after it was received.

        Where to look is kept before anything else, so that whoever goes on after a kill
        asks there. Another account's upload may not be for us to see.
        """
        receipt = receipts.of(self.session, answer)
        if not receipt:
            return otherwise
        self.progress.received(receipt)
        told = receipts.wait(self.session, receipt, self.progress)
        if told is None:
            self.progress.received("")
        return told or otherwise

    def _received(self, warning: str = "") -> Delivered:
        return Delivered(f"{self.session.name} received the file{warning}.")

    def _judge_older(self, remote_id: str) -> Outcome:
        """Look up what a TOM older than 3.0.1 has under our id, as it does not say."""
        ours = self.parcel.product_id
        for product in listing.products(self.session, self.parcel.target.name):
            if product.get("product_id") == ours:
                return self._judge(product | {"already_exists": True}, remote_id)
        return Refused(
            Failure.REFUSED_DATA,
            f"{self.session.name} has a data product with the id {ours} already, but "
            f"not of a target of this name that our account may see.",
        )

    def _is_at_home(self, remote_id: str) -> bool:
        """True if the other TOM is this one, and has the very file we would send.

        It is looked at only where our target has the same id there. Without this, a
        TOM that shares with itself would get a second data product.
        """
        home = self.parcel.home
        if home is None or remote_id != home.target_id:
            return False
        try:
            listed = listing.products(self.session, self.parcel.target.name)
            return any(
                str(product.get("id")) == home.id
                and str(product.get("target")) == home.target_id
                and not product.get("product_id")
                and unquote(urlsplit(str(product.get("data"))).path).endswith(
                    f"/{home.path}"
                )
                for product in listed
            )
        except Halted as halted:
            if isinstance(halted.outcome, Interrupted):
                raise
            return False

    def _judge(self, body: dict[str, Any], remote_id: str) -> Outcome:
        name, product_id = self.session.name, self.parcel.product_id
        if str(body.get("target")) != remote_id:
            return Refused(
                Failure.REFUSED_DATA,
                f"{name} has a data product with the id {product_id} already, but it "
                f"belongs to another target there.",
            )
        if not body.get("already_exists"):
            return self._received()
        if not self._is_this_file(body):
            return Refused(
                Failure.REFUSED_DATA,
                f"{name} has another file with the id {product_id} already and did not "
                f"take this one.",
            )
        return Delivered(f"{name} has this data product already.")

    def _unread(self, body: dict[str, Any]) -> str:
        """Return words of warning where a table was accepted and nothing read of it.

        A stock TOM does so without a word, with a spectrum that names no FACILITY.
        """
        if self.parcel.data_product_type not in _TABLES or body.get("id") is None:
            return ""
        params = {"data_product__id": str(body["id"]), "limit": "1"}
        try:
            answer = self.session.request("GET", "api/reduceddatums/", params=params)
        except Halted:
            return ""
        found = answer.json()
        if answer.status != HTTPStatus.OK or not isinstance(found, dict):
            return ""
        if found.get("count") != 0:
            return ""
        return (
            ", but shows no data points of it. Check that it has the format of its "
            "data product type; the file of a spectrum must name its FACILITY"
        )

    def _upload(self, remote_id: str) -> Answer:
        """Send the file; once more, from its beginning, if our token had expired."""
        answer = self._upload_once(remote_id)
        expired = answer.status == HTTPStatus.UNAUTHORIZED
        if expired and self.session.settings.api_token is None:
            answer = self._upload_once(remote_id)
        return answer

    def _upload_once(self, remote_id: str) -> Answer:
        parcel = self.parcel
        fields = {
            "target": remote_id,
            "product_id": parcel.product_id,
            "data_product_type": parcel.data_product_type,
            "extra_data": parcel.extra_data,
        }
        with parcel.open() as file:
            body = Multipart(
                *(fields, "file", parcel.file_name, file, parcel.size),
                with_digest=self._to_peer,
            )
            answer = self.session.upload(
                "api/dataproducts/", body, _FROM_A_PEER if self._to_peer else None
            )
        self._digest = body.digest
        return answer

    def _is_this_file(self, body: dict[str, Any]) -> bool:
        """True if what the other TOM holds under an id can be this file.

        One that runs this app tells its digest. Else an id of our making names one file
        only. Others need not: a file stored under such an id must have our file's name,
        to which Django may have added something.
        """
        if self._digest and body.get("sha256"):
            return bool(body["sha256"] == self._digest)
        if self.parcel.id_is_ours:
            return True
        theirs = PurePosixPath(urlsplit(str(body.get("data"))).path).stem
        ours = PurePosixPath(get_valid_filename(self.parcel.file_name)).stem
        return theirs.startswith(ours)


def _says_damaged(answer: Answer) -> bool:
    """True if the digest that we sent is not that of what arrived."""
    body = answer.json()
    refused = answer.status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    return refused and isinstance(body, dict) and DIGEST in body


def _is_unprocessed(body: dict[str, Any]) -> bool:
    """True if a file that is there already was not, or not yet, processed well."""
    job = body.get("ingest")
    return isinstance(job, dict) and job.get("status") != "done"


def _says_exists(answer: Answer) -> bool:
    """True if a TOM refuses the file since it has a data product of that id."""
    body = answer.json()
    return (
        answer.status == HTTPStatus.BAD_REQUEST
        and isinstance(body, dict)
        and "already exists" in verdicts.words(body.get("product_id"))
    )
