"""Every setting of this app, typed and checked: TOM_SHARE_WORKER and DATA_SHARING.

Read through `settings()` and `destination(key)` at the moment of use, so that tests
and `override_settings` work and a wrong value is reported where it is needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings as django_settings

from tom_share_worker import values
from tom_share_worker.exceptions import ConfigurationError

MINUTE = 60.0
HOUR = 60 * MINUTE

DOWNLOAD = "download"
"""The host's pseudo-destination: the data goes to the browser, not to a TOM."""


@dataclass(frozen=True)
class Settings:
    """One field per key of TOM_SHARE_WORKER. Times are in seconds."""

    BROKER_URL: str | None = None
    """Where hints travel, `redis://…`. Unset: CELERY_BROKER_URL, then REDIS_URL."""

    CONCURRENCY: int = 16
    """Deliveries one `share_worker` makes at a time, over all destinations."""

    SLOTS: int = 4
    """Deliveries under way at one destination at a time. More gains little: a stock
    TOM serves about 100 data points a second with one client and 140 with four."""

    BATCH_SIZE: int = 100
    """Data points in one delivery. Larger: fewer rows; smaller: finer progress."""

    CONNECT_TIMEOUT: float = 5.0
    """Longest wait for a destination to accept a connection."""

    READ_TIMEOUT: float = 30.0
    """Longest silence of a destination while its answer is due."""

    TOTAL_TIMEOUT: float = 90.0
    """Longest a request may take as a whole, however steadily bytes trickle in."""

    UPLOAD_TIMEOUT: float = HOUR
    """Longest the upload of one data product may take as a whole."""

    ANSWER_LIMIT: int = 4_000_000
    """Bytes read of one answer; what is longer is refused as rubbish."""

    LEASE: float = 15.0
    """How long a claim holds without a sign of life of its worker. Shorter: lost work
    runs again sooner; too short: a busy machine loses claims it still works on."""

    SWEEP_INTERVAL: float = 10.0
    """Seconds between two looks for work that the hints missed."""

    RETRY_SCHEDULE: tuple[float, ...] = (
        5,
        30,
        2 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    )
    """Waits between attempts; when they are used up the delivery fails (75 h)."""

    RETRY_JITTER: float = 0.2
    """Share by which each wait is drawn longer or shorter, so that a crowd spreads."""

    RETRY_AFTER_LIMIT: float = 24 * HOUR
    """Longest wait that a destination may ask for with Retry-After."""

    BACKOFF_LIMIT: float = 30 * MINUTE
    """Longest wait between two looks at a destination that is down."""

    SHARE_PERMISSION: str = "view_target"
    """What a person must be allowed with a target to share it and its data."""

    MAX_PER_SECOND: float | None = None
    """Requests a destination gets per second at most; None: as fast as it answers."""

    NEWEST_FIRST: bool = False
    """Send what was asked for last first, after a destination was away."""

    PUBLIC_URL: str | None = None
    """Address of this TOM as others reach it, for the provenance of shared data."""

    VERIFY: bool | str = True
    """Check TLS certificates: True, False, or the path of a CA bundle."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            object.__setattr__(
                self, spec.name, values.checked(spec.name, getattr(self, spec.name))
            )


def settings() -> Settings:
    """Return the settings of this TOM; raise ConfigurationError on a wrong one."""
    given = getattr(django_settings, "TOM_SHARE_WORKER", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            "TOM_SHARE_WORKER in settings.py must be a dictionary, such as "
            "TOM_SHARE_WORKER = {'CONCURRENCY': 4}."
        )
    known = {spec.name for spec in fields(Settings)}
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise ConfigurationError(
            f"TOM_SHARE_WORKER[{unknown[0]!r}] is not a setting of tom_share_worker. "
            f"Remove that line from settings.py; known are {', '.join(sorted(known))}."
        )
    return Settings(**given)


def broker_url() -> str | None:
    """Return the broker that is configured, or None where none is."""
    return (
        settings().BROKER_URL
        or getattr(django_settings, "CELERY_BROKER_URL", None)
        or os.environ.get("CELERY_BROKER_URL")
        or os.environ.get("REDIS_URL")
        or None
    )


def tom_name() -> str:
    """Return this TOM's name, as the host shows it."""
    return str(getattr(django_settings, "TOM_NAME", "TOM Toolkit"))


TOM, HERMES = "tom", "hermes"
"""The kinds of destinations this app brings; any other is the path of a class."""


