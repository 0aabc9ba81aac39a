"""The ways in which the scripted remote misbehaves, each a function of one exchange.

Used in tests as `remote.on("POST", "/api/reduceddatums/", misbehaviour.hang)`. Some act
first, so that the sender cannot know whether its request had an effect.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Protocol

HTML = "text/html; charset=utf-8"
JSON = "application/json"

PAGE = "<!doctype html><title>Trouble</title><h1>Something went wrong</h1>"


@dataclass(frozen=True)
class Reply:
    """An answer, ready to be sent or spoilt."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: Any, **headers: str) -> Reply:
        """Return an answer in JSON."""
        return cls(status, json.dumps(body).encode(), headers=headers)


class Exchange(Protocol):
    """One request under way, as the server hands it to a behaviour."""

    asked: Any  # a `remote_http.Request`
    released: threading.Event

    def act(self) -> Reply:
        """Do what was asked for; return the answer that is due."""

    def send(self, reply: Reply) -> None:
        """Answer as a well-behaved server does."""

    def send_head(self, reply: Reply, length: int) -> None:
        """Begin an answer that claims this length."""

    def send_bytes(self, data: bytes) -> bool:
        """Put bytes on the wire; False when nobody reads them any more."""

    def cut(self) -> None:
        """End the connection without a further word."""


Behaviour = Callable[[Exchange], None]


def hang(exchange: Exchange) -> None:
    """Do nothing and say nothing, until released."""
    exchange.released.wait()
    exchange.cut()


def act_then_hang(exchange: Exchange) -> None:
    """Do what was asked for and never say so, until released."""
    exchange.act()
    hang(exchange)


def wait_then_answer(exchange: Exchange) -> None:
    """Act and answer as one should, but only when released."""
    exchange.released.wait()
    exchange.send(exchange.act())


def cut(exchange: Exchange) -> None:
    """Cut the connection instead of an answer."""
    exchange.cut()


def act_then_cut(exchange: Exchange) -> None:
    """Do what was asked for, then cut the connection."""
    exchange.act()
    exchange.cut()


def half_answer(exchange: Exchange) -> None:
    """Act, announce an answer, and cut the connection in its middle."""
    reply = exchange.act()
    exchange.send_head(reply, len(reply.body))
    exchange.send_bytes(reply.body[: len(reply.body) // 2])
    exchange.cut()


def trickle(exchange: Exchange) -> None:
    """Act, then answer a byte every fifth of a second: never silent, never done."""
    reply = exchange.act()
    exchange.send_head(reply, 100_000)
    while exchange.send_bytes(b" ") and not exchange.released.is_set():
        time.sleep(0.2)
    exchange.cut()


def endless(exchange: Exchange) -> None:
    """Answer with a body that has no end."""
    exchange.send_head(Reply(200), 10**12)
    while exchange.send_bytes(b" " * 65536) and not exchange.released.is_set():
        pass
    exchange.cut()


def expired_token(exchange: Exchange) -> None:
    """Refuse the token as too old, as TOM Toolkit words it."""
    exchange.send(
        Reply.of(
            401, {"detail": "This API token is older than 30 days and has expired."}
        )
    )


def answer(status: int, body: Any, **headers: str) -> Behaviour:
    """Answer with this JSON, whatever was asked."""
    return _always(Reply.of(status, body, **headers))


def html(status: int, page: str = PAGE, **headers: str) -> Behaviour:
    """Answer with a page for people."""
    return _always(Reply(status, page.encode(), HTML, headers))


def empty(status: int) -> Behaviour:
    """Answer with no body at all."""
    return _always(Reply(status, b"", HTML))


def rubbish(data: bytes, content_type: str = JSON) -> Behaviour:
    """Answer 200 with bytes that are not what they claim to be."""
    return _always(Reply(200, data, content_type))


def dated(date: str | None) -> Behaviour:
    """Refuse the account, at this time by the server's clock; None: it has none."""

    def behave(exchange: Exchange) -> None:
        head = ["HTTP/1.1 401 Unauthorized", "Content-Length: 2"]
        head += ["Content-Type: application/json"]
        head += [f"Date: {date}"] if date is not None else []
        exchange.send_bytes("\r\n".join([*head, "", "{}"]).encode())

    return behave


def redirect(status: int, location: str) -> Behaviour:
    """Send the client elsewhere."""
    return html(status, Location=location)


def later(status: int, seconds: int, *, as_date: bool = False) -> Behaviour:
    """Ask to come back later, in seconds or at a date."""

    def behave(exchange: Exchange) -> None:
        wish = formatdate(time.time() + seconds, usegmt=True) if as_date else seconds
        headers = {"Retry-After": str(wish)}
        exchange.send(Reply(status, PAGE.encode(), HTML, headers))

    return behave


def _always(reply: Reply) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.send(reply)

    return behave
