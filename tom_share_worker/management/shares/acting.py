"""Rows, and what is done with them: `shares list`, `retry`, `cancel`, `reprocess`."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.db.models import Count

from tom_share_worker.delivery.asking import names
from tom_share_worker.management.shares import (
    NEEDS_A_PERSON,
    NOT_WORKING,
    REFUSED,
    WELL,
    plain,
)
from tom_share_worker.management.shares.options import KINDS, filters
from tom_share_worker.models import BulkAction, Delivery, IngestJob, Share
from tom_share_worker.operating import bulk, matching, wording
from tom_share_worker.operating.vocabulary import WrongFilter, cleaned
from tom_share_worker.status import notices

PAUSE = 0.5
"""Seconds between two looks at a bulk action that is followed."""

_ALL: dict[str, Any] = {
    "shares": Share.objects.defer("selection"),
    "deliveries": Delivery.objects.defer("ledger").select_related("data_product"),
    "incoming": IngestJob.objects.all(),
}

_TOLD = {
    "shares": ("status", "destination", "subject", "created", "note"),
    "deliveries": ("status", "failure", "destination", "what", "created", "note"),
    "incoming": ("status", "failure", "file_name", "created", "note"),
}
"""What is told of each row after its id."""


def listing(command: BaseCommand, options: dict[str, Any]) -> int:
    """Print the rows that match, the newest first."""
    kind = options["rows"]
    try:
        found = matching.narrowed(KINDS[kind], filters(options), _ALL[kind].all(), None)
    except WrongFilter as wrong:
        raise _refused(wrong) from wrong
    shown = list(found.order_by("-pk")[: options["limit"]])
    for row in shown:
        told = {name: str(getattr(row, name)) for name in _TOLD[kind]}
        if options["json"]:
            command.stdout.write(json.dumps({"id": row.pk, **told}))
        else:
            words = [str(row.pk), *(plain(word) or "-" for word in told.values())]
            command.stdout.write("  ".join(words))
    if not options["json"]:
        total = wording.counted(found.count(), KINDS[kind])
        command.stdout.write(f"{total}, {len(shown):,} shown.")
    return WELL


def act(command: BaseCommand, options: dict[str, Any]) -> int:
    """Do something with all rows that match, in the background."""
    rows = KINDS[options["rows"]]
    try:
        kept = cleaned(rows, filters(options))
        if not kept and not options["all"]:
            raise CommandError(
                f"Say which {rows} to {options['what']}, such as --status failed, or "
                f"give --all.",
                returncode=REFUSED,
            )
        user = names.account(options["user"])
        if options["dry_run"]:
            return _count(command, rows, kept, user)
        action = bulk.ask(user, options["what"], rows, kept)
    except WrongFilter as wrong:
        raise _refused(wrong) from wrong
    total = wording.counted(action.total, rows)
    match = "matches" if action.total == 1 else "match"
    command.stdout.write(f"Bulk action {action.pk}: {action}. {total} {match}.")
    if options["wait"] or options["timeout"] is not None:
        return _follow(command, action, options["timeout"])
    command.stdout.write(
        f"It is done in the background. {notices.worker_note()}".strip()
    )
    return WELL


def _refused(wrong: WrongFilter) -> CommandError:
    option = {"user": "by", "ids": "id"}.get(wrong.name, wrong.name.replace("_", "-"))
    return CommandError(f"--{option}: {wrong}", returncode=REFUSED)


def _count(command: BaseCommand, rows: str, kept: dict[str, Any], user: Any) -> int:
    found = matching.matches(rows, kept, user).order_by()
    tally = found.values_list("status").annotate(n=Count("pk")).order_by("status")
    said = ", ".join(f"{n:,} {status}" for status, n in tally)
    which = wording.described(rows, kept)
    command.stdout.write(f"{which[0].upper()}{which[1:]}: {said or 0}.")
    command.stdout.write("Nothing was done.")
    return WELL


def _follow(command: BaseCommand, action: BulkAction, timeout: float | None) -> int:
    """Tell how far it is until it ends; Ctrl-C ends the command and not the action."""
    deadline = None if timeout is None else time.monotonic() + timeout
    told = ""
    try:
        while True:
            action.refresh_from_db()
            now = f"{action.done_count + action.left_count:,} of {action.total:,}"
            if now != told and not action.is_ended:
                told = now
                _say(command, f"{now}. {notices.worker_note()}".strip())
            if action.is_ended:
                break
            if deadline is not None and time.monotonic() > deadline:
                _say(command, "It is still under way, and goes on in the background.")
                return NOT_WORKING
            time.sleep(PAUSE)
            close_old_connections()
    except KeyboardInterrupt:
        _say(command, "It goes on in the background.")
        raise SystemExit(130) from None
    _say(command, plain(action.note))
    whole = action.status == BulkAction.Status.DONE and not action.left_count
    return WELL if whole else NEEDS_A_PERSON


def _say(command: BaseCommand, sentence: str) -> None:
    command.stdout.write(sentence)
    command.stdout.flush()  # in a script's log it would appear at the end only
