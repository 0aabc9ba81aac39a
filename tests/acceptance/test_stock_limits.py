"""What an unmodified TOM cannot hold, and what it changes by rules of its own.

The first is refused one by one, with the reason in the ledger, and the rest goes on;
the second is written in `docs/how-it-works.md`, and this test is its proof.
"""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from tests.support import rows
from tests.support.rows import NIGHT
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def survey(tom: Tom, stock: StockTom) -> Tom:
    """Our TOM, which knows the other one, and its worker."""
    tom.knows(stock=stock.entry())
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30)
    tom.start_worker()
    return tom


def share_all(tom: Tom, target: Target) -> Share:
    """Share a target with all its data, and wait for the end."""
    person = rows.person()
    night = rows.target_list(f"Night of {target.name}", target)
    share = outbox.share_target_list(person, "stock", night, None, True)
    wait_until(
        lambda: Share.objects.filter(pk=share.pk, status__in=Share.ENDED).exists(),
        60,
        f"'{share}' to end",
        tom.tell,
    )
    share.refresh_from_db()
    return share


def held(stock: StockTom, model: Any, target: Target) -> list[dict[str, Any]]:
    """Return the rows of a model that the other TOM holds of a target."""
    ids = [
        row["id"]
        for row in stock.rows("tom_targets_basetarget")
        if row["name"] == target.name
    ]
    found = stock.rows(model._meta.db_table, order="timestamp")
    return [row for row in found if row["target_id"] in ids]


def misfits(target: Target) -> list[tuple[Any, str]]:
    """Return rows that cannot go, each with a part of the reason."""

    def photometry(**fields: Any) -> Any:
        known: dict[str, Any] = {"bandpass": "r", "brightness": 15.0}
        return PhotometryReducedDatum(target=target, **(known | fields))

    found = [
        (photometry(brightness=math.inf), "Its magnitude is inf"),
        (photometry(limit=-math.inf), "Its limit is -inf"),
        (photometry(exposure_time=math.inf), "Its exposure_time is inf"),
        (photometry(bandpass=""), "It has no filter"),
        (
            AstrometryReducedDatum(target=target, ra=10.0, dec=math.inf),
            "Its dec is inf",
        ),
        (
            ReducedDatum(target=target, data_type="list", value=[1, 2]),
            "Its value is not a set of names",
        ),
        (ReducedDatum(target=target, value={"q": 1}), "It has no data type"),
    ]
    if connection.vendor == "sqlite":
        # Which keeps text of any length, and NUL; PostgreSQL has nothing to send.
        found += [
            (photometry(bandpass="r" * 33), "Its bandpass has 33 characters"),
            (photometry(unit="m" * 33), "Its unit has 33 characters"),
            (photometry(source_name="s" * 101), "Its source_name has 101 characters"),
            (photometry(source_location="s" * 201), "Its source_location has 201"),
            (photometry(telescope="t" * 256), "Its telescope has 256 characters"),
            (photometry(instrument="i" * 256), "Its instrument has 256 characters"),
            (photometry(reduction_version="v" * 51), "Its reduction_version has 51"),
            (photometry(instrument="1m\0"), "Its instrument holds what databases"),
            (
                SpectroscopyReducedDatum(target=target, setup="s" * 2001),
                "Its setup has 2001 characters",
            ),
            (
                ReducedDatum(target=target, data_type="d" * 101),
                "Its data_type has 101 characters",
            ),
        ]
    else:
        found += [(photometry(brightness=math.nan), "Its magnitude is nan")]
    return found


