"""How fast data points reach a TOM that runs this app, in one run beside the others.

    .venv/bin/python -m tests.benchmarks.peers [--count 20000] [--rounds 3] [--postgres]

The same rows go out in three ways: as TOM Toolkit itself shares them, to a stock TOM;
by this app, with a real share_worker, to a TOM that runs it, too; and, as the limit, by
a bare bulk_create in that TOM's own database, with no network and no check. The latter
two take turns, because machines are noisy. With --postgres the receiving TOM's database
is PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from datetime import datetime
from pathlib import Path

from tests import postgres
from tests.benchmarks import machine, night, sky
from tests.benchmarks.machine import say
from tests.benchmarks.stages import PRODUCTION, Stage
from tests.benchmarks.toms import environment
from tests.support.processes import WebServer

PEER = "network"
"""The key in DATA_SHARING of the TOM that runs this app, too."""

FASTER, PART = 300, 0.3
"""The bars: times stock's rate, part of the rate of a bare bulk_create."""


class Peers(Stage):
    """The stage, and a third TOM, which receives with this app."""

    def __enter__(self) -> Peers:
        super().__enter__()
        self.run("peer", "accounts")
        self.peer = WebServer("peer", self.environment("peer"), self.place)
        self._stack.callback(self.peer.process.kill)
        self.peer.await_up()
        self.sharing[PEER] = {
            "BASE_URL": self.peer.url,
            "USERNAME": sky.ACCOUNT,
            "PASSWORD": sky.PASSWORD,
        }
        return self

    def environment(self, name: str) -> dict[str, str]:
        if name == "peer":
            return environment(self.place / name, **PRODUCTION, **self._database)
        if name == "stock":
            return super().environment(name) | {"DATABASE_URL": ""}
        return super().environment(name)


def bulk(stage: Peers, count: int, name: str) -> float:
    """Return the rate of a bare bulk_create in the receiving TOM."""
    return count / float(stage.run("peer", "bulk", str(count), name))


def worker(stage: Peers, count: int, name: str) -> tuple[float, float]:
    """Share all data of a target; return the rates of sending, and from the click."""
    pk = stage.run("ours", "share", name, PEER)
    status, note = stage.await_share(pk)
    [(delivered, first, last)] = stage.rows(
        "SELECT (SELECT sum(delivered_count) FROM tom_share_worker_delivery"
        "        WHERE share_id = ?1), min(a.started), max(a.ended)"
        " FROM tom_share_worker_attempt a"
        " JOIN tom_share_worker_delivery d ON d.id = a.delivery_id"
        " WHERE d.share_id = ?1",
        pk,
    )
    there = stage.run("peer", "count", name)
    if status != "delivered" or not delivered == there == count:
        raise SystemExit(f"{status}, {delivered}, {there}: {note}\n{stage.tell()}")
    [(created, ended)] = stage.rows(
        "SELECT created, ended FROM tom_share_worker_share WHERE id = ?", pk
    )
    return count / _between(first, last), count / _between(created, ended)


def _between(first: str, last: str) -> float:
    moments = [datetime.fromisoformat(text) for text in (first, last)]
    return (moments[1] - moments[0]).total_seconds()


def run(stage: Peers, count: int, rounds: int, sample: int) -> None:
    shared = [f"Shared {n}" for n in range(rounds)]
    stored = [f"Stored {n}" for n in range(rounds)]
    stage.run("ours", "targets", night.PERSON, "Warm up", "Stock", *shared)
    stage.run("stock", "targets", sky.ACCOUNT, "Stock")
    stage.run("peer", "targets", sky.ACCOUNT, "Warm up", *shared, *stored)
    stage.run("ours", "data", str(sample), "Warm up", "Stock")
    stage.run("ours", "data", str(count), *shared)
    stage.start_worker()
    # The other TOM is known then: what it runs, a token, open slots.
    worker(stage, sample, "Warm up")
    say(f"{machine.in_words()}\n")
    done = stage.run("ours as stock", "stock", "Stock", str(sample))
    stock = sample / done["seconds"]
    say(f"stock sharing: {stock:.1f}/s ({done['message']})")
    bulks, ours, clicks = [], [], []
    for here, there in zip(shared, stored, strict=True):
        bulks.append(bulk(stage, count, there))
        rate, click = worker(stage, count, here)
        ours.append(rate)
        clicks.append(click)
        say(f"bare bulk_create {bulks[-1]:,.0f}/s, tom_share_worker {rate:,.0f}/s")
    report(stock, bulks, ours, clicks)
    say(f"\n{machine.in_words()}")


def report(
    stock: float, bulks: list[float], ours: list[float], clicks: list[float]
) -> None:
    pairs = zip(ours, bulks, strict=True)
    part = statistics.median(mine / limit for mine, limit in pairs)
    rate = statistics.median(ours)
    say(f"\n{'':34}{'data points/s':>14}")
    say(f"{'stock sharing':34}{stock:14,.1f}")
    say(f"{'bare bulk_create':34}{statistics.median(bulks):14,.0f}")
    say(f"{'tom_share_worker':34}{rate:14,.0f}")
    say(f"{'  from the click to the end':34}{statistics.median(clicks):14,.0f}")
    say(f"\nagainst stock: {rate / stock:,.0f} x (bar {FASTER})")
    say(f"against a bare bulk_create: {part:.2f} x (bar {PART})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="rows of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=60, help="rows for stock")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres.server()) if options.postgres else ""
        stage = stack.enter_context(Peers(place, database))
        run(stage, options.count, options.rounds, options.sample)


if __name__ == "__main__":
    main()
