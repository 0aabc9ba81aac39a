"""Rows written column by column are those that the host makes, one by one."""

from __future__ import annotations

import warnings
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import models, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tom_dataproducts.models import DataProduct

from tests.support.rows import NIGHT
from tests.toolkit import processed
from tom_share_worker import toolkit
from tom_share_worker.toolkit import inserting, layouts

pytestmark = pytest.mark.django_db

KINDS = [*toolkit.DATUM_MODELS, "polarimetry", "PHOTOMETRY"]

_columns = {
    field.name
    for model in toolkit.DATUM_MODELS.values()
    for field in model._meta.concrete_fields
}
_synonyms = {
    *("magnitude", "mag", "magnitude_error", "mag_err", "filter", "band", "f", "wave"),
    *("wl", "lambda", "err", "flux_error", "f_error", "f_unit", "flux_units", "w_unit"),
    *(
        "f_units",
        "wavelength_units",
        "w_units",
        "lambda_unit",
        "lambda_units",
        "ra_deg",
    ),
    *("right_ascension", "declination", "dec_deg", "right_ascension_error", "ra_err"),
    *("declination_error", "dec_err", "ra_err_units", "dec_err_units", "error"),
}
_others = {"time", "seeing", "pk", "Ω", 'a "quoted" name', "source"}
NAMES = sorted(_columns | _synonyms | _others)

numbers = st.floats(allow_nan=False, allow_infinity=False)
letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
lists = st.lists(numbers, max_size=3)
words = st.sampled_from(["", "r", "mag", 'a "b" \\ {c}, NULL', np.str_("é")])
anything = st.one_of(
    numbers,
    numbers.map(np.float64),
    st.integers(-1000, 1000),
    st.sampled_from([None, "", 0, 0.0, False, True, [], {}, "r"]),
    letters,
    letters.map(np.str_),
    lists,
    st.dictionaries(st.sampled_from(["mag", "seeing"]), numbers, max_size=2),
    st.datetimes(timezones=st.just(UTC)),
)
_WORDS = {"telescope", "instrument", "setup", "reduction_version", "source_location"}


def fitting(name: str, kind: str) -> st.SearchStrategy[Any]:
    """Return values that a column of this name is likely to take."""
    if name in _WORDS or "unit" in name or "band" in name or name == "filter":
        return words
    if kind == "spectroscopy" and name != "exposure_time":
        return lists
    return st.one_of(numbers, st.none(), st.integers(-5, 5), numbers.map(np.float64))


times = st.integers(-(2**40), 2**40).map(lambda n: NIGHT + timedelta(microseconds=n))
sets_of_names = st.lists(
    st.sets(st.sampled_from(NAMES), max_size=5).map(sorted), min_size=1, max_size=2
)


@st.composite
def some_rows(draw: Any) -> tuple[str, list[Any]]:
    """Return a kind, and rows with one set of names or two, as where values lack."""
    kind = draw(st.sampled_from(KINDS))
    kinds_of_rows = draw(sets_of_names)
    odd = draw(st.booleans())
    made = []
    for names in draw(st.lists(st.sampled_from(kinds_of_rows), min_size=1, max_size=5)):
        data = {n: draw(anything if odd else fitting(n, kind)) for n in names}
        source = draw(st.sampled_from(["", "LCO", np.str_("mine")]))
        made.append((draw(st.one_of(st.just(NIGHT), times)), data, source))
    return kind, made


def one_by_one(product: DataProduct, kind: str, rows: list[Any]) -> None:
    """Write rows by the host's own words, with an instance for each."""
    data = [inserting._named(row) for row in rows]
    inserting._insert_instances(product, kind, data)


def outcome(write: Any, product: DataProduct, kind: str, rows: list[Any]) -> Any:
    """Return the rows that were written, and undo it; or the kind of error."""
    try:
        with transaction.atomic(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(product, kind, [(time, dict(data), s) for time, data, s in rows])
            found = repr(processed.stored(product))
            transaction.set_rollback(True)
    except Exception as error:  # noqa: BLE001  (it is what is compared)
        return type(error)
    return found


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(some_rows())
@example(("photometry", [(NIGHT, {"filter": 0, "mag": 0}, "")]))
@example(("photometry", [(NIGHT, {"filter": "", "limit": None}, "")] * 2))
@example(("spectroscopy", [(NIGHT, {"flux": [], "f_unit": None, "wave": 0}, "")]))
@example(("photometry", [(NIGHT, {"mag": 1.5, "brightness": 2.5}, "")]))
@example(("photometry", [(NIGHT, {"mag": 1.5, "band": "g" * 33}, "")]))
@example(("astrometry", [(NIGHT, {"ra": 1.5, "dec": "far"}, "")]))
@example(("photometry", [(NIGHT, {"band": "g", "mag": 15, "timestamp": "never"}, "")]))
def test_columns_leave_what_instances_would(
    product: DataProduct, made: tuple[str, list[Any]]
) -> None:
    kind, rows = made

    expected = outcome(one_by_one, product, kind, rows)

    assert outcome(inserting.insert, product, kind, rows) == expected


@pytest.fixture
def product() -> DataProduct:
    return processed.product()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("photometry", ("timestamp", "source_name", "filter", "magnitude", "seeing")),
        ("spectroscopy", ("timestamp", "source_name", "flux", "wl", "f_unit")),
        ("astrometry", ("timestamp", "source_name", "ra", "dec")),
        ("polarimetry", ("timestamp", "source_name", "degree")),
    ],
)
def test_rows_of_every_kind_go_column_by_column(
    kind: str, names: tuple[str, ...]
) -> None:
    layout = layouts.learn(kind, names)

    assert layout is not None
    assert layouts.is_plain(layout.model)


@pytest.mark.parametrize("name", ["value", "target", "data_product", "data_type", "id"])
def test_names_by_whose_values_the_host_decides_are_left_to_it(name: str) -> None:
    assert layouts.learn("photometry", ("timestamp", "source_name", name)) is None


def test_a_column_that_makes_its_own_value_is_left_to_the_host() -> None:
    """A future release may have one."""
    model: Any = toolkit.DATUM_MODELS["photometry"]
    field = model._meta.get_field("timestamp")
    assert layouts.is_plain(model)
    field.auto_now = True
    try:
        assert not layouts.is_plain(model)
    finally:
        field.auto_now = False
    assert not layouts.is_plain(DataProduct)
    assert not isinstance(models.FileField(), layouts.KNOWN_FIELDS)
