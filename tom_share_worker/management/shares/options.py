"""The options of `manage.py shares`."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from tom_share_worker.models import BulkAction
from tom_share_worker.values import SHORTEST_RETENTION

Rows = BulkAction.Rows

KINDS = {
    "shares": Rows.SHARES,
    "deliveries": Rows.DELIVERIES,
    "incoming": "ingest jobs",
}
"""What the command calls the rows."""

REPEATED = ("status", "destination", "failure", "kind", "origin")
TIMES = (
    *("since", "until", "created_since", "created_until"),
    *("ended_since", "ended_until"),
)
"""Options that are filters under the same name."""

SINGLE = ("share", "search")

EPILOG = (
    "Exit status: 0 all is well, or done; 1 something needs a person (health: still "
    "0), or with --wait not all was done; 2 wrong options, nothing was done; 3 sharing "
    "does not work, or not done yet after --timeout."
)


def declare(parser: ArgumentParser) -> None:
    """Declare the subcommands, each with its options."""
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    status = _verb(verbs, "status", told="How everything stands.")
    status.add_argument("--json", action="store_true", help="For programs.")
    status.add_argument(
        "--since", default="24h", help="What failed since then (default: %(default)s)."
    )
    _health(verbs)
    listing = _verb(verbs, "list", told="Rows that match a filter.")
    _filters(listing, tuple(KINDS), "deliveries")
    listing.add_argument("--limit", type=_count, default=50, help="How many at most.")
    listing.add_argument("--json", action="store_true", help="A JSON object a line.")
    _acting(verbs, "retry", "Send again.", ("deliveries", "shares"))
    _acting(verbs, "cancel", "Send or process no more.", (*list(KINDS)[::-1],))
    _acting(verbs, "reprocess", "Read incoming files again.", ("incoming",))
    _steering(verbs)
    prune = _verb(verbs, "prune", told="Delete what ended long ago.")
    prune.add_argument(
        "--older-than", type=length, metavar="90d", help="Default: RETENTION."
    )
    prune.add_argument("--dry-run", action="store_true", help="Only count.")


def _verb(verbs: Any, name: str, told: str) -> ArgumentParser:
    """Declare a subcommand; its help tells the exit statuses, too."""
    parser: ArgumentParser = verbs.add_parser(
        name, help=told, description=told, epilog=EPILOG
    )
    return parser


def _health(verbs: Any) -> None:
    health = _verb(verbs, "health", told="Does sharing work? For probes.")
    health.add_argument(
        "--worker",
        nargs="?",
        const="",
        metavar="HOST",
        help="Ask only for a sign of the worker on a host (default: this one).",
    )
    health.add_argument("--json", action="store_true", help="For programs.")


def _acting(verbs: Any, verb: str, told: str, rows: tuple[str, ...]) -> None:
    parser = _verb(verbs, verb, told=told)
    _filters(parser, rows, rows[0] if verb != "cancel" else "deliveries")
    parser.add_argument("--all", action="store_true", help="Without any filter.")
    parser.add_argument("--user", required=True, help="Who does it: an account.")
    parser.add_argument("--dry-run", action="store_true", help="Only count.")
    parser.add_argument("--wait", action="store_true", help="Until it is done.")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="Wait no longer."
    )


def _filters(parser: ArgumentParser, rows: tuple[str, ...], default: str) -> None:
    parser.add_argument(
        "rows",
        nargs="?",
        choices=rows,
        default=default,
        help="Which rows (default: %(default)s).",
    )
    group = parser.add_argument_group(
        "filter", "All must hold; of an option that is repeated, one of its values."
    )
    for name in REPEATED:
        group.add_argument(f"--{name}", action="append")
    group.add_argument("--share", metavar="ID")
    group.add_argument("--by", metavar="NAME", help="Asked for by this account.")
    group.add_argument("--search", metavar="WORDS")
    group.add_argument("--id", action="append", metavar="ID")
    for name in TIMES:
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, metavar="TIME", help="2026-03-01T06:00Z, 24h, …")


def _steering(verbs: Any) -> None:
    pause = _verb(verbs, "pause", told="Send nothing to a destination.")
    pause.add_argument("destination", help="A key of DATA_SHARING.")
    pause.add_argument("--reason", default="", help="Shown to all whose shares wait.")
    pause.add_argument("--user", required=True, help="Who does it: an account.")
    resume = _verb(verbs, "resume", told="Send to a destination again, at once.")
    resume.add_argument("destination", help="A key of DATA_SHARING.")
    resume.add_argument("--user", help="Who does it, for the admin's log.")


def filters(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are filters, by the names of the vocabulary."""
    given = {name: options.get(name) for name in (*REPEATED, *TIMES, *SINGLE)}
    given |= {"user": options.get("by"), "ids": options.get("id")}
    return {name: value for name, value in given.items() if value is not None}


_LENGTH = re.compile(r"([1-9]\d{0,5})([dwh])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def length(text: str) -> float:
    """Read a length of time, such as 90d; return seconds."""
    found = _LENGTH.fullmatch(text)
    seconds = int(found[1]) * _HOURS[found[2]] * 3600.0 if found else 0.0
    if seconds < SHORTEST_RETENTION:
        shortest = timedelta(seconds=SHORTEST_RETENTION).days
        raise ArgumentTypeError(
            f"{text!r} is not such as 90d, and {shortest}d or more."
        )
    return seconds


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is no number above 0.")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise ArgumentTypeError(f"{text} is no time to wait; give seconds above 0.")
    return seconds
