"""Takes our secrets out of what a server says, however it writes them.

A server may echo what it was sent: debug pages show headers and bodies. Used by `http`,
of whose answers rows, logs and pages are made.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import lru_cache
from html.entities import html5

STANDS_FOR = "[secret]"


_learnt: set[str] = set()


def remember(secret: str) -> None:
    """Take a secret that a server gave us out of all that servers say from now on.

    A debug page may show a token of an earlier request, or of another thread.
    """
    _learnt.add(secret)


def out_of(text: bytes, secrets: Iterable[str]) -> bytes:
    """Return what a server said with the secrets taken out."""
    for secret in sorted({*filter(None, secrets), *_learnt}, key=len, reverse=True):
        text = _forms(secret).sub(STANDS_FOR.encode(), text)
    return text


def out_of_text(text: str, secrets: Iterable[str]) -> str:
    """Return a line of what a server said, such as a header, without the secrets."""
    return out_of(text.encode("utf-8", "surrogateescape"), secrets).decode(
        "utf-8", "surrogateescape"
    )


@lru_cache(maxsize=256)
def _forms(secret: str) -> re.Pattern[bytes]:
    """Return what finds a secret bare, in a page, in JSON, in an address, or mixed."""
    return re.compile(b"".join(map(_one, secret)))


def _one(letter: str) -> bytes:
    """Return what finds one character of a secret.

    Letters and digits are written as they are by everything that escapes; the first of
    them lets the search be as fast as one for plain text.
    """
    if letter.isascii() and letter.isalnum():
        return letter.encode()
    code = ord(letter)
    units = letter.encode("utf-16-be")
    written = {letter.encode(), html.escape(letter).encode()}
    if code < 0x100:
        written.add(letter.encode("latin-1"))
    if letter == " ":
        written.add(b"+")
    exact = [re.escape(form) for form in sorted(written, key=len, reverse=True)]
    any_case = [
        b"".join(b"%%%02x" % byte for byte in letter.encode()),
        b"".join(
            b"u%02x%02x" % (high, low)
            # After the first half of a pair its backslash comes again.
            if not place
            else b"\\\\+u%02x%02x" % (high, low)
            for place, (high, low) in enumerate(
                zip(units[::2], units[1::2], strict=True)
            )
        ),
        b"x%02x" % code if code < 0x100 else b"U%08x" % code,
        b"&#x0*%x;" % code,
        b"&#0*%d;" % code,
        *(b"&%s;" % name for name in _NAMED.get(letter, ())),
    ]
    # A text in a text is escaped twice: \\u00fc, \\' and so on.
    # The longer ones first: a "%" may be the beginning of "%25".
    return b"(?:\\\\*(?:(?i:%s)|%s))" % (b"|".join(any_case), b"|".join(exact))


_NAMED: dict[str, list[bytes]] = {}
for _name, _letter in html5.items():
    if _name.endswith(";"):
        _NAMED.setdefault(_letter, []).append(re.escape(_name[:-1].encode()))
