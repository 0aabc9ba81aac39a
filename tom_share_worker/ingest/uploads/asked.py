"""What a program asks for beside the host's own fields: groups, a digest, an origin.

Called by `api`; an answer 400 in words where something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import ValidationError

from tom_share_worker import conf
from tom_share_worker.ingest.uploads import storing
from tom_share_worker.models import IngestJob
from tom_share_worker.toolkit import receiving

VERSION_HEADER = "Tom-Share-Version"
"""By this header another TOM that runs this app is known."""

NUMBER_LIMIT = 2**63

_ID = re.compile("[0-9]{1,19}")
"""Python itself refuses to read a number of thousands of digits."""


def groups(data: Any, nested: Iterable[dict[str, Any]]) -> list[int]:
    """Return the ids of the groups that may view the product and its data.

    `nested` is what the host's serializer found in fields like `groups[0]id`; plain
    fields `groups` are taken, too. The host's own sharing sends there, as Python writes
    it, what groups the product has in the TOM that it comes from: not meant for us.
    """
    found = [str(group.get("id", "")) for group in nested]
    plain = [str(value).strip() for value in data.getlist("groups")]
    found += [value for value in plain if not value.startswith("{")]
    for value in found:
        if not _ID.fullmatch(value) or int(value) >= NUMBER_LIMIT:
            raise ValidationError(
                {"groups": [f"{value[:50]!r} is no id of a group. {_NAME_BY_ID}"]}
            )
    pks = sorted({int(value) for value in found})
    if unknown := receiving.unknown_groups(pks):
        text = f"This TOM has no group with the id {unknown[0]}. {_NAME_BY_ID}"
        raise ValidationError({"groups": [text]})
    return pks


_NAME_BY_ID = "Name groups by their ids, such as groups=1; /api/groups/ lists them."


def checked_digest(data: Any, file: Any) -> str:
    """Return the digest of the file that came, once it is what the sender says."""
    came: str = getattr(file, "sha256", "") or storing.digest(file)
    said = str(data.get("sha256", "")).strip().lower()
    if said and not re.fullmatch("[0-9a-f]{64}", said):
        text = "This is no SHA-256 digest: it has 64 characters of 0-9 and a-f."
        raise ValidationError({"sha256": [text]})
    if said and said != came:
        text = (
            "The file did not arrive as it was sent: its SHA-256 digest is another one "
            "than the upload says. Nothing of it was kept; send it again."
        )
        raise ValidationError({"sha256": [text]})
    return came


def origin(request: Any) -> str:
    """Return by which way the upload came."""
    is_tom = bool(request.headers.get(VERSION_HEADER))
    return IngestJob.Origin.TOM if is_tom else IngestJob.Origin.API


def is_processed_at_once(user: Any) -> bool:
    """True if this account's uploads are processed before they are answered."""
    wished = conf.settings().PROCESS_IN_REQUEST
    return wished if isinstance(wished, bool) else user.get_username() in wished
