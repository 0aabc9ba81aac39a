"""Fixtures of the acceptance tests: real TOMs without this app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stock_tom import StockTom


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockTom]:
    """A running TOM Toolkit without this app, for all tests of a module."""
    made = StockTom(tmp_path_factory.mktemp("stock"))
    try:
        made.start()
        yield made
    finally:
        made.close()
