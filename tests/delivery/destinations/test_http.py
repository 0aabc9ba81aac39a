"""One request to a server run by others: whatever it does, an answer or a sentence."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, cast

import pytest

from tests.support import misbehaviour
from tests.support.misbehaviour import Behaviour
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.http import Client, Unreachable
from tom_share_worker.delivery.destinations.multipart import Multipart

PATH = "api/targets/"
LIMITS = {
    "CONNECT_TIMEOUT": 0.5,
    "READ_TIMEOUT": 0.7,
    "TOTAL_TIMEOUT": 1.2,
    "UPLOAD_TIMEOUT": 2.0,
    "ANSWER_LIMIT": 100_000,
}


@pytest.fixture(autouse=True)
def _short_limits(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = LIMITS


@pytest.fixture
def client(remote: RemoteTom) -> Client:
    return Client(remote.url, True)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (misbehaviour.hang, "it was silent for 0.7 seconds"),
        (misbehaviour.act_then_hang, "it was silent for 0.7 seconds"),
        (misbehaviour.cut, "the connection was cut before"),
        (misbehaviour.act_then_cut, "the connection was cut before"),
        (misbehaviour.half_answer, "the connection was cut before"),
        (misbehaviour.trickle, "it did not finish its answer within 1.2 seconds"),
        (misbehaviour.endless, "its answer was too long"),
    ],
)
def test_what_is_no_whole_answer_is_said_in_words_and_in_time(
    remote: RemoteTom, client: Client, behaviour: Behaviour, words: str
) -> None:
    remote.on("*", "/", behaviour)
    begin = time.monotonic()

    with pytest.raises(Unreachable, match=words):
        client.request("GET", PATH)

    assert time.monotonic() - begin < 2.5


@pytest.mark.parametrize(
    ("behaviour", "too_long", "too_slow"),
    [
        (misbehaviour.endless, True, False),
        (misbehaviour.hang, False, True),
        (misbehaviour.trickle, False, True),
        (misbehaviour.cut, False, False),
    ],
    ids=["too long", "silent", "too slow", "cut"],
)
def test_an_answer_that_was_too_much_is_told_from_a_server_that_is_away(
    remote: RemoteTom,
    client: Client,
    behaviour: Behaviour,
    too_long: bool,
    too_slow: bool,
) -> None:
    remote.on("*", "/", behaviour)

    with pytest.raises(Unreachable) as unreachable:
        client.request("GET", PATH)

    assert unreachable.value.too_long is too_long
    assert unreachable.value.too_slow is too_slow


def test_a_server_that_accepts_nobody_is_not_merely_slow() -> None:
    with _full_backlog() as port, pytest.raises(Unreachable) as unreachable:
        Client(f"http://127.0.0.1:{port}/", True).request("GET", PATH)

    assert not unreachable.value.too_slow


def test_no_account_acts_with_the_cookie_that_another_one_got(
    remote: RemoteTom,
) -> None:
    cookie = {"Set-Cookie": "sessionid=of-alice; Path=/; HttpOnly"}
    remote.on("*", "/", misbehaviour.answer(200, {}, **cookie))

    for account in ("alice", "bob"):
        client = Client(remote.url, True)
        client.request("GET", PATH, authorization=f"Token {account}")

    assert remote.requests[-1].headers["Authorization"] == "Token bob"
    assert "Cookie" not in remote.requests[-1].headers


def test_a_refused_connection_is_said_so(remote: RemoteTom, client: Client) -> None:
    remote.refuse()

    with pytest.raises(Unreachable, match="the connection was refused"):
        client.request("GET", PATH)


def test_a_server_that_accepts_nobody_is_said_so() -> None:
    with _full_backlog() as port, pytest.raises(Unreachable) as unreachable:
        Client(f"http://127.0.0.1:{port}/", True).request("GET", PATH)

    assert "did not accept a connection within 0.5 seconds" in str(unreachable.value)


def test_tls_with_a_server_that_speaks_none_is_said_so(remote: RemoteTom) -> None:
    with pytest.raises(Unreachable, match="begin with http://"):
        Client(remote.url.replace("http://", "https://"), True).request("GET", PATH)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_is_followed(
    remote: RemoteTom, client: Client, method: str, status: int
) -> None:
    remote.on(method, "/api/targets/", misbehaviour.redirect(status, "/elsewhere/"))

    answer = client.request(method, PATH, body={"name": "SN 2026abc"})

    assert answer.status == status
    assert [request.path for request in remote.requests] == ["/api/targets/"]


@pytest.mark.parametrize(
    "behaviour",
    [
        misbehaviour.rubbish(b"<h1>200, but no JSON</h1>", misbehaviour.HTML),
        misbehaviour.rubbish(b'{"count": 1, "resu'),
        misbehaviour.rubbish(b"\xff\xfe\x00"),
        misbehaviour.rubbish(b""),
    ],
    ids=["html", "half", "bytes", "nothing"],
)
def test_what_is_no_json_is_none(
    remote: RemoteTom, client: Client, behaviour: Behaviour
) -> None:
    remote.on("*", "/", behaviour)

    answer = client.request("GET", PATH)

    assert answer.status == 200
    assert answer.json() is None
    assert isinstance(answer.text(), str)


def test_json_nested_beyond_reason_is_none(remote: RemoteTom, client: Client) -> None:
    remote.on("*", "/", misbehaviour.rubbish(b"[" * 50_000))

    answer = client.request("GET", PATH)

    assert answer.json() is None


def test_an_answer_keeps_only_an_excerpt_for_people(
    remote: RemoteTom, client: Client
) -> None:
    remote.on("*", "/", misbehaviour.html(500, "traceback " * 5000))

    answer = client.request("GET", PATH)

    assert 0 < len(answer.text()) <= 2000


def test_names_are_encoded_in_the_address(remote: RemoteTom, client: Client) -> None:
    client.request("GET", PATH, params={"name": "SDSS J01+02 & #3"})

    assert remote.requests[0].query == {"name": "SDSS J01+02 & #3"}


def test_a_connection_is_kept_between_requests(
    remote: RemoteTom, client: Client
) -> None:
    ports = set()
    for _ in range(5):
        client.request("GET", PATH)
        ports |= {sock.getpeername()[1] for sock in remote.open_sockets()}

    assert len(ports) == 1


def test_a_connection_that_was_cut_while_idle_is_made_anew(
    remote: RemoteTom, client: Client
) -> None:
    client.request("GET", PATH)
    remote.cut_all()
    remote.await_no_sockets()

    answer = client.request("GET", PATH)

    assert answer.status == 200


def test_the_server_may_come_back_on_the_same_address(
    remote: RemoteTom, client: Client
) -> None:
    remote.refuse()
    with pytest.raises(Unreachable):
        client.request("GET", PATH)
    remote.listen()

    answer = client.request("GET", PATH)

    assert answer.status == 200


def test_the_limits_of_one_thread_do_not_cut_another(
    remote: RemoteTom, client: Client
) -> None:
    remote.on("GET", "/api/targets/", misbehaviour.trickle)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(client.request, "GET", PATH)
        others = [
            pool.submit(client.request, "GET", "api/reduceddatums/") for _ in range(20)
        ]

        assert isinstance(slow.exception(), Unreachable)
        assert {other.result().status for other in others} == {200}


def test_a_netrc_file_does_not_replace_our_account(
    remote: RemoteTom, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    client.request("GET", PATH, authorization="Token ours")
    client.request("GET", PATH)

    first, second = (request.headers for request in remote.requests)
    assert first["Authorization"] == "Token ours"
    assert "Authorization" not in second


def test_an_upload_has_a_limit_of_its_own(remote: RemoteTom, client: Client) -> None:
    remote.on("POST", "/api/dataproducts/", misbehaviour.trickle)
    begin = time.monotonic()

    body = Multipart({"target": "1"}, "file", "x.fits", io.BytesIO(b"x"), 1)

    with pytest.raises(Unreachable, match="within 2 seconds"):
        client.request(
            "POST",
            "api/dataproducts/",
            stream=cast(IO[bytes], body),
            headers={"Content-Type": body.content_type},
        )

    assert time.monotonic() - begin < 3.5


@contextlib.contextmanager
def _full_backlog() -> Iterator[int]:
    """Yield a port whose queue of connections is full: the kernel answers nobody."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_one_thread_watches_over_all_requests(
    remote: RemoteTom, client: Client
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.request("GET", PATH), range(50)))

    names = [thread.name for thread in threading.enumerate()]
    assert names.count("share-deadlines") == 1