@dataclass(frozen=True)
class DestinationSettings:
    """One entry of DATA_SHARING, for one topic of it. Secrets stay out of `repr`.

    `entry` is the whole dictionary, for what only one kind of destination needs.
    """

    key: str
    display_name: str
    base_url: str
    kind: str = TOM
    topic: str = ""
    api_token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    slots: int = 4
    verify: bool | str = True
    max_per_second: float | None = None
    newest_first: bool = False
    groups: tuple[str, ...] = ()
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never appear in a row, a log line or on a page."""
        named = (
            str(value)
            for name, value in self.entry.items()
            if isinstance(value, str) and _SECRET.search(str(name))
        )
        return tuple({s for s in (self.api_token, self.password, *named) if s})


_SECRET = re.compile("TOKEN|PASSWORD|KEY|SECRET", re.IGNORECASE)


def destination_keys() -> list[str]:
    """Return the keys of DATA_SHARING, in the order of settings.py."""
    return [str(key) for key in _data_sharing()]


def choices() -> list[str]:
    """Return what a form may name as destination: a key, or a key with its topic."""
    found = []
    for key, entry in _data_sharing().items():
        topics = _topics(entry)
        found += [f"{key}:{topic}" for topic in topics] if topics else [str(key)]
    return found


def kind(key: str) -> str:
    """Return what kind of destination an entry is, complete or not."""
    entry = _data_sharing().get(key.partition(":")[0])
    if not isinstance(entry, Mapping):
        return TOM
    if entry.get("KIND"):
        return str(entry["KIND"])
    is_hermes = entry.get("USER_TOPICS") or entry.get("HERMES_API_KEY")
    return HERMES if is_hermes else TOM


def key_of(value: str) -> str:
    """Return a form's value as DATA_SHARING has it.

    The host's next release writes `tom:partner` in its forms.
    """
    kind, _, key = value.partition(":")
    known = choices()
    return key if kind == TOM and value not in known and key in known else value


def groups(key: str) -> tuple[str, ...]:
    """Return the groups whose members may share with a destination; none: everybody."""
    name = key.partition(":")[0]
    entry = _data_sharing().get(name)
    return _groups(entry, name) if isinstance(entry, Mapping) else ()


def display_name(key: str) -> str:
    """Return what people call this destination, known or not."""
    name, _, topic = key.partition(":")
    entry = _data_sharing().get(name)
    if not isinstance(entry, Mapping):
        return key
    shown = str(entry.get("DISPLAY_NAME") or name)
    return f"{shown} ({topic})" if topic else shown


def base_urls() -> list[str]:
    """Return the addresses of all destinations that have one."""
    found = [
        entry.get("BASE_URL")
        for entry in _data_sharing().values()
        if isinstance(entry, Mapping)
    ]
    return [str(address) for address in found if address]


def destination(key: str) -> DestinationSettings:
    """Return one entry of DATA_SHARING; raise ConfigurationError if it is no use."""
    name, _, topic = key.partition(":")
    entry = _data_sharing().get(name)
    if entry is None:
        raise ConfigurationError(
            f"DATA_SHARING in settings.py has no destination {name!r}. "
            f"Add it there, or share to one that exists."
        )
    where = f"DATA_SHARING[{name!r}]"
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"{where} must be a dictionary with 'BASE_URL' and an account on that TOM."
        )
    topics = _topics(entry)
    if topic and topic not in topics:
        raise ConfigurationError(
            f"{where}['USER_TOPICS'] does not name {topic!r}. Add it there, or share "
            f"to a topic that it names."
        )
    address = entry.get("BASE_URL")
    if not isinstance(address, str) or not values.is_http(address):
        raise ConfigurationError(
            f"{where}['BASE_URL'] must be the address of the destination, "
            f"starting with https:// or http://, without an account in it."
        )
    return DestinationSettings(
        key=key,
        display_name=display_name(key),
        base_url=address.rstrip("/") + "/",
        kind=kind(key),
        topic=topic,
        **_account(entry, where, kind(key)),
        **_manners(entry, where),
        groups=_groups(entry, name),
        entry=entry,
    )


def _account(entry: Mapping[str, Any], where: str, kind: str) -> dict[str, Any]:
    """Return our account on a TOM; other kinds look for theirs in the entry."""
    token, username, password = (
        str(entry[name]) if entry.get(name) else None
        for name in ("API_TOKEN", "USERNAME", "PASSWORD")
    )
    if kind == TOM and not token and not (username and password):
        raise ConfigurationError(
            f"{where} needs either 'API_TOKEN' or both 'USERNAME' and "
            f"'PASSWORD' of an account on that TOM."
        )
    return {"api_token": token, "username": username, "password": password}


def _manners(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return how a destination is to be treated, by its entry or by our settings."""
    own = settings()
    return {
        name.lower(): values.checked(name, entry.get(name, getattr(own, name)), where)
        for name in ("SLOTS", "VERIFY", "MAX_PER_SECOND", "NEWEST_FIRST")
    }


def _groups(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if "GROUPS" not in entry:
        return ()
    found: tuple[str, ...] = values.checked(
        "GROUPS", entry["GROUPS"], f"DATA_SHARING[{name!r}]"
    )
    return found


def _topics(entry: Any) -> list[str]:
    """Return the topics of an entry that is Hermes, or nothing."""
    named = entry.get("USER_TOPICS") if isinstance(entry, Mapping) else None
    return [str(topic) for topic in named] if isinstance(named, list | tuple) else []


def _data_sharing() -> Mapping[str, Any]:
    given = getattr(django_settings, "DATA_SHARING", None) or {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            "DATA_SHARING in settings.py must be a dictionary of destinations; see "
            "the TOM Toolkit documentation on sharing."
        )
    return given
