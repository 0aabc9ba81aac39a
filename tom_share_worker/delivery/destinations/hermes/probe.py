"""The test of a connection to Hermes: what works there with our account, in words.

Called through `Hermes.test`. Nothing is published: the profile of our account tells.
"""

from __future__ import annotations

from typing import Any

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.hermes import verdicts
from tom_share_worker.delivery.destinations.talk import Talk
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.delivery.outcomes import Blocked, Halted

REACHABLE = "Can it be reached?"
CREDENTIALS = "Is our account accepted?"
WRITE = "May we publish?"


class _Nobody:
    """Listens to a test: what it hears is in the findings."""

    def heard(self, request: str, status_code: int | None, answer: str) -> None:
        """Keep nothing."""

    def keep_going(self) -> bool:
        """A test is short."""
        return True


def findings(settings: DestinationSettings, key: str) -> list[Finding]:
    """Ask for the profile of our account; say what it means."""
    if not key:
        return [
            Finding(
                CREDENTIALS,
                Found.UNKNOWN,
                "There is no HERMES_API_KEY in the entry of DATA_SHARING: each person "
                "publishes with a key of their own, which is not tested here.",
            )
        ]
    name = settings.display_name
    talk = Talk(settings, _Nobody(), f"Token {key}")
    try:
        answer = talk.request("GET", verdicts.PROFILE, personal=True)
    except Halted as halted:
        return [Finding(REACHABLE, Found.TROUBLE, halted.outcome.note)]
    trouble = verdicts.trouble(answer, name)
    if trouble is not None and not isinstance(trouble, Blocked):
        return [Finding(REACHABLE, Found.TROUBLE, trouble.note)]
    reached = Finding(REACHABLE, Found.OK, f"{name} answers.")
    if isinstance(trouble, Blocked):
        return [reached, Finding(CREDENTIALS, Found.TROUBLE, trouble.note)]
    accepted = Finding(CREDENTIALS, Found.OK, "Our API key is accepted.")
    return [reached, accepted, _may_publish(settings, answer.json())]


def _may_publish(settings: DestinationSettings, profile: Any) -> Finding:
    said = profile.get("writable_topics") if isinstance(profile, dict) else None
    writable = said if isinstance(said, list) else []
    offered = [str(topic) for topic in settings.entry.get("USER_TOPICS", ())]
    may = [topic for topic in offered if topic in writable]
    may_not = [topic for topic in offered if topic not in writable]
    if not may_not:
        return Finding(WRITE, Found.OK, f"To all topics of ours: {', '.join(may)}.")
    if not writable:
        return Finding(
            WRITE,
            Found.TROUBLE,
            f"{settings.display_name} names no topic that our account may write to. "
            f"Ask those who run the topics for the permission; if it was given, log "
            f"out of Hermes and in again, and test again.",
        )
    return Finding(
        WRITE,
        Found.TROUBLE,
        f"To {', '.join(may) or 'none of our topics'}; not to {', '.join(may_not)}. "
        f"Ask for the permission, or take them out of USER_TOPICS.",
    )
