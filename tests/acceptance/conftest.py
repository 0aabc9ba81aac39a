"""Fixtures of the acceptance tests: real TOMs without this app, one with secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.planting import Stage, guarded_broker
from tests.support.processes import Process
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockTom]:
    """A running TOM Toolkit without this app, for all tests of a module."""
    made = StockTom(tmp_path_factory.mktemp("stock"))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def stage(
    transactional_db: None, tmp_path: Path, settings: Any
) -> Iterator[tuple[Stage, Process]]:
    """A TOM that waits for its remotes and its worker, and its broker."""
    with guarded_broker(tmp_path) as (address, broker):
        tom = Tom(tmp_path, settings, address)
        try:
            yield Stage(tom, settings), broker
        finally:
            tom.close()
