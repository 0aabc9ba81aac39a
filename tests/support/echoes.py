"""Remotes that echo what they are sent, and a search for secrets in whatever is kept.

Used by the acceptance test of secrets. What is searched for is the kernel of a secret,
letters and digits that no way of writing changes, and the base64 of it.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from tests.support.misbehaviour import HTML, Behaviour, Exchange, Reply
from tests.support.remote_tom import RemoteTom

LETTERS = 6
"""A part of a secret of so many letters is a leak, too."""


def kernels(secret: str) -> set[str]:
    """Return what betrays a secret, in small letters: itself and its base64.

    Base64 depends on what stands before it, in three ways; its ends, on what is beside.
    """
    kernel = max("".join(c if c.isalnum() else " " for c in secret).split(), key=len)
    assert kernel.isascii()
    assert len(kernel) > LETTERS, secret
    found = {kernel.lower()}
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + kernel.encode()).decode()
        found.add(coded[before + 1 + (before > 0) : -4].lower())
    return found


def leaks(text: str | bytes, secrets: Iterable[str]) -> list[str]:
    """Return those secrets of which a text holds anything."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    small = text.lower()
    return [
        secret
        for secret in secrets
        if any(kernel in small for kernel in kernels(secret))
    ]


class EchoingTom(RemoteTom):
    """A remote TOM with an account of the test's choice."""

    def __init__(self, username: str, password: str, *tokens: str) -> None:
        super().__init__()
        self.username, self.password = username, password
        self.tokens.update(tokens)
        self.traded = "traded7Tr4dedTok3n8Kernel"

    def account_of(self, authorization: str) -> str | None:
        scheme, _, credentials = authorization.partition(" ")
        if scheme == "Token":
            return self.username if credentials in self.tokens else None
        return None if scheme else ""

    def trade(self, body: dict[str, str]) -> tuple[int, Any]:
        if (body.get("username"), body.get("password")) != (
            self.username,
            self.password,
        ):
            return 400, {"non_field_errors": [f"Not these: {json.dumps(body)}"]}
        self.tokens.add(self.traded)
        return 200, {"token": self.traded}


Known = Callable[[], list[str]]


def _heard(exchange: Exchange, known: Known) -> str:
    """Return all a server knows of a request, and what it was told before."""
    asked = exchange.asked
    body = asked.body.decode("utf-8", "replace")
    return f"{asked.method} {asked.path} {asked.headers} {body} {' '.join(known())}"


def _as_page(text: str) -> tuple[str, str]:
    page = f"<!doctype html><title>500</title><pre>{html.escape(text)}</pre>"
    return page, HTML


def _as_json(text: str) -> tuple[str, str]:
    told = {"detail": text, "echo": {"again": [text, json.dumps(text)]}}
    return json.dumps(told), "application/json"


def _as_address(text: str) -> tuple[str, str]:
    told = {"detail": f"{quote(text)} {quote(text, safe='')} {quote_plus(text)}"}
    return json.dumps(told), "application/json"


def _as_text(text: str) -> tuple[str, str]:
    return text, "text/plain; charset=utf-8"


SHAPES: dict[str, Callable[[str], tuple[str, str]]] = {
    "page": _as_page,
    "JSON": _as_json,
    "address": _as_address,
    "text": _as_text,
}


def echo(status: int, shape: str, known: Known) -> Behaviour:
    """Answer with all that was sent, the newest first, in this shape."""

    def behave(exchange: Exchange) -> None:
        body, kind = SHAPES[shape](_heard(exchange, known))
        exchange.send(Reply(status, body.encode(), kind))

    return behave


def echo_redirect(status: int, known: Known) -> Behaviour:
    """Send the client to an address that holds all that was sent."""

    def behave(exchange: Exchange) -> None:
        text = quote(_heard(exchange, known)[:1500], safe="")
        first = quote(known()[0], safe="")
        where = f"https://{first}:{first}@elsewhere.example/{text}?next={text}"
        body, kind = _as_page(text)
        exchange.send(Reply(status, body.encode(), kind, {"Location": where}))

    return behave


def echo_beside(known: Known) -> Behaviour:
    """Do what was asked for, and put all that was sent into the good answer."""

    def behave(exchange: Exchange) -> None:
        reply = exchange.act()
        body = reply.body
        if "json" in reply.content_type:
            told = json.loads(body)
            if isinstance(told, dict):
                told = {"heard": _heard(exchange, known), **told}
            body = json.dumps(told).encode()
        exchange.send(Reply(reply.status, body, reply.content_type, reply.headers))

    return behave
