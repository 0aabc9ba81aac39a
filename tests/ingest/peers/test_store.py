"""A data point is stored once, whatever there is; what clashes is told in words."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from tom_dataproducts.models import (
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from tests.ingest.peers.sender import (
    ONE_OF_EACH,
    Sender,
    generic,
    photometry,
    place,
    spectrum,
    stored,
)
from tests.support import rows
from tom_share_worker.ingest.peers import fields
from tom_share_worker.ingest.peers.store import store
from tom_share_worker.toolkit import DATUM_MODELS, storing

pytestmark = pytest.mark.django_db

on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="a limit of PostgreSQL's"
)

LOOSE = {"brightness": None, "limit": None}
"""Photometry without a value: no constraint of the database concerns it."""

ALIKE: dict[str, Any] = {
    "photometry": photometry,
    "an upper limit": lambda n=0, **more: photometry(
        n, **{"brightness": None, "limit": 21.0, **more}
    ),
    "a detection with a limit": lambda n=0, **more: photometry(
        n, **{"limit": 21.0, **more}
    ),
    "photometry without a value": lambda n=0, **more: photometry(n, **LOOSE, **more),
    "a spectrum": spectrum,
    "a spectrum without points": lambda n=0, **more: spectrum(
        n, **{"flux": [], "wavelength": [], **more}
    ),
    "astrometry": place,
    "generic data": generic,
    "generic data with odd numbers": lambda n=0, **more: generic(
        n, value={"a": 1e23, "b": 1e-7, "c": 2**70, "d": -0.0, "e": 1e300, "f": 1.0}
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_each_is_there_once_however_often_it_comes(
    name: str, sender: Sender, target: Target
) -> None:
    make = ALIKE[name]
    twice = [make(0), make(1), make(0)]

    assert sender.words(target, *twice) == ["created", "created", "already there"]
    assert sender.words(target, *twice) == ["already there"] * 3
    assert stored() == 2


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_what_the_host_stored_is_there_already(
    kind: str, sender: Sender, target: Target
) -> None:
    datum = ONE_OF_EACH[kind]()
    columns = {k: v for k, v in datum.items() if k != "kind"}
    DATUM_MODELS[kind]._default_manager.create(target=target, **columns)

    assert sender.words(target, datum) == ["already there"]


@pytest.mark.parametrize("kind", ["photometry", "spectroscopy", "astrometry"])
def test_where_it_comes_from_makes_no_other_measurement(
    kind: str, sender: Sender, target: Target
) -> None:
    datum = ONE_OF_EACH[kind]()
    beside = {"source_name": "ALeRCE", "source_location": "x", "value": {"id": 5}}

    assert sender.words(target, datum) == ["created"]
    assert sender.words(target, datum | beside) == ["already there"]


@pytest.mark.parametrize(
    ("datum", "change", "column"),
    [
        (photometry(), {"brightness_error": 0.02}, "brightness_error"),
        (photometry(), {"brightness_error": None}, "brightness_error"),
        (photometry(), {"unit": "mJy"}, "unit"),
        (photometry(), {"telescope": "2m0"}, "telescope"),
        (photometry(), {"exposure_time": 31.0}, "exposure_time"),
        (photometry(), {"limit": 20.0}, "limit"),
        (photometry(limit=20.0), {"brightness": 17.5}, "brightness"),
        (spectrum(), {"wavelength": [1.0, 2.0, 3.0]}, "wavelength"),
        (spectrum(), {"error": [0.1, 0.1, 0.1]}, "error"),
        (spectrum(), {"flux_unit": "mJy"}, "flux_unit"),
        (place(), {"ra_error": 0.5}, "ra_error"),
    ],
)
def test_another_measurement_in_its_place_is_refused_and_the_column_named(
    datum: Any, change: Any, column: str, sender: Sender, target: Target
) -> None:
    other = datum | change
    assert sender.words(target, datum) == ["created"]

    for _ in range(2):  # there, and as a mate in the same batch
        said = sender.outcomes(target, photometry(9, bandpass="i"), other, other)
        for outcome in said[1:]:
            assert outcome["outcome"] == "refused"
            assert f"whose {column} differs" in outcome["reason"]
    assert stored() == 2
    row = fields.read(other, target.pk)
    with pytest.raises(IntegrityError):  # the database agrees
        type(row).objects.bulk_create([row])


def test_the_first_of_two_that_clash_in_a_batch_is_stored(
    sender: Sender, target: Target
) -> None:
    first, second = sender.outcomes(target, photometry(), photometry(unit="mJy"))

    assert first == {"outcome": "created"}
    assert "whose unit differs" in second["reason"]
    assert PhotometryReducedDatum.objects.get().unit == "AB mag"


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "2026-03-01T02:03:04.567892+00:00"},
        {"bandpass": "R"},
        {"brightness": 17.250000000000004},
        {"instrument": "other"},
        {"reduction_version": "2"},
    ],
)
def test_what_the_database_tells_apart_is_stored_beside(
    change: Any, sender: Sender, target: Target
) -> None:
    datums = [photometry(), photometry(**change)]
    assert sender.words(target, *datums) == ["created"] * 2
    assert sender.words(target, *datums) == ["already there"] * 2


@pytest.mark.parametrize(
    "make",
    [generic, lambda **more: photometry(**{**LOOSE, "value": {"q": 0.01}, **more})],
)
@pytest.mark.parametrize(
    "change",
    [
        {"value": {"q": 0.02}},
        {"value": {"q": True}},
        {"value": {"q": 1}},
        {"value": {}},
        {"source_name": "ALeRCE"},
        {"source_location": "x"},
        {"telescope": "2m0"},
    ],
)
def test_what_no_constraint_concerns_is_compared_whole(
    make: Any, change: Any, sender: Sender, target: Target
) -> None:
    datums = [make(), make(**change)]

    assert sender.words(target, *datums) == ["created"] * 2
    assert sender.words(target, *datums, *datums) == ["already there"] * 4


GIVEN = {
    "source_name": "Survey TOM",
    "source_location": "https://survey.example/api/reduceddatums/7/",
}


@pytest.mark.parametrize("first", [{}, GIVEN], ids=["here", "there"])
def test_a_data_point_that_comes_back_to_where_it_began_is_there_already(
    sender: Sender, target: Target, first: Any
) -> None:
    bare = {"brightness": None, "brightness_error": None, "exposure_time": 30.0}
    sent = [generic(**first), photometry(0, **bare, **first)]
    back = [generic(**{**GIVEN, **first}), photometry(0, **bare, **{**GIVEN, **first})]
    bare_again = [generic(), photometry(0, **bare)]

    assert sender.words(target, *sent) == ["created"] * 2
    assert sender.words(target, *back) == ["already there"] * 2
    assert sender.words(target, *bare_again) == ["already there"] * 2


def test_ids_of_many_digits_are_told_apart(sender: Sender, target: Target) -> None:
    gaia = [generic(value={"id": 2**60 + n}) for n in (1, 2)]

    assert sender.words(target, *gaia) == ["created"] * 2
    assert sender.words(target, *gaia) == ["already there"] * 2


# When the database does not take it.


@on_postgresql
def test_a_spectrum_that_the_index_does_not_hold_is_refused_alone(
    sender: Sender, target: Target
) -> None:
    many = [random.random() for _ in range(2000)]
    long = spectrum(1, flux=many, wavelength=many)
    said = sender.outcomes(
        target, spectrum(0), long, photometry(0), long, spectrum(2), generic(0)
    )

    words = [outcome["outcome"] for outcome in said]
    created, refused = "created", "refused"
    assert words == [created, refused, created, refused, created, created]
    assert "spectrum of 2000 points" in said[1]["reason"]
    assert "file" in said[1]["reason"]
    assert SpectroscopyReducedDatum.objects.count() == 2


def test_a_long_spectrum_is_kept_where_the_database_can(
    sender: Sender, target: Target
) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("told above")
    many = [n / 7 for n in range(5000)]

    assert sender.words(target, spectrum(flux=many, wavelength=many)) == ["created"]
    assert SpectroscopyReducedDatum.objects.get().flux == many


class Rival:
    """Lets rows come in another way after the look and before the insertion."""

    def __init__(self, target: Target, *datums: dict[str, Any]) -> None:
        self._rows = [fields.read(datum, target.pk) for datum in datums]
        self._has_looked = False

    def __call__(self, execute: Any, sql: str, *arguments: Any) -> Any:
        table = PhotometryReducedDatum._meta.db_table
        self._has_looked |= sql.startswith("SELECT") and f'FROM "{table}"' in sql
        if self._has_looked and sql.startswith("SAVEPOINT"):
            rows, self._rows = self._rows, []
            PhotometryReducedDatum.objects.bulk_create(rows)
        return execute(sql, *arguments)


def test_what_comes_in_another_way_at_the_same_time_is_there_already(
    sender: Sender, target: Target
) -> None:
    rival = Rival(target, photometry(3), photometry(5, unit="mJy"))
    with connection.execute_wrapper(rival):
        said = sender.outcomes(
            target, *(photometry(n) for n in range(8)), photometry(5)
        )

    words = [outcome["outcome"] for outcome in said]
    assert words == [
        *("created", "created", "created", "already there"),
        *("created", "refused", "created", "created", "refused"),
    ]
    assert "whose unit differs" in said[5]["reason"]
    assert PhotometryReducedDatum.objects.count() == 8


def test_what_is_created_has_its_id(target: Target) -> None:
    made = [fields.read(make(0), target.pk) for make in ONE_OF_EACH.values()]

    with transaction.atomic():
        assert store(target.pk, made) == [{"outcome": "created"}] * 4

    for row in made:
        assert type(row).objects.get(pk=row.pk).timestamp == rows.NIGHT


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_store_what_no_constraint_concerns_once() -> None:
    owner = rows.person("network")
    target = rows.target(owner)
    words: list[list[str]] = []
    start = threading.Barrier(4)

    def send() -> None:
        try:
            sender = Sender(owner)
            start.wait()
            words.append(sender.words(target, *(generic(n) for n in range(50))))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ReducedDatum.objects.count() == 50
    assert sorted(found[0] for found in words) == ["already there"] * 3 + ["created"]


def test_the_keys_are_those_of_the_hosts_constraints() -> None:
    assert storing.unique_keys("generic") == []
    assert len(storing.unique_keys("photometry")) == 2
    assert all(
        "timestamp" in key for kind in DATUM_MODELS for key in storing.unique_keys(kind)
    )
