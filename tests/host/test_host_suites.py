"""TOM Toolkit's own tests pass with this app, but for the exceptions that are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.host.exceptions import EXCEPTIONS
from tests.support.processes import ROOT

UPLOADS = "tom_dataproducts.tests.test_api"


def run(directory: Path, *suites: str, **settings: Any) -> dict[str, Any]:
    """Run all suites, or those named, with settings of this app."""
    env = {"TOM_DATA_DIR": str(directory), "TOM_SHARE_WORKER": json.dumps(settings)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.host.run", *suites],
        cwd=ROOT,
        env=os.environ | env | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.timeout(900)
def test_the_hosts_own_suites_pass_but_for_the_named_exceptions(tmp_path: Path) -> None:
    found = run(tmp_path)

    assert found["ran"] > 200
    assert found["bad"].keys() == EXCEPTIONS.keys(), found["bad"]


@pytest.mark.timeout(300)
def test_with_uploads_processed_in_the_request_the_hosts_own_all_pass(
    tmp_path: Path,
) -> None:
    found = run(tmp_path, UPLOADS, PROCESS_IN_REQUEST=True)

    assert found["ran"] > 10
    assert found["bad"] == {}
