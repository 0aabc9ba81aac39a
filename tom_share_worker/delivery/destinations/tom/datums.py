"""A batch of data points posted to a stock TOM, one request each.

One bad row never spoils the batch: each gets its own fate in the ledger. What may have
arrived in an earlier attempt is looked up before it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom import likeness, payloads, stored
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Refused,
    TryAgain,
    Unsendable,
)
from tom_share_worker.delivery.parcels import (
    STUBBORN_ATTEMPTS,
    DatumsParcel,
    TargetCard,
)
from tom_share_worker.models import Failure

ERRORS_IN_A_ROW = 3
"""Internal errors in a row after which the rest waits: it is the server's fault."""

MEANWHILE = " It accepted others meanwhile."
"""Ends the reason of a row that failed while others, tried later, were stored. Kept in
the ledger: it is what tells a row that cannot be stored from a server that is ill."""

LOOK_FROM = 5
"""Rows from which on one look at what is there is cheaper than sending each again."""

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
        ledger = progress.ledger
        self._troubled = {key for key in ledger.pending() if ledger.reason(key)}
        self._doubtful: dict[Key, tuple[dict[str, Any], str]] = {}
        self._failed: dict[Key, str] = {}
        self._contested: dict[Key, dict[str, Any]] = {}
        self._before = stored.Stored(session)
        self._now = stored.Stored(session)
        self._tries_all = parcel.attempts >= STUBBORN_ATTEMPTS
        self._look_first = parcel.look_first or (
            parcel.attempts > 0 and len(parcel.datums) >= LOOK_FROM
        )

    def send(self, remote_id: str) -> Outcome:
        """Post what is pending, row by row, and sum up."""
        for key, datum in self._in_turn():
            if self._errors_in_a_row >= ERRORS_IN_A_ROW and not self._tries_all:
                break
            if not self.progress.keep_going():
                return Interrupted()
            try:
                body = payloads.datum(self.parcel, key, datum, remote_id)
            except Unsendable as unsendable:
                self._settle(key, Fate.REFUSED, str(unsendable))
                continue
            if self._was_there(body):
                self._settle(key, Fate.ALREADY_THERE)
                continue
            remote_id = self._post(key, body)
        self._judge_contested()
        self._look_again()
        return self._sum_up()

    def _in_turn(self) -> list[tuple[Key, Any]]:
        """Return the rows, beginning at another one in each attempt.

        Otherwise a few that always meet an internal error would keep the rest waiting.
        """
        rows = list(self.parcel.datums.items())
        first = self.parcel.attempts * ERRORS_IN_A_ROW % len(rows) if rows else 0
        return rows[first:] + rows[:first]

    def _post(self, key: Key, body: dict[str, Any]) -> str:
        """Post one row and judge the answer; return the target's id there."""
        answer = self.session.request("POST", "api/reduceddatums/", body=body)
        if verdicts.says_invalid_target(answer):
            body["target"] = self._resolve_again(
                self.session, self.parcel.target, self.progress, body["target"]
            )
            answer = self.session.request("POST", "api/reduceddatums/", body=body)
        self._judge(key, body, answer)
        return str(body["target"])

    def _judge(self, key: Key, body: dict[str, Any], answer: Answer) -> None:
        """Write down the fate of a row, or halt where it is not about the row."""
        outcome = verdicts.trouble(answer, self.session.name)
        if outcome is None:
            self._errors_in_a_row = 0
            self._accepted(key, body, answer.json())
        elif isinstance(outcome, Refused) and outcome.failure == Failure.REFUSED_DATA:
            self._errors_in_a_row = 0
            self._settle(key, Fate.REFUSED, outcome.note)
        elif isinstance(outcome, TryAgain) and not outcome.destination_wide:
            self._internal_error(key, body, outcome.note)
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
            self._settle(key, Fate.DELIVERED)
            self._note_acceptance()
        elif likeness.same(body, said) or self._now.is_known(body):
            self._settle(key, Fate.ALREADY_THERE)
        else:
            self._contested[key] = body

    def _judge_contested(self) -> None:
        """Read back once, for all rows that are there or have another in their place.

        Until then they are open, and an attempt that ends early leaves them so.
        """
        if self._contested:
            self._now.forget()
        for key, body in self._contested.items():
            if self._now.holds(body):
                self._settle(key, Fate.ALREADY_THERE)
                continue
            self._settle(
                key,
                Fate.REFUSED,
                f"{self.session.name} holds another data point of this time and did "
                f"not store this one.",
            )

    def _settle(self, key: Key, fate: Fate, reason: str = "") -> None:
        self._troubled.discard(key)
        self.progress.settle(key, fate, reason)

    def _internal_error(self, key: Key, body: dict[str, Any], note: str) -> None:
        """Some releases answer a repeat with an internal error: look before judging."""
        if self._now.is_known(body):
            self._errors_in_a_row = 0
            self._settle(key, Fate.ALREADY_THERE)
            return
        self._doubtful[key] = body, note
        self._troubled.add(key)
        self._errors_in_a_row += 1
        if self._errors_in_a_row >= ERRORS_IN_A_ROW and not self._tries_all:
            self._look_again()

    def _look_again(self) -> None:
        """Read back once, for all rows that met an internal error."""
        self._now.forget()
        for key, (body, note) in self._doubtful.items():
            if self._now.holds(body):
                self._errors_in_a_row = 0
                self._settle(key, Fate.ALREADY_THERE)
                continue
            self._failed[key] = note + self._now.explanation(body)
            if not self._failed_meanwhile(key):
                self.progress.settle(key, Fate.NOT_YET, note)
        self._doubtful.clear()

    def _note_acceptance(self) -> None:
        """Note on the rows that failed before that this one was stored after them."""
        for key in self._troubled:
            if not self._failed_meanwhile(key):
                note = self.progress.ledger.reason(key) or self._doubtful[key][1]
                self.progress.settle(key, Fate.NOT_YET, note + MEANWHILE)
        self._troubled.clear()

    def _failed_meanwhile(self, key: Key) -> bool:
        return self.progress.ledger.reason(key).endswith(MEANWHILE)

    def _was_there(self, body: dict[str, Any]) -> bool:
        """True if the other side had this row before we began, so that it stays put.

        Looked up where no constraint there would catch a repeat, and where many rows
        may be repeats: one look then takes the place of a request per row. Not for
        spectra, each of which is as large to read back as to send.
        """
        if _is_unguarded(body):
            return self._before.account_for(body)
        return (
            self._look_first
            and body["data_type"] != "spectroscopy"
            and likeness.shows_all(body)
            and self._before.account_for(body, stored.PAGES_AHEAD)
        )

    def _sum_up(self) -> Outcome:
        ledger = self.progress.ledger
        if self._failed and self._is_stubborn():
            for key, note in self._failed.items():
                self._settle(key, Fate.REFUSED, note)
        elif self._failed:
            return TryAgain(
                Failure.DESTINATION_DOWN,
                f"{len(self._failed)} of {len(ledger)} data points met an internal "
                f"error of {self.session.name}.",
            )
        return sum_up(ledger)

    def _is_stubborn(self) -> bool:
        """True if the rows that failed will fail for ever: reading back worked each
        time, and as far as we can know the other side stored others meanwhile."""
        if not self._tries_all or self._failed.keys() != set(
            self.progress.ledger.pending()
        ):
            return False
        return (
            len(self._failed) <= ERRORS_IN_A_ROW
            or self.parcel.others_arrive
            or all(map(self._failed_meanwhile, self._failed))
        )


def _is_unguarded(body: dict[str, Any]) -> bool:
    """True for photometry with neither brightness nor limit: to the database of the
    other side each is a new one."""
    value = body.get("value", {})
    return (
        body["data_type"] == "photometry"
        and "magnitude" not in value
        and "limit" not in value
    )


def sum_up(ledger: Ledger) -> Outcome:
    """Return what came of a delivery of which each data point has its fate."""
    counts = ledger.counts()
    if not counts["delivered_count"] + counts["already_there_count"]:
        reason = next((why for _, why in ledger.refused()), "There was nothing.")
        return Refused(Failure.REFUSED_DATA, f"Nothing was accepted. {reason}")
    return Delivered(_sentence(counts))


def _sentence(counts: dict[str, int]) -> str:
    words = [
        (counts["delivered_count"], "delivered"),
        (counts["already_there_count"], "already there"),
        (counts["refused_count"], "refused"),
    ]
    return ", ".join(f"{count} {word}" for count, word in words if count) + "."
