"""The test of a connection: each question, answered in words, and nothing stored."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import settings_of
from tests.support.misbehaviour import Behaviour
from tests.support.remote_peer import ASK
from tests.support.remote_releases import RELEASES, V2_32, V3_0, V3_1, Release
from tests.support.remote_tom import PASSWORD, USERNAME, RemoteTom
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.destinations.base import OffersTest
from tom_share_worker.delivery.destinations.tom import probe
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.status.api.serializers import ShareDetailSerializer

QUESTIONS = [
    probe.REACHABLE,
    probe.CLOCK,
    probe.CREDENTIALS,
    probe.RELEASE,
    probe.WRITE,
    probe.THIS_APP,
]

SHARE_FIELDS: dict[str, Any] = {name: {} for name in ShareDetailSerializer.Meta.fields}
"""What this app's API says of a share; the test of the real one is in acceptance."""


def look(remote: RemoteTom, **change: Any) -> dict[str, Finding]:
    """Test the connection to a remote; return what was found by question."""
    destination = open_destination(settings_of(remote, **change))
    assert isinstance(destination, OffersTest)
    return {finding.question: finding for finding in destination.test()}


def troubles(found: dict[str, Finding]) -> dict[str, str]:
    return {q: f.words for q, f in found.items() if f.found is Found.TROUBLE}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_tom_that_works_is_well_in_every_question_and_nothing_is_stored_there(
    release: Release,
) -> None:
    with RemoteTom(release=release) as remote:
        remote.store.add_target("SN 2026abc")
        found = look(remote)

    assert list(found) == QUESTIONS
    # Not encrypted, and without this app: neither is well, and neither is trouble.
    notes = {q for q, f in found.items() if f.found is Found.NOTE}
    assert notes == {probe.REACHABLE, probe.THIS_APP}
    assert {f.found for f in found.values()} == {Found.OK, Found.NOTE}
    assert f"of {USERNAME}" in found[probe.CREDENTIALS].words
    assert "sees 1 target there" in found[probe.CREDENTIALS].words
    assert "No;" in found[probe.THIS_APP].words
    assert len(remote.store.targets) == 1
    assert (remote.store.datums, remote.store.products) == ([], [])


