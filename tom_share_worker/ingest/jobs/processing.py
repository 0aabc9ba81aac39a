"""Processes a data product: hook, read, store; what comes of it goes into the row.

Called in the process of a job, and by `uploads` for accounts whose files are processed
in the request. Data and the word "done" are written together or not at all.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from tom_share_worker import conf
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.ingest.jobs import claims, reasons
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import processing as toolkit
from tom_share_worker.toolkit.at_hand import NotFetched, path_of

logger = logging.getLogger(__name__)

FILE_MISSING = "The file is not in this TOM's storage."
PRODUCT_GONE = "Its data product was deleted, so there is nothing to process."

DATABASE_TROUBLE = (OperationalError, InterfaceError)
"""Not the file's fault, and over in a moment: whoever called tries again."""


@dataclass(frozen=True)
class _Ended:
    """A job that came to an end without data."""

    status: IngestJob.Status
    note: str
    failure: IngestFailure | None = None
    traceback: str = ""


@dataclass(frozen=True)
class _Passing:
    """Trouble of this TOM's own that passes; what failed, as a sentence begins."""

    trouble: str
    traceback: str


class _ClaimLost(Exception):  # noqa: N818  (no error: somebody decided otherwise)
    """The job was cancelled, or belongs to another worker by now."""


def process(job_pk: int, token: str) -> None:
    """Process the data product of a claimed job, and write what came of it.

    Where the job is no longer ours, nothing is written. Trouble of the database is
    raised, and leaves the row as it was; where the storage for files fails, the job
    waits and is tried again.

    The TOM's hook for uploads runs once, for a file whose processing is tried again,
    too; killed inside it, or before its end was noted, it runs again.
    """
    rows = claims.ours(job_pk, token)
    job = rows.select_related("data_product__target", "user").first()
    if job is None:
        return
    try:
        came = _try(job, token)
    except _ClaimLost:
        return
    match came:
        case _Passing(trouble=trouble, traceback=traceback):
            claims.postpone(job, token, trouble, traceback)
        case _Ended(status=status, note=note, failure=failure, traceback=traceback):
            claims.end(
                *(job_pk, token, status, note), failure=failure, traceback=traceback
            )


def _try(job: IngestJob, token: str) -> _Ended | _Passing | None:
    """Do all the steps; None when data and "done" were written."""
    product = job.data_product
    if product is None:
        return _Ended(IngestJob.Status.CANCELLED, PRODUCT_GONE)
    step = "storage"
    try:
        if not (product.data and product.data.storage.exists(product.data.name)):
            return _failed(IngestFailure.FILE_MISSING, FILE_MISSING)
        step = "hook"
        _run_hook_once(job, product, token)
        step = "file"
        reading = toolkit.read(product)
        _begin_new_session()
        _store(job, product, reading, token)
    except (_ClaimLost, *DATABASE_TROUBLE):
        raise
    except MemoryError:
        pass  # told below, when what filled the memory is gone with its frames
    except NotFetched as error:
        return _explained(job, error.__cause__ or error, "storage")
    except (Exception, SystemExit) as error:  # noqa: BLE001  (told in the row)
        failed = "storage" if step == "file" and _is_of_a_volume(error) else step
        return _explained(job, error, failed)
    else:
        return None
    note = reasons.memory_note(conf.settings().INGEST_MEMORY_LIMIT)
    return _failed(IngestFailure.MEMORY_LIMIT, note)


def _run_hook_once(job: IngestJob, product: Any, token: str) -> None:
    if job.hook_ran:
        return
    toolkit.run_upload_hook(product)
    if claims.ours(job.pk, token).update(hook_ran=True) != 1:
        raise _ClaimLost


def _begin_new_session() -> None:
    """Leave a session that was idle for as long as the file was read.

    That may be minutes, after which a firewall or a server that was restarted has cut
    it. A request that is one transaction has to stay in it.
    """
    if not connection.in_atomic_block:
        connection.close()


def _store(job: IngestJob, product: Any, reading: toolkit.Reading, token: str) -> None:
    """Store what was read and write "done", both or neither."""
    with transaction.atomic():
        stored = toolkit.store(
            product,
            reading,
            groups=job.groups,
            user=job.user,
            # Only that: the TOM's hook may have saved data of this product, too.
            instead_of=job.stored_ids,
        )
        # Last, as it locks the row: until here a person may cancel at once.
        done = claims.ours(job.pk, token).update(
            status=IngestJob.Status.DONE,
            ended=timezone.now(),
            datum_count=stored.total,
            new_count=stored.new,
            stored_ids=stored.ids,
            failure="",
            note=_done_note(product.data_product_type, stored),
            traceback="",
            **claims.NO_CLAIM,
        )
        if done != 1:
            raise _ClaimLost


def _done_note(data_product_type: str, stored: toolkit.Stored) -> str:
    if stored.total == 0:
        known = getattr(django_settings, "DATA_PROCESSORS", None) or {}
        if data_product_type in known:
            return "Processed: the file holds no data points."
        return "Processed: there is nothing to read in a file of this type."
    return counted(stored.total, stored.new)


def counted(total: int, new: int) -> str:
    """Say how many data points were read from a file."""
    points = "data point" if total == 1 else "data points"
    return f"Processed: {total:,} {points}, {new:,} of them new."


_OF_A_VOLUME = {errno.EIO, errno.ESTALE, errno.ENOTCONN}
"""What the system says where a disk, or a volume of the network, does not answer."""


def _is_of_a_volume(error: BaseException) -> bool:
    """True if the place of a file failed, and not the file or who reads it."""
    return isinstance(error, OSError) and error.errno in _OF_A_VOLUME


def _explained(job: IngestJob, error: BaseException, step: str) -> _Ended | _Passing:
    """Say what an error means for the job, in words."""
    if IngestJob.objects.filter(pk=job.pk, data_product=None).exists():
        return _Ended(IngestJob.Status.CANCELLED, PRODUCT_GONE)
    traceback = reasons.traceback_text(error)
    about = fields(Action.INGEST, job)
    if isinstance(error, ConfigurationError):
        logger.warning("Ingest job %s: %s", job.pk, error, extra=about)
        return _failed(IngestFailure.BAD_CONFIGURATION, str(error), traceback)
    # Their text may tell of other services and their keys; the account may be a TOM.
    kind = type(error).__name__
    if step == "storage":
        if isinstance(error, FileNotFoundError):
            return _failed(IngestFailure.FILE_MISSING, FILE_MISSING, traceback)
        logger.warning("The storage failed in ingest job %s.", job.pk, extra=about)
        return _Passing(f"This TOM's storage for files failed ({kind})", traceback)
    if step == "hook":
        logger.error("The hook failed in ingest job %s.", job.pk, extra=about)
        note = f"This TOM's own code for uploads (HOOKS) failed ({kind})."
        return _failed(IngestFailure.OUR_FAULT, note, traceback)
    # What exactly may be a value of the file, and is told on the page of the job.
    logger.info("Ingest job %s: its file cannot be read.", job.pk, extra=about)
    note = reasons.sentence(error, path_of(job.data_product))
    return _failed(IngestFailure.UNREADABLE, note, traceback)


def _failed(failure: IngestFailure, note: str, traceback: str = "") -> _Ended:
    return _Ended(IngestJob.Status.FAILED, note, failure, traceback)
