"""What a persistent share adds to saving a data point: this app beside stock.

    .venv/bin/python -m tests.benchmarks.save

In one run, the same process saves for a target with a persistent share and for one
without, turn by turn, so that a busy machine slows both alike. This app's broker is
dead throughout; the destination is up, refuses connections, or hangs. Stock asks it
inside each save.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks import toms
from tests.support.processes import ROOT

SAVES = 400
STOCK_SAVES = {"up": 10, "refusing": 10, "hanging": 1}
"""Stock waits for each request: as many as the reader of the table has patience for."""

PATIENCE = 30.0
"""Seconds after which saving with stock is given up; it would wait on."""

BAR = 0.002

NIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def measure(destination: str, saves: int) -> None:
    """Save in turn with a persistent share and without; print the seconds as JSON."""
    from django.contrib.auth.models import User
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_targets.models import PersistentShare, Target

    from tests.benchmarks import sky

    owner = User.objects.get(username=sky.ACCOUNT)
    shared, alone = Target.objects.order_by("pk")[:2]
    PersistentShare.objects.all().delete()
    PersistentShare.objects.create(user=owner, target=shared, destination=destination)
    taken: dict[str, list[float]] = {"with": [], "without": []}
    failed = ""
    first = PhotometryReducedDatum.objects.count()
    for n in range(first, first + saves + 5):
        for name, target in (("without", alone), ("with", shared)):
            datum = PhotometryReducedDatum(
                target=target,
                timestamp=NIGHT + timedelta(seconds=n),
                brightness=15.0,
                bandpass="r",
            )
            began = time.perf_counter()
            try:
                datum.save()
            except Exception as error:  # noqa: BLE001  (the measurement itself)
                failed = f"save() raised {type(error).__name__}"
            taken[name].append(time.perf_counter() - began)
    say(json.dumps(taken | {"failed": failed}))


def run(place: Path, destination: str, saves: int, **more: str) -> dict[str, Any]:
    """Measure in a process of that TOM; tell when it had to be given up."""
    code = f"from tests.benchmarks import save; save.measure({destination!r}, {saves})"
    start = "import django; django.setup()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{start}; {code}"],
            cwd=ROOT,
            env=os.environ | toms.environment(place, **more),
            capture_output=True,
            text=True,
            check=False,
            timeout=None if "TOM_WITH_SHARE_WORKER" not in more else PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"given up after {PATIENCE:.0f} s"}
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _added(measured: dict[str, Any]) -> tuple[float, float, float]:
    """Return the median without and with, and how much later the slowest 5 % are."""
    with_, without = measured["with"][5:], measured["without"][5:]
    return (
        statistics.median(without),
        statistics.median(with_),
        _p95(with_) - _p95(without),
    )


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def report(place: Path, sharing: str) -> None:
    say(
        f"{'destination':14}{'without':>10}{'with':>10}{'added':>10}{'p95 added':>12}"
        f"   stock, with"
    )
    worst = 0.0
    for state, few in STOCK_SAVES.items():
        own = {"TOM_DATA_SHARING": sharing, "REDIS_URL": "redis+socket:///nowhere"}
        ours = run(place / "ours", state, SAVES, **own)
        without, with_, p95 = _added(ours)
        worst = max(worst, with_ - without)
        stock = run(
            place / "stock",
            state,
            few,
            TOM_DATA_SHARING=sharing,
            TOM_WITH_SHARE_WORKER="0",
        )
        say(
            f"{state:14}{_ms(without):>10}{_ms(with_):>10}{_ms(with_ - without):>10}"
            f"{_ms(p95):>12}   {_in_words(stock)}"
        )
        if ours["failed"]:
            raise SystemExit(f"With this app, {ours['failed']}.")
    verdict = "held" if worst <= BAR else "missed"
    say(f"\nBar: at most {_ms(BAR)} more per save, by the median; {verdict}.")


def _in_words(stock: dict[str, Any]) -> str:
    if "with" not in stock:
        return str(stock["failed"])
    note = f", {stock['failed']}" if stock["failed"] else ""
    return f"{_ms(statistics.median(stock['with'][2:]))}{note}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        say("Making three TOMs (half a minute) ...")
        made = toms.prepare(place, 10)
        partner = toms.start("partner", place, made, TOM_WITH_SHARE_WORKER="0")
        try:
            with toms.destinations(partner.server) as known:
                report(place, json.dumps(known))
        finally:
            partner.server.process.kill()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
