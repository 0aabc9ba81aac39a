"""Why an upload is not accepted; the text of each is shown to people as it stands."""

from __future__ import annotations


class UploadRefused(Exception):  # noqa: N818  (a verdict, named as people say it)
    """This file cannot be taken as it is."""


class AlreadyHere(Exception):  # noqa: N818  (a verdict, named as people say it)
    """Another upload with the same product id was quicker."""


class NotStored(Exception):  # noqa: N818  (a verdict, named as people say it)
    """The storage for files failed; nothing of the upload is left."""

    def __init__(self) -> None:
        super().__init__(
            "This TOM could not store the file, and kept nothing of it. Try again "
            "later; if it stays so, ask an administrator of the TOM to look at its "
            "storage."
        )
