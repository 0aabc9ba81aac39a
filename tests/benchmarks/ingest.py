"""How long incoming files take: to be processed, and to be uploaded, in one run.

    .venv/bin/python -m tests.benchmarks.ingest [--rounds 3] [--postgres] [--no-upload]

Processing: photometry of 100 to 100,000 rows by TOM Toolkit's own run_data_processor
with its own processor, the same with the processor of this app, and this app's own way;
they take turns in one process, because machines are noisy. Then the memory of a process
that reads 100,000 rows.

Uploading: a CSV of 10,000 rows, by the REST API, to a stock TOM and to one with this
app and its share_worker, both behind gunicorn. With --postgres each TOM has a database
in PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests import postgres
from tests.benchmarks import curves, machine, sky
from tests.benchmarks.machine import say
from tests.benchmarks.stages import PRODUCTION
from tests.benchmarks.toms import environment
from tests.support import brokers
from tests.support.processes import ROOT, Process, WebServer, manage

SIZES = (100, 1_000, 10_000, 100_000)
MANY = 100_000
"""As many rows as stock is asked to process only once."""

UPLOADED = 10_000
FASTER, ANSWERED = 10, 0.300
"""The bars: times stock's speed of processing 10,000 rows, seconds of an upload."""

PATIENCE = 120.0
"""Seconds after which an upload, or what comes of it, is given up."""


class Tom:
    """One TOM: its files, its database, and what runs of it."""

    def __init__(self, name: str, place: Path, **more: str) -> None:
        self.name, self.place = name, place
        self.env = environment(place / name, **PRODUCTION, **more)
        self.run("accounts")

    def run(self, *arguments: str) -> Any:
        """Do one thing of `curves` in this TOM; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.curves", *arguments],
            cwd=ROOT,
            env=os.environ | self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{arguments[0]} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])


def processing(tom: Tom, rounds: int) -> None:
    say(f"{'rows':>8}{'stock':>12}{'its code,':>14}{'ours':>12}")
    say(f"{'':8}{'':12}{'our processor':>14}{'':12}{'stock / ours':>16}")
    held = 0.0
    for size in SIZES:
        times = rounds if size < MANY else 1
        taken = tom.run("times", str(size), str(times), *curves.WAYS)
        median = {way: statistics.median(some) for way, some in taken.items()}
        pairs = zip(taken[curves.STOCK], taken[curves.OURS], strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        held = ratio if size == UPLOADED else held
        say(
            f"{size:8,}{median[curves.STOCK]:10.3f} s{median[curves.MIXED]:12.3f} s"
            f"{median[curves.OURS]:10.3f} s{ratio:14.1f} x"
        )
    verdict = "held" if held >= FASTER else "MISSED"
    say(f"Bar for {UPLOADED:,} rows: {FASTER} x; {verdict}.\n")
    for way in (curves.OURS, curves.STOCK):
        found = tom.run("memory", str(MANY), way)
        say(
            f"memory for {MANY:,} rows, {way}: at most {found['peak']:.0f} MB, "
            f"{found['before']:.0f} MB of it before the file; {found['seconds']:.1f} s"
        )


class Client:
    """A program with a token that uploads to a TOM."""

    def __init__(self, tom: Tom, server: WebServer) -> None:
        self.tom, self.server = tom, server
        self.session = requests.Session()
        account = {"username": sky.ACCOUNT, "password": sky.PASSWORD}
        answer = requests.post(
            f"{server.url}api/token-auth/", json=account, timeout=PATIENCE
        )
        self.session.headers["Authorization"] = f"Token {answer.json()['token']}"

    def upload(self, name: str, content: bytes) -> tuple[float, requests.Response]:
        """Upload a file to a target of its own; return the seconds and the answer."""
        target = self.tom.run("targets", name)[name]
        fields = {"target": target, "data_product_type": "photometry"}
        fields["product_id"] = name
        began = time.perf_counter()
        answer = self.session.post(
            f"{self.server.url}api/dataproducts/",
            data=fields,
            files={"file": ("light-curve.csv", content)},
            timeout=PATIENCE,
        )
        took = time.perf_counter() - began
        if answer.status_code not in (201, 202):
            raise SystemExit(
                f"{self.tom.name} answered {answer.status_code}: {answer.text[:500]}\n"
                f"{self.server.process.tell()}"
            )
        return took, answer

    def await_processed(self, answer: requests.Response) -> float:
        """Follow an upload until its data is there; return the seconds."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE and answer.status_code == 202:
            job = self.session.get(answer.headers["Location"], timeout=30).json()
            if job["status"] == "done":
                break
            if job["status"] not in ("queued", "running"):
                raise SystemExit(f"The file was not processed: {job}")
            time.sleep(0.02)
        return time.perf_counter() - began


def uploading(stock: Client, ours: Client, rounds: int) -> None:
    content = curves.light_curve(UPLOADED).encode()
    for client in (stock, ours):  # both have imported then what they need
        _, answer = client.upload("Warm up", curves.light_curve(10).encode())
        client.await_processed(answer)
    theirs, taken, until = [], [], []
    for n in range(rounds):
        theirs.append(stock.upload(f"Curve {n}", content)[0])
        took, answer = ours.upload(f"Curve {n}", content)
        taken.append(took)
        until.append(took + ours.await_processed(answer))
    median, slowest = statistics.median(taken), max(taken)
    say(f"\nupload of {UPLOADED:,} rows, {len(content) / 1000:.0f} kB:")
    say(f"  stock TOM: {statistics.median(theirs):.2f} s, processed by then")
    say(
        f"  with this app: {median * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms, "
        f"answer {answer.status_code}; processed {statistics.median(until):.2f} s "
        f"after the upload began"
    )
    verdict = "held" if median <= ANSWERED else "MISSED"
    say(f"Bar: {ANSWERED * 1000:.0f} ms; {verdict}.")


def serve(tom: Tom, stack: contextlib.ExitStack) -> WebServer:
    server = WebServer(tom.name, tom.env, tom.place)
    stack.callback(server.process.kill)
    server.await_up()
    return server


@contextlib.contextmanager
def database(wanted: bool) -> Iterator[dict[str, str]]:
    """Yield what tells a TOM its database: a file of its own, or a server."""
    if not wanted:
        yield {"DATABASE_URL": ""}
        return
    with postgres.server() as address:
        yield {"DATABASE_URL": address}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--no-upload", action="store_true", help="processing alone")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(brokers.running(place)).url
        own = stack.enter_context(database(options.postgres))
        processors = json.dumps({"photometry": curves.OUR_PROCESSOR})
        more = {"REDIS_URL": broker, "TOM_DATA_PROCESSORS": processors, **own}
        ours = Tom("ours", place, **more)
        say(f"{machine.in_words()}\n")
        processing(ours, options.rounds)
        if not options.no_upload:
            own = stack.enter_context(database(options.postgres))
            stock = Tom("stock", place, TOM_WITH_SHARE_WORKER="0", **own)
            theirs, mine = (Client(tom, serve(tom, stack)) for tom in (stock, ours))
            worker = manage("share_worker", "--skip-checks")
            stack.callback(Process("share_worker", worker, ours.env, place).kill)
            uploading(theirs, mine, options.rounds + 2)
        say(f"\n{machine.in_words()}")


if __name__ == "__main__":
    main()
