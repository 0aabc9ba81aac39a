"""Our way from a file to data points, beside the host's, and what it does better."""

from __future__ import annotations

import hashlib
import inspect
import io
import warnings
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import time_machine
from astropy.io import fits
from django.db import connection
from tom_dataproducts import data_processor, models
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_dataproducts.processors import photometry_processor
from tom_targets.models import PersistentShare

from tests.support import rows
from tests.support.rows import NIGHT
from tests.toolkit import processed
from tests.toolkit.processed import HOSTS, MADE, OURS, SAMPLES, Made
from tom_share_worker import toolkit
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import SavedDatum
from tom_share_worker.toolkit import processing

pytestmark = pytest.mark.django_db


def row(n: int = 0, **data: Any) -> tuple[Any, dict[str, Any], Any]:
    """Return a row of a processor: each with a time of its own."""
    return NIGHT + timedelta(minutes=n), {"filter": "r", "magnitude": 15.5} | data, ""


@pytest.fixture
def made(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The processor that yields what it is given, for all photometry."""
    settings.DATA_PROCESSORS = {"photometry": MADE}

    def give(*some: Any, override: str = "") -> None:
        monkeypatch.setattr(Made, "rows", some)
        monkeypatch.setattr(Made, "override", override)

    return give


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
    settings.DATA_PROCESSORS |= {"photometry": processor}
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


KINDS: dict[str, dict[str, Any]] = {
    "photometry": {"mag": 17.5, "band": "g", "limit": 20.5, "seeing": 1.5},
    "spectroscopy": {"flux": [1.5, 2], "wl": [4000, 4001.5], "f_unit": "Jy"},
    "astrometry": {"ra": 10.5, "declination": 5, "ra_err": 0.1, "note": {"a": [1]}},
    "polarimetry": {"degree": 0.5, "telescope": "1m0"},
}


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


# --- processed again --------------------------------------------------------------


def test_what_a_product_had_before_is_replaced_in_all_kinds(made: Any) -> None:
    ours = processed.product()
    other = processed.product(target=ours.target)
    for kind, data in KINDS.items():
        made((NIGHT, data, ""), override=kind)
        processed.ours(other)
        model = toolkit.DATUM_MODELS.get(kind, toolkit.DATUM_MODELS["generic"])
        model._default_manager.filter(data_product=other).update(data_product=ours)
    assert len(processed.stored(ours)) == 4
    made(row(7))

    assert processed.ours(ours) == processing.Stored(1, 1)
    assert list(processed.stored(ours)) == ["photometry"]
    assert processed.ours(ours) == processing.Stored(1, 1)


def test_what_the_processor_saves_by_itself_stays(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(self: Any, product: DataProduct) -> Any:
        PhotometryReducedDatum.objects.create(
            target=product.target, data_product=product, bandpass="u", brightness=1.5
        )
        return [row()]

    settings.DATA_PROCESSORS = {"photometry": MADE}
    monkeypatch.setattr(Made, "process_data", save)
    ours = processed.product()

    assert processed.ours(ours) == processing.Stored(1, 1)
    assert processed.ours(ours) == processing.Stored(1, 1)
    bands = [datum["bandpass"] for datum in processed.stored(ours)["photometry"]]
    assert bands == ["u", "r"]


def test_what_was_there_stays_where_nothing_is_to_be_replaced(made: Any) -> None:
    made(row())
    ours = processed.product()
    PhotometryReducedDatum.objects.create(
        target=ours.target, data_product=ours, bandpass="u", brightness=1.5
    )

    reading = processing.read(ours)
    stored = processing.store(ours, reading, groups=[], user=None, replace=False)

    assert stored == processing.Stored(1, 1)
    assert len(processed.stored(ours)["photometry"]) == 2


# --- which processor, which hook --------------------------------------------------


def test_without_a_processor_of_its_own_a_type_has_no_data(settings: Any) -> None:
    ours = processed.product()
    for known in ({}, {"spectroscopy": MADE}):
        settings.DATA_PROCESSORS = known
        assert processed.ours(ours) == processing.Stored(0, 0)
    del settings.DATA_PROCESSORS
    assert processed.ours(ours) == processing.Stored(0, 0)


@pytest.mark.parametrize("path", ["no.such.Processor", "unheard", f"{MADE}r", 7])
def test_a_processor_that_cannot_be_imported_is_told_with_its_setting(
    path: Any, settings: Any
) -> None:
    settings.DATA_PROCESSORS = {"photometry": path}

    with pytest.raises(ConfigurationError, match=r"DATA_PROCESSORS\['photometry'\]"):
        processing.read(processed.product())


def test_rows_that_are_not_counted_before_are_taken_too(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made()
    monkeypatch.setattr(Made, "process_data", lambda *_: (row(n) for n in range(3)))

    assert processed.ours(processed.product()) == processing.Stored(3, 3)


HOOKED: list[Any] = []


def hook(product: Any) -> None:
    HOOKED.append(product)


def test_the_toms_own_hook_gets_the_product(settings: Any) -> None:
    HOOKED.clear()
    settings.HOOKS = {"data_product_post_upload": f"{__name__}.hook"}
    ours = processed.product()

    processing.run_upload_hook(ours)

    assert [ours] == HOOKED


@pytest.mark.parametrize("hooks", [{}, {"data_product_post_upload": ""}, None])
def test_a_tom_without_hook_is_fine(hooks: Any, settings: Any) -> None:
    ours = processed.product()
    settings.HOOKS = hooks
    if hooks is None:
        del settings.HOOKS

    processing.run_upload_hook(ours)


def test_a_hook_that_cannot_be_imported_is_told_with_its_setting(settings: Any) -> None:
    settings.HOOKS = {"data_product_post_upload": "no.such.hook"}

    with pytest.raises(
        ConfigurationError, match=r"HOOKS\['data_product_post_upload'\]"
    ):
        processing.run_upload_hook(processed.product())


# --- continuous sharing -----------------------------------------------------------


def test_continuous_sharing_is_told_of_what_is_new(made: Any) -> None:
    ours, again = processed.product(), processed.product()
    again.target = ours.target
    again.save()
    made(row(0), row(1))
    processed.ours(ours)
    PersistentShare.objects.create(
        user=rows.person(), target=ours.target, destination="partner"
    )
    made(*(row(n) for n in range(1500)))

    processed.ours(again)

    fresh = PhotometryReducedDatum.objects.filter(data_product=again)
    told = SavedDatum.objects.filter(kind="photometry").values_list(
        "datum_pk", flat=True
    )
    assert fresh.count() == 1498
    assert sorted(told) == sorted(fresh.values_list("pk", flat=True))


def test_data_is_stored_whatever_becomes_of_sharing_it(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(target: Any, reduced_datums: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(data_processor, "continuous_share_data", fail)
    ours = processed.product()
    PersistentShare.objects.create(
        user=rows.person(), target=ours.target, destination="partner"
    )
    made(row())

    assert processed.ours(ours).new == 1
    assert len(processed.stored(ours)["photometry"]) == 1


# --- memory -----------------------------------------------------------------------


class Counted(dict[str, Any]):
    """The data of a row, of which it is known how many there are."""

    alive = 0
    most = 0

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        weakref.finalize(self, Counted.gone)

    @staticmethod
    def gone() -> None:
        Counted.alive -= 1


class Endlessly:
    """Very many rows, each made when it is asked for."""

    def __len__(self) -> int:
        return 8 * processing.AT_A_TIME

    def __iter__(self) -> Iterator[Any]:
        for n in range(len(self)):
            time, data, source = row(n)
            yield time, Counted(data), source


@pytest.mark.parametrize("kind", ["photometry", "seeing"])
def test_no_more_rows_are_held_than_are_written_at_once(
    kind: str, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(override=kind)
    monkeypatch.setattr(Made, "rows", Endlessly())
    monkeypatch.setattr(Counted, "most", 0)

    assert processed.ours(processed.product()).new == 8 * processing.AT_A_TIME
    assert Counted.most <= 2 * processing.AT_A_TIME


def test_times_are_stored_to_the_microsecond(made: Any) -> None:
    made((datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), row()[1], ""))
    ours = processed.product()

    processed.ours(ours)

    assert processed.stored(ours)["photometry"][0]["timestamp"].microsecond == 678901
