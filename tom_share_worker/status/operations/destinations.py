"""Each destination with its state, its queue and its failures; a part of the overview.

Called by `live`, which counts; here numbers become rows in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from tom_share_worker import conf
from tom_share_worker.delivery import findings
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import ConnectionTest, Destination
from tom_share_worker.status import notices, words
from tom_share_worker.status.operations import counts
from tom_share_worker.status.operations.counts import Failed, Queue
from tom_share_worker.status.operations.queue import since


@dataclass(frozen=True)
class Row:
    """One destination as the overview shows it."""

    key: str
    name: str
    known: bool
    """False for one that DATA_SHARING no longer names, and of which rows are left."""
    state: str
    note: str
    queue: Queue
    oldest: str
    failed: int
    failed_lately: int
    answered: str
    protocol: str
    test: str
    test_pk: int | None

    @property
    def waiting(self) -> str:
        """Say how much waits, and how much is under way."""
        queue = self.queue
        said = [f"{queue.due + queue.later:,}"]
        if queue.under_way:
            said.append(f"{queue.under_way:,} being sent")
        return ", ".join(said)

    @property
    def failed_words(self) -> str:
        """Say how much failed, lately and in all."""
        if self.failed == self.failed_lately:
            return f"{self.failed_lately:,}"
        return f"{self.failed_lately:,} ({self.failed:,} in all)"

    @property
    def pauses(self) -> bool:
        """True where there is something to pause."""
        return self.known and self.state != "Paused"

    @property
    def resumes(self) -> bool:
        """True where there is something to resume."""
        return self.known and self.state != "Open"


@dataclass(frozen=True)
class Counted:
    """What was counted of all destinations, by their keys with topics."""

    states: Sequence[Destination]
    queues: Mapping[str, Queue]
    failed: Sequence[Failed]


def rows(counted: Counted, now: datetime) -> list[Row]:
    """Return the destinations of DATA_SHARING in its order, then what is left of
    others."""
    try:
        keys = conf.destination_keys()
    except ConfigurationError:
        keys = []
    left = {_key(key) for key in counted.queues}
    left |= {_key(row.destination) for row in counted.failed}
    tests = _last_tests()
    return [
        *(_row(key, True, counted, tests.get(key), now) for key in keys),
        *(_row(key, False, counted, None, now) for key in sorted(left - set(keys))),
    ]


def closed(states: Iterable[Destination], now: datetime) -> dict[str, Destination]:
    """Return the destinations that take nothing now."""
    return {
        row.key: row
        for row in states
        if row.paused or (row.retry_at is not None and row.retry_at > now)
    }


def _key(name: str) -> str:
    return name.partition(":")[0]


def _last_tests() -> dict[str, ConnectionTest]:
    last = ConnectionTest.objects.order_by().values("destination")
    pks = last.annotate(last=Max("pk")).values("last")
    found = ConnectionTest.objects.filter(pk__in=pks)
    return {test.destination: test for test in found}


def _row(
    key: str,
    known: bool,
    counted: Counted,
    test: ConnectionTest | None,
    now: datetime,
) -> Row:
    """Sum up one destination; of several topics, the state of the one in trouble."""
    states = [row for row in counted.states if _key(row.key) == key]
    queues = [queue for name, queue in counted.queues.items() if _key(name) == key]
    failed = [row for row in counted.failed if _key(row.destination) == key]
    troubled = [row for row in states if row.paused or row.failures]
    state = next(iter([*troubled, *states]), None)
    queue = counts.together(queues)
    return Row(
        key=key,
        name=conf.display_name(key),
        known=known,
        state=notices.state_word(state) if known else "Not in DATA_SHARING",
        note=notices.destination_note(state, to_keeper=True) if known else _LEFT,
        queue=queue,
        oldest=since(queue.oldest, now),
        failed=sum(row.count for row in failed),
        failed_lately=sum(row.lately for row in failed),
        answered=_answered(states, now),
        protocol=_protocol(key, states) if known else "",
        test=_test(test, now),
        test_pk=test.pk if test else None,
    )


_LEFT = (
    "DATA_SHARING in settings.py no longer names it. Name it there again, or cancel "
    "what waits."
)


def _answered(states: Iterable[Destination], now: datetime) -> str:
    last = max((row.answered for row in states if row.answered), default=None)
    if last is None:
        return "never"
    return f"{words.span(now - last)} ago ({words.clock(last, now)})"


def _protocol(key: str, states: Sequence[Destination]) -> str:
    """Say whether it speaks the protocol of this app: whole batches, each answered."""
    if conf.kind(key) != conf.TOM:
        return "not a TOM"
    if any(row.peer for row in states):
        return "runs this app, takes batches"
    asked = any(row.peer_asked or row.peer is not None for row in states)
    return "takes data points one by one" if asked else "not asked yet what it takes"


def _test(test: ConnectionTest | None, now: datetime) -> str:
    if test is None:
        return ""
    if test.ended is None:
        return "being tested"
    found = findings.read(test.findings)
    ago = f"{words.span(now - test.ended)} ago"
    if findings.is_well(found):
        return f"all well {ago}"
    trouble = sum(one.found is findings.Found.TROUBLE for one in found)
    return f"{words.count(trouble, 'thing')} to mend, found {ago}"
