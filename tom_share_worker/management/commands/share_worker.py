"""`manage.py share_worker`: all that a small TOM runs beside its web server.

Started by people, Procfile, systemd or a container; runs until SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
import traceback
import warnings
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import current_app
from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from tom_share_worker import broker, conf
from tom_share_worker.delivery import sweep as delivery_sweep
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.ingest import sweep as ingest_sweep
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.operating import routines
from tom_share_worker.operating import sweep as operating_sweep

logger = logging.getLogger(__name__)

QUEUES = "delivery,ingest"
LOG_LEVELS = {0: "ERROR", 1: "INFO", 2: "INFO", 3: "DEBUG"}


class Command(BaseCommand):
    """Deliver shares, process what comes in, and look for what was missed."""

    help = (
        "Delivers shares to other TOMs and processes incoming data products until "
        "Ctrl-C or SIGTERM; what it is at by then is finished or handed back."
    )
    requires_system_checks = ()  # made apart, by a child that ends

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; a TOM that starts small needs none of them."""
        parser.add_argument(
            "--concurrency",
            type=int,
            help="How much to do at a time (default: TOM_SHARE_WORKER['CONCURRENCY']).",
        )
        parser.add_argument(
            "--queues",
            default=QUEUES,
            help="Queues to work on: delivery sends, ingest processes incoming data "
            "products (default: %(default)s).",
        )
        parser.add_argument(
            "--without-sweep",
            action="store_true",
            help="Leave the periodic look for missed work to Celery beat.",
        )
        parser.add_argument(
            "--loglevel",
            choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
            help="How much to log (default: by --verbosity, INFO).",
        )
        parser.add_argument(
            "--skip-checks", action="store_true", help="Skip system checks."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the broker if there is none, the sweep, and the worker until told."""
        if not options["skip_checks"]:
            _check(self)
        # Celery would make them once more, in this process.
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        try:
            concurrency = options["concurrency"] or conf.settings().CONCURRENCY
            private = self._private_broker()
            if private is not None:
                private.start()
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        sweeper = None if options["without_sweep"] else Sweeper()
        try:
            if sweeper is not None:
                sweeper.start()
            self._announce(concurrency, private)
            _work(
                concurrency=concurrency,
                queues=options["queues"],
                loglevel=options["loglevel"] or LOG_LEVELS[options["verbosity"]],
            )
        finally:
            if sweeper is not None:
                sweeper.stop()
            if private is not None:
                private.stop()

    def _private_broker(self) -> broker.PrivateBroker | None:
        if not broker.is_missing():
            return None
        if not django_settings.DEBUG:
            raise CommandError(
                "No broker is set, and a private one is started only where DEBUG is "
                "on. Install Redis and add this line to settings.py: "
                "TOM_SHARE_WORKER = {'BROKER_URL': 'redis://localhost:6379/0'}"
            )
        return broker.PrivateBroker()

    def _announce(self, concurrency: int, private: broker.PrivateBroker | None) -> None:
        way = (
            "through the configured broker"
            if private is None
            else "with a broker of its own"
        )
        self.stdout.write(
            f"The share worker of {conf.tom_name()} runs {way}, up to {concurrency} "
            f"deliveries at a time. Ctrl-C stops it."
        )
        # In a log file it would otherwise appear when the worker has ended.
        self.stdout.flush()


def _check(command: BaseCommand) -> None:
    """Make the system checks in a child process.

    They load all pages of the TOM, with what draws plots, more than 80 MB that a worker
    would never use again.
    """
    if not hasattr(os, "fork"):
        command.check()
        return
    with warnings.catch_warnings():
        # Of threads that numerical libraries have started and that the child leaves be.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(_check_here(command))
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise CommandError("The worker did not start: see the system checks above.")


def _check_here(command: BaseCommand) -> int:
    """Make the checks; return the exit status."""
    try:
        command.check()
    except CommandError as error:
        command.stderr.write(str(error))
        return 1
    except BaseException:  # noqa: BLE001  (nothing may go on in this copy of a process)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _work(*, concurrency: int, queues: str, loglevel: str) -> None:
    """Be a Celery worker in this process until a signal ends it."""
    # The TOM's own LOGGING stays in force; Celery would replace it.
    current_app.conf.worker_hijack_root_logger = False
    # All that was loaded stays; looking through it for garbage, again and again, took
    # a third of the time of sending.
    gc.collect()
    gc.freeze()
    current_app.worker_main(
        [
            "--quiet",  # we have announced ourselves in words of our own
            "worker",
            "--pool=threads",
            f"--concurrency={concurrency}",
            f"--queues={queues}",
            f"--loglevel={loglevel}",
            # Several may run on one machine, and Celery tells workers apart by name.
            f"--hostname=share_worker.{os.getpid()}@%h",
            # What workers tell each other serves clusters; here it only costs start-up.
            "--without-gossip",
            "--without-mingle",
        ]
    )


GLANCE_INTERVAL = 1.0
"""Seconds between two looks for saved data to share, and at files that are followed."""

ROOMS = (delivery_sweep, ingest_sweep, operating_sweep)
"""Each has a sweep; what fails one does not keep the others waiting."""


class Sweeper(threading.Thread):
    """Look for missed work at once and then at the set interval, whatever happens.

    In between, each second, for what waits for moments only.
    """

    def __init__(self) -> None:
        super().__init__(name="sweep", daemon=True)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let a sweep under way finish, and end."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Sweep until stopped; a sweep that fails is logged and the next one tried."""
        next_sweep = time.monotonic()
        while not self._stopping.is_set():
            interval = conf.settings().SWEEP_INTERVAL
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + interval
                begun = time.monotonic()
                looks = [self._look(room.sweep) for room in ROOMS]
                if all(looks):
                    self._look(partial(routines.swept, begun))
            else:
                self._look(delivery_sweep.glance)
            self._stopping.wait(min(interval, GLANCE_INTERVAL))

    def _look(self, look: Callable[[], object]) -> bool:
        """Look, whatever happens; False if it failed."""
        # The database may have been restarted since; a stale connection is dropped.
        close_old_connections()
        try:
            look()
        except Exception:  # the thread must outlive whatever fails
            logger.exception(
                "The look for missed work failed; it will be tried again.",
                extra=fields(Action.SWEEP),
            )
            return False
        else:
            return True
        finally:
            close_old_connections()
