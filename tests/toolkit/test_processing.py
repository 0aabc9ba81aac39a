"""Our way from a file to data points, beside the host's, and what it does better."""

from __future__ import annotations

import hashlib
import inspect
import io
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import time_machine
from astropy.io import fits
from django.db import connection
from tom_dataproducts import data_processor, models
from tom_dataproducts.processors import photometry_processor

from tests.support.rows import NIGHT
from tests.toolkit import processed
from tests.toolkit.processed import HOSTS, KINDS, OURS, SAMPLES, row
from tom_share_worker.toolkit import processing

pytestmark = pytest.mark.django_db


# --- what is stored is what the host stores ---------------------------------------

_WRITTEN = {
    data_processor.run_data_processor: "df3d5a15a858",
    models.try_parse_reduced_datum: "6a2963d20d08",
    models._build_photometry_reduced_datum: "d93c67b60b0d",
    models._build_spectroscopy_reduced_datum: "a6520a2d2a72",
    models._build_astrometry_reduced_datum: "3245d798cda1",
    models._build_generic_reduced_datum: "66a283e3dabe",
    models._pop_find_field: "bc7161dd98c8",
    models._extract_extra_fields: "e276947aeaef",
    photometry_processor.PhotometryProcessor: "bc00427e5e70",
}
"""What this app does in its own way, by the beginning of the digest of its source."""


@pytest.mark.parametrize("part", _WRITTEN, ids=lambda part: part.__name__)
def test_the_hosts_own_way_is_the_one_that_ours_was_written_by(part: Any) -> None:
    """Where this fails, compare the host's code with ours, then correct the digest."""
    digest = hashlib.sha256(inspect.getsource(part).encode()).hexdigest()

    assert digest[:12] == _WRITTEN[part]


def light_curve() -> bytes:
    return (SAMPLES / "test_lightcurve.csv").read_bytes()


def spectrum() -> bytes:
    """Return the host's spectrum with a date and an observatory, as it wants them."""
    comments = b"# DATE-OBS: 2020-01-01\n# FACILITY: LCO\n"
    return comments + (SAMPLES / "test_spectrum.csv").read_bytes()


def short_fits() -> bytes:
    """Return the host's FITS file with as many points as PostgreSQL can index."""
    written = io.BytesIO()
    with fits.open(SAMPLES / "test_spectrum.fits") as whole:
        part = fits.PrimaryHDU(whole[0].data[..., :64], whole[0].header)
        part.writeto(written, output_verify="ignore")
    return written.getvalue()


