"""`manage.py share`: asks for a share by names, and follows it if told to.

For people at a terminal, and for scripts, which read the exit status.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from tom_share_worker import conf
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import names, wishes
from tom_share_worker.delivery.asking.outbox import ID_LIMIT
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share
from tom_share_worker.status import causes, notices, overview

ARRIVED, NOT_ARRIVED, REFUSED, STILL_UNDER_WAY = 0, 1, 2, 3
"""The exit statuses. Python's own for wrong options is 2 as well."""

PAUSE = 0.5
"""Seconds between two looks at a share that is followed."""

EPILOG = (
    "Exit status: 0 asked for, or with --wait all has arrived; 1 not all has arrived; "
    "2 refused, nothing was asked for; 3 still under way after --timeout."
)


OPTIONS = {
    "targets": "--target-id",
    "target_list": "--list",
    "with_target": "--without-target",
    PRODUCTS: "--data-product",
}
"""The options that are called otherwise than the fields of a wish."""


class Command(BaseCommand):
    """Ask for a share, by names."""

    help = "Shares targets and data with another TOM, in the background."

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Tell the exit statuses below the options."""
        return super().create_parser(*args, epilog=EPILOG, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--to", required=True, help="A key of DATA_SHARING.")
        parser.add_argument("--user", required=True, help="Who shares: an account.")
        what = parser.add_argument_group("what to share; options may be repeated")
        what.add_argument("--target", action="append", default=[], metavar="NAME")
        what.add_argument("--target-id", action="append", default=[], metavar="ID")
        what.add_argument("--list", action="append", default=[], metavar="NAME")
        what.add_argument("--list-id", action="append", default=[], metavar="ID")
        for kind in ("data-product", *DATUM_KINDS):
            what.add_argument(
                f"--{kind}", action="extend", default=[], nargs="+", metavar="ID"
            )
        what.add_argument(
            "--with-data", action="store_true", help="All data points, too."
        )
        what.add_argument(
            "--with-products", action="store_true", help="All data products, too."
        )
        what.add_argument(
            "--without-target", action="store_true", help="Only data of the target."
        )
        text = parser.add_argument_group("text of a message")
        for name in ("title", "message", "authors"):
            text.add_argument(f"--{name}", default="")
        parser.add_argument(
            "--wait", action="store_true", help="Follow it until it has ended."
        )
        parser.add_argument(
            "--timeout", type=_seconds, metavar="SECONDS", help="Follow it no longer."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, tell where it can be followed, and follow it if told to."""
        try:
            share = self._post(options)
        except (ShareRefused, ConfigurationError) as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from refusal
        page = share.get_absolute_url()
        public = (conf.settings().PUBLIC_URL or "").rstrip("/")
        self._say(
            f"Share {share.pk}: {share.subject} goes to {share.destination_name}, in "
            f"the background. Its page: {public}{page}"
        )
        if options["wait"] or options["timeout"] is not None:
            self._follow(share.pk, options["timeout"])

    def _post(self, options: dict[str, Any]) -> Share:
        user = names.account(options["user"])
        if options["to"] not in conf.choices():
            known = ", ".join(permissions.destinations(user)) or "none"
            raise ShareRefused(
                f"There is no destination {options['to']!r} in DATA_SHARING. "
                f"Those for {user}: {known}."
            )
        text = {name: options[name] for name in ("title", "message", "authors")}
        origin = Share.Origin.COMMAND
        wish = _wish(user, options)
        return wishes.post(user, options["to"], wish, **text, origin=origin)

    def _follow(self, pk: int, timeout: float | None) -> None:
        """Tell each change of a share until it ends; leave by its exit status."""
        deadline = None if timeout is None else time.monotonic() + timeout
        told = ""
        try:
            while True:
                share = Share.objects.defer("selection").get(pk=pk)
                now = _standing(share)
                if now != told:
                    self._say(now)
                    told = now
                if share.is_ended:
                    break
                if deadline is not None and time.monotonic() > deadline:
                    raise CommandError(
                        "It is still under way, and goes on in the background.",
                        returncode=STILL_UNDER_WAY,
                    )
                time.sleep(PAUSE)
                close_old_connections()
        except KeyboardInterrupt:
            self._say("It goes on in the background; its page tells how far it is.")
            raise SystemExit(130) from None
        self._tell_end(share)

    def _tell_end(self, share: Share) -> None:
        if share.status == Share.Status.DELIVERED:
            return
        tally = overview.tally(share)
        reasons = [
            f"{cause.title} ({cause.count}): {cause.cure}"
            for cause in causes.of_tally(tally)
        ]
        raise CommandError(
            "\n".join([f"The share is {share.status}.", *reasons]),
            returncode=NOT_ARRIVED,
        )

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()  # in a script's log it would appear at the end only


def _wish(user: Any, options: dict[str, Any]) -> wishes.Wish:
    """Read the options; names become ids of what the person may view."""
    pks = [names.target(user, name) for name in options["target"]]
    pks += _ids(options["target_id"], "target-id")
    lists = [names.target_list(user, name) for name in options["list"]]
    lists += _ids(options["list_id"], "list-id")
    if len(lists) > 1:
        raise ShareRefused("One share takes one target list; ask for each by itself.")
    target_list = lists[0] if lists else None
    several = len(pks) > 1 or target_list is not None
    selection = {kind: _ids(options[kind], kind) for kind in DATUM_KINDS}
    selection[PRODUCTS] = _ids(options["data_product"], "data-product")
    return wishes.Wish(
        target=pks[0] if pks and not several else None,
        targets=pks if several else (),
        target_list=target_list,
        selection=selection,
        with_target=False if options["without_target"] else None,
        with_data=options["with_data"],
        with_products=options["with_products"],
        called=_option,
    )


def _option(field: str) -> str:
    """Return the option by which people give what programs name by a field."""
    return OPTIONS.get(field) or f"--{field.replace('_', '-')}"


def _seconds(text: str) -> float:
    """Read a time that one can wait for."""
    seconds = float(text)
    if not seconds > 0:
        raise ArgumentTypeError(f"{text} is no time to wait; give seconds above 0.")
    return seconds


def _ids(given: list[str], kind: str) -> list[int]:
    """Read ids with spaces or commas between them."""
    words = [word for text in given for word in text.replace(",", " ").split()]
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) < ID_LIMIT):
            raise ShareRefused(f"--{kind} takes ids, such as 12,15; {word!r} is none.")
    return [int(word) for word in words]


def _standing(share: Share) -> str:
    """Say how far a share is, and what holds it up."""
    progress = overview.progress(share, overview.tally(share))
    said = [f"{progress.percent} %, {progress.status}.", *progress.sentences]
    said += [progress.note] if progress.note else []
    if not progress.ended:
        said += [notices.destination_note(notices.state(share.destination))]
        said += [notices.worker_note()]
    return " ".join(filter(None, said))