def test_what_it_cannot_hold_is_refused_one_by_one_and_the_rest_arrives(
    survey: Tom, stock: StockTom
) -> None:
    target = rows.target(rows.person(), "SN 2026mis")
    rows.photometry(target, 5)
    wrong = misfits(target)
    for number, (row, _) in enumerate(wrong):
        row.timestamp = NIGHT + timedelta(days=1, seconds=number)
        type(row).objects.bulk_create([row])
    rows.photometry(target, 3, first=20.0)

    share = share_all(survey, target)

    assert share.status == Share.Status.PARTLY, survey.tell()
    refused = {
        key: reason
        for delivery in share.deliveries.all()
        for key, reason in Ledger(delivery.ledger).refused()
    }
    kinds: dict[Any, str] = {
        PhotometryReducedDatum: "photometry",
        SpectroscopyReducedDatum: "spectroscopy",
        AstrometryReducedDatum: "astrometry",
        ReducedDatum: "generic",
    }
    for row, reason in wrong:
        assert reason in refused.pop(Key(kinds[type(row)], row.pk))
    assert not refused
    assert len(held(stock, PhotometryReducedDatum, target)) == 8
    for model in (SpectroscopyReducedDatum, AstrometryReducedDatum, ReducedDatum):
        assert held(stock, model, target) == []


def test_what_it_changes_is_what_the_documents_say(
    survey: Tom, stock: StockTom
) -> None:
    """Blanks at the ends of a source, capitals of a data type, names of its columns."""
    target = rows.target(rows.person(), "SN 2026chg")
    moment: dict[str, Any] = {"target": target, "timestamp": NIGHT}
    PhotometryReducedDatum.objects.bulk_create(
        [
            PhotometryReducedDatum(
                **moment,
                bandpass=" r ",
                brightness=15.0,
                source_name=" ATLAS ",
                source_location=" https://atlas.example.org/7 ",
                value={"filter": "clear", "extra_filter": 1, "airmass": " 1.1 "},
            )
        ]
    )
    ReducedDatum.objects.bulk_create(
        [ReducedDatum(**moment, data_type=" Polarimetry ", value={"id": 7, "ra": 1})]
    )

    share = share_all(survey, target)

    assert share.status == Share.Status.DELIVERED, survey.tell()
    [photometry] = held(stock, PhotometryReducedDatum, target)
    assert photometry["bandpass"] == " r "
    assert photometry["source_name"] == "ATLAS"
    assert photometry["source_location"] == "https://atlas.example.org/7"
    assert json.loads(photometry["value"]) == {
        "extra_filter": 1,
        "extra_extra_filter": "clear",
        "airmass": " 1.1 ",
    }
    [generic] = held(stock, ReducedDatum, target)
    assert generic["data_type"] == "polarimetry"
    assert json.loads(generic["value"]) == {"extra_id": 7, "ra": 1}


@pytest.mark.parametrize(
    ("public_url", "location"),
    [
        ("https://survey.example.org/tom/", "https://survey.example.org/tom/api/"),
        (None, "<Survey TOM.url>/api/"),
    ],
    ids=["with an address", "without one"],
)
def test_data_without_a_source_arrive_with_this_tom_as_their_source(
    tom: Tom, stock: StockTom, public_url: str | None, location: str
) -> None:
    tom.knows(stock=stock.entry())
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30, PUBLIC_URL=public_url)
    tom.start_worker()
    target = rows.target(rows.person(), f"SN 2026{bool(public_url)}")
    [pk] = rows.photometry(target, 1)

    share_all(tom, target)

    [row] = held(stock, PhotometryReducedDatum, target)
    assert row["source_name"] == "Survey TOM"
    assert row["source_location"] == f"{location}reduceddatums/{pk}/"


def test_old_photometry_of_no_kind_of_its_own_arrives_as_photometry(
    survey: Tom, stock: StockTom
) -> None:
    """TOMs that began with TOM Toolkit 2 may hold their photometry so."""
    target = rows.target(rows.person(), "SN 2026old")
    value = {"magnitude": 15.5, "error": 0.1, "filter": "r", "airmass": 1.2}
    ReducedDatum.objects.bulk_create(
        [
            ReducedDatum(
                target=target, timestamp=NIGHT, data_type="photometry", value=value
            )
        ]
    )

    share = share_all(survey, target)

    assert share.status == Share.Status.DELIVERED, survey.tell()
    [row] = held(stock, PhotometryReducedDatum, target)
    assert (row["brightness"], row["brightness_error"]) == (15.5, 0.1)
    assert (row["bandpass"], json.loads(row["value"])) == ("r", {"airmass": 1.2})
