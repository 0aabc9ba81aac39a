"""However a body is spoilt, it is refused in words, and no more of it is read."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from django.core.cache import caches
from django.test import RequestFactory
from tom_targets.models import Target

from tests.ingest.peers.sender import Sender, batch, photometry, problem, stored
from tests.support import rows
from tom_share_worker.ingest import limits
from tom_share_worker.ingest.problems import Problem
from tom_share_worker.models import ReceivedBatch

pytestmark = pytest.mark.django_db

PACKED = gzip.compress(b"{}", mtime=0)
"""Without the time in it: what stands in the name of a test must stay the same."""


def encoded(target: Target, *datums: Any) -> bytes:
    return json.dumps(batch(target, *datums)).encode()


def test_a_packed_body_is_taken(sender: Sender, target: Target) -> None:
    body = gzip.compress(encoded(target, photometry()))

    answer = sender.post(body, Content_Encoding="gzip")

    assert answer.json()["outcomes"] == [{"outcome": "created"}]


def test_a_body_may_have_the_size_of_the_limit_and_no_byte_more(
    sender: Sender, target: Target, settings: Any
) -> None:
    body = encoded(target, photometry())
    for packed in (False, True):
        settings.TOM_SHARE_WORKER = {"BODY_LIMIT": len(body)}
        headers = {"Content_Encoding": "gzip"} if packed else {}
        assert sender.post(gzip.compress(body) if packed else body, **headers).json()

        more = body + b" "
        answer = sender.post(gzip.compress(more) if packed else more, **headers)

        assert str(len(body)) in problem(answer, "too-large", 413)


def test_a_bomb_is_not_unpacked(sender: Sender, settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"BODY_LIMIT": 1_000_000}
    bomb = gzip.compress(bytes(300_000_000), compresslevel=9)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    try:
        answer = sender.post(bomb, Content_Encoding="gzip")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    problem(answer, "too-large", 413)
    assert most < 10_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip at all",
        b"\x1f",
        PACKED[:-1],
        PACKED + b"more",
        PACKED + PACKED,
        PACKED[:-8] + bytes(8),
    ],
)
def test_a_badly_packed_body_is_malformed(body: bytes, sender: Sender) -> None:
    problem(sender.post(body, Content_Encoding="gzip"), "malformed", 400)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", ""),
        ("multipart/form-data; boundary=x", ""),
        ("", ""),
        ("application/json", "br"),
        ("application/json", "gzip, gzip"),
    ],
)
def test_only_json_is_taken_plain_or_packed(
    content_type: str, encoding: str, sender: Sender, target: Target
) -> None:
    answer = sender.post(
        encoded(target, photometry()),
        Content_Type=content_type,
        Content_Encoding=encoding,
    )

    problem(answer, "media-type", 415)
    assert stored() == 0


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b'{"version": 1} more',
        b'{"version": NaN}',
        b'{"version": -Infinity}',
        b'{"version": 1, "version": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"version": 1}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\x00"}',
        b"{'version': 1}",
        b'{"version": 01}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"datums": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_what_is_not_strict_json_is_malformed(body: bytes, sender: Sender) -> None:
    problem(sender.post(body), "malformed", 400)
    assert not ReceivedBatch.objects.exists()


def test_what_is_odd_in_one_data_point_spoils_that_one_only(
    sender: Sender, target: Target
) -> None:
    odd = {
        "1e400": "is not a finite number",
        "-" + "9" * 10_000: "is not a finite number",
        '"\\u0000"': "is not a number",
        "[" * 90 + "]" * 90: "is not a number",
    }
    datums = [json.dumps(photometry(n, brightness="?")) for n in range(len(odd))]
    spoilt = [
        datum.replace('"?"', text) for datum, text in zip(datums, odd, strict=True)
    ]
    datums = [json.dumps(photometry(99)), *spoilt]
    body = f'{{"version":1,"target":{target.pk},"datums":[{",".join(datums)}]}}'

    first, *others = sender.post(body.encode()).json()["outcomes"]

    assert first == {"outcome": "created"}
    reasons = [outcome["reason"] for outcome in others]
    assert reasons == [f"Its brightness {why}." for why in odd.values()]


def test_a_body_of_countless_parts_is_not_parsed(
    sender: Sender, target: Target
) -> None:
    body = b'{"version":1,"target":1,"datums":[' + b"[]," * 5_000_000 + b"[]]}"
    tracemalloc.start()
    try:
        answer = sender.post(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    problem(answer, "too-large", 413)
    assert most < 6 * len(body)  # of which the test's own copies are most


@pytest.mark.parametrize("length", ["", "x", "-1", "1.5", "٣", "9" * 5000])
def test_a_body_tells_its_length(length: str, sender: Sender, target: Target) -> None:
    request = RequestFactory().post("/", b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = length

    with pytest.raises(Problem) as refusal:
        limits.body(request)

    assert refusal.value.status == 411


def test_a_body_that_ends_too_early_is_malformed() -> None:
    request = RequestFactory().post("/", b'{"a": 1}', content_type="application/json")
    request.META["CONTENT_LENGTH"] = "9"

    with pytest.raises(Problem, match="not as long") as refusal:
        limits.body(request)

    assert refusal.value.status == 400


def test_too_many_requests_of_an_account_have_to_wait(
    sender: Sender, target: Target, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"RATE_LIMIT": "2/min"}
    other = Sender(rows.person("other"))

    assert sender.words(target, photometry(0)) == ["created"]
    assert sender.words(target, photometry(1)) == ["created"]
    refused = sender.send(target, photometry(2))

    problem(refused, "too-many-requests", 429)
    assert 0 < int(refused["Retry-After"]) <= 60
    assert stored() == 2
    problem(other.send(target, photometry(2)), "unknown-target", 404)
    problem(sender.get("/api/tom-share/ingest/1/"), "too-many-requests", 429)

    settings.TOM_SHARE_WORKER = {"RATE_LIMIT": None}
    assert sender.words(target, photometry(2)) == ["created"]


def test_a_cache_that_is_away_keeps_nobody_out(
    sender: Sender, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("connection refused")

    monkeypatch.setattr(type(caches["default"]), "get", fail)

    assert sender.words(target, photometry()) == ["created"]
