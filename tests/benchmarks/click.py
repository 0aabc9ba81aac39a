"""How long a click on Share takes: this app beside stock TOM Toolkit, in one run.

    .venv/bin/python -m tests.benchmarks.click [--worker]

Three TOMs behind real web servers, as in the demo: one with this app, one without, and
the one they share with; beside it destinations that refuse, hang or answer rubbish.
With --worker a share worker delivers meanwhile, on the same processors and database.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import toms
from tests.benchmarks.toms import Click, Site
from tests.support import brokers
from tests.support.processes import Process, manage

CLICKS = 25
"""Clicks on each of our forms; the first three warm up and do not count."""

LIST = 1000
FEW = 20
"""Targets of a list that stock is asked to share: beyond some 990 it answers 400."""

PATIENCE = 15.0
"""Seconds after which a click on stock is given up; its web server waits on."""

LONG = 300.0
"""Patience where stock does deliver, one request after another."""

GOAL = 0.100

STATES = ("up", "refusing", "hanging", "rubbish")


Form = Callable[[Site, str], tuple[str, dict[str, Any]]]


def _common(destination: str) -> dict[str, Any]:
    return {"share_destination": destination, "submitter": "astronomer"}


def one_target(site: Site, destination: str) -> tuple[str, dict[str, Any]]:
    pk = site.made["targets"][0]
    return f"targets/{pk}/share/", _common(destination) | {"target": pk}


def list_of_one(site: Site, destination: str) -> tuple[str, dict[str, Any]]:
    pk = site.made["lists"]["1"]
    ticked = {"target_list": pk, "selected-target": site.made["targets"][:1]}
    return f"targets/targetgrouping/{pk}/share/", _common(destination) | ticked


def whole_list(site: Site, destination: str) -> tuple[str, dict[str, Any]]:
    pk = site.made["lists"][str(LIST)]
    chosen = {"target_list": pk, "isSelectAll": "True"}
    return f"targets/targetgrouping/{pk}/share/", _common(destination) | chosen


def few_of_list(site: Site, destination: str) -> tuple[str, dict[str, Any]]:
    path, fields = whole_list(site, destination)
    fields |= {"isSelectAll": "False", "selected-target": site.made["targets"][:FEW]}
    return path, fields


FORMS: dict[str, tuple[Form, Form, int]] = {
    "one target": (one_target, one_target, 1),
    "list of 1": (list_of_one, list_of_one, 1),
    f"list of {LIST:,}": (whole_list, few_of_list, LIST // FEW),
}
"""Each row: our form, the form for stock, and what to multiply stock's time by."""


def measure_ours(site: Site, form: Form, destination: str) -> list[float]:
    path, fields = form(site, destination)
    clicks = [site.click(path, fields, LONG) for _ in range(CLICKS)]
    wrong = [click.trouble for click in clicks if click.trouble]
    if wrong:
        raise SystemExit(
            f"A click was answered {wrong[0]}:\n{site.server.process.tell()}"
        )
    return [click.seconds for click in clicks[3:]]


def measure_stock(site: Site, form: Form, destination: str) -> Click:
    """Return the median of few clicks, or the first that came to no good end."""
    path, fields = form(site, destination)
    patience = LONG if destination == "up" else PATIENCE
    times = 1 if form is few_of_list else 3
    taken = []
    for _ in range(times):
        click = site.click(path, fields, patience)
        if click.trouble:
            return click
        taken.append(click.seconds)
    return Click(statistics.median(taken))


def in_words(click: Click, factor: int) -> str:
    """Say how long stock took; never an estimate without its name."""
    if click.trouble == "given up":
        many = f" ({FEW} targets)" if factor > 1 else ""
        return f"> {click.seconds:.0f} s{many}"
    note = f", answer {click.trouble}" if click.trouble else ""
    if factor == 1:
        return f"{click.seconds:.2f} s{note}"
    if click.trouble:
        return f"{click.seconds:.2f} s ({FEW} targets{note})"
    estimate = click.seconds * factor
    return f"{click.seconds:.1f} s ({FEW} targets; x{factor} = est. {estimate:.0f} s)"


def report(ours: Site, stock: Site) -> None:
    say(f"{'click':14}{'destination':13}{'ours: median':>13}{'p95':>9}   stock")
    slow = []
    for name, (our_form, stock_form, factor) in FORMS.items():
        for state in STATES:
            seconds = measure_ours(ours, our_form, state)
            median = statistics.median(seconds)
            p95 = statistics.quantiles(seconds, n=20)[-1]
            theirs = measure_stock(stock, stock_form, state)
            scale = factor if not theirs.trouble else 1
            ratio = theirs.seconds * scale / median
            sign = ">" if theirs.trouble == "given up" else ""
            say(
                f"{name:14}{state:13}{median * 1000:10.0f} ms{p95 * 1000:6.0f} ms   "
                f"{in_words(theirs, factor)}, {sign}{ratio:,.0f} x ours"
            )
            slow += [f"{name}, {state}"] if median > GOAL else []
    verdict = f"missed by: {'; '.join(slow)}" if slow else "held by every row"
    say(f"\nGoal: a median of at most {GOAL * 1000:.0f} ms; {verdict}.")


def run(place: Path, with_worker: bool) -> None:
    say("Making three TOMs (half a minute) ...")
    made = toms.prepare(place, LIST)
    with contextlib.ExitStack() as stack:

        def begin(name: str, **more: str) -> Site:
            site = toms.start(name, place, made, **more)
            stack.callback(site.server.process.kill)
            return site

        partner = begin("partner", TOM_WITH_SHARE_WORKER="0")
        sharing = json.dumps(stack.enter_context(toms.destinations(partner.server)))
        broker = stack.enter_context(brokers.running(place))
        own = {"TOM_DATA_SHARING": sharing, "REDIS_URL": broker.url}
        ours = begin("ours", **own)
        stock = begin("stock", TOM_WITH_SHARE_WORKER="0", TOM_DATA_SHARING=sharing)
        if with_worker:
            worker = Process(
                "worker",
                manage("share_worker"),
                toms.environment(place / "ours", **own),
                place,
            )
            stack.callback(worker.kill)
        report(ours, stock)
    made_here, clicked = toms.shares(place / "ours"), CLICKS * len(FORMS) * len(STATES)
    say(f"{clicked} clicks on ours made {made_here} shares.")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", action="store_true", help="deliver meanwhile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(Path(place), options.worker)


if __name__ == "__main__":
    main()
