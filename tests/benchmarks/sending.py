"""How fast data points reach a stock TOM, and what that costs it, in one run.

    .venv/bin/python -m tests.benchmarks.sending [--count 800] [--rounds 6]

The same rows go to the same stock TOM Toolkit in three ways: as TOM Toolkit itself
shares them; by a bare client that keeps its connections and has its token and its
bodies ready; and by this app, with a real share_worker. The bare client has as many
connections as the worker has slots, and the two take turns, because machines are noisy.
With --postgres the stock TOM stores them in PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests

from tests import postgres
from tests.benchmarks import machine, night, sky
from tests.benchmarks.machine import say
from tests.benchmarks.stages import Stage

SLOTS = 4
"""Connections of the bare client; the app's own default is the same."""

FASTER, CHEAPER, AS_FAST = 20, 20, 0.9
"""The bars: times stock's rate, times less CPU than stock, part of the bare client."""


@dataclass(frozen=True)
class Measured:
    """One way of sending, once."""

    count: int
    seconds: float
    cpu: float
    own_cpu: float
    from_click: float = 0.0

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def stock(stage: Stage, name: str, count: int) -> Measured:
    """Let TOM Toolkit itself share a sample."""
    before = stage.remote_cpu()
    done = stage.run("ours as stock", "stock", name, str(count))
    cpu = stage.remote_cpu() - before
    if f"{count} of {count}" not in done["message"]:
        raise SystemExit(f"Stock sharing failed: {done['message']}")
    return Measured(count, done["seconds"], cpu, done["cpu"])


def bare(stage: Stage, name: str, remote_id: int) -> Measured:
    """Post the ready bodies, and do nothing else."""
    bodies = stage.run("ours", "bodies", name, str(remote_id))
    token = _token(stage)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    wrong: list[str] = []

    def send() -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Token {token}"
            session.headers["Content-Type"] = "application/json"
            with contextlib.suppress(queue.Empty):
                while True:
                    body = waiting.get_nowait()
                    answer = session.post(
                        f"{stage.remote.url}api/reduceddatums/", data=body
                    )
                    if answer.status_code != 201:
                        wrong.append(answer.text)

    threads = [threading.Thread(target=send) for _ in range(SLOTS)]
    before, began = stage.remote_cpu(), time.monotonic()
    own = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    own = time.process_time() - own
    if wrong or not waiting.empty():
        raise SystemExit(f"The bare client was refused: {''.join(wrong)[:500]}")
    return Measured(len(bodies), took, stage.remote_cpu() - before, own)


def _token(stage: Stage) -> str:
    account = {"username": sky.ACCOUNT, "password": sky.PASSWORD}
    answer = requests.post(
        f"{stage.remote.url}api/token-auth/", json=account, timeout=30
    )
    return str(answer.json()["token"])


def worker(stage: Stage, name: str) -> Measured:
    """Share all data of a target, and read from the rows when what happened."""
    before, own = stage.remote_cpu(), stage.worker_cpu()
    pk = stage.run("ours", "share", name)
    status, note = stage.await_share(pk)
    cpu, own = stage.remote_cpu() - before, stage.worker_cpu() - own
    [(count, first, last)] = stage.rows(
        "SELECT sum(delivered_count),"
        " (SELECT min(started) FROM tom_share_worker_attempt a"
        "  JOIN tom_share_worker_delivery d ON d.id = a.delivery_id"
        "  WHERE d.share_id = ?1),"
        " (SELECT max(a.ended) FROM tom_share_worker_attempt a"
        "  JOIN tom_share_worker_delivery d ON d.id = a.delivery_id"
        "  WHERE d.share_id = ?1)"
        " FROM tom_share_worker_delivery WHERE share_id = ?1",
        pk,
    )
    if status != "delivered" or not count:
        raise SystemExit(f"The share is {status}: {note}\n{stage.tell()}")
    [(created, ended)] = stage.rows(
        "SELECT created, ended FROM tom_share_worker_share WHERE id = ?", pk
    )
    took = _between(first, last)
    return Measured(count, took, cpu, own, from_click=_between(created, ended))


def _between(first: str, last: str) -> float:
    moments = [datetime.fromisoformat(text) for text in (first, last)]
    return (moments[1] - moments[0]).total_seconds()


def run(stage: Stage, count: int, rounds: int, sample: int) -> None:
    names = ["Warm up", "Stock"]
    names += [f"{way} {n}" for n in range(rounds) for way in ("Bare", "Worker")]
    there = stage.run("stock", "targets", sky.ACCOUNT, *names)
    stage.run("ours", "targets", night.PERSON, *names)
    stage.run("ours", "data", str(sample), "Warm up", "Stock")
    stage.run("ours", "data", str(count), *names[2:])
    stage.start_worker()
    # The destination has answered then, the token is traded, the slots are open.
    worker(stage, "Warm up")
    say(f"{machine.in_words()}\n")
    theirs = stock(stage, "Stock", sample)
    bares, ours = [], []
    for n in range(rounds):
        bares.append(bare(stage, f"Bare {n}", there[f"Bare {n}"]))
        ours.append(worker(stage, f"Worker {n}"))
        say(f"round {n + 1}: bare {bares[-1].rate:.1f}/s, worker {ours[-1].rate:.1f}/s")
    report(theirs, bares, ours)
    say(f"\n{machine.in_words()}")


def report(theirs: Measured, bares: list[Measured], ours: list[Measured]) -> None:
    def row(name: str, some: list[Measured]) -> tuple[float, float]:
        rate = statistics.median(one.rate for one in some)
        cpu = statistics.median(one.cpu / one.count for one in some)
        own = statistics.median(one.own_cpu / one.count for one in some)
        say(
            f"{name:34}{some[0].count:8}{rate:12.1f}"
            f"{cpu * 1000:18.1f}{own * 1000:18.1f}"
        )
        return rate, cpu

    heads = f"{'datums':>8}{'datums/s':>12}{'remote CPU, ms':>18}{'own CPU, ms':>18}"
    say(f"\n{'':34}{heads}")
    stock_rate, stock_cpu = row("stock sharing", [theirs])
    bare_rate, _ = row(f"bare client, {SLOTS} connections", bares)
    our_rate, our_cpu = row("tom_share_worker", ours)
    clicked = statistics.median(one.count / one.from_click for one in ours)
    say(f"{'  from the click to the end':34}{'':8}{clicked:12.1f}")
    pairs = zip(ours, bares, strict=True)
    part = statistics.median(mine.rate / other.rate for mine, other in pairs)
    say(f"\nagainst stock: {our_rate / stock_rate:.1f} x (bar {FASTER})")
    say(f"remote CPU, stock against ours: {stock_cpu / our_cpu:.1f} x (bar {CHEAPER})")
    say(
        f"against the bare client: {part:.2f} x, median of the rounds (bar {AS_FAST}); "
        f"of the medians {our_rate / bare_rate:.2f} x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=800, help="rows of a round")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--sample", type=int, default=60, help="rows for stock")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres.server()) if options.postgres else ""
        stage = stack.enter_context(Stage(place, database))
        run(stage, options.count, options.rounds, options.sample)


if __name__ == "__main__":
    main()
