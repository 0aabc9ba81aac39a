"""Hermes as destination: a share becomes one message on a topic.

The conversation itself is in `hermes_publication`, what answers mean in
`hermes_verdicts`.
"""

from __future__ import annotations

from django.apps import apps

from tom_share_worker import toolkit
from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.hermes import probe as hermes_probe
from tom_share_worker.delivery.destinations.hermes.publication import Publication
from tom_share_worker.delivery.destinations.talk import Talk
from tom_share_worker.delivery.findings import Finding
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import Halted, Outcome, Refused
from tom_share_worker.delivery.parcels import Parcel
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Failure


class Hermes:
    """One conversation with Hermes, for one delivery."""

    takes_messages = True

    def __init__(self, settings: DestinationSettings) -> None:
        where = f"DATA_SHARING[{settings.key.partition(':')[0]!r}]"
        topics = settings.entry.get("USER_TOPICS")
        if not topics or not isinstance(topics, list | tuple):
            raise ConfigurationError(
                f"{where}['USER_TOPICS'] must list the topics that this TOM offers, "
                f"such as ['hermes.test']."
            )
        if not settings.entry.get("HERMES_API_KEY") and not apps.is_installed(
            "tom_hermes"
        ):
            raise ConfigurationError(
                f"{where} needs 'HERMES_API_KEY', the API token that the profile page "
                f"of Hermes shows; or tom_hermes in INSTALLED_APPS, with which each "
                f"person has a key of their own."
            )
        delay = settings.entry.get("ARCHIVE_DELAY", 0)
        if not isinstance(delay, int | float) or delay < 0:
            raise ConfigurationError(
                f"{where}['ARCHIVE_DELAY'] must be a number of seconds."
            )
        self.settings = settings
        self.name = settings.display_name

    def deliver(self, parcel: Parcel, progress: Progress) -> Outcome:
        """Publish a message; report to `progress`; return what came of it."""
        if not isinstance(parcel, MessageParcel):
            return Refused(
                Failure.BAD_CONFIGURATION,
                f"This was prepared for another kind of destination than {self.name} "
                f"is by now. Share it again.",
            )
        key = parcel.own_key or self._key()
        if not key:
            return Refused(
                Failure.CREDENTIALS_REFUSED,
                f"You have no API key for {self.name}. Put one on your profile page of "
                f"this TOM, then press Retry.",
            )
        talk = Talk(self.settings, progress, f"Token {key}")
        try:
            return Publication(self.settings, talk, parcel, progress).publish()
        except Halted as halted:
            return halted.outcome

    def test(self) -> list[Finding]:
        """Ask what works there with our account, and publish nothing."""
        return hermes_probe.findings(self.settings, self._key())

    def _key(self) -> str:
        """Return the key of this TOM: of its entry, else the one tom-hermes knows."""
        if key := self.settings.entry.get("HERMES_API_KEY"):
            return str(key)
        return toolkit.hermes_key(None, self.settings.base_url)
