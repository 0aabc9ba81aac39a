"""Photometry in files of odd kinds, read as by the host; and what is better."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import InMemoryStorage
from tom_dataproducts.models import DataProduct
from tom_dataproducts.processors.photometry_processor import (
    PhotometryProcessor as HostsProcessor,
)

from tests.toolkit.processed import SAMPLES
from tests.toolkit.read_photometry import assert_same, plainly, product
from tom_share_worker.processors import PhotometryProcessor
from tom_share_worker.toolkit import photometry

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
