"""The host's REST API takes our data points whole, and shows what we read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from tests.support import rows
from tests.support.rows import NIGHT
from tom_share_worker import toolkit
from tom_share_worker.delivery.destinations.tom import payloads
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.delivery.parcels import DatumsParcel, TargetCard

pytestmark = pytest.mark.django_db

COMMON: dict[str, Any] = {
    "timestamp": NIGHT,
    "telescope": "1m0",
    "instrument": "Sinistro",
    "reduction_version": "v2",
    "source_name": "ATLAS",
    "source_location": "https://atlas.example/7",
}
DATUMS: dict[str, tuple[str, Model]] = {
    "detection": (
        "photometry",
        PhotometryReducedDatum(
            **COMMON,
            brightness=17.123456789012345,
            brightness_error=0.1 + 0.2,
            unit="AB mag",
            bandpass="r",
            exposure_time=300.0,
            value={"airmass": 1.25, "filter": "of our own"},
        ),
    ),
    "upper limit": (
        "photometry",
        PhotometryReducedDatum(**COMMON, limit=21.3, bandpass="i", unit="AB mag"),
    ),
    "spectrum": (
        "spectroscopy",
        SpectroscopyReducedDatum(
            **COMMON,
            setup="grism 3",
            exposure_time=1200.0,
            wavelength=[4000.1, 4000.2],
            flux=[1e-17, 2.5e-17],
            error=[1e-18, 1e-18],
            flux_unit="erg / (s cm2 Angstrom)",
            wavelength_unit="Angstrom",
            value={"grade": "A"},
        ),
    ),
    "position": (
        "astrometry",
        AstrometryReducedDatum(
            **COMMON,
            ra=10.000000000000002,
            dec=-0.1,
            ra_error=0.01,
            dec_error=0.02,
            ra_error_units="arcsec",
            dec_error_units="arcsec",
            value={"catalogue": "Gaia DR3"},
        ),
    ),
    "polarisation": (
        "generic",
        ReducedDatum(**COMMON, data_type="polarimetry", value={"q": [0.1, {"u": 1}]}),
    ),
}
every_datum = pytest.mark.parametrize(("kind", "datum"), DATUMS.values(), ids=DATUMS)
NOT_COMPARED = {"id", "target", "data_product"}


@pytest.fixture
def there() -> Target:
    """A target at the other TOM, which this one plays."""
    return rows.target(rows.person("account"), "SN 2026abc")


@pytest.fixture
def account(there: Target) -> Client:
    client = Client()
    client.force_login(rows.person("account"))
    return client


def body_of(kind: str, datum: Any, there: Target) -> dict[str, Any]:
    card = TargetCard(there.name, (there.name,), there.ra, there.dec, str(there.pk))
    parcel = DatumsParcel(card, {}, "Survey TOM", "https://survey.example/", 0)
    return payloads.datum(parcel, Key(kind, 7), datum, str(there.pk))


def post(account: Client, path: str, body: Any) -> Any:
    return account.post(path, json.dumps(body), content_type="application/json")


@every_datum
def test_a_data_point_arrives_field_by_field(
    kind: str, datum: Any, there: Target, account: Client
) -> None:
    answer = post(account, "/api/reduceddatums/", body_of(kind, datum, there))

    assert answer.status_code == 201, answer.content
    arrived: Any = toolkit.DATUM_MODELS[kind]._default_manager.get()
    for field in datum._meta.concrete_fields:
        if field.name in NOT_COMPARED | {"value"}:
            continue
        assert getattr(arrived, field.name) == getattr(datum, field.name), field.name
    extras = {"filter": "extra_filter"}
    assert arrived.value == {extras.get(k, k): v for k, v in datum.value.items()}
    assert arrived.target_id == there.pk


@every_datum
def test_a_repeat_is_recognised_and_adds_nothing(
    kind: str, datum: Any, there: Target, account: Client
) -> None:
    body = body_of(kind, datum, there)
    post(account, "/api/reduceddatums/", body)

    answer = post(account, "/api/reduceddatums/", body)

    assert answer.status_code == 200
    assert answer.json()["already_exists"] is True
    assert toolkit.DATUM_MODELS[kind]._default_manager.count() == 1


@every_datum
def test_a_data_point_can_be_looked_up_by_target_and_name(
    kind: str, datum: Any, there: Target, account: Client
) -> None:
    other = rows.target(rows.person("account"), "SN 2026xyz")
    body = body_of(kind, datum, there)
    post(account, "/api/reduceddatums/", body)
    post(account, "/api/reduceddatums/", body_of(kind, datum, other))

    query = {"target__id": there.pk, "target_name": there.name, "limit": 1000}
    page = account.get("/api/reduceddatums/", query).json()

    assert page["next"] is None
    (row,) = page["results"]
    assert row["target"] == there.pk
    assert row["data_type"] == body["data_type"]
    assert isinstance(row["value"], dict)


def test_an_id_that_is_none_of_the_accounts_is_called_invalid(account: Client) -> None:
    hidden = rows.target(rows.person("somebody else"), "SN 2026hid")
    body = body_of(*DATUMS["detection"], hidden)

    answer = post(account, "/api/reduceddatums/", body)

    assert answer.status_code == 400
    assert "Invalid pk" in answer.json()["target"][0]
