"""Our photometry processor gives what the host's gives, in rows and in errors."""

from __future__ import annotations

import gzip
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.toolkit.read_photometry import assert_same

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
