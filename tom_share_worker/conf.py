"""Every setting of this app, typed and checked: TOM_SHARE_WORKER and DATA_SHARING.

Read through `settings()` and `destination(key)` at the moment of use, so that tests
and `override_settings` work and a wrong value is reported where it is needed.
"""

from __future__ import annotations

import os
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


@dataclass(frozen=True)
class DestinationSettings:
    """One entry of DATA_SHARING that names another TOM. Secrets stay out of `repr`."""

    key: str
    display_name: str
    base_url: str
    api_token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    slots: int = 4
    verify: bool | str = True

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never appear in a row, a log line or on a page."""
        return tuple(s for s in (self.api_token, self.password) if s)


def destination_keys() -> list[str]:
    """Return the keys of DATA_SHARING, in the order of settings.py."""
    return [str(key) for key in _data_sharing()]


def is_hermes(key: str) -> bool:
    """True for an entry that is Hermes and not a TOM; the host lists its topics."""
    entry = _data_sharing().get(key.partition(":")[0])
    return isinstance(entry, Mapping) and bool(entry.get("USER_TOPICS"))


def display_name(key: str) -> str:
    """Return what people call this destination, known or not."""
    entry = _data_sharing().get(key)
    if isinstance(entry, Mapping):
        return str(entry.get("DISPLAY_NAME") or key)
    return key


def destination(key: str) -> DestinationSettings:
    """Return one entry of DATA_SHARING; raise ConfigurationError if it is no use."""
    entry = _data_sharing().get(key)
    if entry is None:
        raise ConfigurationError(
            f"DATA_SHARING in settings.py has no destination {key!r}. "
            f"Add it there, or share to one that exists."
        )
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"DATA_SHARING[{key!r}] must be a dictionary with 'BASE_URL' and an "
            f"account on that TOM."
        )
    address = entry.get("BASE_URL")
    if not isinstance(address, str) or not values.is_http(address):
        raise ConfigurationError(
            f"DATA_SHARING[{key!r}]['BASE_URL'] must be the address of the other TOM, "
            f"starting with https:// or http://, without an account in it."
        )
    token, username, password = (
        str(entry[name]) if entry.get(name) else None
        for name in ("API_TOKEN", "USERNAME", "PASSWORD")
    )
    if not token and not (username and password):
        raise ConfigurationError(
            f"DATA_SHARING[{key!r}] needs either 'API_TOKEN' or both 'USERNAME' and "
            f"'PASSWORD' of an account on that TOM."
        )
    own, where = settings(), f"DATA_SHARING[{key!r}]"
    return DestinationSettings(
        key=key,
        display_name=display_name(key),
        base_url=address.rstrip("/") + "/",
        api_token=token,
        username=username,
        password=password,
        slots=values.checked("SLOTS", entry.get("SLOTS", own.SLOTS), where),
        verify=values.checked("VERIFY", entry.get("VERIFY", own.VERIFY), where),
    )


def _data_sharing() -> Mapping[str, Any]:
    given = getattr(django_settings, "DATA_SHARING", None) or {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            "DATA_SHARING in settings.py must be a dictionary of destinations; see "
            "the TOM Toolkit documentation on sharing."
        )
    return given
