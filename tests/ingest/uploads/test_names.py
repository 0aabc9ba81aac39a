"""Whatever a client calls its file, it can be kept and shown; good names stay."""

from __future__ import annotations

import pytest
from django.utils.text import get_valid_filename
from hypothesis import given
from hypothesis import strategies as st

from tom_share_worker.ingest.uploads import names
from tom_share_worker.ingest.uploads.names import harmless, shortened

ODD = st.sampled_from(
    [
        *(
            "/",
            "\\",
            ".",
            "..",
            "\0",
            "\n",
            "\u202e",
            "\u200b",
            "\ufeff",
            " ",
            "\u00a0",
        ),
        *(
            "con",
            "NUL",
            ".csv",
            ".fits.fz",
            "é",
            "e\u0301",
            "星",
            "😀",
            "a" * 90,
            "*",
            "?",
        ),
        "-",
    ]
)
NAMES = st.one_of(
    st.text(max_size=300), st.lists(ODD, max_size=12).map("".join), st.binary().map(str)
)


@pytest.mark.parametrize(
    "name",
    [
        "night.csv",
        "SN 2026abc (r band), v2.csv",
        "M31+N147.fits.fz",
        "Spektrum_Größe.ascii",
        "星.csv",
        "2026.03.01.long.csv",
        "no_extension",
        "-10deg.fits",
    ],
)
def test_a_good_name_stays_as_it_is(name: str) -> None:
    assert harmless(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\night.csv", "night.csv"),
        ("/absolute/night.csv", "night.csv"),
        (".htaccess", "file.htaccess"),
        (".hidden.csv", "hidden.csv"),
        ("....csv", "file.csv"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("/", "file"),
        ("((.csv", "file.csv"),
        ("a\0b.csv", "ab.csv"),
        ("a\r\nb.csv", "ab.csv"),
        ("night\u202egnp.csv", "nightgnp.csv"),
        ("night\u00a0one.csv", "night one.csv"),
        ("nul.csv", "_nul.csv"),
        ("COM1", "_COM1"),
        ("night.csv. . ", "night.csv"),
        ("e\u0301toile.csv", "étoile.csv"),
        ("what?*.csv", "what__.csv"),
    ],
)
def test_a_hostile_name_is_made_harmless(name: str, expected: str) -> None:
    assert harmless(name) == expected


def test_an_overlong_name_keeps_its_beginning_and_its_extension() -> None:
    name = harmless("supernova" * 40 + ".csv")

    assert len(name) == names.LONGEST
    assert name.startswith("supernova")
    assert name.endswith(".csv")


def test_a_name_of_many_bytes_fits_into_a_file_system() -> None:
    name = harmless("星" * 100 + ".csv")

    assert len(name.encode()) <= names.LONGEST_BYTES
    assert name.endswith("星.csv")


@given(NAMES)
def test_every_name_is_made_harmless(name: str) -> None:
    found = harmless(name)

    stored = get_valid_filename(found)  # what Django's storages make of it, or refuse
    for seen in (found, stored):
        assert seen
        assert seen.isprintable()
        assert not seen.startswith((".", " "))
        assert not set(seen) & set('/\\<>:"|?*')
    assert len(found) <= names.LONGEST
    assert len(found.encode()) <= names.LONGEST_BYTES
    assert found.partition(".")[0].lower() not in {"con", "nul", "aux", "com1"}


@given(NAMES)
def test_a_harmless_name_is_not_changed_again(name: str) -> None:
    assert harmless(harmless(name)) == harmless(name)


@given(
    st.text(alphabet="abcXYZ019_-", min_size=1, max_size=40),
    st.sampled_from([".csv", ".FITS", ".txt", ".ascii", ".gz"]),
)
def test_the_extension_always_stays(stem: str, ending: str) -> None:
    assert harmless(f"../{stem}\0\u202e{ending}").endswith(ending)


@given(NAMES.map(harmless), st.integers(min_value=1, max_value=120))
def test_what_is_shortened_fits_or_is_refused(name: str, limit: int) -> None:
    ending = names.extension(name)
    if limit <= len(ending):
        with pytest.raises(ValueError, match="no room"):
            shortened(name, limit)
        return
    found = shortened(name, limit)
    assert 0 < len(found) <= limit
    assert name.startswith(found.removesuffix(ending))
    assert found.endswith(ending)
