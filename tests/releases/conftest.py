"""Fixtures of the tests with TOMs of other releases; `make test-releases` runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.releases.released_tom import ReleasedTom, installable


@pytest.fixture(scope="module", params=installable())
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReleasedTom]:
    """A running TOM of each older release."""
    made = ReleasedTom(request.param, tmp_path_factory.mktemp("lab"))
    if not made.is_installed:
        pytest.fail("Other releases are installed by `make test-releases`.")
    try:
        made.start()
        yield made
    finally:
        made.close()
