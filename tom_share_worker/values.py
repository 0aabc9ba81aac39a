"""Which values a setting may have, and the sentence for one that it may not.

Used by `conf` alone; the keys are those of TOM_SHARE_WORKER.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tom_share_worker.exceptions import ConfigurationError

BROKERS = ("redis://", "rediss://", "redis+socket://", "sentinel://")
"""Kinds of broker addresses; others were measured and lose or multiply messages."""


SHARE_PERMISSIONS = ("view_target", "change_target", "delete_target")
"""Permissions on a target that the host knows."""


SHORTEST_RETENTION = 7 * 24 * 3600
"""Seconds for which what has ended is kept at least: another TOM may ask for three days
what became of a file, and people come back from a weekend."""


class Rule(NamedTuple):
    """What a value must be, as a test and in words."""

    holds: Callable[[Any], bool]
    wanted: str
    final: Callable[[Any], Any] = lambda value: value


def is_number(value: Any) -> bool:
    """True for a finite number: NaN and infinity name no moment to wait for."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and math.isfinite(value)


def is_http(address: Any) -> bool:
    """True for the address of a website, without an account in it.

    An account would get into rows and logs with the address.
    """
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.username or parts.password)
    )


def is_base(address: Any) -> bool:
    """True for the address of a website to which paths can be added.

    Without a query: a path would end in it, and a key in it get into rows and logs.
    """
    return is_http(address) and not set("?#") & set(address)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_waits(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        is_number(wait) and wait >= 0 for wait in value
    )


def _is_verify(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and Path(value).exists()
    return isinstance(value, bool)


def _are_names(value: Any) -> bool:
    """True for names; an empty list would leave open whether nobody or everybody."""
    named = isinstance(value, list | tuple) and bool(value)
    return named and all(isinstance(name, str) and name for name in value)


def _are_addresses(value: Any) -> bool:
    """True for e-mail addresses; none at all would be told by EMAIL_ON_FAILURE."""
    return _are_names(value) and all(_ADDRESS.fullmatch(name) for name in value)


def _is_rate(value: Any) -> bool:
    return isinstance(value, str) and bool(_RATE.fullmatch(value))


_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_RATE = re.compile(r"[1-9]\d{0,8}/(s|sec|m|min|h|hour|d|day)")

COUNT = Rule(_is_count, "a whole number of at least 1")
SECONDS = Rule(
    lambda value: is_number(value) and value > 0, "a number of seconds above 0", float
)

RULES = {
    "BROKER_URL": Rule(
        lambda value: (
            value is None or (isinstance(value, str) and value.startswith(BROKERS))
        ),
        "an address such as 'redis://localhost:6379/0'",
    ),
    "CONCURRENCY": COUNT,
    "SLOTS": COUNT,
    "BATCH_SIZE": COUNT,
    "CONNECT_TIMEOUT": SECONDS,
    "READ_TIMEOUT": SECONDS,
    "TOTAL_TIMEOUT": SECONDS,
    "UPLOAD_TIMEOUT": SECONDS,
    "ANSWER_LIMIT": COUNT,
    "LEASE": SECONDS,
    "SWEEP_INTERVAL": SECONDS,
    "RETRY_SCHEDULE": Rule(
        _are_waits,
        "a list of seconds, such as [5, 30, 120]",
        lambda value: tuple(float(wait) for wait in value),
    ),
    "RETRY_JITTER": Rule(
        lambda value: is_number(value) and 0 <= value < 1,
        "a number from 0 up to, but not, 1",
    ),
    "RETRY_AFTER_LIMIT": SECONDS,
    "BACKOFF_LIMIT": SECONDS,
    "SHARE_PERMISSION": Rule(
        lambda value: isinstance(value, str) and value in SHARE_PERMISSIONS,
        f"one of {', '.join(map(repr, SHARE_PERMISSIONS))}",
    ),
    "MAX_PER_SECOND": Rule(
        lambda value: value is None or (is_number(value) and value > 0),
        "a number of requests above 0, or None",
    ),
    "NEWEST_FIRST": Rule(lambda value: isinstance(value, bool), "True or False"),
    "PROCESS_IN_REQUEST": Rule(
        lambda value: isinstance(value, bool) or _are_names(value),
        "True, False or a list of names of accounts, such as ['pipeline']",
        lambda value: value if isinstance(value, bool) else tuple(value),
    ),
    "UPLOAD_FORM": Rule(lambda value: isinstance(value, bool), "True or False"),
    "INGEST_CONCURRENCY": COUNT,
    "INGEST_TIME_LIMIT": SECONDS,
    "INGEST_MEMORY_LIMIT": COUNT,
    "UPLOAD_LIMIT": Rule(
        lambda value: value is None or _is_count(value),
        "a number of bytes of at least 1, or None",
    ),
    "BATCH_LIMIT": COUNT,
    "BODY_LIMIT": COUNT,
    "RATE_LIMIT": Rule(
        lambda value: value is None or _is_rate(value),
        "a number of requests per second, minute, hour or day, such as '3000/min', or "
        "None",
    ),
    "HEALTH_SWEEP_AGE": SECONDS,
    "HEALTH_BACKLOG_AGE": SECONDS,
    "RETENTION": Rule(
        lambda value: (
            value is None or (is_number(value) and value >= SHORTEST_RETENTION)
        ),
        f"a number of seconds of at least {SHORTEST_RETENTION:,} (a week), or None",
        lambda value: None if value is None else float(value),
    ),
    "GROUPS": Rule(_are_names, "a list of names of groups, such as ['LCO']", tuple),
    "PUBLIC_URL": Rule(
        lambda value: value is None or is_base(value),
        "an address such as 'https://tom.example.org/'",
    ),
    "EMAIL_ON_FAILURE": Rule(lambda value: isinstance(value, bool), "True or False"),
    "EMAIL_OPERATORS": Rule(
        lambda value: value is None or _are_addresses(value),
        "a list of e-mail addresses, such as ['tom@example.org'], or None",
        lambda value: None if value is None else tuple(value),
    ),
    "VERIFY": Rule(_is_verify, "True, False or the path of an existing CA bundle"),
}


def checked(name: str, value: Any, where: str = "TOM_SHARE_WORKER") -> Any:
    """Return the value in its final type, or raise with the line to fix."""
    rule = RULES[name]
    if rule.holds(value):
        return rule.final(value)
    # An address may hold a password.
    shown = "the present value" if name.endswith("_URL") else repr(value)
    raise ConfigurationError(
        f"{where}[{name!r}] must be {rule.wanted}; {shown} is not. "
        f"Correct that line in settings.py, or remove it to use the default."
    )
