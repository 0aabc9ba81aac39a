"""The look whether a message is out already, before it is published again.

Hermes keeps no messages itself: what it publishes appears, after a while, in the
archive of the streams, which it asks for us. A Hermes from before November 2025 has a
table of messages instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from tom_share_worker.delivery.destinations.hermes import verdicts as hermes_verdicts
from tom_share_worker.delivery.destinations.hermes.payloads import MARK
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.talk import Talk
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import Halted, TryAgain
from tom_share_worker.models import Failure

ARCHIVE, TABLE = "api/v0/query/", "api/v0/messages/"

CLOCKS = timedelta(hours=1)
"""How far the clocks of this TOM and of the streams may be apart."""

PAGES = 50
PAGE = 200
"""Messages of one topic that are looked through: 10,000 since the delivery was made."""


class Archive:
    """The published messages of one topic."""

    def __init__(self, talk: Talk, topic: str) -> None:
        self._talk = talk
        self._topic = topic

    def find(self, parcel: MessageParcel) -> str | None:
        """Return the uuid of this very message, or None where it is not there.

        Halts where that cannot be found out: nothing is published blindly.
        """
        answer = self._ask(ARCHIVE, self._query(parcel))
        if answer.status == HTTPStatus.NOT_FOUND:
            return self._find_in_table(parcel)
        for uuid in self._candidates(parcel, answer):
            shown = self._read(self._ask(f"{ARCHIVE}message/{uuid}/"))
            message = shown.get("message")
            if isinstance(message, dict) and _is_marked(message, parcel.key):
                return uuid
        return None

    def _query(self, parcel: MessageParcel) -> dict[str, str]:
        # Whole seconds: the archive takes no fractions.
        since = (parcel.created - CLOCKS).replace(microsecond=0)
        return {"topic": self._topic, "start": since.isoformat(), "limit": str(PAGE)}

    def _candidates(self, parcel: MessageParcel, answer: Answer) -> Iterator[str]:
        """Yield the uuids of messages with our title, page by page."""
        for _ in range(PAGES):
            page = self._read(answer)
            listed = page.get("messages")
            if not isinstance(listed, list):
                raise self._cannot_look("its list of messages could not be read")
            for row in listed:
                notes = row.get("annotations") if isinstance(row, dict) else None
                if not isinstance(notes, dict) or not notes.get("con_text_uuid"):
                    raise self._cannot_look("its list of messages could not be read")
                if notes.get("title") in (None, "", parcel.title):
                    yield str(notes["con_text_uuid"])
            if not page.get("next"):
                return
            more = {"page": str(page["next"])}
            answer = self._ask(ARCHIVE, self._query(parcel) | more)
        raise self._cannot_look(f"the topic {self._topic} holds too many messages")

    def _find_in_table(self, parcel: MessageParcel) -> str | None:
        query = {"topic_exact": self._topic, "limit": str(PAGE)}
        for number in range(PAGES):
            offset = {"offset": str(number * PAGE)}
            page = self._read(self._ask(TABLE, query | offset))
            rows = page.get("results")
            if not isinstance(rows, list) or any(
                not isinstance(row, dict) or "data" not in row for row in rows
            ):
                # A newer Hermes lists bare uuids here, of whatever topic.
                raise self._cannot_look("its list of messages could not be read")
            for row in rows:
                if row.get("uuid") and _is_marked(row, parcel.key):
                    return str(row["uuid"])
            if not page.get("next"):
                return None
        raise self._cannot_look(f"the topic {self._topic} holds too many messages")

    def _ask(self, path: str, params: dict[str, str] | None = None) -> Answer:
        return self._talk.request("GET", path, params=params)

    def _read(self, answer: Answer) -> dict[str, Any]:
        """Return a JSON object; halt where it is none."""
        trouble = hermes_verdicts.trouble(answer, self._talk.name)
        if isinstance(trouble, TryAgain):
            raise Halted(trouble)
        said = answer.json()
        if trouble is not None or not isinstance(said, dict) or "error" in said:
            raise self._cannot_look(f"it answered HTTP {answer.status}")
        return said

    def _cannot_look(self, why: str) -> Halted:
        return Halted(
            TryAgain(
                Failure.DESTINATION_DOWN,
                f"An earlier attempt may have published this message, and "
                f"{self._talk.name} cannot be asked whether it did: {why}. It is not "
                f"published again before that is known.",
            )
        )


def _is_marked(message: dict[str, Any], key: str) -> bool:
    data = message.get("data")
    extra = data.get("extra_data") if isinstance(data, dict) else None
    return isinstance(extra, dict) and extra.get(MARK) == key
