"""A TOM of another release of TOM Toolkit: made by it, served as its people would.

Nothing of it is ours: its own `tom_setup` writes the project, in an environment that
`deploy/test_releases.sh` made with pip. Tests compare what arrived in its database, and
look at its pages as its people do.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.support.processes import ROOT, Process, free_port
from tests.support.waiting import wait_until

RELEASES = {"2.15.19": (3, 11), "2.32.4": (3, 13), "3.0.0": (3, 13)}
"""The releases that are tried, each with the last Python that runs it. The first one is
the oldest with an API for sharing; it ignores filters that came with 2.26."""

ENVIRONMENTS = ROOT / ".tools" / "releases"
PROJECT = "lab_tom"
USERNAME, PASSWORD = "survey-tom", "shares-from-the-survey"

_ANSWERS = "y\nlab_code\n1\nn\n"
"""To the questions of `tom_setup`: go on, name of the code, target type, no hints."""

_LOCAL_SETTINGS = """
DEBUG = False
ALLOWED_HOSTS = ["*"]
TOM_NAME = "Lab TOM"
FACILITIES, TOM_FACILITY_CLASSES, TOM_ALERT_CLASSES = {}, [], []
EXTRA_FIELDS = [{"name": "redshift", "type": "number"}]
"""
"""What the operator of a TOM changes in a project that `tom_setup` made."""

_ACCOUNT = f"""
from django.contrib.auth.models import User
User.objects.create_user({USERNAME!r}, "s@example.org", {PASSWORD!r})
"""


def installable() -> list[str]:
    """Return the releases that this Python runs; asked by `deploy/test_releases.sh`."""
    return [name for name, last in RELEASES.items() if sys.version_info[:2] <= last]


class ReleasedTom:
    """A running TOM of one release."""

    def __init__(self, release: str, directory: Path) -> None:
        self.release = release
        self.directory = directory / PROJECT
        self.python = ENVIRONMENTS / release / "bin" / "python"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._server: Process | None = None

    @property
    def is_installed(self) -> bool:
        return self.python.exists()

    @property
    def is_old(self) -> bool:
        """True before 3.0: all of a data point is one JSON value."""
        return self.release.startswith("2.")

    @property
    def targets(self) -> str:
        """Return what its table of targets is called."""
        old = self.release.startswith("2.15")
        return "tom_targets_target" if old else "tom_targets_basetarget"

    def start(self, **settings: Any) -> None:
        """Make the project as its documentation tells, and serve it."""
        self.directory.mkdir(parents=True)
        self._run("-m", "django", "startproject", PROJECT, str(self.directory))
        self._add_tom_setup()
        self._run("manage.py", "tom_setup", typed=_ANSWERS)
        self._change(settings)
        self._run("manage.py", "migrate", "--verbosity", "0")
        self._run("manage.py", "shell", "-c", _ACCOUNT)
        self.serve()

    def serve(self) -> None:
        """Start its web server."""
        bind = ["--bind", f"127.0.0.1:{self.port}", "--threads", "4"]
        place = [
            "--chdir",
            str(self.directory),
            "--worker-tmp-dir",
            str(self.directory),
        ]
        command = [str(self.python), "-m", "gunicorn", f"{PROJECT}.wsgi", *bind, *place]
        self._server = Process(
            f"tom-{self.release}",
            [*command, "--no-control-socket"],
            self._environment(),
            self.directory,
        )
        wait_until(self._answers, 90, f"TOM {self.release}", self._server.tell)

    def restart(self, **settings: Any) -> None:
        """Serve it with other settings."""
        self.close()
        self._change(settings)
        self.serve()

    def close(self) -> None:
        """End its web server."""
        if self._server is not None:
            self._server.kill()

    def log(self) -> str:
        """Return what its web server wrote."""
        return self._server.log() if self._server else "not started"

    def entry(self, **more: Any) -> dict[str, Any]:
        """Return the entry of DATA_SHARING that names it."""
        return {
            "DISPLAY_NAME": "Lab TOM",
            "BASE_URL": self.url,
            "USERNAME": USERNAME,
            "PASSWORD": PASSWORD,
        } | more

    def rows(self, table: str, order: str = "id") -> list[dict[str, Any]]:
        """Return the rows of a table of its database."""
        query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608  (names of ours)
        with sqlite3.connect(self.directory / "db.sqlite3") as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]

    def value(self, row: dict[str, Any], column: str = "value") -> Any:
        """Return a column of JSON as what it says."""
        return json.loads(row[column])

    def browser(self) -> requests.Session:
        """Return a browser in which our account is logged in there."""
        browser = requests.Session()
        page = browser.get(f"{self.url}accounts/login/", timeout=60)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None, page.text[:2000]
        form = {
            "csrfmiddlewaretoken": token[1],
            "username": USERNAME,
            "login": USERNAME,
            "password": PASSWORD,
        }
        answer = browser.post(page.url, data=form, timeout=60)
        assert "/login" not in answer.url, answer.text[:2000]
        return browser

    def _change(self, settings: dict[str, Any]) -> None:
        changes = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
        local = self.directory / "local_settings.py"
        local.write_text(_LOCAL_SETTINGS + changes)

    def _add_tom_setup(self) -> None:
        settings = self.directory / PROJECT / "settings.py"
        text = settings.read_text()
        settings.write_text(
            text.replace("INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'tom_setup',")
        )

    def _run(self, *arguments: str, typed: str = "") -> None:
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.directory,
            env=self._environment(),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        told = f"{arguments}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == 0, told

    def _environment(self) -> dict[str, str]:
        """Return our environment, without what is about our own TOM."""
        files = self.directory / "tmp"
        files.mkdir(exist_ok=True)
        project = {"DJANGO_SETTINGS_MODULE": f"{PROJECT}.settings", "PYTHONPATH": ""}
        return os.environ | project | {"TMPDIR": str(files)}

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.alive, self._server.tell()
        try:
            return requests.get(self.url, timeout=20).status_code == 200
        except requests.RequestException:
            return False
