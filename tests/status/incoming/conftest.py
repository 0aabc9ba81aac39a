"""An ingest job that all tests of what people see of them have in common."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.status.incoming import jobs
from tom_share_worker.models import IngestJob


@pytest.fixture
def failed(owner: User) -> IngestJob:
    """A job whose file could not be read."""
    return jobs.job(owner, **jobs.FAILED)
