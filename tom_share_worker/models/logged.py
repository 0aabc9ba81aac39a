"""What a log record carries besides its sentence: fields by which machines filter.

Given as `extra` wherever this app logs. Ids and words of closed sets only: no names of
targets, no addresses, no answers of others, so that a log may leave the house.
`docs/logging.md` is the table for people; a test compares it with this one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Model
from django.utils import timezone

from tom_share_worker.models.bulk import BulkAction
from tom_share_worker.models.connection import ConnectionTest
from tom_share_worker.models.delivery import Attempt, Delivery
from tom_share_worker.models.ingest import IngestJob
from tom_share_worker.models.share import Share


class Action(StrEnum):
    """What a record is about."""

    ATTEMPT = "attempt"
    BROKER = "broker"
    BULK = "bulk"
    DESTINATION = "destination"
    GATHER = "gather"
    INGEST = "ingest"
    LEASE = "lease"
    MAIL = "mail"
    PLAN = "plan"
    PRUNE = "prune"
    RECEIVE = "receive"
    SHARE = "share"
    SIGN = "sign"
    SWEEP = "sweep"
    TEST = "test"


FIELDS = {
    "action": "what the record is about, a word of the table below",
    "share": "id of the share",
    "delivery": "id of the delivery",
    "attempt": "number of the attempt at its delivery",
    "destination": "key of the destination in DATA_SHARING",
    "outcome": "how it ended, a word of the outcomes or statuses of its rows",
    "failure": "why it failed, a word of the failures",
    "duration": "seconds it took",
    "ingest_job": "id of the ingest job",
    "bulk_action": "id of the bulk action",
    "connection_test": "id of the test of a connection",
    "persistent_share": "id of the persistent share",
    "mail": "id of the e-mail",
    "count": "how many rows it is about, where they are several",
}
"""Every field there is, and what it holds; a record has those that are known."""

_OF: dict[type[Model], Callable[[Any], dict[str, Any]]] = {
    Share: lambda row: {"share": row.pk, "destination": row.destination},
    Delivery: lambda row: {
        "delivery": row.pk,
        "share": row.share_id,
        "destination": row.destination,
    },
    Attempt: lambda row: {"attempt": row.number},
    IngestJob: lambda row: {"ingest_job": row.pk},
    BulkAction: lambda row: {"bulk_action": row.pk},
    ConnectionTest: lambda row: {
        "connection_test": row.pk,
        "destination": row.destination,
    },
}


def fields(action: Action, *rows: Model, **more: Any) -> dict[str, Any]:
    """Return the fields of a record on these rows; what is empty is left out."""
    found: dict[str, Any] = {"action": str(action)}
    for row in rows:
        found |= _OF[type(row)](row)
    found |= more
    return {
        name: str(value) if isinstance(value, StrEnum) else value
        for name, value in found.items()
        if value not in (None, "")
    }


def seconds(since: datetime | None) -> float | None:
    """Return the seconds since then, as `duration` has them."""
    return round((timezone.now() - since).total_seconds(), 3) if since else None
