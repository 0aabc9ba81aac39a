"""What tests of jobs have in common: the TOM that reads their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processors import PROCESSORS
from tests.support.toms import database_url
from tom_share_worker.ingest.jobs import keeper


@pytest.fixture(autouse=True)
def _processors(settings: Any) -> None:
    settings.DATA_PROCESSORS = settings.DATA_PROCESSORS | PROCESSORS


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the files are that a nursery reads, which serves all tests of a module."""
    yield tmp_path_factory.mktemp("nursery")
    keeper.stop()


@pytest.fixture
def nursery(
    transactional_db: None,
    settings: Any,
    _place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lets processes of jobs be in the TOM of this test, with its files and rows."""
    settings.MEDIA_ROOT = str(_place / "media")
    settings.TOM_SHARE_WORKER = {"INGEST_TIME_LIMIT": 20, "LEASE": 30}
    environment = {
        "DATABASE_URL": database_url(),
        "TOM_DATA_DIR": str(_place),
        "TOM_DATA_PROCESSORS": json.dumps(PROCESSORS),
        "TOM_LOG_LEVEL": "INFO",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
