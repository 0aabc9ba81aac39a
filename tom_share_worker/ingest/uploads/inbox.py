"""Where an uploaded file becomes a data product and an ingest job: both or neither.

Called by the API and by the upload form; programs may call it, too. First the file
goes into the storage, then both rows are written in one transaction, and after the
commit a worker gets a hint. On any error neither a row nor the file is left. Only a
process that is killed between the two leaves a file that belongs to nothing: the host's
storages know no transactions, and that is better than a row without its file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from tom_share_worker import hints, leases
from tom_share_worker.ingest.uploads import names, storing
from tom_share_worker.ingest.uploads.refusals import AlreadyHere
from tom_share_worker.models import IngestJob
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import receiving

logger = logging.getLogger(__name__)


def receive(
    product: Any,
    *,
    user: Any,
    origin: str,
    groups: Iterable[int] = (),
    sha256: str = "",
    size: int = 0,
    running_as: str = "",
) -> IngestJob:
    """Keep a data product that is not saved yet, and return the job that processes it.

    `sha256` and `size` are reckoned from the file where they are not given. With
    `running_as`, a claim, the caller processes it: no worker is told. Raises
    `UploadRefused`, `AlreadyHere` or `NotStored`; nothing is left then.
    """
    name = names.harmless(product.data.name or "")
    job = IngestJob(
        target_id=product.target.pk,
        target_name=product.target.name,
        user=user if user is not None and user.is_authenticated else None,
        origin=origin,
        groups=sorted(set(groups)),
        file_name=name,
        data_product_type=product.data_product_type,
        size=size or product.data.size,
        sha256=sha256 or storing.digest(product.data.file),
        **_standing(running_as),
    )
    storing.put(product, name)
    _write(product, job, user)
    return job


def withdraw(product: Any) -> None:
    """Delete a data product with its data points and its files."""
    files = [file for file in (product.data, product.thumbnail) if file]
    with transaction.atomic():
        product.delete()
        for file in files:
            transaction.on_commit(partial(storing.take_out, file))


def _standing(running_as: str) -> dict[str, Any]:
    """Return how a new job stands: waiting for a worker, or claimed by the caller."""
    now = timezone.now()
    if not running_as:
        return {"next_attempt_at": now, "hinted_at": now}
    return {
        "next_attempt_at": now,
        "status": IngestJob.Status.RUNNING,
        "claim": running_as,
        "lease_until": leases.end(now),
        "started": now,
        "attempt_count": 1,
    }


def _write(product: Any, job: IngestJob, user: Any) -> None:
    """Write both rows in one transaction; take the file out again if that fails."""
    written = False
    try:
        with transaction.atomic():
            product.save()
            job.data_product = product
            job.save()
            receiving.let_see(product, user, job.groups)
            if not job.claim:
                hint = partial(hints.ingest, job.pk)
                transaction.on_commit(hint, robust=True)
            written = True
    except BaseException as error:
        if not written or _is_lost(product):
            storing.take_out(product.data)
        if isinstance(error, IntegrityError) and product.product_id:
            raise AlreadyHere from error
        raise


def _is_lost(product: Any) -> bool:
    """True if it is known that a commit, whose answer never came, did not happen.

    When the database cannot tell, the file stays: a row may need it.
    """
    try:
        return not type(product)._default_manager.filter(pk=product.pk).exists()
    except Exception:
        logger.exception(
            "It is not known whether a data product was saved; its file is kept as %s.",
            product.data.name,
            extra=fields(Action.RECEIVE),
        )
        return False
