"""Puts an uploaded file into the TOM's storage under a harmless name; or takes it out.

Called by `inbox`, outside any transaction: a gigabyte takes its time, and the database
must not be locked meanwhile.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
from contextlib import suppress
from typing import Any

from django.core.files import File, locks

from tom_share_worker.ingest.uploads import names
from tom_share_worker.ingest.uploads.refusals import NotStored, UploadRefused
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import receiving

logger = logging.getLogger(__name__)

SPARE = 8
"""Characters that storages add to a name that is taken."""


def digest(file: File[Any]) -> str:
    """Return the SHA-256 of an uploaded file."""
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    return found.hexdigest()


def put(product: Any, name: str) -> None:
    """Keep the file of an unsaved data product under this name, or one like it.

    On any error nothing of it is left in the storage.
    """
    file = product.data.file
    # Guessed from the name where a storage wants one: never what the client claims.
    file.content_type = None
    storage = receiving.FILE_FIELD.storage
    path = _path(product, name)
    try:
        path = storage.get_available_name(path, receiving.FILE_FIELD.max_length)
        product.data = storage.save(path, file, receiving.FILE_FIELD.max_length)
    except BaseException as error:
        _take_out_part(storage, path, file.size)
        if not isinstance(error, Exception):
            raise
        raise NotStored from error


def take_out(file: Any) -> None:
    """Remove a file of a data product, as far as the storage lets us."""
    try:
        file.storage.delete(file.name)
    except Exception:
        logger.exception(
            "The file %s is no longer needed; remove it.",
            file.name,
            extra=fields(Action.RECEIVE),
        )


def _path(product: Any, name: str) -> str:
    """Return where this TOM keeps a file; shorten its name to what the path allows."""
    field = receiving.FILE_FIELD
    path: str = field.generate_filename(product, name)
    room = (field.max_length or names.LONGEST) - len(posixpath.dirname(path)) - 1
    least = len(names.extension(name)) + SPARE
    try:
        fitting = names.shortened(name, room - SPARE if room - SPARE > least else room)
    except ValueError as error:
        raise UploadRefused(
            f"The file cannot be kept, because the directory for files of "
            f"{product.target.name} leaves no room for its name. Give the target a "
            f"shorter name, or ask an administrator of this TOM to keep files "
            f"elsewhere (DATA_PRODUCT_PATH)."
        ) from error
    return path if fitting == name else str(field.generate_filename(product, fitting))


def _take_out_part(storage: Any, path: str, size: int) -> None:
    """Remove what a full disk left of a file that was being written.

    Another upload may have taken the same name since we looked: then the file is being
    written by somebody, or is as long as it should be.
    """
    with suppress(Exception):
        with open(storage.path(path), "rb") as part:
            idle = locks.lock(part, locks.LOCK_EX | locks.LOCK_NB)
        if idle and storage.size(path) < size:
            storage.delete(path)
