"""What came of a chaos run: the databases and files of its TOMs, compared.

Called by `chaos`. Whatever is not as it should be is told in words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks import cargo, sky
from tests.benchmarks.havoc import Tom
from tests.benchmarks.machine import say

_STATUSES = "SELECT status FROM tom_share_worker_{}"


class Reckoning:
    """Compares what a receiver holds with what was sent to it."""

    def __init__(self, place: Path, sender: Tom, receiver: Tom) -> None:
        self.place, self.sender, self.receiver = place, sender, receiver
        self.faults: list[str] = []

    def fault(self, found: Iterable[Any], what: str) -> None:
        """Note what is wrong."""
        self.faults += [f"{what}: {one}" for one in found]

    def compare(self, everything: list[cargo.File], targets: list[str]) -> None:
        """Compare what is there with what was sent; note what is wrong."""
        calm = Tom("calm", self.place, TOM_DATA_PROCESSORS=cargo.CALM)
        calm.run("accounts")
        calm.run("targets", sky.ACCOUNT, *targets)
        cargo.put(everything, self.place / "all")
        unread = set(calm.run("process_calmly", str(self.place / "all")))
        broken = {file.name for file in everything if file.failure}
        self.fault(unread ^ broken, "not as the files were meant to be")
        held, sent, read = (
            tom.run("holds") for tom in (self.receiver, self.sender, calm)
        )
        calm.close()
        self._compare("targets", targets, held["targets"])
        files = [[file.digest, file.target, file.type] for file in everything]
        self._compare("files", files, [row[:3] for row in held["products"]])
        stray = self._stray(row[3] for row in held["products"])
        say(f"  files that belong to nothing: {stray} (of killed uploads)")
        by_file = [row for row in held["rows"] if row[2]]
        alone = [row for row in held["rows"] if not row[2]]
        self._compare("rows of files", [r for r in read["rows"] if r[2]], by_file)
        points = [row for row in sent["rows"] if not row[2]]
        self._compare("data points", points, alone)
        self._check_jobs(everything, Counter(row[2] for row in by_file))
        self._check_ledger(len(points))

    def _compare(self, what: str, sent: list[Any], held: list[Any]) -> None:
        expected, found = (
            Counter(json.dumps(row, sort_keys=True) for row in rows)
            for rows in (sent, held)
        )
        lost, more = expected - found, found - expected
        doubled = sum(n for row, n in more.items() if row in expected)
        strange = more.total() - doubled
        say(
            f"{what:15}{expected.total():8,} sent {found.total():8,} there; "
            f"{lost.total()} lost, {doubled} doubled, {strange} strange"
        )
        for kind, rows in (("lost", lost), ("too many", more)):
            self.fault([row[:300] for row in list(rows)[:3]], f"{what} {kind}")

    def _stray(self, known: Any) -> int:
        """Return how many files of the storage no product has."""
        media = (self.receiver.place / "media").rglob("*")
        there = {
            str(path) for path in media if path.is_file() and path.suffix != ".log"
        }
        return len(there - set(known))

    def _check_jobs(self, files: list[cargo.File], rows: Counter[str]) -> None:
        failures = {file.digest: file.failure for file in files}
        jobs = self.receiver.ask(
            "SELECT id, sha256, status, failure, datum_count, new_count, note"
            " FROM tom_share_worker_ingestjob"
        )
        wrong = []
        for pk, digest, status, failure, _, new, note in jobs:
            meant = failures.get(digest)
            due = ("failed", meant) if meant else ("done", "")
            if meant is None or (status, failure) != due or new != rows[digest]:
                wrong.append(f"job {pk}: {status} {failure}, {new} new; {note}")
        ended = Counter(status for _, _, status, *_ in jobs)
        say(f"jobs: {dict(ended)}, of which {len(wrong)} are not as expected")
        self.fault(wrong, "jobs")
        if len(jobs) != len(files):
            self.fault([f"{len(jobs)} jobs for {len(files)} files"], "jobs")

    def _check_ledger(self, points: int) -> None:
        told = self.sender.run("ledger")
        say(f"ledger: {told['points']:,} data points, {told['fates']}")
        fates = told["fates"]
        arrived = fates.get("delivered", 0) + fates.get("already there", 0)
        if not arrived == told["points"] == points:
            told["wrong"].append(f"{arrived} of {points} arrived by the ledger")
        self.fault(told["wrong"], "ledger")
        ended = Counter(
            status for (status,) in self.sender.ask(_STATUSES.format("share"))
        ) + Counter(
            status for (status,) in self.sender.ask(_STATUSES.format("delivery"))
        )
        if set(ended) != {"delivered"}:
            self.fault([str(dict(ended))], "shares and deliveries")
