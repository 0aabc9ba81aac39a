"""The publishing of one message on Hermes, once.

Called by `hermes`: may our account write to the topic; the dry run, which refuses rows
one by one; where an earlier attempt may have published, a look; then the message.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.hermes import verdicts
from tom_share_worker.delivery.destinations.hermes.archive import Archive
from tom_share_worker.delivery.destinations.hermes.draft import Draft
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.talk import Talk
from tom_share_worker.delivery.ledger import TARGET, Fate
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import (
    Delivered,
    Halted,
    Interrupted,
    Outcome,
    Refused,
    TryAgain,
)
from tom_share_worker.models import Failure

VALIDATE = f"{verdicts.SUBMIT}validate/"

ARCHIVE_DELAY = 120.0
"""Seconds after which a message that was published is sure to be in the archive."""

ROUNDS = 5
"""Dry runs of one message: each shows what the one before hid."""

TOPIC_ATTEMPTS = 4
"""Attempts at which Hermes names no topic at all: it may have failed to ask for them,
after a quarter of an hour it has none for us."""


class Publication:
    """The publishing of one message."""

    def __init__(
        self,
        settings: DestinationSettings,
        talk: Talk,
        parcel: MessageParcel,
        progress: Progress,
    ) -> None:
        self.settings = settings
        self.entry = settings.entry
        self.name = settings.display_name
        self.parcel = parcel
        self._talk = talk
        self._progress = progress

    def publish(self) -> Outcome:
        """Go through the conversation.

        The ledger is written at its end only: what is left to send names the message,
        and must stay the same until the message is out.
        """
        if not self.parcel.datums:
            return Delivered("Nothing of it was left to publish.")
        self._require_topic()
        draft = Draft(self.parcel, self.entry)
        draft.lighten()
        self._dry_run(draft)
        if not draft.sent:
            self._settle(draft)
            reason = next(iter(draft.refused.values()))
            return Refused(Failure.REFUSED_DATA, f"Nothing was published. {reason}")
        found = self._found()
        if found is None and not self._progress.keep_going():
            return Interrupted()
        address = found or self._submit(draft)
        self._settle(draft)
        self._progress.linked(f"{self.settings.base_url}message/{address}")
        return Delivered(self._sentence(draft, found is not None))

    def _require_topic(self) -> None:
        """Halt unless our account may write to the topic."""
        said = self._read(self._talk.request("GET", verdicts.PROFILE, personal=True))
        writable = said.get("writable_topics")
        if not isinstance(writable, list):
            raise Halted(self._nonsense())
        if self.settings.topic in writable:
            return
        if not writable and self.parcel.attempts + 1 < TOPIC_ATTEMPTS:
            raise Halted(
                TryAgain(
                    Failure.PERMISSION_MISSING,
                    f"{self.name} names no topic at present that our account may "
                    f"publish to.",
                )
            )
        offered = [topic for topic in self.entry["USER_TOPICS"] if topic in writable]
        raise Halted(
            Refused(
                Failure.PERMISSION_MISSING,
                f"Our account may not publish to the topic {self.settings.topic} of "
                f"{self.name}. Of those that this TOM offers it may publish to "
                f"{', '.join(map(str, offered)) or 'none'}.",
            )
        )

    def _dry_run(self, draft: Draft) -> None:
        """Let Hermes look at the draft, and leave out the rows it objects to."""
        for _ in range(ROUNDS):
            if not draft.sent:
                return
            answer = self._talk.request("POST", VALIDATE, body=self._body(draft))
            errors = self._read(answer)
            if not errors:
                return
            if general := draft.heed(errors, self.settings.topic):
                raise Halted(self._refused(general))
        raise Halted(self._refused("it finds something else in each dry run"))

    def _found(self) -> str | None:
        """Return the uuid under which an earlier attempt published this message.

        None where none did; halts as long as that is not sure.
        """
        now = datetime.now(UTC)
        doubtful = [
            earlier.ended or now
            for earlier in self.parcel.earlier
            if verdicts.may_have_published(earlier)
        ]
        if not doubtful:
            return None
        found = Archive(self._talk, self.settings.topic).find(self.parcel)
        delay = float(self.entry.get("ARCHIVE_DELAY", ARCHIVE_DELAY))
        wait = (max(doubtful) + timedelta(seconds=delay) - now).total_seconds()
        if found is None and wait > 0:
            raise Halted(
                TryAgain(
                    Failure.DESTINATION_DOWN,
                    f"An earlier attempt may have published this message. "
                    f"{self.name} does not show it yet; it is looked for again before "
                    f"it is published.",
                    retry_after=wait,
                )
            )
        return found

    def _submit(self, draft: Draft) -> str:
        answer = self._talk.request("POST", verdicts.SUBMIT, body=self._body(draft))
        own = bool(self.parcel.own_key)
        said = verdicts.published(answer, self.name, own)
        if not isinstance(said, str):
            raise Halted(said)
        try:
            return str(uuid.UUID(said))
        except ValueError as error:
            raise Halted(self._nonsense()) from error

    def _body(self, draft: Draft) -> dict[str, Any]:
        authors = str(self.entry.get("DEFAULT_AUTHORS") or "")
        return draft.body(self.settings.topic, authors)

    def _settle(self, draft: Draft) -> None:
        for key in draft.sent:
            self._progress.settle(key, Fate.DELIVERED)
        for key, reason in draft.refused.items():
            self._progress.settle(key, Fate.REFUSED, reason)

    def _sentence(self, draft: Draft, found: bool) -> str:
        targets = sum(key.kind == TARGET for key in draft.sent)
        what = " and ".join(
            f"{count:,} {noun if count == 1 else f'{noun}s'}"
            for count, noun in (
                (targets, "target"),
                (len(draft.sent) - targets, "data point"),
            )
            if count
        )
        how = " by an earlier attempt, whose answer was lost," if found else ""
        refused = f", {len(draft.refused):,} refused" if draft.refused else ""
        return f"{what} published{how} on {self.settings.topic}{refused}."

    def _read(self, answer: Answer) -> dict[str, Any]:
        """Return an answer's JSON object; halt where it is none."""
        trouble = verdicts.trouble(answer, self.name, bool(self.parcel.own_key))
        if trouble is not None:
            raise Halted(trouble)
        said = answer.json()
        if not isinstance(said, dict):
            raise Halted(self._nonsense())
        return said

    def _refused(self, general: str) -> Refused:
        return Refused(
            Failure.REFUSED_DATA, f"{self.name} does not accept the message: {general}."
        )

    def _nonsense(self) -> TryAgain:
        return TryAgain(
            Failure.DESTINATION_DOWN,
            f"{self.name} answered with something that is not the answer of Hermes.",
            destination_wide=True,
        )
