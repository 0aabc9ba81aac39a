"""Another TOM, as its requests look here: an account, a token, batches of data."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.toolkit import DATUM_MODELS

DATUMS = "/api/tom-share/datums/"


def photometry(n: int = 0, **changes: Any) -> dict[str, Any]:
    """Return photometry as another TOM sends it; each number has its own time."""
    return {
        "kind": "photometry",
        "timestamp": moment(n),
        "brightness": 17.25,
        "brightness_error": 0.01,
        "unit": "AB mag",
        "bandpass": "r",
        "telescope": "1m0",
        "instrument": "Sinistro",
        "exposure_time": 30.0,
        **changes,
    }


def spectrum(n: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a spectrum of three points."""
    return {
        "kind": "spectroscopy",
        "timestamp": moment(n),
        "wavelength": [4000.0, 5000.0, 6000.0],
        "flux": [1.5, 2.5, 3.5],
        "flux_unit": "erg / s / cm² / Å",
        "wavelength_unit": "Å",
        "instrument": "FLOYDS",
        **changes,
    }


def place(n: int = 0, **changes: Any) -> dict[str, Any]:
    """Return astrometry."""
    return {
        "kind": "astrometry",
        "timestamp": moment(n),
        "ra": 12.5,
        "dec": -45.25,
        **changes,
    }


def generic(n: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a data point of a type without columns of its own."""
    return {
        "kind": "generic",
        "timestamp": moment(n),
        "data_type": "polarimetry",
        "value": {"q": 0.01, "u": [0.5, None, True]},
        **changes,
    }


ONE_OF_EACH = {
    "photometry": photometry,
    "spectroscopy": spectrum,
    "astrometry": place,
    "generic": generic,
}


def moment(n: int) -> str:
    """Return a time as it is sent."""
    return (rows.NIGHT + timedelta(minutes=n)).isoformat()


class Sender:
    """Sends batches by an account of its own; without one, as nobody."""

    def __init__(self, account: User | None) -> None:
        self.account = account
        self._headers: dict[str, str] = {}
        if account is not None:
            token = Token.objects.get_or_create(user=account)[0]
            self._headers["Authorization"] = f"Token {token.key}"
        # What goes wrong is answered as to a real client, and not raised in the test.
        self._client = Client(raise_request_exception=False)

    def get(self, path: str) -> Any:
        """Ask for something."""
        return self._client.get(path, headers=self._headers)

    def post(self, body: bytes | dict[str, Any], key: str = "", **headers: str) -> Any:
        """Send a body, as JSON where it is not one yet."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json")
        return self._client.post(
            DATUMS,
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type=content_type,
            headers={
                **self._headers,
                "Idempotency-Key": key or uuid.uuid4().hex,
                **named,
            },
        )

    def send(self, target: Target, *datums: Any, key: str = "") -> Any:
        """Send data points of a target."""
        return self.post(batch(target, *datums), key)

    def outcomes(self, target: Target, *datums: Any) -> list[dict[str, str]]:
        """Send data points of a target; return what became of them."""
        answer = self.send(target, *datums)
        assert answer.status_code == 200, answer.content
        found: list[dict[str, str]] = answer.json()["outcomes"]
        return found

    def words(self, target: Target, *datums: Any) -> list[str]:
        """Send data points; return the outcome of each in a word."""
        return [outcome["outcome"] for outcome in self.outcomes(target, *datums)]

    def reason(self, target: Target, datum: Any) -> str:
        """Send one data point that is refused; return why."""
        (outcome,) = self.outcomes(target, datum)
        assert outcome["outcome"] == "refused", outcome
        return outcome["reason"]


def batch(target: Target | int, *datums: Any) -> dict[str, Any]:
    """Return the body of a request."""
    pk = target if isinstance(target, int) else target.pk
    return {"version": 1, "target": pk, "datums": list(datums)}


def stored() -> int:
    """Count all data points there are."""
    return sum(model._default_manager.count() for model in DATUM_MODELS.values())


def problem(answer: Any, name: str, status: int) -> str:
    """Check that an answer is a problem of this name; return its sentence."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert set(said) == {"type", "title", "status", "detail"}
    assert said["type"] == f"urn:tom-share:problem:{name}"
    assert said["status"] == status
    detail: str = said["detail"]
    assert detail.endswith(".")
    return detail
