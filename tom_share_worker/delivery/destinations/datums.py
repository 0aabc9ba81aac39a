"""A batch of data points posted to a stock TOM, one request each.

One bad row never spoils the batch: each gets its own fate in the ledger. What may have
arrived in an earlier attempt is looked up before it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tom_share_worker.delivery import payloads
from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.session import Session
from tom_share_worker.delivery.ledger import Fate, Key
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Refused,
    TryAgain,
)
from tom_share_worker.delivery.parcels import DatumsParcel, TargetCard
from tom_share_worker.models import Failure

ERRORS_IN_A_ROW = 3
"""Internal errors in a row after which the rest waits: it is the server's fault."""

STUBBORN_ATTEMPTS = 4
"""Retries after which a row that still meets an internal error counts as refused, a
quarter of an hour by the schedule; else it would be tried for three days in vain."""

PAGE, PAGE_OF_SPECTRA = "500", "10"
"""Rows read back at a time: a spectrum takes thousands of times the bytes, and an
answer over ANSWER_LIMIT is refused."""

Resolve = Callable[[Session, TargetCard, Progress, str], str]


class Batch:
    """The sending of one batch."""

    def __init__(
        self,
        session: Session,
        parcel: DatumsParcel,
        progress: Progress,
        resolve_again: Resolve,
    ) -> None:
        self.session = session
        self.parcel = parcel
        self.progress = progress
        self._resolve_again = resolve_again
        self._errors_in_a_row = 0
        self._failed: dict[Key, str] = {}
        self._stored: list[dict[str, Any]] | None = None

    def send(self, remote_id: str) -> Outcome:
        """Post what is pending, row by row, and sum up."""
        for key, datum in self._in_turn():
            if self._errors_in_a_row >= ERRORS_IN_A_ROW:
                break
            if not self.progress.keep_going():
                return Interrupted()
            try:
                body = payloads.datum(self.parcel, key, datum, remote_id)
            except payloads.Unsendable as unsendable:
                self.progress.settle(key, Fate.REFUSED, str(unsendable))
                continue
            if self._may_be_doubled(body) and self._is_stored(body):
                self.progress.settle(key, Fate.ALREADY_THERE)
                continue
            answer = self._post(body)
            if verdicts.says_invalid_target(answer):
                remote_id = self._resolve_again(
                    self.session, self.parcel.target, self.progress, remote_id
                )
                answer = self._post(body | {"target": remote_id})
            self._judge(key, body, answer)
        return self._sum_up()

    def _in_turn(self) -> list[tuple[Key, Any]]:
        """Return the rows, beginning at another one in each attempt.

        Otherwise a few that always meet an internal error would keep the rest waiting.
        """
        rows = list(self.parcel.datums.items())
        first = self.parcel.attempts * ERRORS_IN_A_ROW % len(rows) if rows else 0
        return rows[first:] + rows[:first]

    def _post(self, body: dict[str, Any]) -> Answer:
        return self.session.request("POST", "api/reduceddatums/", body=body)

    def _judge(self, key: Key, body: dict[str, Any], answer: Answer) -> None:
        """Write down the fate of a row, or halt where it is not about the row."""
        outcome = verdicts.trouble(answer, self.session.name)
        if outcome is None:
            self._errors_in_a_row = 0
            self._accepted(key, body, answer.json())
        elif isinstance(outcome, Refused) and outcome.failure == Failure.REFUSED_DATA:
            self._errors_in_a_row = 0
            self.progress.settle(key, Fate.REFUSED, outcome.note)
        elif isinstance(outcome, TryAgain) and not outcome.destination_wide:
            self._internal_error(key, body, outcome)
        else:
            raise Halted(outcome)

    def _accepted(self, key: Key, body: dict[str, Any], said: Any) -> None:
        """Believe "created"; check "already exists".

        TOM Toolkit 3.1 says the latter of any row it cannot store, if it holds another
        one of that time and filter.
        """
        if not isinstance(said, dict) or "target" not in said:
            raise Halted(self.session.nonsense())
        if not said.get("already_exists"):
            self.progress.settle(key, Fate.DELIVERED)
        elif _same(body, said) or self._is_stored_now(body):
            self.progress.settle(key, Fate.ALREADY_THERE)
        else:
            self.progress.settle(
                key,
                Fate.REFUSED,
                f"{self.session.name} holds another data point of this time and did "
                f"not store this one.",
            )

    def _internal_error(
        self, key: Key, body: dict[str, Any], outcome: TryAgain
    ) -> None:
        """Some releases answer a repeat with an internal error: look before judging."""
        if self._is_stored_now(body):
            self._errors_in_a_row = 0
            self.progress.settle(key, Fate.ALREADY_THERE)
            return
        self._failed[key] = outcome.note
        self._errors_in_a_row += 1

    def _may_be_doubled(self, body: dict[str, Any]) -> bool:
        """True for a row that no constraint there would catch: photometry with neither
        brightness nor limit. An earlier click or attempt may have brought it."""
        value = body["value"]
        return (
            body["data_type"] == "photometry"
            and "magnitude" not in value
            and "limit" not in value
        )

    def _is_stored(self, body: dict[str, Any]) -> bool:
        """Read back: does the other side hold a row with this time and content?"""
        if self._stored is None:
            self._stored = self._read_back(body["target"], body["data_type"])
        return any(_same(body, row) for row in self._stored)

    def _is_stored_now(self, body: dict[str, Any]) -> bool:
        """Read back anew, forgetting what an earlier look has found."""
        self._stored = None
        return self._is_stored(body)

    def _read_back(self, remote_id: str, data_type: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        seen = 0
        while True:
            answer = self.session.request(
                "GET",
                "api/reduceddatums/",
                params={
                    "target__id": remote_id,
                    "data_type": data_type,
                    "limit": PAGE if data_type == "photometry" else PAGE_OF_SPECTRA,
                    "offset": str(seen),
                },
            )
            self.session.halt_on_trouble(answer)
            body = answer.json()
            page = body.get("results") if isinstance(body, dict) else None
            if not isinstance(page, list):
                raise Halted(self.session.nonsense())
            seen += len(page)
            # Old releases do not know this filter and return all they have.
            rows += [row for row in page if str(row.get("target")) == remote_id]
            if not page or not body.get("next"):
                return rows

    def _sum_up(self) -> Outcome:
        ledger = self.progress.ledger
        counts = ledger.counts()
        arrived = counts["delivered_count"] + counts["already_there_count"]
        if self._failed and self._is_stubborn():
            for key, note in self._failed.items():
                self.progress.settle(key, Fate.REFUSED, note)
            counts = ledger.counts()
        elif self._failed:
            return TryAgain(
                Failure.DESTINATION_DOWN,
                f"{len(self._failed)} of {len(ledger)} data points met an internal "
                f"error of {self.session.name}.",
            )
        if not arrived:
            reason = next((why for _, why in ledger.refused()), "There was nothing.")
            return Refused(Failure.REFUSED_DATA, f"Nothing was accepted. {reason}")
        return Delivered(_sentence(counts))

    def _is_stubborn(self) -> bool:
        """True if the rows that failed will fail for ever: all others have their fate,
        and reading back worked each time, so it is not the server as a whole."""
        return self.parcel.attempts >= STUBBORN_ATTEMPTS and len(self._failed) == len(
            self.progress.ledger.pending()
        )


def _same(body: dict[str, Any], row: dict[str, Any]) -> bool:
    """True if a row read back is the one that was sent, as far as the API shows it."""
    if row.get("data_type") != body["data_type"] or not isinstance(
        row.get("value"), dict
    ):
        return False
    if _time(row.get("timestamp")) != _time(body["timestamp"]):
        return False
    theirs = {_CANONICAL.get(k, k): v for k, v in row["value"].items()}
    ours = {_CANONICAL.get(k, k): v for k, v in body["value"].items()}
    return all(ours.get(k) == v for k, v in theirs.items() if v not in (None, "", []))


_CANONICAL = {
    "magnitude": "brightness",
    "error": "error",
    "brightness_error": "error",
    "filter": "bandpass",
    "flux_units": "flux_unit",
    "wavelength_units": "wavelength_unit",
}


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _sentence(counts: dict[str, int]) -> str:
    words = [
        (counts["delivered_count"], "delivered"),
        (counts["already_there_count"], "already there"),
        (counts["refused_count"], "refused"),
    ]
    return ", ".join(f"{count} {word}" for count, word in words if count) + "."
