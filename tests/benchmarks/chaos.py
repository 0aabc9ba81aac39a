"""What is lost, and what comes twice, while the processes of two TOMs are killed.

    .venv/bin/python -m tests.benchmarks.chaos [--seconds 180] [--files 50]
        [--datums 20000] [--postgres] [--seed 1]

Two whole TOMs with this app. For some minutes SIGKILL meets their workers, brokers and
web servers again and again, at random, and others take their place. Meanwhile files of
all kinds are uploaded to one of them by its API, by a client that repeats what it got
no answer to; and the other shares data points of all kinds with it, and files, too.

Then all is left in peace until it has ended, what was set aside after three kills gets
its Retry, and the databases are compared row by row and column by column: what came by
files with what TOM Toolkit itself reads from them in a third TOM, undisturbed, and the
data points with those of the sender. Whatever is lost, doubled, wrong or left running
makes the exit status 1. With --postgres the receiving TOM's database is PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests import postgres
from tests.benchmarks import cargo, havoc, machine, night, sky
from tests.benchmarks.havoc import BROKER, WEB, WORKER, Tom, Wait
from tests.benchmarks.machine import say
from tests.benchmarks.reckoning import Reckoning

PEER = "network"
FIELDS = [f"Field {n}" for n in range(4)]
"""Targets of the receiver, to which files are uploaded."""

SHARED = [f"Shared {n}" for n in range(18)]
NEW = [f"New {n}" for n in range(6)]
"""Targets of the sender; the new ones are not known to the receiver yet."""

OWN_FILES = 8
"""Files that the sender shares."""

RUNS_AGAIN = 30.0
"""The bar: seconds until interrupted work is taken up again."""

PATIENCE = 600.0
"""Seconds after which what has not come to rest is given up."""

# Leases and sweeps as by default. Only the waits for a TOM that is down are shorter,
# so that more goes out while this runs.
HURRIED = {"RETRY_SCHEDULE": [1, 2, 3, *[5] * 40], "BACKOFF_LIMIT": 5}

UPLOADERS = 3
LOST_ANSWERS = 0.4
"""Part of the uploads whose answer the client does not wait for, and asks again."""


@dataclass
class Victim:
    """Processes that are killed, with the waits between it, in seconds."""

    tom: Tom
    role: str
    least: float
    most: float
    due: float = 0.0

    def plan(self, chance: random.Random) -> None:
        self.due = time.monotonic() + chance.uniform(self.least, self.most)


@dataclass
class Client:
    """A program that uploads files; it repeats what it got no answer to."""

    url: str
    targets: dict[str, int]
    chance: random.Random
    answers: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    found_there: int = 0
    mistaken: list[str] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def upload(self, file: cargo.File) -> None:
        again = False
        while not self.gone.is_set():
            answer = self._ask(file, self._patience(again))
            self.answers[answer.status_code if answer is not None else 0] += 1
            if answer is not None and answer.status_code < 500:
                return self._judge(file, answer, again)
            again = True
            self.repeated += 1
            time.sleep(0.5)
        return None

    def _patience(self, again: bool) -> float:
        """Return how long an answer is waited for: at times it is lost on the way."""
        loses = not again and self.chance.random() < LOST_ANSWERS
        return self.chance.uniform(0.01, 2) if loses else 60

    def _ask(self, file: cargo.File, patience: float) -> requests.Response | None:
        fields = {
            "target": str(self.targets[file.target]),
            "data_product_type": file.type,
            "product_id": file.name,
            "sha256": file.digest,
        }
        try:
            return requests.post(
                f"{self.url}api/dataproducts/",
                data=fields,
                files={"file": (file.name, file.content)},
                auth=(sky.ACCOUNT, sky.PASSWORD),
                timeout=patience,
            )
        except requests.RequestException:
            return None

    def _judge(self, file: cargo.File, answer: requests.Response, again: bool) -> None:
        body = answer.json()
        if answer.status_code == 200 and body.get("already_exists"):
            self.found_there += 1
            if again and body["sha256"] == file.digest:
                return
        elif answer.status_code == 202:
            return
        self.mistaken.append(f"{file.name}: {answer.status_code} {answer.text[:200]}")


class Chaos:
    """One run."""

    def __init__(self, options: argparse.Namespace, place: Path, database: str) -> None:
        self.options, self.place = options, place
        self.chance = random.Random(options.seed)
        processors = {"TOM_DATA_PROCESSORS": cargo.PROCESSORS}
        self.receiver = Tom("receiver", place, database, **processors)
        self.sender = Tom("sender", place)
        self.reckoning = Reckoning(place, self.sender, self.receiver)
        self.files = cargo.files(options.files, FIELDS, self.chance, "sent")
        self.own_files = [
            file
            for file in cargo.files(OWN_FILES, [*SHARED, *NEW], self.chance, "own")
            if not file.failure
        ]

    # --- the run

    def prepare(self) -> None:
        """Make the TOMs, and what is to be shared."""
        for tom in (self.receiver, self.sender):
            tom.run("accounts")
        known = self.receiver.run("targets", sky.ACCOUNT, *FIELDS, *SHARED)
        names = [*SHARED, *NEW]
        self.sender.run("targets", night.PERSON, *names)
        seed = str(self.options.seed)
        self.sender.run("fill", str(self.options.datums), seed, *names)
        own = self.place / "own"
        cargo.put(self.own_files, own)
        self.sender.run("own_files", str(own))
        entry = {"BASE_URL": self.receiver.url, "USERNAME": sky.ACCOUNT}
        entry["PASSWORD"] = sky.PASSWORD
        self.sender.more["TOM_DATA_SHARING"] = {PEER: entry}
        self.sender.more["TOM_SHARE_WORKER"] = HURRIED
        self.client = Client(self.receiver.url, known, self.chance)
        for role in (BROKER, WEB, WORKER):
            self.receiver.start(role)
        for role in (BROKER, WORKER):
            self.sender.start(role)

    def rage(self) -> None:
        """Kill, while files come and data points go."""
        seconds = self.options.seconds
        until = time.monotonic() + seconds
        names = [*NEW, *SHARED]
        sharing = self.sender.begin("share", PEER, str(0.7 * seconds), *names)
        victims = [
            Victim(self.receiver, WORKER, 4, 14),
            Victim(self.receiver, WEB, 6, 20),
            Victim(self.sender, WORKER, 4, 14),
            Victim(self.receiver, BROKER, 15, 45),
            Victim(self.sender, BROKER, 15, 45),
        ]
        for victim in victims:
            victim.plan(self.chance)
        with ThreadPoolExecutor(UPLOADERS) as uploaders:
            try:
                begun = self._upload(uploaders, 0.7 * seconds)
                while time.monotonic() < until:
                    self._kill_one(victims)
                self._await(lambda: all(one.done() for one in begun), "the uploads")
            finally:
                self.client.gone.set()
        for one in begun:
            one.result()
        havoc.answer_of(sharing)

    def _upload(self, pool: ThreadPoolExecutor, seconds: float) -> list[Future[None]]:
        """Begin to upload the files, one after the other in so many seconds."""
        began = time.monotonic()

        def upload(place: int, file: cargo.File) -> None:
            due = began + seconds * place / len(self.files)
            self.client.gone.wait(max(0, due - time.monotonic()))
            self.client.upload(file)

        return [pool.submit(upload, *pair) for pair in enumerate(self.files)]

    def _kill_one(self, victims: list[Victim]) -> None:
        victim = min(victims, key=lambda one: one.due)
        pause = victim.due - time.monotonic()
        if pause > 0.3:
            time.sleep(0.3)
        else:
            time.sleep(max(0, pause))
            victim.tom.lose(victim.role, self.chance)
            victim.plan(self.chance)
        self.receiver.look()

    def rest(self) -> tuple[float, Counter[str]]:
        """Wait until all has ended; return the seconds and what was set aside."""
        began, aside = time.monotonic(), Counter[str]()
        for _ in range(5):
            self._await(
                lambda: self.sender.is_at_rest() and self.receiver.is_at_rest(),
                "both TOMs to come to rest",
            )
            # Files first: with theirs done, deliveries of files end well, too.
            found = [tom.run("try_again") for tom in (self.receiver, self.sender)]
            again = Counter(found[0]) + Counter(found[1])
            aside += again
            if not again:
                break
        return time.monotonic() - began, aside

    def _await(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                told = "\n".join(tom.tell() for tom in (self.receiver, self.sender))
                raise SystemExit(f"Waited {PATIENCE:g} s in vain for {what}.\n{told}")
            self.receiver.look()
            time.sleep(0.3)

    # --- what came of it

    def check_processes(self, toms: list[Tom], when: str) -> None:
        """Note processes that belong to no living one."""
        ours = {p.popen.pid for tom in toms for p in tom.processes.values()}
        known = set().union(*map(havoc.descendants, ours)) if ours else set()
        time.sleep(3)  # a second for those that look whether their parent lives
        known |= set().union(*map(havoc.descendants, ours)) if ours else set()
        left = [pid for pid in havoc.processes_of(self.place) if pid not in known]
        say(f"processes that are left {when}: {len(left)}")
        self.reckoning.fault(
            [havoc.command(pid) for pid in left], f"processes left {when}"
        )

    def tell_kills(self, rest: float, aside: Counter[str]) -> None:
        for tom in (self.receiver, self.sender):
            kills = ", ".join(f"{n} of its {role}" for role, n in tom.kills.items())
            say(f"killed, {tom.name}: {kills}")
        say(
            f"uploads repeated {self.client.repeated} times, "
            f"{self.client.found_there} of them were there; answers, 0 for none: "
            f"{dict(self.client.answers)}"
        )
        self.reckoning.fault(self.client.mistaken, "answers to uploads")
        outcomes = self.sender.ask(
            "SELECT outcome, count(*) FROM tom_share_worker_attempt GROUP BY outcome"
        )
        say(f"attempts of the sender: {dict(outcomes)}")
        say(f"set aside after three kills, and tried again: {dict(aside)}")
        say(f"at rest {rest:.1f} s after the last kill")
        for what, waits in (
            ("files", self.receiver.waits_of_files()),
            ("deliveries", self.sender.waits_of_deliveries()),
        ):
            longest = max(waits, default=Wait(0, 0, 0))
            in_peace = max((wait.in_peace for wait in waits), default=0.0)
            verdict = "held" if in_peace <= RUNS_AGAIN else "MISSED"
            say(
                f"interrupted {what}: {len(waits)}; run again {in_peace:.1f} s at most "
                f"after the last kill (bar {RUNS_AGAIN:g} s; {verdict}), the longest "
                f"{longest.seconds:.1f} s with {longest.kills} more kills in between"
            )

    def tell_complaints(self) -> None:
        for tom in (self.receiver, self.sender):
            for line, n in sorted(tom.complaints().items()):
                say(f"  in the logs of the {tom.name}, {n} x: {line}")


def run(chaos: Chaos, stack: contextlib.ExitStack) -> None:
    toms = [chaos.receiver, chaos.sender]
    for tom in toms:
        stack.callback(tom.close)
    say(f"{machine.in_words()}; seed {chaos.options.seed}")
    chaos.prepare()
    chaos.rage()
    chaos.check_processes(toms, "after the kills")
    rest, aside = chaos.rest()
    chaos.tell_kills(rest, aside)
    everything = [*chaos.files, *chaos.own_files]
    chaos.reckoning.compare(everything, [*FIELDS, *SHARED, *NEW])
    for tom in toms:
        tom.close()
    chaos.check_processes([], "at the end")
    chaos.tell_complaints()
    say(machine.in_words())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="of killing")
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--datums", type=int, default=20_000, help="data points")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # with all processes
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres.server()) if options.postgres else ""
        chaos = Chaos(options, place, database)
        run(chaos, stack)
    faults = chaos.reckoning.faults
    for fault in faults:
        say(f"WRONG {fault}")
    say("nothing lost, nothing doubled" if not faults else "NOT as it should be")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
