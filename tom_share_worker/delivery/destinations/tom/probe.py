"""The test of a connection to a TOM: what works there with our account, in words.

Called through `Tom.test`. Nothing is stored there: what may be written is learnt from a
data point without a target, which any TOM must refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.http import Answer, Client, Unreachable
from tom_share_worker.delivery.destinations.tom import wire
from tom_share_worker.delivery.destinations.tom.accounts import Accounts
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.delivery.outcomes import Halted, Outcome, Refused
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Failure

REACHABLE = "Can it be reached?"
CREDENTIALS = "Is our account accepted?"
RELEASE = "Which TOM Toolkit?"
WRITE = "May we write?"
CLOCK = "Do the clocks agree?"
THIS_APP = "Does it run this app?"

SKEW = 60.0
"""Seconds by which two clocks may differ before it is worth a word."""

_NOT_ASKED = "Not tested, since the answer above stands in the way."

_TARGETS, _DATUMS, _SHARES = "api/targets/", "api/reduceddatums/", "api/shares/"

_OF_A_SHARE = {"destination_name", "subject", "persistent_share", "origin", "percent"}
"""Fields by which the shares of this app's API are known from those of another app."""


class Probe:
    """One test of one TOM, question by question."""

    def __init__(self, settings: DestinationSettings) -> None:
        self.name = settings.display_name
        self._settings = settings
        self._client = Client(settings.base_url, settings.verify)
        self._accounts = Accounts()  # of its own: what was accepted once may be no more
        self._authorization = ""
        self._findings: list[Finding] = []
        self._is_locked = False

    def findings(self) -> list[Finding]:
        """Ask everything; after an answer without which nothing works, no more."""
        for question, ask in (
            (REACHABLE, self._reachable),
            (CREDENTIALS, self._credentials),
            (RELEASE, self._release),
            (WRITE, self._write),
            (THIS_APP, self._this_app),
        ):
            self._ask(question, ask)
        return self._findings

    def _ask(self, question: str, ask: Callable[[], None]) -> None:
        needed = [f for f in self._findings if f.question in (REACHABLE, CREDENTIALS)]
        if any(finding.found is Found.TROUBLE for finding in needed):
            return self._unknown(question, _NOT_ASKED)
        try:
            return ask()
        except Unreachable as unreachable:
            return self._trouble(question, self._unreachable(str(unreachable)))
        except ConfigurationError as wrong:
            return self._trouble(question, str(wrong))
        except Halted as halted:
            return self._trouble(question, _told(halted.outcome))

    # --- the questions ----------------------------------------------------------

    def _reachable(self) -> None:
        """Ask as nobody: any answer of a TOM will do, even that it is closed."""
        answer = self._request("GET", _TARGETS, params={"limit": "1"})
        trouble = verdicts.trouble(answer, self.name)
        closed = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        to_login = "login" in answer.headers.get("Location", "")
        if trouble is not None and not closed and not to_login:
            self._trouble(REACHABLE, _told(trouble))
            return
        # Strangers may read a TOM's API, unless the whole site is locked to them.
        self._is_locked = to_login or answer.status == HTTPStatus.FORBIDDEN
        secure = self._settings.base_url.startswith("https:")
        way = (
            "the connection is encrypted"
            if secure
            else "the connection is not encrypted, so others can read our account on "
            "its way; use https:// where that TOM offers it"
        )
        tell = self._ok if secure else self._note
        tell(REACHABLE, f"{self.name} answers; {way}.")
        self._clock(answer)

    def _clock(self, answer: Answer) -> None:
        theirs = _date(answer)
        if theirs is None:
            self._unknown(CLOCK, f"{self.name} does not tell its time.")
            return
        ahead = (theirs - datetime.now(UTC)).total_seconds()
        if abs(ahead) <= SKEW:
            self._ok(CLOCK, "They do, within a minute.")
            return
        self._trouble(
            CLOCK,
            f"The clock of {self.name} is {_span(abs(ahead))} "
            f"{'ahead of' if ahead > 0 else 'behind'} ours. One of the two is wrong; "
            f"have it set by the network (NTP), as waits and tokens depend on it.",
        )

    def _credentials(self) -> None:
        try:
            self._authorization = self._accounts.authorization(
                self._settings, self._client
            )
            answer = self._request("GET", _TARGETS, params={"limit": "1"})
            trouble = verdicts.trouble(answer, self.name)
        except Halted as halted:
            trouble = halted.outcome
        if trouble is not None:
            words = self._locked() if self._is_locked else _told(trouble)
            self._trouble(CREDENTIALS, words)
            return
        self._ok(CREDENTIALS, f"{self._account()} is accepted{_sees(answer.json())}.")

    def _locked(self) -> str:
        return (
            f"{self.name} is locked (AUTH_STRATEGY): it lets nobody in who is not "
            f"logged in as a browser is, and does not look at our account. Ask its "
            f"people to add '/api/*' to OPEN_URLS in their settings, which an old "
            f"release takes only after an update, and to check our account."
        )

    def _unreachable(self, why: str) -> str:
        said = f"{self.name} could not be reached: {why}."
        if "BASE_URL" in why or "DATA_SHARING" in why:
            return said
        return (
            f"{said} Check BASE_URL in DATA_SHARING, whether that TOM runs, and "
            f"whether this machine may connect to it."
        )

    def _account(self) -> str:
        by_token = self._authorization.startswith("Token")
        if by_token and self._settings.api_token:
            return "Our API token"
        traded = ", traded for a token," if by_token else ""
        return f"The password of {self._settings.username}{traded}"

    def _release(self) -> None:
        targets = _posting(self._request("OPTIONS", _TARGETS))
        datums = self._request("OPTIONS", _DATUMS).json()
        if targets is None or not isinstance(datums, dict):
            self._unknown(RELEASE, f"{self.name} does not tell.")
        elif "shared_by" in targets:
            self._ok(RELEASE, "3.0.1 or later: everything can be shared.")
        elif "legacy" in str(datums.get("description")):
            self._ok(
                RELEASE,
                "3.0.0: everything can be shared, but of data points of one time and "
                "filter it keeps one only.",
            )
        else:
            self._ok(
                RELEASE,
                "Older than 3.0: targets, photometry, spectra and files can be shared, "
                "other types of data only where DATA_PRODUCT_TYPES of that TOM names "
                "them. It checks our password at each request, half a second long.",
            )

    def _write(self) -> None:
        """Post a data point without a target: who may not write, is told so first."""
        answer = self._request("POST", _DATUMS, body={})
        said = answer.json()
        if answer.status == HTTPStatus.BAD_REQUEST and isinstance(said, dict):
            self._ok(
                WRITE,
                f"{self.name} takes targets and data. To a target that is there "
                f"already, only if our account may change it.",
            )
            return
        trouble = verdicts.trouble(answer, self.name)
        self._trouble(
            WRITE,
            _told(trouble)
            if trouble is not None
            else f"{self.name} accepted a data point that no TOM accepts. Check "
            f"BASE_URL in DATA_SHARING.",
        )

    def _this_app(self) -> None:
        """Ask for its protocol; where it has none, what its API says of shares.

        That has an older version of this app; an app of its own may have that name.
        """
        said = self._request("GET", wire.CAPABILITIES).json()
        spoken = wire.peer(said)
        if spoken is not None:
            self._ok(
                THIS_APP,
                f"Yes, version {spoken.app_version}: it takes data points in batches, "
                f"and tells what becomes of files.",
            )
            return
        if isinstance(said, dict) and said.get("app") == wire.APP:
            self._note(
                THIS_APP,
                f"Yes, version {str(said.get('version'))[:50]}, but not in a way that "
                f"this version understands; it is spoken to as any TOM. Update the "
                f"older of the two.",
            )
            return
        answer = self._request("OPTIONS", _SHARES)
        fields = _posting(answer)
        if fields is not None and fields.keys() >= _OF_A_SHARE:
            self._ok(THIS_APP, "Yes, an early version; it is spoken to as any TOM.")
        elif fields is not None or answer.status == HTTPStatus.NOT_FOUND:
            self._note(THIS_APP, "No; it is spoken to as any TOM.")
        else:
            self._unknown(THIS_APP, f"{self.name} does not tell.")

    # --- the tools --------------------------------------------------------------

    def _request(self, method: str, path: str, **what: Any) -> Answer:
        answer = self._client.request(
            method, path, authorization=self._authorization, **what
        )
        secret = self._authorization.partition(" ")[2]
        return answer.without({*self._settings.secrets, secret})

    def _ok(self, question: str, words: str) -> None:
        self._findings.append(Finding(question, Found.OK, words))

    def _note(self, question: str, words: str) -> None:
        self._findings.append(Finding(question, Found.NOTE, words))

    def _trouble(self, question: str, words: str) -> None:
        self._findings.append(Finding(question, Found.TROUBLE, words))

    def _unknown(self, question: str, words: str) -> None:
        self._findings.append(Finding(question, Found.UNKNOWN, words))