@pytest.mark.filterwarnings("ignore:.*obsfix.*", "ignore:.*datfix.*")
@pytest.mark.filterwarnings("ignore:.*RADECSYS.*", "ignore:.*VerifyWarning.*")
@pytest.mark.parametrize("processor", [HOSTS, OURS])
@pytest.mark.parametrize(
    ("name", "content", "data_type"),
    [
        ("light-curve.csv", light_curve, "photometry"),
        ("spectrum.csv", spectrum, "spectroscopy"),
        ("spectrum.fits", short_fits, "spectroscopy"),
        ("light-curve.csv", light_curve, "image_file"),
    ],
)
def test_files_leave_the_rows_that_the_host_would_store(
    name: str, content: Any, data_type: str, processor: str, settings: Any
) -> None:
    settings.DATA_PROCESSORS = settings.DATA_PROCESSORS | {"photometry": processor}
    theirs, ours = (
        processed.product(content(), name, data_type=data_type) for _ in range(2)
    )

    # The host takes the time of the processing where a file tells none.
    with time_machine.travel(NIGHT, tick=False):
        processed.hosts(theirs)
        processed.ours(ours)

    assert processed.stored(ours) == processed.stored(theirs)
    expected = [] if data_type == "image_file" else [data_type]
    assert list(processed.stored(ours)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_all_kinds_leave_what_the_host_would_store(
    kind: str, made: Any
) -> None:
    data = KINDS[kind]
    few = {name: data[name] for name in list(data)[:2]}
    some = [(NIGHT + timedelta(hours=n), data, "LCO") for n in range(3)]
    more = (NIGHT + timedelta(days=1), few, "mine")
    made(*some, more, *some, override=kind)
    theirs, ours = processed.product(), processed.product()

    processed.hosts(theirs)
    processed.ours(ours)

    assert processed.stored(ours) == processed.stored(theirs)
    assert (
        len(processed.stored(ours)["generic" if kind == "polarimetry" else kind]) >= 4
    )


def test_a_time_without_zone_is_read_as_by_the_host_without_a_warning_for_each(
    made: Any, settings: Any
) -> None:
    settings.TIME_ZONE = "America/Santiago"
    naive = NIGHT.replace(tzinfo=None)
    made((naive, {"filter": "r", "mag": 15.0}, ""))
    theirs, ours = processed.product(), processed.product()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processed.hosts(theirs)

    processed.ours(ours)

    assert processed.stored(ours) == processed.stored(theirs)
    [datum] = processed.stored(ours)["photometry"]
    assert datum["timestamp"] == NIGHT + timedelta(hours=3)


# --- what the host cannot store, or says wrongly ----------------------------------


def test_whole_numbers_in_a_further_column_are_stored(settings: Any) -> None:
    settings.DATA_PROCESSORS = {"photometry": HOSTS}
    ours = processed.product("time,filter,magnitude,night\n59000.5,r,15.5,7\n")
    assert processed.outcome(processed.hosts, ours) is TypeError

    processed.ours(ours)

    [datum] = processed.stored(ours)["photometry"]
    assert datum["value"] == {"time": 59000.5, "night": 7}


def test_further_data_is_written_as_json_can_say_it(made: Any) -> None:
    odd: dict[str, Any] = {
        "flag": np.bool_(True),
        "nan": np.nan,
        "all": np.array([1, 2]),
        "t": (1, 2),
    }
    made(row(**odd, deep={"inf": [np.inf]}))
    ours = processed.product()

    assert processed.ours(ours).new == 1
    [datum] = processed.stored(ours)["photometry"]
    plain = {"flag": True, "nan": None, "all": [1, 2], "t": [1, 2]}
    assert datum["value"] == plain | {"deep": {"inf": [None]}}


def test_a_file_does_not_say_what_ids_its_rows_get(settings: Any) -> None:
    """The host lets it: such rows can hide others, and take ids that are to come."""
    settings.DATA_PROCESSORS = {"photometry": HOSTS}
    there = processed.product("time,filter,magnitude\n59000.5,r,15.5\n")
    processed.ours(there)
    [pk] = models.PhotometryReducedDatum.objects.values_list("pk", flat=True)
    other = processed.product(
        f"time,filter,magnitude,id,target\n59001.5,r,16.5,{pk},7\n"
    )

    assert processed.ours(other) == processing.Stored(1, 1)

    [datum] = models.PhotometryReducedDatum.objects.filter(data_product=other)
    assert datum.pk != pk
    assert datum.target_id == other.target_id
    assert datum.value == {"time": 59001.5, "extra_id": pk, "extra_target": 7}


def test_a_row_whose_source_is_unknown_is_stored(made: Any) -> None:
    made((NIGHT, {"filter": "r", "mag": 15.0}, None))
    ours = processed.product()

    assert processed.ours(ours).new == 1
    assert processed.stored(ours)["photometry"][0]["source_name"] == ""


def test_only_rows_that_were_not_there_count_as_new(made: Any) -> None:
    made(row(0), row(1), row(1), row(2))
    first, again = processed.product(), processed.product()
    again.target = first.target
    again.save()

    assert processed.ours(first) == processing.Stored(total=4, new=3)
    made(row(2), row(3))
    assert processed.ours(again) == processing.Stored(total=2, new=1)


def test_new_rows_are_counted_over_all_slices(made: Any) -> None:
    made(*(row(n // 2) for n in range(2 * processing.AT_A_TIME + 2)))

    stored = processed.ours(processed.product())

    assert stored == processing.Stored(2002, processing.AT_A_TIME + 1)


def test_data_of_several_kinds_in_one_file_is_stored(made: Any) -> None:
    made(
        row(0),
        row(1, data_type="astrometry", ra=1.5, dec=2.5),
        row(2, data_type="seeing"),
        row(3, value={"mag": 16.5, "night": 3}),
    )
    theirs, ours = processed.product(), processed.product()
    processed.hosts(theirs)

    assert processed.ours(ours) == processing.Stored(4, 4)
    found = processed.stored(ours)
    assert {kind: len(data) for kind, data in found.items()} == {
        "photometry": 2,
        "astrometry": 1,
        "generic": 1,
    }
    assert found == processed.stored(theirs)


def test_a_spectrum_too_long_for_the_database_is_not_the_databases_trouble(
    made: Any,
) -> None:
    """PostgreSQL has the flux in an index, which takes rows of some length only."""
    noise = np.random.default_rng(1).random(2000).tolist()
    made((NIGHT, {"flux": noise, "wavelength": noise}, ""), override="spectroscopy")
    ours = processed.product()

    if connection.vendor == "postgresql":
        assert processed.outcome(processed.ours, ours).__name__ == "DataError"
    else:
        assert processed.ours(ours).new == 1


def test_times_are_stored_to_the_microsecond(made: Any) -> None:
    made((datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), row()[1], ""))
    ours = processed.product()

    processed.ours(ours)

    assert processed.stored(ours)["photometry"][0]["timestamp"].microsecond == 678901
