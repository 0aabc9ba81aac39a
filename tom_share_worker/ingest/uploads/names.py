"""Names of uploaded files: whatever a client calls its file, made harmless.

A name decides where a file is kept and is shown on pages. Called by `storing`; pure.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

LONGEST = 100
"""Characters of a name, as of the host's column for the whole path."""

LONGEST_BYTES = 200
"""Bytes of a name; file systems take 255, and storages add a few to make it unique."""

LONGEST_EXTENSION = 16
"""Characters of an extension; what is longer is just a dot in a name."""

NAMELESS = "file"

_RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789"
}
"""What some systems take for a device, whatever its extension."""

_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
"""Characters that some systems refuse in names."""


def harmless(name: str) -> str:
    """Return a name that can be kept and shown anywhere, as much of it as possible.

    The extension stays, because the host chooses by it how a file is read.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(_shown(char) for char in unicodedata.normalize("NFC", last))
    clean = shown.translate(_FORBIDDEN).rstrip(". ")
    ending = extension(f"x{clean}")
    stem = _without_odd_beginning(clean.removesuffix(ending)) or NAMELESS
    if _kept(stem.partition(".")[0]).lower() in _RESERVED:
        stem = f"_{stem}"
    return shortened(stem + ending, LONGEST)


def shortened(name: str, limit: int) -> str:
    """Return a name of at most so many characters; raise ValueError if none is left.

    The beginning and the extension stay; what goes is the end of what is between.
    """
    ending = extension(name)
    stem = name.removesuffix(ending)[: max(limit - len(ending), 0)]
    while len((stem + ending).encode()) > LONGEST_BYTES:
        stem = stem[:-1]
    if stem + ending != name:
        stem = stem.rstrip(". ")
    if not stem:
        raise ValueError(f"no room for a name before {ending!r}")
    return stem + ending


def extension(name: str) -> str:
    """Return the extension of a name with its dot, or nothing."""
    found = PurePath(name).suffix
    return found if found[1:].isalnum() and len(found) <= LONGEST_EXTENSION else ""


def _shown(char: str) -> str:
    """Return what is kept of a character: nothing of what is invisible or no character.

    That is controls, NUL, marks that turn the direction of writing, and the like.
    """
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else ""


def _without_odd_beginning(stem: str) -> str:
    """Return a stem from its first letter or digit on: no dots, no hidden files."""
    while stem and not _kept(stem[0]):
        stem = stem[1:]
    return stem


def _kept(text: str) -> str:
    """Return what storages keep of a text besides dots."""
    return "".join(char for char in text if char.isalnum() or char in "_-")
