"""Messages for the scripted Hermes: parcels without rows, and their delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    SpectroscopyReducedDatum,
)

from tests.support.conversations import Notebook
from tests.support.remote_hermes import TOPIC, RemoteHermes
from tests.support.rows import NIGHT
from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.ledger import TARGET, Key, Ledger
from tom_share_worker.delivery.message import (
    EarlierAttempt,
    MessageParcel,
    MessageTarget,
)
from tom_share_worker.delivery.outcomes import Outcome
from tom_share_worker.models import Attempt

SIDEREAL = {"type": "SIDEREAL", "ra": 10.5, "dec": -5.25}


def photometry(number: int = 1, **fields: Any) -> PhotometryReducedDatum:
    """Return a data point of the target 1, in no database."""
    known: dict[str, Any] = {
        "target_id": 1,
        "timestamp": NIGHT + timedelta(minutes=number),
        "brightness": 15 + number / 1000,
        "brightness_error": 0.012,
        "bandpass": "r",
        "unit": "AB mag",
        "telescope": "1m0",
        "instrument": "Sinistro",
    }
    return PhotometryReducedDatum(**{**known, **fields})


def spectrum(**fields: Any) -> SpectroscopyReducedDatum:
    known: dict[str, Any] = {
        "target_id": 1,
        "timestamp": NIGHT,
        "flux": [1.5e-16, 2.5e-16],
        "wavelength": [4000.0, 4001.0],
        "flux_unit": "erg / (Angstrom s cm2)",
        "wavelength_unit": "Angstrom",
        "telescope": "2m0",
        "instrument": "FLOYDS",
    }
    return SpectroscopyReducedDatum(**{**known, **fields})


def position(**fields: Any) -> AstrometryReducedDatum:
    known: dict[str, Any] = {
        "target_id": 1,
        "timestamp": NIGHT,
        "ra": 10.5001,
        "dec": -5.2501,
        "telescope": "1m0",
        "instrument": "Sinistro",
    }
    return AstrometryReducedDatum(**{**known, **fields})


_KINDS = {
    PhotometryReducedDatum: "photometry",
    SpectroscopyReducedDatum: "spectroscopy",
    AstrometryReducedDatum: "astrometry",
}


def target(name: str = "SN 2026abc", *aliases: str, **fields: Any) -> MessageTarget:
    return MessageTarget(name, {"name": name, **SIDEREAL, **fields}, aliases)


def parcel(*datums: Any, **change: Any) -> MessageParcel:
    """Return a message of these data points; none: of the target itself."""
    keys = [
        Key(_KINDS[type(datum)], number) for number, datum in enumerate(datums, start=1)
    ]
    named: dict[Key, Any] = dict(zip(keys, datums, strict=True))
    targets = change.pop("targets", {1: target()})
    known: dict[str, Any] = {
        "key": "0f5f4b86-2d8b-5a57-9d5b-0d2f4f7d0001",
        "title": "Data of SN 2026abc",
        "message": "Have a look.",
        "authors": "",
        "submitter": "astronomer",
        "tom_name": "Survey TOM",
        "targets": targets,
        "datums": named or {Key(TARGET, pk): row for pk, row in targets.items()},
        "created": timezone.now(),
        "attempts": 0,
    }
    return MessageParcel(**{**known, **change})


def earlier(
    outcome: str = Attempt.Outcome.LOST,
    request: str = "",
    status: int | None = None,
    answer: str = "",
    seconds_ago: float = 0,
) -> EarlierAttempt:
    """Return what is on record of an earlier attempt."""
    ended = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return EarlierAttempt(outcome, request, status, answer, ended)


def settings_of(
    hermes: RemoteHermes, topic: str = TOPIC, **entry: Any
) -> DestinationSettings:
    return DestinationSettings(
        key=f"hermes:{topic}",
        display_name="Hermes",
        base_url=hermes.url,
        kind="hermes",
        topic=topic,
        entry=hermes.entry(**entry),
    )


def deliver(
    hermes: RemoteHermes,
    message: MessageParcel,
    *,
    topic: str = TOPIC,
    stop_after: int | None = None,
    **entry: Any,
) -> tuple[Outcome, Notebook]:
    """Send a message; return what came of it, and what was reported."""
    notebook = Notebook(message, stop_after)
    notebook.ledger = Ledger.of(message.datums)
    destination = open_destination(settings_of(hermes, topic, **entry))
    return destination.deliver(message, notebook), notebook
