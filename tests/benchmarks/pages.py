"""How long each page takes in a TOM with 100,000 deliveries and a million attempts.

    .venv/bin/python -m tests.benchmarks.pages [--sqlite] [--part 1.0] [--times 10]

Fills a TOM (`crowd`), on a private PostgreSQL server or in an SQLite file, and asks for
each page of this app as somebody who shared much, as a member of a group, as an
operator and as a superuser (`looks`); every filter of the admin's lists, too. Beside
them stands a page that is the host's alone: what its frame costs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.benchmarks import crowd, people
from tests.benchmarks.machine import in_words, say
from tests.benchmarks.stages import PRODUCTION
from tests.benchmarks.toms import environment
from tests.support.processes import ROOT

_NOTE = {
    key: {"BASE_URL": f"http://{key}.invalid/", "API_TOKEN": "of-the-benchmark"}
    for key in people.PARTNERS
}


def run(place: Path, database: str, part: float, rest: list[str]) -> int:
    more = {"TOM_DATA_SHARING": json.dumps(_NOTE), "DATABASE_URL": database}
    env = os.environ | environment(place, **PRODUCTION, **more)
    say(f"{in_words()}\nFilling the TOM (some minutes) ...")
    filling = [sys.executable, "-m", "tests.benchmarks.crowd", str(part)]
    done = subprocess.run(
        filling, cwd=ROOT, env=env, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit("The TOM could not be filled.")
    made = json.loads(done.stdout.splitlines()[-1])
    say(", ".join(f"{made[name]:,} {name}" for name in crowd.SIZES))
    looking = [sys.executable, "-m", "tests.benchmarks.looks", str(made["big"]), *rest]
    return subprocess.run(looking, cwd=ROOT, env=env, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="not PostgreSQL")
    parser.add_argument("--part", type=float, default=1.0, help="of the full size")
    options, rest = parser.parse_known_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = "" if options.sqlite else stack.enter_context(postgres.server())
        return run(place, database, options.part, rest)


if __name__ == "__main__":
    sys.exit(main())
