"""The file of a data product, as this TOM's storage gives it to the one who sends it.

Used when a parcel is loaded, and while it is sent. Where the storage fails, as one over
a network may, that is neither the destination's fault nor one for good: the delivery is
tried again to the end of the schedule. A file that is not there ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from tom_share_worker.delivery.outcomes import Halted, Refused, TryAgain
from tom_share_worker.models import Failure
from tom_share_worker.models.logged import Action, fields

logger = logging.getLogger(__name__)


def size(product: Any) -> int:
    """Return the bytes of the file; halt where there is none, or the storage fails."""
    with _trouble(product):
        if not product.data:
            raise FileNotFoundError
        return int(product.data.size)


def opened(product: Any) -> IO[bytes]:
    """Open the file; to open it, and to read of it, halts as `size` does."""
    with _trouble(product):
        file = product.data.storage.open(product.data.name, "rb")
    return cast("IO[bytes]", _File(file, product))


class _File:
    """A file whose storage may fail while it is read, as one over a network does.

    An error of its own kind, on its way through the HTTP client, would pass for trouble
    of the destination, which is spoken to by the same libraries.
    """

    def __init__(self, file: Any, product: Any) -> None:
        self._file = file
        self._product = product

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all that is left."""
        with _trouble(self._product):
            return bytes(self._file.read(size))


@contextmanager
def _trouble(product: Any) -> Iterator[None]:
    """Halt with what an error of the storage means."""
    try:
        yield
    except MemoryError:
        raise  # a limit of this process, and nothing that the storage does
    except FileNotFoundError as error:
        missing = f"The file of the data product {product} is missing from this TOM."
        raise Halted(Refused(Failure.OUR_FAULT, missing)) from error
    except Exception as error:
        logger.warning(
            "The storage for files failed.",
            exc_info=True,
            extra=fields(Action.ATTEMPT, failure=Failure.OUR_FAULT),
        )
        # Its text may tell of other services and their keys.
        failed = f"This TOM's storage for files failed ({type(error).__name__})."
        raise Halted(TryAgain(Failure.OUR_FAULT, failed)) from error
