"""`manage.py test_destination`: what works at a destination with our account, in words.

For operators, before the first share and whenever one fails; needs no worker and no
database, and stores nothing at the other side.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tom_share_worker import conf
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Found
from tom_share_worker.delivery.sending import connection
from tom_share_worker.exceptions import ConfigurationError

_WIDTH = max(len(found.mark) for found in Found)


class Command(BaseCommand):
    """Test the connection to destinations."""

    help = (
        "Tells what works at a destination of DATA_SHARING: whether it can be reached, "
        "accepts our account, which release it runs, whether we may write. Stores "
        "nothing there. Ends with an error where something must be mended."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which destinations to test."""
        parser.add_argument(
            "destination",
            nargs="*",
            help="Keys in DATA_SHARING (default: all of them).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Test one after the other and tell."""
        try:
            keys = options["destination"] or conf.destination_keys()
        except ConfigurationError as wrong:
            raise CommandError(str(wrong)) from wrong
        if not keys:
            raise CommandError(
                "DATA_SHARING in settings.py names no destination. Add one there."
            )
        unwell = [key for key in keys if not self._test(key)]
        if unwell:
            raise CommandError(f"Something must be mended: {', '.join(unwell)}.")

    def _test(self, key: str) -> bool:
        self.stdout.write(self.style.MIGRATE_HEADING(conf.display_name(key)))
        found = connection.look(key)
        for finding in found:
            style = {
                Found.OK: self.style.SUCCESS,
                Found.NOTE: self.style.HTTP_INFO,
                Found.TROUBLE: self.style.ERROR,
                Found.UNKNOWN: self.style.WARNING,
            }[finding.found]
            mark = style(finding.found.mark.ljust(_WIDTH))
            self.stdout.write(f"{mark}  {finding.question}  {finding.words}")
        return findings.is_well(found)
