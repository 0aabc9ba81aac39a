"""What people are told of a file that cannot be read: by the readers' own errors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError
from tom_dataproducts.processors.photometry_processor import PhotometryProcessor
from tom_dataproducts.processors.spectroscopy_processor import SpectroscopyProcessor

from tom_share_worker.ingest.jobs import reasons


def told(processor: object, path: Path) -> str:
    """Return what is said of a file that this processor cannot read."""
    product = SimpleNamespace(data=SimpleNamespace(path=str(path)))
    with pytest.raises(Exception) as caught:  # noqa: PT011  (of any kind, that is it)
        processor.process_data(product)  # type: ignore[attr-defined]
    return reasons.sentence(caught.value, str(path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"date,magnitude\n1,2\n3,4\n", "The file has no column time."),
        (
            b"time,magnitude\nlast night,2\n3,4\n",
            "The file has 'last night' where a number is due.",
        ),
        (b"", "The file is no table of a known format, such as CSV."),
        (b"a tale\nof several lines, no table\n\nat all", None),
        (b"\xff\xd8\xff\xe0" * 99, "The file is no text in UTF-8"),
        (b"time,magnitude\n,2\n3,4\n", "The file has a time that is none"),
        (b"time,magnitude\n1e300,2\n3,4\n", "The file has a time that is none"),
        (b"time\n", "Empty table or invalid file type."),
    ],
    ids=["column", "number", "empty", "prose", "image", "no time", "far", "no rows"],
)
def test_what_is_wrong_with_photometry_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, said: str | None
) -> None:
    file = tmp_path / "night.csv"
    file.write_bytes(content)

    sentence = told(PhotometryProcessor(), file)

    assert sentence.startswith(said or "The file ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.filterwarnings("ignore")
def test_what_is_wrong_with_a_spectrum_is_told_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "spectrum.fits"
    file.write_bytes(b"no FITS at all" * 500)

    assert told(SpectroscopyProcessor(), file).startswith("OSError: No SIMPLE card")


def test_a_table_with_values_too_many_is_told_with_the_row() -> None:
    error = ValueError(
        "Number of header columns (2) inconsistent with data columns (3) in data line 4"
    )

    assert reasons.sentence(error) == (
        "The file has 2 names of columns, but 3 values in its row 5."
    )


def test_what_the_host_takes_for_no_number_is_told_with_its_place() -> None:
    error = ValueError("Field 'brightness_error' expected a number but got 'small'.")

    assert reasons.sentence(error) == (
        "The file has 'small' for brightness error, where a number is due."
    )


def test_what_the_database_refuses_is_told() -> None:
    error = DataError("value too long for type character varying(32)\nDETAIL: …")

    assert reasons.sentence(error) == (
        "This TOM's database refused the data: value too long for type character "
        "varying(32)."
    )


def test_what_the_host_finds_invalid_is_told() -> None:
    assert reasons.sentence(ValidationError(["Not so"])) == "Not so."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("\n\nERROR: it broke:\nthere\n"), "RuntimeError: it broke."),
        (RuntimeError(), "RuntimeError."),
        (KeyError(3), "KeyError: 3."),
        (RuntimeError("a\0b \ud800"), "RuntimeError: ab ?."),
    ],
    ids=["lines", "nothing", "no column", "not storable"],
)
def test_any_other_error_is_told_by_its_kind_and_first_line(
    error: Exception, said: str
) -> None:
    assert reasons.sentence(error) == said


def test_the_path_of_the_file_is_nobodys_business() -> None:
    error = RuntimeError("Cannot open /srv/tom/data/a.csv twice")

    assert reasons.sentence(error, "/srv/tom/data/a.csv") == (
        "RuntimeError: Cannot open the file twice."
    )


def test_a_sentence_without_end_is_cut() -> None:
    sentence = reasons.sentence(RuntimeError("so " * 999))

    assert len(sentence) == reasons.LENGTH
    assert sentence.endswith("…")


def test_of_a_long_traceback_the_end_is_kept() -> None:
    def deep(levels: int) -> None:
        if levels == 0:
            raise RuntimeError("at the bottom\0")
        if levels % 2:
            deep(levels - 1)
        else:
            deep(levels - 1)

    with pytest.raises(RuntimeError) as caught:
        deep(60)

    text = reasons.traceback_text(caught.value)
    assert len(text) <= reasons.TRACEBACK_LENGTH + 1
    assert text.startswith("…")
    assert text.endswith("RuntimeError: at the bottom\n")


def test_the_memory_limit_is_told_in_its_size() -> None:
    assert "more than 2 GB" in reasons.memory_note(2_000_000_000)
    assert "more than 300 MB" in reasons.memory_note(300_000_000)
