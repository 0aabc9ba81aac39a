"""`manage.py shares`: what the pages for operators do, at a terminal and for cron.

Whoever has a shell on the server may see everything, so no account is asked for to
look; what is done is done, and put on record, as the account that is named.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.management.shares import (
    NOT_WORKING,
    REFUSED,
    acting,
    options,
    standing,
    steering,
)
from tom_share_worker.operating.health import NO_DATABASE

PIPE_CLOSED = 141
"""The exit status where `| head` has read enough: what a shell says of any program."""

DOES: dict[str, Callable[[BaseCommand, dict[str, Any]], int]] = {
    "status": standing.status,
    "health": standing.health,
    "list": acting.listing,
    "retry": acting.act,
    "cancel": acting.act,
    "reprocess": acting.act,
    "pause": steering.pause,
    "resume": steering.resume,
    "prune": steering.pruning,
}


class Command(BaseCommand):
    """See and operate sharing from a shell."""

    help = (
        "Tells how sharing stands, lists, retries, cancels and reprocesses what "
        "matches a filter, pauses and resumes destinations, deletes what is old. "
        "`manage.py shares WHAT --help` tells more."
    )
    # They load all pages of the TOM, seconds of work; a probe asks each minute.
    requires_system_checks = ()

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """Tell the exit statuses below the options."""
        return super().create_parser(*args, epilog=options.EPILOG, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        options.declare(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        """Do what is asked, and leave by the exit status."""
        try:
            status = DOES[given["what"]](self, given)
            self.stdout.flush()  # here, and not when Python ends
        except BrokenPipeError:
            self._read_no_more()
            raise SystemExit(PIPE_CLOSED) from None
        except (ShareRefused, ConfigurationError) as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from refusal
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(NO_DATABASE, returncode=NOT_WORKING) from error
        if status:
            raise SystemExit(status)

    def _read_no_more(self) -> None:
        """Let what is still to be written go nowhere: Python would complain of it."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stdout.fileno())
        os.close(nowhere)
