"""The TOMs of a benchmark: databases, web servers, and a person logged in.

Called by `click`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks import sky
from tests.support import misbehaviour
from tests.support.processes import ROOT, WebServer, free_port
from tests.support.remote_tom import RemoteTom


@dataclass
class Site:
    """One TOM behind its web server, and a person logged in to it."""

    server: WebServer
    made: dict[str, Any]
    session: requests.Session

    def click(self, path: str, fields: dict[str, Any], patience: float) -> Click:
        began = time.monotonic()
        token = {"csrfmiddlewaretoken": "c" * 32}
        try:
            answer = self.session.post(
                f"{self.server.url}{path}",
                data=fields | token,
                allow_redirects=False,
                timeout=patience,
            )
        except requests.Timeout:
            return Click(patience, "given up")
        took = time.monotonic() - began
        if answer.headers.get("Location", "").startswith("/accounts/login/"):
            return Click(took, "login")
        return Click(took, "" if answer.status_code == 302 else str(answer.status_code))


@dataclass(frozen=True)
class Click:
    """One measurement: the seconds, and what went wrong if anything did."""

    seconds: float
    trouble: str = ""


def prepare(place: Path, count: int) -> dict[str, Any]:
    """Make one database with accounts, and from it that of each TOM."""
    partner, ours, stock = (place / key for key in ("partner", "ours", "stock"))
    _fill(partner)
    shutil.copytree(partner, ours)
    made = _fill(ours, str(count))
    shutil.copytree(ours, stock)
    return made


def _fill(directory: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.sky", *arguments],
        cwd=ROOT,
        env=os.environ | environment(directory),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"A TOM could not be made:\n{done.stderr}")
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def environment(directory: Path, **more: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "demo_tom.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'deploy' / 'demo'}",
        "PYTHONWARNINGS": "ignore",
        "TOM_DATA_DIR": str(directory),
        "TOM_LOG_LEVEL": "ERROR",
        **more,
    }


@contextlib.contextmanager
def destinations(partner: WebServer) -> Iterator[dict[str, Any]]:
    """Yield DATA_SHARING: the partner, and those that are no good."""
    account = {"USERNAME": sky.ACCOUNT, "PASSWORD": sky.PASSWORD}
    with RemoteTom() as hanging, RemoteTom() as rubbish:
        hanging.on("*", "/", misbehaviour.hang)
        rubbish.on("*", "/", misbehaviour.rubbish(b"<<<>>>"))
        addresses = {
            "up": partner.url,
            "refusing": f"http://127.0.0.1:{free_port()}/",
            "hanging": hanging.url,
            "rubbish": rubbish.url,
        }
        yield {key: {"BASE_URL": url} | account for key, url in addresses.items()}


def start(name: str, place: Path, made: dict[str, Any], **more: str) -> Site:
    server = WebServer(name, environment(place / name, **more), place)
    server.await_up()
    session = requests.Session()
    session.cookies.update(made.get("session", {}))
    return Site(server, made, session)


def shares(directory: Path) -> int:
    """Return how many shares a TOM has."""
    database = sqlite3.connect(directory / "db.sqlite3")
    with contextlib.closing(database):
        count: int = database.execute(
            "SELECT count(*) FROM tom_share_worker_share"
        ).fetchone()[0]
        return count
