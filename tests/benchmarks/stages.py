"""The two TOMs of a benchmark of sending: one with this app, and a stock one.

Called by `sending`, `large_file` and `million`. The stock TOM is TOM Toolkit without
this app, behind gunicorn with four threads, as in production.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import machine, night, sky, toms
from tests.support import brokers
from tests.support.processes import ROOT, Process, WebServer, manage

PATIENCE = 1800.0
"""Seconds after which a share that has not ended is given up."""

PRODUCTION = {"TOM_DEBUG": "0", "TOM_SECRET_KEY": "a-key-of-the-benchmark"}
"""With DEBUG on, Django keeps every query in memory."""


class Stage:
    """The two TOMs, the broker and the worker."""

    def __init__(
        self, place: Path, database: str = "", remote: dict[str, str] | None = None
    ) -> None:
        self.place = place
        self._entry = remote
        self._database = {"DATABASE_URL": database} if database else {}
        self._stack = contextlib.ExitStack()
        self.sharing: dict[str, Any] = {}
        self.broker = ""
        self.worker: Process | None = None

    def __enter__(self) -> Stage:
        self.run("ours", "accounts")
        self.sharing = {night.PARTNER: self._entry or self._start_stock()}
        self.broker = self._stack.enter_context(brokers.running(self.place)).url
        return self

    def _start_stock(self) -> dict[str, str]:
        self.run("stock", "accounts")
        self.remote = WebServer("stock", self.environment("stock"), self.place)
        self._stack.callback(self.remote.process.kill)
        self.remote.await_up()
        return {
            "BASE_URL": self.remote.url,
            "USERNAME": sky.ACCOUNT,
            "PASSWORD": sky.PASSWORD,
        }

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of one of the TOMs: stock, ours, or ours as stock."""
        more = {"TOM_DATA_SHARING": json.dumps(self.sharing), "REDIS_URL": self.broker}
        if name == "stock":
            # Only the stock TOM may have another database than a file.
            more = {"TOM_WITH_SHARE_WORKER": "0", **self._database}
        directory = self.place / name
        if name == "ours as stock":
            directory = self.place / "ours"
            more["TOM_WITH_SHARE_WORKER"] = "0"
        return toms.environment(directory, **PRODUCTION, **more)

    def run(self, name: str, *arguments: str) -> Any:
        """Do one thing of `night` in a TOM; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.night", *arguments],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": ""} | self.environment(name),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{arguments[0]} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def start_worker(self, *options: str) -> Process:
        """Start a real share_worker of our TOM."""
        env = {"DATABASE_URL": ""} | self.environment("ours")
        command = manage("share_worker", "--skip-checks", *options)
        self.worker = Process("share_worker", command, env, self.place)
        self._stack.callback(self.worker.kill)
        return self.worker

    def remote_cpu(self) -> float:
        """Return the seconds of CPU that the stock TOM's web server has used."""
        return machine.cpu(self.remote.process.popen.pid)

    def worker_cpu(self) -> float:
        """Return the seconds of CPU that our share_worker has used."""
        assert self.worker is not None
        return machine.cpu(self.worker.popen.pid)

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Ask our TOM's database."""
        database = sqlite3.connect(self.place / "ours" / "db.sqlite3", timeout=20)
        with contextlib.closing(database):
            return list(database.execute(query, values))

    def await_share(self, pk: int) -> tuple[str, str]:
        """Wait until a share has ended; return its status and its note."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            [(status, ended, note)] = self.rows(
                "SELECT status, ended, note FROM tom_share_worker_share WHERE id = ?",
                pk,
            )
            if ended:
                return status, note
            time.sleep(0.2)
        raise SystemExit(f"Share {pk} did not end:\n{self.tell()}")

    def tell(self) -> str:
        """Return how the last deliveries stand, and the end of the worker's log."""
        deliveries = self.rows(
            "SELECT id, status, note FROM tom_share_worker_delivery"
            " ORDER BY id DESC LIMIT 5"
        )
        log = self.worker.tell() if self.worker else ""
        return "\n".join([*map(str, deliveries), log])
