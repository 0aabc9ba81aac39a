"""What is accepted of a data point, the host's models accept and the database keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tom_targets.models import Target

from tests.ingest.peers.sender import ONE_OF_EACH, generic, photometry, place, spectrum
from tests.support import rows
from tom_share_worker.ingest import limits
from tom_share_worker.ingest.peers import fields
from tom_share_worker.ingest.peers.holdings import frozen
from tom_share_worker.ingest.peers.readers import Unusable
from tom_share_worker.toolkit import DATUM_MODELS, storing

pytestmark = pytest.mark.django_db

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(
    -(10**320), 10**320
)
plain = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(plain, max_size=9),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(plain), parts, max_size=3)
    ),
    max_leaves=6,
)
offsets = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)
FIRST, LAST = (
    datetime(year, month, day, tzinfo=UTC).replace(tzinfo=None)
    for year, month, day in ((2, 1, 2), (9998, 12, 30))
)
times = st.datetimes(FIRST, LAST, timezones=offsets).map(datetime.isoformat)


def good(column: storing.Column) -> st.SearchStrategy[Any]:
    """Return values that a column should take."""
    if column.name == "data_type":
        return st.text(plain, min_size=1, max_size=100).filter(
            lambda text: text.lower() not in DATUM_MODELS
        )
    most = min(column.longest or 40, 400)
    return {
        storing.TIME: times,
        storing.NUMBER: numbers.filter(lambda n: abs(n) < 10**308),
        storing.NUMBERS: st.lists(numbers.filter(lambda n: abs(n) < 10**308)),
        storing.TEXT: st.text(
            plain, min_size=1 if column.required else 0, max_size=most
        ),
        storing.OBJECT: st.dictionaries(st.text(plain), json_values, max_size=3),
    }[column.type]


anything = json_values | st.floats() | st.text(max_size=40) | times | st.lists(numbers)


def data_points(values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return data points of all kinds, with values from a strategy for each column."""
    kinds = []
    for kind in DATUM_MODELS:
        columns = storing.columns(kind)
        needed = {c.name: values(c) for c in columns if c.required}
        others = {c.name: values(c) for c in columns if not c.required}
        kinds.append(
            st.fixed_dictionaries({"kind": st.just(kind), **needed}, optional=others)
        )
    return st.one_of(kinds)


def as_received(datum: dict[str, Any]) -> Any:
    """Return a data point as the view gets it."""
    return limits.parsed(json.dumps(datum).encode())


def same(kept: Any, sent: Any) -> bool:
    """True if a database gave back what was sent, to the last bit."""
    if isinstance(sent, float):
        return bool(kept.hex() == sent.hex())
    if isinstance(sent, list):
        return list(map(float.hex, kept)) == list(map(float.hex, sent))
    if isinstance(sent, dict):
        return bool(frozen(kept) == frozen(sent))
    return bool(kept == sent)


@pytest.fixture
def own_target() -> Target:
    return rows.target(rows.person())


quickly = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)


@quickly
@given(sent=data_points(good))
def test_what_keeps_to_the_rules_is_taken_and_kept_to_the_last_bit(
    own_target: Target, sent: dict[str, Any]
) -> None:
    row = fields.read(as_received(sent), own_target.pk)
    row.full_clean(validate_unique=False, validate_constraints=False)
    before = {c.name: getattr(row, c.name) for c in storing.columns(sent["kind"])}
    (made,) = type(row).objects.bulk_create([row])
    kept = type(row).objects.get(pk=made.pk)

    for name, value in before.items():
        assert same(getattr(kept, name), value), (name, value, getattr(kept, name))
    for name, value in sent.items():
        if name not in {"kind", "timestamp"} and value not in (None, "", []):
            assert same(
                getattr(kept, name),
                _as_floats(value) if name not in {"value"} else value,
            )
    assert kept.timestamp == datetime.fromisoformat(sent["timestamp"])
    made.delete()


def _as_floats(value: Any) -> Any:
    if isinstance(value, list):
        return [float(one) + 0.0 for one in value]
    return float(value) + 0.0 if isinstance(value, int | float) else value


@quickly
@given(sent=data_points(lambda column: anything))
def test_what_the_host_would_refuse_is_refused(
    own_target: Target, sent: dict[str, Any]
) -> None:
    row = read(as_received_or_not(sent), own_target)
    if isinstance(row, str):
        assert row.endswith(".")
        assert row.encode()
        assert "\0" not in row
        return
    row.full_clean(validate_unique=False, validate_constraints=False)
    type(row).objects.bulk_create([row])
    row.delete()


def read(sent: Any, target: Target) -> Any:
    """Return a row, or why there is none."""
    try:
        return fields.read(sent, target.pk)
    except Unusable as reason:
        return str(reason)


