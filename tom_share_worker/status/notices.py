"""Why things wait: the sentences about workers and destinations that pages show.

Called by the pages and tables; reads the rows `Worker` and `Destination`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html

from tom_share_worker.delivery import gate
from tom_share_worker.models import Delivery, Destination, Failure, Worker
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.operating.destinations import MEND_ACCOUNT
from tom_share_worker.status import words

_START = (
    "Start one with `python manage.py share_worker`; if one runs, its log says why it "
    "cannot reach its message broker."
)


GO_NOW = "will be sent now"


def worker_note(reader: Any = None) -> str:
    """Say that no worker is there to send, or nothing when one is alive.

    A reader who cannot start one is told whom to ask.
    """
    last = Worker.last_seen(delivers=True)
    return _no_worker("No worker", last, "Shares wait", reader)


def ingest_worker_note(reader: Any = None) -> str:
    """Say that no worker is there to process incoming data, or nothing when one is."""
    last = Worker.last_seen(ingests=True)
    nobody = "No worker that processes incoming data"
    return _no_worker(nobody, last, "Uploaded files wait", reader)


def _no_worker(nobody: str, last: datetime | None, waits: str, reader: Any) -> str:
    now = timezone.now()
    if last is None:
        note = f"{nobody} has ever been seen."
    elif last >= now - SEEN_RECENTLY:
        return ""
    else:
        note = (
            f"{nobody} has been seen since {words.clock(last, now)} "
            f"({words.span(now - last)} ago)."
        )
    note = f"{note} {waits} and nothing is lost. {_START}"
    if reader is not None and not reader.is_staff:
        note += " Tell whoever runs this TOM."
    return note


def marked_up(note: str) -> str:
    """Show the command in a note as one, where it is not read as plain text."""
    before, *command = note.split("`")
    if not command:
        return note
    return format_html("{}<code>{}</code>{}", before, *command)


def state(key: str) -> Destination | None:
    """Return what is known of a destination; None before its first delivery."""
    return Destination.objects.select_related("paused_by").filter(key=key).first()


def destination_note(
    destination: Destination | None, *, to_keeper: bool = False
) -> str:
    """Say why a destination takes nothing now, or nothing when it is open.

    Those who keep destinations are told what they can do themselves, on their pages.
    """
    if destination is None:
        return ""
    if destination.paused:
        return _paused(destination, MEND_ACCOUNT if to_keeper else _ASK)
    if not destination.failures:
        return ""
    now = timezone.now()
    said = [words.sentence(destination.note)]
    if destination.answered is None:
        said.append("It has never answered.")
    else:
        said.append(f"It last answered at {words.clock(destination.answered, now)}.")
    if destination.retry_at is not None and destination.retry_at > now:
        said.append(
            f"The next try is at {words.clock(destination.retry_at, now)} (in "
            f"{words.span(destination.retry_at - now)}); Retry tries at once."
        )
    else:
        said.append("It is being tried again now.")
    return " ".join(filter(None, said))


def go_again(count: int, keys: Collection[str]) -> str:
    """Say of what was retried when it goes, to be put after how many there are."""
    found = Destination.objects.filter(key__in=keys, paused=True)
    paused = sorted(map(str, found))
    if not paused:
        return GO_NOW
    names = " and ".join(paused)
    resumed = f"{names} {'is' if len(paused) == 1 else 'are'} resumed"
    if len(paused) < len(set(keys)):
        return f"{GO_NOW}, but what is for {names} waits until {resumed}"
    wait, go = ("waits", "goes") if count == 1 else ("wait", "go")
    return f"{wait} again, and {go} when {resumed}"


def state_word(destination: Destination | None) -> str:
    """Say in a word whether a destination takes deliveries."""
    if destination is None:
        return "Open"
    if destination.paused:
        return "Paused"
    if backs_off(destination):
        return "Backing off"
    return "Down" if destination.failures else "Open"


def takes_nothing(destination: Destination | None) -> bool:
    """True while nothing goes there: it is paused, or backs off."""
    return destination is not None and not gate.is_open(destination, timezone.now())


def refuses_us(destination: Destination | None) -> bool:
    """True while it is paused as it refused our account: a Retry opens it."""
    return destination is not None and destination.refuses_us


def closed_keys() -> list[str]:
    """Return the destinations to which nothing goes now, in one query."""
    closed = Q(paused=True) | Q(retry_at__gt=timezone.now())
    return list(Destination.objects.filter(closed).values_list("key", flat=True))


def backs_off(destination: Destination) -> bool:
    """True while nothing is tried there, because it was found down."""
    return destination.retry_at is not None and destination.retry_at > timezone.now()


_ASK = Failure.CREDENTIALS_REFUSED.cure


def _paused(destination: Destination, cure: str) -> str:
    note = words.sentence(destination.note)
    if not destination.paused_by_person:
        return f"Deliveries to {destination} are paused. {note} Nothing is lost. {cure}"
    by = destination.paused_by
    person = by.get_username() if by else "an administrator"
    # The default note only repeats who it was.
    reason = "" if note == f"Paused by {person}." else f" {note}"
    return (
        f"Deliveries to {destination} were paused by {person}.{reason} Nothing is "
        f"lost: they go on when an administrator of this TOM resumes them."
    )


def next_attempt(delivery: Delivery, destination: Destination | None) -> str:
    """Say when a delivery is tried next, or nothing where it is not to be."""
    if delivery.status == Delivery.Status.SENDING:
        return "under way"
    if delivery.status != Delivery.Status.QUEUED:
        return ""
    now = timezone.now()
    # `target_status` is what `tables.with_target` adds.
    if getattr(delivery, "target_status", None) not in (
        None,
        Delivery.Status.DELIVERED,
    ):
        return "when its target has arrived"
    if destination is not None and destination.paused:
        if destination.refuses_us:
            return "when Retry is pressed"
        return "when the destination is resumed"
    time = delivery.next_attempt_at
    if destination is not None and destination.retry_at:
        time = max(time, destination.retry_at)
    if time <= now:
        return "as soon as a worker is free"
    return f"in {words.span(time - now)} ({words.clock(time, now)})"
