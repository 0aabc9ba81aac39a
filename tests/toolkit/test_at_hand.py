"""Files without a path, as in object storage, read by code that asks for one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from tests.support import ingesting, storages
from tests.support.storages import Bucket
from tests.toolkit import processed
from tests.toolkit.test_processing import spectrum
from tom_share_worker.ingest.jobs import claims, processing
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.toolkit import at_hand as module

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The place of all files of data products."""
    return storages.made(monkeypatch)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert not list(tmp_path.glob(f"{module.PREFIX}*"))


def processed_job(job: IngestJob) -> IngestJob:
    token = claims.claim(job.pk, "worker", "task")
    assert token is not None
    processing.process(job.pk, token)
    job.refresh_from_db()
    return job


def test_the_hosts_processor_reads_a_spectrum_that_has_no_path(bucket: Bucket) -> None:
    made = processed.product(spectrum(), "spectrum.csv", data_type="spectroscopy")
    with pytest.raises(NotImplementedError):
        assert made.data.path

    stored = processed.ours(made)

    assert stored.total == 1
    assert made.data.storage is bucket


@pytest.mark.parametrize("processor", [processed.HOSTS, processed.OURS])
def test_photometry_without_a_path_is_read_by_either_processor(
    processor: str, bucket: Bucket, settings: Any
) -> None:
    settings.DATA_PROCESSORS = settings.DATA_PROCESSORS | {"photometry": processor}
    table = (processed.SAMPLES / "test_lightcurve.csv").read_bytes()
    made = processed.product(table)

    stored = processed.ours(made)

    assert stored.total == 3


@pytest.mark.usefixtures("bucket")
def test_what_is_wrong_with_it_is_told_without_the_place_of_the_copy(
    temporary: Path, settings: Any
) -> None:
    settings.DATA_PROCESSORS = settings.DATA_PROCESSORS | {
        "photometry": f"{__name__}.Complaining"
    }
    job = processed_job(ingesting.job("photometry"))

    assert job.failure == IngestFailure.UNREADABLE
    assert job.note.endswith("Cannot make sense of the file.")
    assert str(temporary) not in job.note


class Complaining(processed.Made):
    """Quotes the path of its file."""

    def process_data(self, data_product: Any) -> Any:
        raise ValueError(f"Cannot make sense of {data_product.data.path}")


def test_a_storage_that_goes_away_meanwhile_is_told_as_that(bucket: Bucket) -> None:
    job = ingesting.job("photometry")
    bucket.fail("open")

    job = processed_job(job)

    assert job.status == IngestJob.Status.QUEUED
    assert job.note.startswith("This TOM's storage for files failed (ConnectionError);")
    assert "secret" not in job.note


def test_a_file_too_large_for_the_memory_is_told_as_that(bucket: Bucket) -> None:
    job = ingesting.job("photometry")
    # Of those that keep in memory what they fetch.
    bucket.fail("open", error=MemoryError())

    job = processed_job(job)

    assert job.failure == IngestFailure.MEMORY_LIMIT


@pytest.mark.usefixtures("bucket")
def test_nothing_is_fetched_for_a_processor_that_does_not_look(temporary: Path) -> None:
    made = processed.product()

    with module.at_hand(made):
        (place,) = temporary.glob(f"{module.PREFIX}*")
        assert not list(place.iterdir())


@pytest.mark.usefixtures("bucket")
def test_copies_of_processes_that_were_killed_are_removed(temporary: Path) -> None:
    left = temporary / f"{module.PREFIX}99999999-abc"  # no process has such an id
    left.mkdir()
    (left / "light-curve.csv").touch()

    with module.at_hand(processed.product()):
        assert not left.exists()


def test_a_file_that_has_a_path_is_read_where_it_is(temporary: Path) -> None:
    made = processed.product("time,magnitude,filter\n")

    with module.at_hand(made):
        assert not list(temporary.glob(f"{module.PREFIX}*"))


@pytest.mark.usefixtures("bucket")
def test_what_is_written_goes_to_the_storage() -> None:
    made = processed.product("before")

    with module.at_hand(made):
        made.data.storage.save("other.txt", ContentFile(b"new"))

    assert made.data.storage.open("other.txt").read() == b"new"
