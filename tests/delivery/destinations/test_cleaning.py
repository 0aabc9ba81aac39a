"""Whatever a server says, and however it writes it: our secrets are not in it."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tom_share_worker.delivery.destinations import cleaning, verdicts
from tom_share_worker.delivery.destinations.http import Answer

SECRETS = [
    "plain",
    "p&ss<w>'rd",
    'pa"ss & word',
    "back\\slash/es",
    "a password: ünïcode €",
    "x😀y+=/",
]


def _by_number(letter: str) -> str:
    """Letters and digits are left as they are by all that escapes."""
    return letter if letter.isascii() and letter.isalnum() else f"&#{ord(letter)};"


WAYS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "in a page": html.escape,
    "in a page, by numbers": lambda text: "".join(map(_by_number, text)),
    "in JSON": json.dumps,
    "in JSON as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "in JSON in a page": lambda text: html.escape(json.dumps(text)),
    "in an address": quote,
    "in an address, all of it": lambda text: quote(text, safe=""),
    "in an address, small letters": lambda text: (
        quote(text, safe="").lower() if text == text.lower() else quote(text)
    ),
    "in a form": quote_plus,
    "in Python": repr,
    "in Python, escaped": ascii,
    "on a debug page": lambda text: html.escape(repr({"password": text})),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_in_an_answer_is_taken_out_however_it_is_written(
    secret: str, way: str
) -> None:
    written = WAYS[way](secret)

    answer = Answer("GET x", 500, {}, f"before {written} after".encode())
    cleaned = answer.without([secret]).text()

    assert "[secret]" in cleaned
    assert secret not in cleaned
    assert written.strip("\"'") not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


def test_a_secret_in_latin_letters_is_taken_out_of_an_old_page() -> None:
    page = "Zugang mit ünïcode".encode("latin-1")

    assert cleaning.out_of(page, ["ünïcode"]) == b"Zugang mit [secret]"


def test_a_secret_in_a_header_is_taken_out_and_headers_are_found_in_any_case() -> None:
    told = {"Location": "https://partner.example/?next=t0k%2fen", "Date": "today"}

    answer = Answer("GET x", 302, told, b"").without(["t0k/en"])

    assert answer.headers["location"] == "https://partner.example/?next=[secret]"
    assert answer.headers["DATE"] == "today"


def test_of_two_secrets_the_longer_one_goes_as_a_whole() -> None:
    assert cleaning.out_of(b"token-and-more", ["token", "token-and-more"]) == (
        b"[secret]"
    )


def test_what_only_resembles_a_secret_stays() -> None:
    body = b"tokens and tokamaks, p%26ssed"

    assert cleaning.out_of(body, ["token-2", "p&ss-word", ""]) == body


def test_a_redirect_with_an_account_in_its_address_is_told_without_it() -> None:
    told = {"Location": "https://survey:pass-word@elsewhere.example:8443/x?y"}

    outcome = verdicts.trouble(Answer("GET https://p.example/", 302, told, b""), "P")

    assert outcome is not None
    assert "redirects to https://elsewhere.example:8443 at present" in outcome.note


def test_a_token_that_a_server_gave_us_is_taken_out_of_what_any_server_says() -> None:
    cleaning.remember("t0ken-of-a-trade")

    assert cleaning.out_of(b"It was t0ken-of-a-trade.", []) == b"It was [secret]."


def test_nothing_is_left_of_a_percent_sign_that_was_escaped() -> None:
    assert cleaning.out_of(b"(a%25)", ["a%"]) == b"([secret])"
    assert cleaning.out_of(b"(a&amp;)", ["a&"]) == b"([secret])"
