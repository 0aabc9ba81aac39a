"""Reads the value of one column, as JSON has it, or says what is wrong with it.

Used by `fields`. What is accepted here, the host's own models accept, and both
databases give back to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

Reader = Callable[[Any], Any]

DEPTH = 16
"""Levels of lists and objects in the free part of a data point."""

YEARS = range(2, 9999)
"""A time in year 1 or 9999 can be stored, but not shown in every time zone."""


class Unusable(ValueError):  # noqa: N818  (a verdict on one data point)
    """What was sent cannot be stored; the text says why."""


def number(value: Any) -> float:
    """Return a finite number. Of a negative zero databases keep the zero."""
    found: float = value if value.__class__ is float else _float(value)
    if not isfinite(found):
        raise Unusable("is not a finite number")
    return found + 0.0


def _float(value: Any) -> float:
    if value.__class__ is not int:
        raise Unusable("is not a number")
    try:
        return float(value)
    except OverflowError:
        raise Unusable("is not a finite number") from None


def numbers(value: Any) -> list[float]:
    """Return a list of finite numbers; of a hundred thousand in milliseconds."""
    if not isinstance(value, list):
        raise Unusable("is not a list of numbers")
    if not set(map(type, value)) <= {float, int}:
        raise Unusable("has a value that is not a number")
    try:
        found = list(map(float, value))
    except OverflowError:
        raise Unusable("has a number that is not finite") from None
    if not all(map(isfinite, found)):
        raise Unusable("has a number that is not finite")
    return [one + 0.0 for one in found] if 0.0 in found else found


def text(longest: int | None) -> Reader:
    """Return a reader of text of so many characters at most."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Unusable("is not text")
        if longest is not None and len(value) > longest:
            raise Unusable(f"is longer than {longest} characters")
        _require_storable(value)
        return value

    return read


def _require_storable(value: str) -> None:
    """Refuse what no database takes as text: NUL, and half a character."""
    if "\0" in value:
        raise Unusable("has a NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unusable("has half a character (a lone surrogate)") from None


def time(value: Any) -> datetime:
    """Return a time with its offset, in UTC."""
    if not isinstance(value, str):
        raise Unusable("is not a time in text")
    try:
        # Python takes whatever character for the T.
        found = datetime.fromisoformat(value) if "T" in value else None
    except ValueError:
        found = None
    if found is None:
        raise Unusable("is not a time such as 2026-03-01T02:03:04.5+00:00")
    if found.tzinfo is None:
        raise Unusable("does not tell its offset from UTC, such as +00:00")
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        raise Unusable("is in a year that cannot be stored") from None
    if found.year not in YEARS:
        raise Unusable("is in a year that cannot be stored")
    return found


def free(value: Any) -> dict[str, Any]:
    """Return an object of any content that both databases can hold."""
    if not isinstance(value, dict):
        raise Unusable("is not a JSON object")
    if value:
        _require_plain(value, DEPTH)
    return value


def _require_plain(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _require_storable(value)
    elif isinstance(value, float):
        if not isfinite(value):
            raise Unusable("has a number that is not finite")
    elif isinstance(value, dict | list):
        if not depth:
            raise Unusable(f"is nested more than {DEPTH} levels deep")
        if isinstance(value, dict):
            for key in value:
                _require_storable(key)
            value = value.values()
        for part in value:
            _require_plain(part, depth - 1)


def shown(sent: str) -> str:
    """Return a text of another TOM as an answer may quote it."""
    plain = "".join(c if c.isprintable() else "?" for c in sent[:50])
    return f"'{plain}'"
