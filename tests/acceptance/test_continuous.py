"""Two TOMs that share the same targets with each other continuously come to rest.

Each is a whole TOM: web server, database, broker and worker. `TOM_TEST_DATUMS` sets how
many data points are saved on either side, without the files.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import saving
from tests.support.whole_tom import KINDS, WholeTom, await_rest

TARGETS = [f"SN 2026{letter}" for letter in "abcde"]
DATUMS = int(os.environ.get("TOM_TEST_DATUMS", "300"))
FILES, ROWS = 3, 40
OVERLAP = DATUMS // 10
"""Rows of a survey that both TOMs harvest by themselves."""

OTHERS = DATUMS // 30
"""Rows of each other kind, and upper limits."""

REST = 8.0
"""Seconds without traffic after which it counts as ended: gathering takes two or
three, a round of an echo would be through in five."""


@pytest.fixture
def toms(tmp_path: Path) -> Iterator[list[WholeTom]]:
    """Two TOMs that share all they save with each other."""
    north = WholeTom("North TOM", tmp_path / "north")
    south = WholeTom("South TOM", tmp_path / "south")
    try:
        north.start(TARGETS)
        south.start(TARGETS, like=north)
        north.shares_with(south)
        south.shares_with(north)
        for tom in (north, south):
            tom.start_worker()
        yield [north, south]
    finally:
        north.close()
        south.close()


def save_everything(toms: list[WholeTom]) -> None:
    """Save on both sides at once, in every way there is, and lose both workers."""
    alone, bulk = DATUMS // 2, DATUMS // 3
    processes = []
    for side, tom in enumerate(toms):
        first = side * 100_000
        processes += [
            tom.begin(f"one_by_one({first}, {alone})"),
            tom.begin(f"in_bulk({first}, {bulk})"),
            # The same rows on either side, and others of other kinds.
            tom.begin(f"one_by_one(500_000, {OVERLAP}, source='ASAS')"),
            tom.begin(f"others({first}, {OTHERS})"),
        ]
    for side, tom in enumerate(toms):
        for n in range(FILES):
            content = saving.file(side * 100_000 + n * ROWS, ROWS)
            tom.upload(TARGETS[n], f"night-{n}.csv", content)
    for tom in toms:
        tom.lose_worker()
    for process in processes:
        assert process.await_end(120) == 0, process.tell()


@pytest.mark.timeout(600)
def test_both_end_with_the_union_and_traffic_ends(toms: list[WholeTom]) -> None:
    save_everything(toms)
    await_rest(toms, 60 + DATUMS / 5)

    north, south = toms
    one_side = DATUMS // 2 + DATUMS // 3 + FILES * ROWS + OTHERS
    expected = dict.fromkeys(KINDS, 2 * OTHERS)
    expected["photometry"] = 2 * one_side + OVERLAP
    for kind in KINDS:
        here, there = Counter(north.holds(kind)), Counter(south.holds(kind))
        assert len(here) == expected[kind]
        assert here == there
        assert set(here.values()) == {1}

    before = [tom.counts() for tom in toms]
    time.sleep(REST)
    assert [tom.counts() for tom in toms] == before
    assert all(tom.fates()["refused_count"] == 0 for tom in toms)