def as_received_or_not(datum: dict[str, Any]) -> Any:
    """Return a data point with whatever Python can hold, as JSON or as it is."""
    try:
        text = json.dumps(datum, allow_nan=False)
    except ValueError:
        return datum
    return limits.parsed(text.encode())


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_the_host_refuses_each_column_that_is_missing_here(
    kind: str, own_target: Target
) -> None:
    whole = ONE_OF_EACH[kind]()
    assert fields.read(whole, own_target.pk)
    required = [c.name for c in storing.columns(kind) if c.required]
    assert "timestamp" in required
    for name in required:
        for missing in ({}, {name: None}, {name: ""}):
            datum = {k: v for k, v in whole.items() if k != name} | missing
            with pytest.raises(Unusable, match=name):
                fields.read(datum, own_target.pk)
        row = fields.read(whole, own_target.pk)
        setattr(row, name, None if name != "data_type" else "")
        with pytest.raises(ValidationError):
            row.full_clean(validate_unique=False, validate_constraints=False)


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_text_is_as_long_as_the_host_allows(kind: str, own_target: Target) -> None:
    for column in storing.columns(kind):
        if column.type != storing.TEXT or column.longest is None:
            continue
        whole = ONE_OF_EACH[kind]()
        row = fields.read(whole | {column.name: "ä" * column.longest}, own_target.pk)
        row.full_clean(validate_unique=False, validate_constraints=False)
        too_long = {column.name: "a" * (column.longest + 1)}
        with pytest.raises(Unusable, match=f"longer than {column.longest} characters"):
            fields.read(whole | too_long, own_target.pk)


@pytest.mark.parametrize(
    ("datum", "reason"),
    [
        (photometry(brightness="17"), "Its brightness is not a number."),
        (photometry(brightness=True), "Its brightness is not a number."),
        (photometry(brightness=float("inf")), "Its brightness is not a finite number."),
        (photometry(limit=float("nan")), "Its limit is not a finite number."),
        (photometry(limit=10**400), "Its limit is not a finite number."),
        (photometry(bandpass=5), "Its bandpass is not text."),
        (photometry(unit="a\0b"), "Its unit has a NUL character."),
        (
            photometry(unit="\ud800"),
            "Its unit has half a character (a lone surrogate).",
        ),
        (photometry(bandpass=""), "It has no bandpass."),
        (photometry(value=[]), "Its value is not a JSON object."),
        (
            photometry(value={"a": [float("inf")]}),
            "Its value has a number that is not finite.",
        ),
        (photometry(value={"a": {"\0": 1}}), "Its value has a NUL character."),
        (
            photometry(value={"a": ["\udfff"]}),
            "Its value has half a character (a lone surrogate).",
        ),
        (
            photometry(filter="r"),
            "It has a field that this TOM does not know: 'filter'.",
        ),
        (
            photometry(**{"\0\ud800" + "x" * 99: 1}),
            f"It has a field that this TOM does not know: '??{'x' * 48}'.",
        ),
        (photometry(id=5), "It has a field that this TOM does not know: 'id'."),
        (photometry(target=5), "It has a field that this TOM does not know: 'target'."),
        (photometry(kind="spectrum"), None),
        (photometry(kind=["photometry"]), None),
        (spectrum(flux=1.0), "Its flux is not a list of numbers."),
        (spectrum(flux=[1.0, None]), "Its flux has a value that is not a number."),
        (spectrum(flux=[1.0, True]), "Its flux has a value that is not a number."),
        (spectrum(error=[1.0, float("nan")]), "Its error has a number that is not "),
        (spectrum(error=[1.0, 10**400]), "Its error has a number that is not finite."),
        (place(ra=None), "It has no ra."),
        (generic(data_type="Photometry"), "Its data_type is 'Photometry': send it as"),
        (generic(data_type="generic"), "Its data_type is 'generic': send it as a"),
        ("text", "It is not a JSON object."),
        (None, "It is not a JSON object."),
    ],
)
def test_a_reason_is_a_sentence(datum: Any, reason: str | None) -> None:
    with pytest.raises(Unusable) as refusal:
        fields.read(datum, 1)

    kinds = "Its kind is none of photometry, spectroscopy, astrometry, generic."
    assert str(refusal.value).startswith(reason or kinds)


@pytest.mark.parametrize(
    "sent",
    [
        "2026-03-01",
        "2026-03-01T02:03:04",
        "yesterday",
        "",
        5,
        "0001-06-01T00:00:00+00:00",
        "9999-06-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00+00:00",
        "2026-03-01\ud80000:00:00+00:00",
        "2026-03-01x00:00:00+00:00",
        "٢٠٢٦-03-01T00:00:00+00:00",
    ],
)
def test_a_time_that_is_none_is_refused(sent: Any) -> None:
    with pytest.raises(Unusable, match="timestamp"):
        fields.read(photometry(timestamp=sent), 1)


@pytest.mark.parametrize(
    "sent",
    [
        "2026-03-01T02:03:04.567891+00:00",
        "2026-03-01T02:03:04.567891Z",
        "2026-03-01T04:03:04.567891+02:00",
        "20260301T020304.567891Z",
        "2026-02-28T21:33:04.567891-04:30",
    ],
)
def test_a_time_keeps_its_microseconds_whatever_its_offset(sent: str) -> None:
    row = fields.read(photometry(timestamp=sent), 1)

    assert row.timestamp == rows.NIGHT
    assert row.timestamp.tzinfo is UTC


@pytest.mark.parametrize(("levels", "taken"), [(16, True), (17, False), (900, False)])
def test_a_free_value_has_so_many_levels(levels: int, taken: bool) -> None:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"deeper": value}

    if taken:
        assert fields.read(photometry(value=value), 1).value == value
    else:
        with pytest.raises(Unusable, match="nested more than 16 levels"):
            fields.read(photometry(value=value), 1)


def test_two_data_points_share_no_value() -> None:
    one, other = fields.read(spectrum(), 1), fields.read(spectrum(), 1)

    one.value["more"] = 1
    one.error.append(1.0)

    assert other.value == {}
    assert other.error == []
