"""TOM_SHARE_WORKER: every setting of this app, typed and checked.

Read through `settings()` at the moment of use, so that tests and `override_settings`
work and a wrong value is reported where it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from django.conf import settings as django_settings

from tom_share_worker import values
from tom_share_worker.exceptions import ConfigurationError

MINUTE = 60.0
HOUR = 60 * MINUTE


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

    EMAIL_ON_FAILURE: bool = False
    """Tell people by e-mail what of theirs failed, and that a destination is paused."""

    EMAIL_OPERATORS: tuple[str, ...] | None = None
    """Addresses that are told of paused destinations; None: those of the staff who may
    pause and resume them."""

    VERIFY: bool | str = True
    """Check TLS certificates: True, False, or the path of a CA bundle."""

    PROCESS_IN_REQUEST: bool | tuple[str, ...] = False
    """Whose uploads by API are processed before they are answered, as TOM Toolkit does:
    nobody's, everybody's (True), or those of these accounts."""

    UPLOAD_FORM: bool = True
    """Process what people upload on a page in the background, too."""

    INGEST_CONCURRENCY: int = 2
    """Data products one worker processes at a time, each in a process of its own."""

    INGEST_TIME_LIMIT: float = 10 * MINUTE
    """Longest the processing of one data product may take."""

    INGEST_MEMORY_LIMIT: int = 2_000_000_000
    """Bytes of memory the processing of one data product may take."""

    UPLOAD_LIMIT: int | None = None
    """Bytes of the largest upload that is accepted; None: whatever the disk holds."""

    BATCH_LIMIT: int = 2000
    """Data points that another TOM may send in one request."""

    BODY_LIMIT: int = 16_000_000
    """Bytes of such a request, unpacked."""

    RATE_LIMIT: str | None = "3000/min"
    """Requests of one account to the addresses for other TOMs; None: any number."""

    HEALTH_SWEEP_AGE: float = MINUTE
    """Without a sweep for so long the health page says that nobody works; never less
    than three times SWEEP_INTERVAL."""

    HEALTH_BACKLOG_AGE: float = 15 * MINUTE
    """The health page says so when what is due has waited so long and nothing moves."""

    RETENTION: float | None = 180 * 24 * HOUR
    """How long shares, ingest jobs and bulk actions are kept after they have ended;
    data and files stay. None: for ever."""

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
