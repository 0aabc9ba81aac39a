"""How everything stands: `shares status` and `shares health`."""

from __future__ import annotations

import json
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.management.shares import (
    NEEDS_A_PERSON,
    NOT_WORKING,
    REFUSED,
    WELL,
    plain,
)
from tom_share_worker.models import IngestJob, Share, Worker
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.operating import backlog, metrics
from tom_share_worker.operating.health import NO_DATABASE, Health, Verdict, look
from tom_share_worker.operating.times import clock, count, span
from tom_share_worker.operating.vocabulary import Rows, WrongFilter, cleaned
from tom_share_worker.status import notices

SAID = {
    Verdict.OK: "Sharing works.",
    Verdict.DEGRADED: "Sharing works, and something needs a person.",
    Verdict.DOWN: "Sharing does not work.",
}


def health(command: BaseCommand, options: dict[str, Any]) -> int:
    """Say whether sharing works; with --worker, whether that worker lives."""
    if options["worker"] is not None:
        return _worker(command, options["worker"] or socket.gethostname())
    found = look()
    if options["json"]:
        command.stdout.write(json.dumps({"status": found.status, **_checks(found)}))
    else:
        command.stdout.write(SAID[found.status])
        _tell(command, found, all_of_it=False)
    return NOT_WORKING if found.status == Verdict.DOWN else WELL


def _worker(command: BaseCommand, host: str) -> int:
    """For a liveness probe: a database that is away is no reason to restart."""
    now = timezone.now()
    try:
        rows = Worker.objects.filter(name__endswith=f"@{host}").order_by("-seen")
        last = rows.values_list("seen", flat=True).first()
    except DatabaseError:
        command.stdout.write(f"{NO_DATABASE} Restarting the worker would not help.")
        return WELL
    if last is None:
        command.stdout.write(f"No worker on {host} has ever given a sign.")
        return NOT_WORKING
    command.stdout.write(
        f"The worker on {host} gave its last sign at {clock(last, now)} "
        f"({span(now - last)} ago)."
    )
    return WELL if last >= now - SEEN_RECENTLY else NOT_WORKING


def status(command: BaseCommand, options: dict[str, Any]) -> int:
    """Say how everything stands, in sentences or for programs."""
    try:
        since = cleaned(Rows.SHARES, {"since": options["since"]})["since"]
    except (WrongFilter, KeyError) as wrong:
        raise CommandError(f"--since: {wrong}", returncode=REFUSED) from wrong
    found = look()
    told: dict[str, Any] = {"status": found.status, **_checks(found)}
    if found.checks[0].name not in ("database", "settings"):
        told |= _numbers() | {"failed": _failed(since)}
    if options["json"]:
        command.stdout.write(json.dumps(told))
    else:
        command.stdout.write(f"{conf.tom_name()}: {SAID[found.status]}")
        _tell(command, found, all_of_it=True)
        _tell_numbers(command, told)
    if found.status == Verdict.DOWN:
        return NOT_WORKING
    failed = any(told["failed"][name] for name in ("shares", "incoming"))
    return NEEDS_A_PERSON if failed or found.status == Verdict.DEGRADED else WELL


def _checks(found: Health) -> dict[str, Any]:
    return {
        "checks": [
            {"name": one.name, "status": one.status, "detail": one.sentence}
            for one in found.checks
        ]
    }


def _tell(command: BaseCommand, found: Health, *, all_of_it: bool) -> None:
    style = {
        Verdict.OK: command.style.SUCCESS,
        Verdict.DEGRADED: command.style.WARNING,
        Verdict.DOWN: command.style.ERROR,
    }
    width = max(map(len, Verdict))
    for one in found.checks:
        if all_of_it or one.status != Verdict.OK:
            mark = style[one.status](one.status.ljust(width))
            command.stdout.write(f"  {mark}  {plain(one.sentence)}")


def _numbers() -> dict[str, Any]:
    """Return the figures that machines get, by what they are about."""
    figures = {name: dict(samples) for name, samples in metrics.figures().items()}
    queues = backlog.destinations(timezone.now())
    deliveries, due = figures["deliveries"], figures["deliveries_due"]
    ages = figures["deliveries_oldest_due_age_seconds"]
    return {
        "workers": {work: int(n) for (work,), n in figures["workers"].items()},
        "destinations": [
            {
                "destination": row.key,
                "name": str(row),
                "state": notices.state_word(row).lower(),
                "note": plain(notices.destination_note(row, to_keeper=True)),
                "due": int(due.get((row.key,), 0)),
                "oldest_due_age_seconds": round(ages.get((row.key,), 0.0)),
                "deliveries": {
                    state: int(n)
                    for (key, state), n in deliveries.items()
                    if key == row.key
                },
            }
            for row in (queue.destination for queue in queues)
        ],
        "shares": {state: int(n) for (state,), n in figures["shares"].items()},
        "incoming": {state: int(n) for (state,), n in figures["ingest_jobs"].items()},
        "bulk_actions": {
            state: int(n) for (state,), n in figures["bulk_actions"].items()
        },
    }


def _failed(since: str) -> dict[str, Any]:
    shares = Share.objects.filter(
        status__in=[Share.Status.FAILED, Share.Status.PARTLY], ended__gte=since
    )
    jobs = IngestJob.objects.filter(status=IngestJob.Status.FAILED, ended__gte=since)
    return {"since": since, "shares": shares.count(), "incoming": jobs.count()}


def _tell_numbers(command: BaseCommand, told: dict[str, Any]) -> None:
    if "failed" not in told:
        return
    say = command.stdout.write
    say("Destinations:")
    for one in told["destinations"]:
        said = f"  {one['destination']}: {one['state']}, {_counts(one['deliveries'])}"
        say(f"{said}. {one['note']}".rstrip())
    if not told["destinations"]:
        say("  Nothing was sent to any yet.")
    say(f"Shares: {_counts(told['shares'])}.")
    say(f"Incoming files: {_counts(told['incoming'])}.")
    failed = told["failed"]
    if failed["shares"] or failed["incoming"]:
        _tell_failed(command, failed)


def _tell_failed(command: BaseCommand, failed: dict[str, Any]) -> None:
    """Say how much failed, and which commands show what, and why."""
    since = f"{failed['since'][:16]}Z"
    say = command.stdout.write
    say(
        f"Since {since} {count(failed['shares'], 'share')} failed, wholly or in part, "
        f"and {count(failed['incoming'], 'incoming file')}."
    )
    listing = "manage.py shares list"
    if failed["shares"]:
        these = '--status failed --status "partly delivered"'
        say(f"  Which shares: `{listing} shares {these} --ended-since {since}`")
        say(f"  Why, of each: `{listing} --share ID`")
    if failed["incoming"]:
        these = f"--status failed --ended-since {since}"
        say(f"  Which files, and why: `{listing} incoming {these}`")


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in numbers.items() if n) or "none"
