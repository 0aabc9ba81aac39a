"""Our photometry processor gives what the host's gives, in rows and in errors."""

from __future__ import annotations

import gzip
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tom_dataproducts.models import DataProduct
from tom_dataproducts.processors.photometry_processor import (
    PhotometryProcessor as HostsProcessor,
)

from tests.toolkit.processed import SAMPLES
from tom_share_worker.processors import PhotometryProcessor
from tom_share_worker.toolkit import photometry


def product(content: bytes, name: str = "light-curve.csv", storage: Any = None) -> Any:
    """Return something with a file, as a data product has it."""
    place = storage or FileSystemStorage(location=django_settings.MEDIA_ROOT)
    made = DataProduct(data=place.save(name, ContentFile(content)))
    made.data.storage = place
    return made


def outcome(processor: Any, made: Any) -> Any:
    """Return the rows in plain values, or the kind of error and its text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [told(row) for row in processor().process_data(made)]
        except Exception as error:  # noqa: BLE001  (it is what is compared)
            return type(error), str(error)


def told(row: Any) -> Any:
    time, data, source = row
    values = {name: plainly(value) for name, value in data.items()}
    return plainly(time), values, list(values), plainly(source)


def plainly(value: Any) -> Any:
    """Return a value with its type; no number equals no number."""
    if isinstance(value, np.generic):
        value = value.item()
    return type(value), "nan" if value != value else value


def assert_same(content: bytes, name: str = "light-curve.csv") -> Any:
    made = product(content, name)
    expected = outcome(HostsProcessor, made)
    assert outcome(PhotometryProcessor, made) == expected
    return expected


# --- generated files --------------------------------------------------------------

NAMES = [
    *("filter", "magnitude", "error", "mag", "band", "brightness", "limit", "bandpass"),
    *("mag_err", "unit", "telescope", "instrument", "source", "timestamp", "value"),
    *("exposure_time", "seeing", "night", "flag", "id"),
]

days = st.one_of(
    st.floats(40000, 65000),
    st.floats(-678940, 2973483),
    st.integers(50000, 61000),
    st.sampled_from([0.0, -0.1, 57753.5, 57754.0, 41499.0, 60000.1234567891]),
    st.integers(0, 86400 * 10**6).map(lambda n: 60000 + n / 86400e6),
)
"""Times that are some; leap seconds and ends of the calendar are examples below."""

numbers = st.one_of(
    st.floats(-30, 30).map(lambda n: round(n, 3)),
    st.floats(),
    st.integers(-5, 5),
    st.integers(-(2**70), 2**70),
)
words = st.sampled_from(["r", "V", "ip", "1m0", "True", "False", "--", "nan", "é", "5"])
empty = st.just("")
columns_of = {
    "numbers": numbers,
    "whole": st.integers(-1000, 1000),
    "words": words,
    "gaps": st.one_of(numbers, empty),
    "words and gaps": st.one_of(words, empty),
    "limits": st.one_of(st.floats(10, 25).map(lambda n: f">{n:.2f}"), numbers),
    "mixed": st.one_of(numbers, words, empty),
}


@st.composite
def files(draw: Any) -> bytes:
    """Return the text of a table as people write them."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    place = draw(st.integers(0, len(names)))
    names.insert(place, "time")
    cells = [columns_of[draw(st.sampled_from(sorted(columns_of)))] for _ in names]
    cells[place] = draw(
        st.sampled_from([days] * 12 + [st.one_of(days, empty), numbers, words])
    )
    delimiter = draw(st.sampled_from([",", ",", "|", "\t", " ", ", "]))
    missing = "" if delimiter.strip() else '""'
    count = draw(st.integers(0, 6))
    lines = [delimiter.join(names)]
    for _ in range(count):
        row = (str(draw(cell)) or missing for cell in cells)
        lines.append(delimiter.join(row))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), "# a comment: night 3")
    if draw(st.booleans()):
        lines[0] = draw(st.sampled_from(["# ", ""])) + lines[0]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text: str = end.join(lines) + draw(st.sampled_from(["", end]))
    return text.encode()


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=files())
@example(b"")
@example(b"time")
@example(b"time,filter\n")
@example(b"time,mag\n57753.99999999,1\n57000,2\n")  # a leap second
@example(b"time,mag\n59000,1\n2973484,2\n1e300,2\n")  # after the last year there is
@example(b"time,mag\n59000,1\n1e300,2\n2973484,2\n")
@example(b"time,mag\n59000,1\nnan,2\n")
@example(b"time,mag\n59000,1\n,2\n")
@example(b"time,mag\n59000,1\ninf,2\n")
@example(b"time,mag\n59000,1\nnoon,2\n")
@example(b"time,mag\n1_000,1\n1_001,2\n")
@example(b"mag,filter\n1,r\n")
@example(b"time,timestamp,source\n59000,,\n59001,2020-01-01,LCO\n")
@example(b"<table><tr><th>time</th></tr><tr><td>59000.5</td></tr></table>\n")
@example(b"http://127.0.0.1:9/x.csv\n")
@example("time,filter\n59000,é\n".encode("latin-1"))
@example(b"time,filter\n59000,\0\n")
@example(gzip.compress(b"time,filter\n59000.5,r\n"))
@example(gzip.compress(b"time,filter\n59000.5,r\n" * 50)[:40])
def test_generated_files_are_read_as_by_the_host(content: bytes) -> None:
    assert_same(content)


ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: time, datatype: float64}
# - {name: mag, unit: mag, datatype: float32}
# - {name: night, datatype: int16}
# - {name: flag, datatype: bool}
# - {name: pair, datatype: string, subtype: 'float64[2]'}
# - {name: free, datatype: string, subtype: json}
# schema: astropy-2.0
time mag night flag pair free
59000.5 15.1 7 True [1.0,2.0] "{""a"": 1}"
59001.5 "" 8 False [3.0,null] [2]
"""


def test_columns_of_any_sort_are_read_as_by_the_host() -> None:
    made = product(ECSV.encode())
    with_pairs = HostsProcessor().process_data(made)
    ours = PhotometryProcessor().process_data(made)

    for (time, theirs, _), (our_time, data, _) in zip(with_pairs, ours, strict=True):
        assert our_time == time
        pair = theirs.pop("pair", None)
        assert np.array_equal(data.pop("pair", None), pair)
        assert list(data) == list(theirs)
        assert {k: plainly(v) for k, v in data.items()} == {
            k: plainly(v) for k, v in theirs.items()
        }


@pytest.mark.parametrize(
    "name",
    [
        "light.csv",
        "light.txt",
        "light.dat",
        "light.fits",
        "light",
        "a:b.csv",
        "l.csv.gz",
    ],
)
def test_files_are_told_apart_by_their_names_as_by_the_host(name: str) -> None:
    assert_same((SAMPLES / "test_lightcurve.csv").read_bytes(), name)


def test_a_long_file_is_read_as_by_the_host() -> None:
    lines = [
        f"{59000 + n / 7},{'r' if n % 3 else ''},{'' if n > 1500 else 15.5},{n}"
        for n in range(2 * photometry.AT_A_TIME + 7)
    ]
    content = "\n".join(["time,filter,magnitude,frame", *lines])

    assert len(assert_same(content.encode())) == len(lines)


def test_the_first_bad_row_of_a_long_file_is_told_as_by_the_host() -> None:
    lines = [f"{59000 + n}" for n in range(photometry.AT_A_TIME + 50)]
    lines[-3:-1] = ["1e9", "2973484"]

    kind, _ = assert_same("\n".join(["time,mag", *(f"{x},1" for x in lines)]).encode())
    assert kind.__name__ == "ErfaError"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.png", b"x", "Unsupported file type"),
        ("a.csv", b"time,mag\n", "Empty table or invalid file type"),
    ],
)
def test_errors_say_what_the_host_says(name: str, content: bytes, text: str) -> None:
    kind, told = assert_same(content, name)

    assert (kind.__name__, told) == ("InvalidFileFormatException", text)


# --- what is better ---------------------------------------------------------------


def test_a_file_may_be_kept_anywhere() -> None:
    content = (SAMPLES / "test_lightcurve.csv").read_bytes()
    elsewhere = product(content, storage=InMemoryStorage())
    with pytest.raises(FileNotFoundError):
        HostsProcessor().process_data(elsewhere)

    rows = list(PhotometryProcessor().process_data(elsewhere))

    assert rows == list(PhotometryProcessor().process_data(product(content)))


def test_what_has_no_file_is_no_file_of_a_wrong_type() -> None:
    for processor in (HostsProcessor, PhotometryProcessor):
        with pytest.raises(ValueError, match="file"):
            processor().process_data(DataProduct())


def test_a_file_that_is_gone_is_told_as_by_the_host() -> None:
    made = product(b"time,mag\n59000,1\n")
    Path(made.data.path).unlink()

    for processor in (HostsProcessor, PhotometryProcessor):
        with pytest.raises(FileNotFoundError):
            processor().process_data(made)


def test_rows_are_made_when_they_are_asked_for_as_often_as_one_likes() -> None:
    lines = [f"{59000 + n},{n / 2}" for n in range(photometry.AT_A_TIME + 3)]
    rows = PhotometryProcessor().process_data(
        product("\n".join(["time,mag", *lines]).encode())
    )

    assert len(rows) == len(lines)
    assert list(rows) == list(rows)
    assert list(rows)[-2:] == rows[-2:] == [rows[-2], rows[len(rows) - 1]]
    assert next(iter(rows))[1] == {"time": 59000, "mag": 0.0}
    assert next(iter(rows))[1] is not next(iter(rows))[1]
    assert rows[1:3] == list(rows)[1:3]
    with pytest.raises(IndexError):
        rows[len(lines)]


def test_whole_numbers_are_those_of_python() -> None:
    rows = PhotometryProcessor().process_data(product(b"time,night\n59000,7\n"))

    [(_, data, _)] = rows
    assert {name: type(value) for name, value in data.items()} == {
        "time": int,
        "night": int,
    }
    assert not math.isnan(data["night"])
