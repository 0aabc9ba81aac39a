"""A TOM whose processes are killed and started again, and what that did to its work.

Called by `chaos`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from tests.benchmarks.stages import PRODUCTION
from tests.benchmarks.toms import environment
from tests.support.processes import ROOT, Process, WebServer, free_port, manage
from tests.support.waiting import wait_until
from tom_share_worker import broker

WORKER, WEB, BROKER = "share_worker", "web server", "broker"

UNDER_WAY = {
    "delivery": "SELECT id, claim FROM tom_share_worker_delivery"
    " WHERE status = 'sending'",
    "file": "SELECT id, claim FROM tom_share_worker_ingestjob WHERE status = 'running'",
}
"""Work that a worker has claimed."""

OPEN = (
    "SELECT count(*) FROM tom_share_worker_share WHERE ended IS NULL",
    "SELECT count(*) FROM tom_share_worker_ingestjob WHERE ended IS NULL",
)
"""What has not ended."""

KEPT = (
    "SELECT (SELECT count(*) FROM tom_dataproducts_dataproduct)"
    " + (SELECT count(*) FROM tom_share_worker_receivedbatch)"
)
"""What a web server wrote down and may not have answered yet."""

IN_THE_MIDDLE = 5.0
"""Longest wait for something to be under way that a kill can hit."""


@dataclass
class Interrupted:
    """A file whose worker was killed."""

    pk: int
    killed: float
    again: float = 0.0
    """When it was taken up again."""


class Wait(NamedTuple):
    """How long something waited after a kill, and after the last one of those to come.

    A worker that is killed before it could look cannot give back what is lost.
    """

    seconds: float
    in_peace: float
    kills: int


class Tom:
    """A whole TOM; kill and start its processes from one thread, they die with it."""

    def __init__(
        self, name: str, place: Path, database: str = "", **more: dict[str, Any]
    ) -> None:
        self.name, self.place = name, place / name
        self.address, self.more = database, more
        self.socket_place = Path(mkdtemp(prefix="tom-chaos-"))  # sockets: short paths
        self.port = free_port()
        self.processes: dict[str, Process] = {}
        self.kills: dict[str, int] = {}
        self.killed_at: dict[str, list[float]] = {}
        self.asked: list[subprocess.Popen[str]] = []
        self.logs: list[Path] = []
        self.interrupted: list[Interrupted] = []
        self.place.mkdir()

    # --- processes

    @property
    def env(self) -> dict[str, str]:
        given = {name: json.dumps(value) for name, value in self.more.items()}
        return environment(
            self.place,
            DATABASE_URL=self.address,
            REDIS_URL=f"redis+socket://{self.socket}",
            TOM_NAME=self.name,
            **PRODUCTION,
            **given,
        )

    @property
    def socket(self) -> Path:
        return self.socket_place / "broker.sock"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self, role: str) -> None:
        """Start one of its processes."""
        if role == WEB:
            server = WebServer(f"web-{self.name}", self.env, self.place, self.port)
            process = server.process
        elif role == WORKER:
            command = manage("share_worker", "--skip-checks")
            process = Process(f"worker-{self.name}", command, self.env, self.place)
        else:
            options = ["--port", "0", "--save", "", "--dir", str(self.socket_place)]
            options += ["--unixsocket", str(self.socket)]
            command = [broker.server_program(), *options]
            process = Process(f"broker-{self.name}", command, {}, self.place)
        self.processes[role] = process
        self.logs.append(process.log_file)

    def lose(self, role: str, chance: random.Random) -> str:
        """Kill a process, in the middle of its work if it has any; start another one.

        With all that it has started, or, in two of five cases, it alone or, for a web
        server, one of its children alone.
        """
        if role == WORKER:
            self._await(self._at_work)
        elif role == WEB:
            before = self.ask(KEPT)
            self._await(lambda: self.ask(KEPT) != before)
        # At once, as often as not: answers are lost then, and what was just begun.
        time.sleep(chance.choice((0, chance.uniform(0, 1))))
        process = self.processes[role]
        if role == BROKER or chance.random() < 0.6:
            how = "with its children"
            process.kill()
        elif role == WEB and (below := _children(process.popen.pid)):
            how = "a child alone"
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(below), signal.SIGKILL)
        else:
            how = "alone"
            process.popen.kill()
            process.popen.wait()
        now = time.time()
        self.kills[role] = self.kills.get(role, 0) + 1
        self.killed_at.setdefault(role, []).append(now)
        if role == WORKER:
            found = [pk for pk, _ in self.ask(UNDER_WAY["file"])]
            waiting = {one.pk for one in self.interrupted if not one.again}
            new = [Interrupted(pk, now) for pk in found if pk not in waiting]
            self.interrupted += new
        if not process.alive:
            self.start(role)
        return how

    def _await(self, moment: Callable[[], bool]) -> None:
        with contextlib.suppress(AssertionError):
            wait_until(moment, IN_THE_MIDDLE, "work")

    def _at_work(self) -> bool:
        return any(self.ask(query) for query in UNDER_WAY.values())

    def close(self) -> None:
        """End all its processes."""
        for process in self.processes.values():
            process.kill()
        for asked in self.asked:
            if asked.poll() is None:
                asked.kill()
                asked.wait()
        with contextlib.suppress(OSError):
            for path in self.socket_place.iterdir():
                path.unlink()
            self.socket_place.rmdir()

    # --- what it holds

    def run(self, *arguments: str) -> Any:
        """Do one thing of `cargo` in this TOM; return what it printed."""
        return answer_of(self.begin(*arguments))

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin to do one thing of `cargo`."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.cargo", *arguments],
            cwd=ROOT,
            env=os.environ | self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.asked.append(process)
        return process

    def ask(self, query: str) -> list[Any]:
        """Ask its database."""
        if self.address:
            import psycopg

            with psycopg.connect(self.address, autocommit=True) as connection:
                return connection.execute(query.encode()).fetchall()
        path = self.place / "db.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as database:
            return database.execute(query).fetchall()

    def is_at_rest(self) -> bool:
        return not any(self.ask(query)[0][0] for query in OPEN)

    # --- what the kills did

    def look(self) -> None:
        """Note which interrupted files were taken up again since."""
        waiting = [one for one in self.interrupted if not one.again]
        if not waiting:
            return
        rows = self.ask("SELECT id, status, started FROM tom_share_worker_ingestjob")
        known = {pk: (status, seconds(started)) for pk, status, started in rows}
        for one in waiting:
            status, started = known[one.pk]
            if started > one.killed:
                one.again = started
            elif status in ("done", "failed"):
                # The kill came after its end, or it was set aside at the third one.
                self.interrupted.remove(one)

    def waits_of_files(self) -> list[Wait]:
        """Return how long interrupted files waited to be taken up again."""
        return [
            self._wait(one.killed, one.again) for one in self.interrupted if one.again
        ]

    def _wait(self, killed: float, again: float) -> Wait:
        """Return a wait, with what of it came after the last kill."""
        kills = [at for at in self.killed_at[WORKER] if killed <= at < again]
        return Wait(again - killed, again - max(kills), len(kills) - 1)

    def waits_of_deliveries(self) -> list[Wait]:
        """Return how long interrupted deliveries waited for their next attempt."""
        attempts = {
            (delivery, number): (seconds(started), outcome)
            for delivery, number, started, outcome in self.ask(
                "SELECT delivery_id, number, started, outcome"
                " FROM tom_share_worker_attempt"
            )
        }
        waits = []
        for (delivery, number), (started, outcome) in attempts.items():
            following = attempts.get((delivery, number + 1))
            if outcome == "worker lost" and following is not None:
                kills = self.killed_at.get(WORKER, ())
                killed = min((at for at in kills if at >= started), default=0)
                waits += [self._wait(killed, following[0])] if killed else []
        return waits

    def tell(self) -> str:
        """Return how its work stands, and the ends of its logs."""
        queries = (
            "SELECT id, status, failure, lost_count, note"
            " FROM tom_share_worker_ingestjob WHERE status <> 'done'",
            "SELECT id, kind, status, attempt_count, lost_count, note"
            " FROM tom_share_worker_delivery WHERE status <> 'delivered' LIMIT 10",
            "SELECT id, status, note FROM tom_share_worker_share"
            " WHERE status <> 'delivered' LIMIT 10",
        )
        lines = [str(row) for query in queries for row in self.ask(query)]
        logs = [process.tell() for process in self.processes.values()]
        return "\n".join([f"--- {self.name}", *lines, *logs])

    def complaints(self) -> dict[str, int]:
        """Count the last lines of tracebacks in all logs."""
        found: dict[str, int] = {}
        for path in self.logs:
            inside = False
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("Traceback"):
                    inside = True
                elif inside and line and not line.startswith((" ", "\t")):
                    inside = False
                    found[line[:160]] = found.get(line[:160], 0) + 1
        return found


def answer_of(process: subprocess.Popen[str]) -> Any:
    """Wait for something of `cargo`; return what it printed."""
    said, errors = process.communicate(timeout=900)
    if process.returncode:
        raise SystemExit(f"{process.args!r} failed:\n{errors}")
    return json.loads(said.splitlines()[-1])


def seconds(moment: Any) -> float:
    """Return a time of either database as seconds since 1970; 0 for none."""
    if not moment:
        return 0.0
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return float(moment.timestamp())


def processes_of(place: Path) -> Iterator[int]:
    """Yield all living processes that were told of a directory as they began."""
    mark = str(place).encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            own = int(process.name) == os.getpid()
            if mark in told and state != "Z" and not own:
                yield int(process.name)


def descendants(pid: int) -> set[int]:
    """Return a process and all below it."""
    found = {pid}
    for child in _children(pid):
        found |= descendants(child)
    return found


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in (task / "children").read_text().split()]
    return found


def command(pid: int) -> str:
    """Return the command line of a process, for a fault."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return f"{pid} {b' '.join(words).decode(errors='replace')[:200]}"
    return f"{pid}, gone by now"