def _told(outcome: Outcome) -> str:
    """Return what happened, and what the one who configures this TOM can do."""
    return f"{outcome.note} {_cure(outcome)}".strip()


def _cure(outcome: Outcome) -> str:
    failure = getattr(outcome, "failure", Failure.CREDENTIALS_REFUSED)
    if failure == Failure.BAD_CONFIGURATION and isinstance(outcome, Refused):
        return ""  # the note says which setting
    return _CURES.get(failure, "")


_CURES = {
    Failure.DESTINATION_DOWN: (
        "Test again later; if it stays so, ask the people of that TOM."
    ),
    Failure.CREDENTIALS_REFUSED: (
        "Correct USERNAME and PASSWORD, or API_TOKEN, in DATA_SHARING, restart the "
        "web server and the worker, and test again."
    ),
    Failure.PERMISSION_MISSING: (
        "Ask the people of that TOM to give our account this permission."
    ),
}


def _posting(answer: Answer) -> dict[str, Any] | None:
    """Return the fields a TOM takes from our account, where its API tells."""
    said = answer.json()
    actions = said.get("actions") if isinstance(said, dict) else None
    fields = actions.get("POST") if isinstance(actions, dict) else None
    return fields if isinstance(fields, dict) else None


def _sees(said: Any) -> str:
    count = said.get("count") if isinstance(said, dict) else None
    if not isinstance(count, int):
        return ""
    targets = "1 target" if count == 1 else f"{count:,} targets"
    return f" and sees {targets if count else 'no target yet'} there"


def _date(answer: Answer) -> datetime | None:
    try:
        when = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _span(seconds: float) -> str:
    for noun, unit in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
    return f"{int(seconds)} seconds"
