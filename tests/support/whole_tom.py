"""A whole TOM with this app, as one of two: database, web server, broker and worker.

Nothing of it lives in the test's process: what it holds is read from its database, what
it saves is saved by processes of its own (`saving`).
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import requests

from sample_data.accounts import ASTRONOMER, PARTNER
from tests.support import brokers
from tests.support.processes import ROOT, Process, WebServer, manage, run_manage
from tests.support.toms import QUICK
from tests.support.waiting import wait_until

KINDS = {
    "photometry": "tom_dataproducts_photometryreduceddatum",
    "spectroscopy": "tom_dataproducts_spectroscopyreduceddatum",
    "astrometry": "tom_dataproducts_astrometryreduceddatum",
    "generic": "tom_dataproducts_reduceddatum",
}
NOT_COMPARED = {"id", "target_id", "data_product_id", "source_name", "source_location"}


class WholeTom:
    """One TOM with a name, in a directory of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        directory.mkdir(parents=True)
        self.sharing: dict[str, Any] = {}
        self._stack = ExitStack()
        self._broker: brokers.Broker | None = None
        self._server: WebServer | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return what each of its processes needs to know."""
        assert self._broker is not None
        # In life a hanging TOM gets half a minute; a busy test machine needs it, too.
        patient = {"READ_TIMEOUT": 30, "TOTAL_TIMEOUT": 60, "LEASE": 8}
        return {
            "DATABASE_URL": "",
            "TOM_DATA_DIR": str(self.directory),
            "TOM_DATA_SHARING": json.dumps(self.sharing),
            "TOM_SHARE_WORKER": json.dumps(QUICK | patient),
            "TOM_NAME": self.name,
            "TOM_LOG_LEVEL": "WARNING",
            "REDIS_URL": self._broker.url,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
            if os.environ.get("PYTHONPATH")
            else str(ROOT),
        }

    def start(self, targets: list[str], like: WholeTom | None = None) -> None:
        """Make its database, accounts and targets, or copy those of another; serve."""
        self._broker = self._stack.enter_context(brokers.running(self.directory))
        if like is not None:
            with like._database() as theirs, self._database() as ours:
                theirs.backup(ours)
        else:
            run_manage(self.environment, "migrate", "--verbosity", "0")
            self.run(f"begin({targets!r})")
        self._server = WebServer("whole-tom", self.environment, self.directory)
        self._stack.callback(self._server.process.kill)
        self._server.await_up()

    def shares_with(self, other: WholeTom) -> None:
        """Let it share all its targets with another TOM, continuously."""
        self.sharing["other"] = other.entry()
        self.run("share_all('other')")

    def entry(self) -> dict[str, str]:
        """Return what DATA_SHARING of another TOM says of it."""
        assert self._server is not None
        return {
            "DISPLAY_NAME": self.name,
            "BASE_URL": self._server.url,
            "USERNAME": PARTNER.username,
            "PASSWORD": PARTNER.password,
        }

    def start_worker(self) -> None:
        """Start its worker."""
        command = manage("share_worker", "--skip-checks")
        worker = Process("worker", command, self.environment, self.directory)
        self._stack.callback(worker.kill)
        self._worker = worker

    def lose_worker(self) -> None:
        """End its worker in the middle, as a power cut would; start another one."""
        wait_until(lambda: self.counts()["attempts"], 60, "an attempt", self.tell)
        self._worker.kill()
        self.start_worker()

    def run(self, call: str) -> None:
        """Run a function of `saving` to its end."""
        run_manage(self.environment, "shell", "-v0", "-c", self._code(call))

    def begin(self, call: str) -> Process:
        """Begin to run a function of `saving`."""
        command = manage("shell", "-v0", "-c", self._code(call))
        process = Process("saving", command, self.environment, self.directory)
        self._stack.callback(process.kill)
        return process

    @staticmethod
    def _code(call: str) -> str:
        return f"from tests.support import saving; saving.{call}"

    def upload(self, target: str, name: str, content: str) -> None:
        """Upload a file of photometry through the TOM's own API; a worker reads it."""
        assert self._server is not None
        (pk,) = self.ask("SELECT id FROM tom_targets_basetarget WHERE name = ?", target)
        answer = requests.post(
            f"{self._server.url}api/dataproducts/",
            data={"target": pk[0], "data_product_type": "photometry"},
            files={"file": (name, content, "text/csv")},
            auth=(ASTRONOMER.username, ASTRONOMER.password),
            timeout=60,
        )
        assert answer.status_code == 202, answer.text[:500]

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask its database."""
        with self._database() as database:
            return database.execute(query, values).fetchall()

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.directory / "db.sqlite3", timeout=20))

    def holds(self, kind: str) -> list[tuple[Any, ...]]:
        """Return its data of a kind, each row with the name of its target."""
        table = KINDS[kind]
        columns = [row[1] for row in self.ask(f"PRAGMA table_info({table})")]
        compared = ", ".join(
            f'datum."{column}"' for column in columns if column not in NOT_COMPARED
        )
        return self.ask(
            f"SELECT target.name, {compared} "  # noqa: S608  (names of ours)
            f"FROM {table} datum JOIN tom_targets_basetarget target "
            f"ON target.id = datum.target_id"
        )

    def counts(self) -> dict[str, int]:
        """Count what came in, and what continuous sharing did and has to do."""
        one = {
            "saved": "SELECT count(*) FROM tom_share_worker_saveddatum",
            "incoming": "SELECT count(*) FROM tom_share_worker_ingestjob "
            "WHERE ended IS NULL",
            "open": "SELECT count(*) FROM tom_share_worker_share WHERE ended IS NULL",
            "shares": "SELECT count(*) FROM tom_share_worker_share",
            "deliveries": "SELECT count(*) FROM tom_share_worker_delivery",
            "attempts": "SELECT count(*) FROM tom_share_worker_attempt",
        }
        return {name: self.ask(query)[0][0] for name, query in one.items()}

    def fates(self) -> dict[str, int]:
        """Count the data points of its deliveries by their fate."""
        columns = ("delivered_count", "already_there_count", "refused_count")
        sums = ", ".join(f"coalesce(sum({column}), 0)" for column in columns)
        query = f"SELECT {sums} FROM tom_share_worker_delivery"  # noqa: S608
        return dict(zip(columns, self.ask(query)[0], strict=True))

    def is_at_rest(self) -> bool:
        """True when all that came in is read, and all that was saved is shared."""
        counts = self.counts()
        return counts["incoming"] == counts["saved"] == counts["open"] == 0

    def tell(self) -> str:
        """Return how it stands, for a failure."""
        troubles = self.ask(
            "SELECT delivery_id, number, outcome, note FROM tom_share_worker_attempt "
            "WHERE outcome <> 'delivered' ORDER BY id DESC LIMIT 8"
        )
        lines = [f"{self.name}: {self.counts()} {self.fates()}", *map(str, troubles)]
        return "\n".join([*lines, self._worker.tell()[-1500:]])

    def close(self) -> None:
        """End all its processes."""
        self._stack.close()


def await_rest(toms: list[WholeTom], seconds: float) -> None:
    """Wait until none of these has anything to share."""
    wait_until(
        # Twice: what the second sent while the first was asked is seen then.
        lambda: all(tom.is_at_rest() for tom in [*toms, *toms]),
        seconds,
        "the TOMs to come to rest",
        lambda: "\n".join(tom.tell() for tom in toms),
    )