@pytest.mark.parametrize(
    ("release", "words"),
    [(V2_32, "Older than 3.0"), (V3_0, "3.0.0"), (V3_1, "3.0.1 or later")],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_release_is_told_apart_by_what_its_api_describes(
    release: Release, words: str
) -> None:
    with RemoteTom(release=release) as remote:
        found = look(remote)

    assert found[probe.RELEASE].words.startswith(words)


@pytest.mark.parametrize(
    ("status", "said", "found", "words"),
    [
        (200, {"actions": {"POST": SHARE_FIELDS}}, Found.OK, "an early version"),
        (200, {"actions": {"POST": {"title": {}, "origin": {}}}}, Found.NOTE, "No;"),
        (200, {"name": "Shares"}, Found.UNKNOWN, "does not tell"),
        (403, {"detail": "No."}, Found.UNKNOWN, "does not tell"),
    ],
    ids=["this app", "an app of that name", "a page of that name", "closed"],
)
def test_this_app_is_known_by_what_its_api_says_of_shares(
    remote: RemoteTom, status: int, said: Any, found: Found, words: str
) -> None:
    remote.on("OPTIONS", "/api/shares/", misbehaviour.answer(status, said))

    finding = look(remote)[probe.THIS_APP]

    assert finding.found is found
    assert words in finding.words


def test_a_tom_that_speaks_the_protocol_tells_its_version(remote: RemoteTom) -> None:
    remote.speak()

    finding = look(remote)[probe.THIS_APP]

    assert finding.found is Found.OK
    assert "Yes, version 9.8.7" in finding.words
    assert "in batches" in finding.words


def test_a_version_of_this_app_that_is_too_new_is_told(remote: RemoteTom) -> None:
    said = remote.speak().capabilities() | {"versions": [2, 3]}
    remote.on(*ASK, misbehaviour.answer(200, said), exact=True)

    finding = look(remote)[probe.THIS_APP]

    assert finding.found is Found.NOTE
    assert "Update the older of the two" in finding.words


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_wrong_password_is_told_and_the_rest_is_not_asked(release: Release) -> None:
    with RemoteTom(release=release) as remote:
        found = look(remote, password="not the password")

    assert list(troubles(found)) == [probe.CREDENTIALS]
    assert "refused" in found[probe.CREDENTIALS].words
    assert "Correct USERNAME and PASSWORD" in found[probe.CREDENTIALS].words
    unknown = [q for q, f in found.items() if f.found is Found.UNKNOWN]
    assert unknown == [probe.RELEASE, probe.WRITE, probe.THIS_APP]
    assert not remote.asked("POST", "/api/reduceddatums/")


def test_why_a_token_is_refused_is_told_in_the_words_of_the_other_tom(
    remote: RemoteTom,
) -> None:
    remote.on("GET", "/api/targets/", misbehaviour.expired_token, skip=2)

    found = look(remote, api_token="t" * 40)

    assert "older than 30 days and has expired" in found[probe.CREDENTIALS].words
    assert "API_TOKEN" in found[probe.CREDENTIALS].words


def test_a_token_alone_is_no_account_at_an_old_tom() -> None:
    with RemoteTom(release=V2_32) as remote:
        found = look(remote, api_token="t" * 40, username=None, password=None)

    assert "takes no API tokens" in found[probe.CREDENTIALS].words
    assert "Put USERNAME and PASSWORD" in found[probe.CREDENTIALS].words


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_locked_site_is_reachable_and_lets_nobody_in(release: Release) -> None:
    login = misbehaviour.redirect(302, "/accounts/login/?next=/api/targets/")
    locked = misbehaviour.empty(403) if release is V3_1 else login
    with RemoteTom(release=release) as remote:
        remote.on("*", "/", locked)
        found = look(remote)

    assert found[probe.REACHABLE].found is Found.NOTE
    assert list(troubles(found)) == [probe.CREDENTIALS]
    assert "add '/api/*' to OPEN_URLS" in found[probe.CREDENTIALS].words


NOWHERE: dict[str, tuple[Behaviour, str]] = {
    "another site": (misbehaviour.html(404), "no API of a TOM at this address"),
    "a portal": (misbehaviour.html(200), "not the answer of a TOM's API"),
    "moved": (misbehaviour.redirect(301, "https://new.example.org/"), "new.example"),
    "down": (misbehaviour.html(503), "overloaded or down"),
    "cut": (misbehaviour.cut, "connection was cut"),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_what_is_no_tom_is_not_reachable(remote: RemoteTom, name: str) -> None:
    behave, words = NOWHERE[name]
    remote.on("*", "/", behave)

    found = look(remote)

    assert list(troubles(found)) == [probe.REACHABLE]
    assert words in found[probe.REACHABLE].words
    assert not any(r.headers.get("Authorization") for r in remote.requests)


def test_a_port_where_nobody_listens_is_told_with_what_to_check(
    remote: RemoteTom,
) -> None:
    remote.refuse()

    found = look(remote)

    words = found[probe.REACHABLE].words
    assert "connection was refused" in words
    assert "Check BASE_URL" in words


def test_a_host_name_nobody_knows_is_told_once(
    remote: RemoteTom,
) -> None:
    found = look(remote, base_url="http://no-such-tom.invalid/")

    words = found[probe.REACHABLE].words
    assert "host name is not known" in words
    assert words.count("BASE_URL") == 1


def test_https_at_a_port_that_speaks_http_is_told(remote: RemoteTom) -> None:
    found = look(remote, base_url=remote.url.replace("http", "https"))

    assert "begin with http://" in found[probe.REACHABLE].words


def test_an_account_that_may_not_write_is_told(remote: RemoteTom) -> None:
    remote.on(
        "POST",
        "/api/reduceddatums/",
        misbehaviour.answer(403, {"detail": "Readers may not write."}),
    )

    found = look(remote)

    assert list(troubles(found)) == [probe.WRITE]
    assert "Readers may not write" in found[probe.WRITE].words
    assert "Ask the people of that TOM" in found[probe.WRITE].words


def test_writes_that_are_redirected_are_told(remote: RemoteTom) -> None:
    remote.on(
        "POST", "/api/reduceddatums/", misbehaviour.redirect(301, "https://x.example/")
    )

    assert "Put the final address" in look(remote)[probe.WRITE].words


@pytest.mark.parametrize(
    ("seconds", "found", "words"),
    [
        (0, Found.OK, "They do"),
        (-50, Found.OK, "They do"),
        (-190, Found.TROUBLE, "3 minutes behind"),
        (7300, Found.TROUBLE, "2 hours ahead"),
        (None, Found.UNKNOWN, "does not tell its time"),
    ],
)
def test_a_clock_that_is_wrong_is_told(
    remote: RemoteTom, seconds: int | None, found: Found, words: str
) -> None:
    date = None if seconds is None else formatdate(time.time() + seconds, usegmt=True)
    remote.on("GET", "/api/targets/", misbehaviour.dated(date), times=1)

    clock = look(remote)[probe.CLOCK]

    assert clock.found is found
    assert words in clock.words


def test_no_secret_is_told_even_if_the_other_side_repeats_it(
    remote: RemoteTom,
) -> None:
    token = "0123456789abcdef" * 2
    echo = {"detail": f"Bad: {token} and {PASSWORD}"}
    remote.on("GET", "/api/targets/", misbehaviour.answer(401, echo), skip=1)

    found = look(remote, api_token=token)

    told = " ".join(finding.words for finding in found.values())
    assert "[secret]" in told
    assert token not in told
    assert PASSWORD not in told


def test_an_account_accepted_once_is_asked_anew_by_each_test(
    remote: RemoteTom,
) -> None:
    assert not troubles(look(remote))

    remote.on(
        "POST",
        "/api/token-auth/",
        misbehaviour.answer(400, {"non_field_errors": ["Unable to log in."]}),
    )

    assert "Unable to log in" in look(remote)[probe.CREDENTIALS].words


def test_a_host_that_is_silent_ends_within_the_limits(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"CONNECT_TIMEOUT": 0.2, "READ_TIMEOUT": 0.2}
    with socket.socket() as deaf, RemoteTom() as remote:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/"

        found = look(remote, base_url=address)

    assert "silent" in found[probe.REACHABLE].words
