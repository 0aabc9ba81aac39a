"""The test of a connection: asked for on a page, made by a worker, kept as a row.

Called by the status pages and the admin (`ask`), the tasks (`make`), the sweep (`tend`)
and the command `test_destination` (`look`).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tom_share_worker import conf, hints
from tom_share_worker.delivery import findings, gate, memory
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.destinations.base import OffersTest
from tom_share_worker.delivery.findings import Finding, Found
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import ConnectionTest, Destination
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=15)
"""Time for a worker to take a test, or to end it. A test makes ten requests at most;
each has its limit, and all together rarely take a minute."""

KEPT = 10
"""Tests kept of each destination; older ones tell nothing that matters."""

SETTINGS = "Is it configured?"
RUN = "Was it tested?"


def ask(destination: str, by: Any) -> ConnectionTest:
    """Have a worker test a destination; return the row that will tell.

    One that is under way answers for everybody who asks meanwhile.
    """
    under_way = ConnectionTest.objects.filter(
        destination=destination, ended=None, asked__gt=timezone.now() - PATIENCE
    ).first()
    if under_way is not None:
        return under_way
    row = ConnectionTest.objects.create(destination=destination, asked_by=by)
    transaction.on_commit(partial(hints.test_connection, row.pk), robust=True)
    return row


def make(pk: int) -> str:
    """Test what a row asks for, unless another worker does or did; say what came."""
    # Nothing updated: a doubled hint, or a test that was given up meanwhile.
    taken = ConnectionTest.objects.filter(pk=pk, started=None, ended=None)
    if taken.update(started=timezone.now()) != 1:
        return "not mine"
    row = ConnectionTest.objects.get(pk=pk)
    state = Destination.objects.filter(key=row.destination).first()
    found = look(row.destination)
    _end(row, found)
    if not findings.is_well(found):
        return "trouble found"
    # Somebody who tests may have had this app installed there.
    memory.ask_peer_again(row.destination)
    if state is not None and state.failures:
        # It has just answered: what waits for it need not wait any longer.
        gate.found_up(row.destination, state.failures)
    return "all well"


def look(destination: str) -> list[Finding]:
    """Test a destination now, in this process, and touch no row."""
    try:
        opened = open_destination(conf.destination(destination))
        if not isinstance(opened, OffersTest):
            return [
                Finding(RUN, Found.UNKNOWN, "This kind of destination offers no test.")
            ]
        return opened.test()
    except ConfigurationError as wrong:
        return [Finding(SETTINGS, Found.TROUBLE, str(wrong))]
    except Exception:  # whatever a kind of destination raises, the page must hear
        logger.exception(
            "The test of %s failed.",
            conf.display_name(destination),
            extra=fields(Action.TEST, destination=destination),
        )
        return [
            Finding(
                RUN,
                Found.TROUBLE,
                "This TOM could not make the test. The log of the worker has the "
                "cause; please report it.",
            )
        ]


def tend() -> None:
    """Have tests made whose hint was lost, and end those that nobody will end."""
    now = timezone.now()
    open_ = ConnectionTest.objects.filter(ended=None)
    late = Q(started=None, asked__lt=now - PATIENCE) | Q(started__lt=now - PATIENCE)
    for row in open_.filter(late):
        words = (
            "No worker took this test in time. Test again."
            if row.started is None
            else "The worker was lost in the middle of this test. Test again."
        )
        _end(row, [Finding(RUN, Found.UNKNOWN, words)])
    for pk in open_.filter(started=None).values_list("pk", flat=True)[:100]:
        hints.test_connection(pk)


def _end(row: ConnectionTest, found: list[Finding]) -> None:
    ConnectionTest.objects.filter(pk=row.pk, ended=None).update(
        ended=timezone.now(), findings=findings.rows(found)
    )
    tests = ConnectionTest.objects.filter(destination=row.destination)
    kept = list(tests.order_by("-pk").values_list("pk", flat=True)[:KEPT])
    tests.exclude(pk__in=kept).delete()
