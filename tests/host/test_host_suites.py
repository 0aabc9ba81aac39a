"""TOM Toolkit's own tests pass with this app, but for the exceptions that are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.exceptions import EXCEPTIONS
from tests.support.processes import ROOT


@pytest.mark.timeout(900)
def test_the_hosts_own_suites_pass_but_for_the_named_exceptions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.host.run"],
        cwd=ROOT,
        env=os.environ | {"TOM_DATA_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["ran"] > 200
    assert found["bad"].keys() == EXCEPTIONS.keys(), found["bad"]
