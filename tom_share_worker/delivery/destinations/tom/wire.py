"""The words of the protocol between two TOMs that run this app: pure functions.

Used by `peer` and `batches`; `docs/protocol.md` describes what is here. Columns go by
the names of TOM Toolkit's models and free values stay apart from them, so that nothing
has to be renamed on its way, as it must be for a stock TOM.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tom_share_worker.delivery.destinations.tom import payloads, sendable
from tom_share_worker.delivery.ledger import Fate, Key
from tom_share_worker.delivery.outcomes import Unsendable
from tom_share_worker.delivery.parcels import DatumsParcel

APP = "tom_share_worker"
VERSION = 1

CAPABILITIES = "api/tom-share/"
RECEIPTS = "api/tom-share/ingest/"

PROBLEM = "urn:tom-share:problem:"
"""What the type of a problem begins with, before its name."""

FEWEST, LEAST = 1, 10_000
"""Limits below which no TOM is taken at its word: one that names a batch of none, or a
body that holds no data point, would never get anything."""

COMPRESS_FROM = 4_000
"""Bytes of a body from which on compressing is worth it."""

LEVEL = 1
"""Of compressing: higher ones take more of our time than they save on most networks."""

_COLUMNS = {kind: tuple(names) for kind, names in payloads.FIELDS.items()}

_FATES = {
    "created": Fate.DELIVERED,
    "already there": Fate.ALREADY_THERE,
    "refused": Fate.REFUSED,
}

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Peer:
    """What another TOM has told of itself, and that it speaks our version."""

    app_version: str
    batch: int
    body: int
    takes_gzip: bool

    def row(self) -> dict[str, Any]:
        """Return it in the form that a row keeps."""
        return {
            "version": self.app_version,
            "batch": self.batch,
            "body": self.body,
            "gzip": self.takes_gzip,
        }


def remembered(kept: dict[str, Any]) -> Peer | None:
    """Return what a row keeps of a TOM; None where it has no such protocol."""
    if not kept:
        return None
    return Peer(kept["version"], kept["batch"], kept["body"], kept["gzip"])


def peer(said: Any) -> Peer | None:
    """Return what a TOM says of itself; None if it is not this app, or too new."""
    if not isinstance(said, dict) or said.get("app") != APP:
        return None
    versions, limits = said.get("versions"), said.get("limits")
    supports = said.get("supports")
    if not isinstance(versions, list) or VERSION not in versions:
        return None
    if not isinstance(supports, list) or "datums" not in supports:
        return None
    limits = limits if isinstance(limits, dict) else {}
    return Peer(
        str(said.get("version"))[:50],
        max(FEWEST, _whole(limits.get("batch"), 1000)),
        max(LEAST, _whole(limits.get("body"), 1_000_000)),
        "gzip" in supports,
    )


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def datum(parcel: DatumsParcel, key: Key, datum: Any) -> str:
    """Return one data point as JSON."""
    sendable.require(key, datum)
    said: dict[str, Any] = {
        "kind": key.kind,
        "timestamp": sendable.moment(datum.timestamp),
    }
    for name in _COLUMNS[key.kind]:
        item = getattr(datum, name)
        if item is not None and item != "" and item != []:
            said[name] = item
    if key.kind == "generic":
        said["data_type"] = datum.data_type
    said["source_name"], said["source_location"] = sendable.source(parcel, key, datum)
    if datum.value:
        said["value"] = datum.value
    return _json(said)


def _json(said: dict[str, Any]) -> str:
    """Encode a data point; look into it only where it may hold what cannot go.

    NaN and infinities have no words in JSON, and odd characters are escaped there.
    """
    try:
        text = _encode(said)
    except ValueError as error:
        _require_storable(said)
        raise Unsendable("It holds a number that is too long to be sent.") from error
    if "\\u" in text:
        _require_storable(said)
    return text


def _require_storable(said: dict[str, Any]) -> None:
    for name, item in said.items():
        sendable.require_storable(name, item)


def body(target: int | str, datums: Iterable[str]) -> bytes:
    """Return the body of a batch; the same one for the same data points."""
    return f"{_head(target)}{','.join(datums)}{_TAIL}".encode("ascii")


def _head(target: int | str) -> str:
    return f'{{"version":{VERSION},"target":{_id(target)},"datums":['


_TAIL = "]}"


def _id(target: int | str) -> str:
    """Return an id as JSON: a number where it is one, as ids of targets are."""
    text = str(target)
    return text if text.isascii() and text.isdigit() else json.dumps(text)


def overhead(target: int | str) -> int:
    """Return the bytes of a body without its data points."""
    return len(_head(target)) + len(_TAIL)


def compressed(body: bytes) -> bytes:
    """Return a body compressed; the same one for the same body."""
    return gzip.compress(body, LEVEL, mtime=0)


def fates(said: Any, count: int) -> list[tuple[Fate, str]] | None:
    """Return the fate of each data point, in order; None where it is no such answer."""
    outcomes = said.get("outcomes") if isinstance(said, dict) else None
    if not isinstance(outcomes, list) or len(outcomes) != count:
        return None
    found = []
    for outcome in outcomes:
        word = outcome.get("outcome") if isinstance(outcome, dict) else None
        if not isinstance(word, str) or word not in _FATES:
            return None
        found.append((_FATES[word], str(outcome.get("reason") or "")))
    return found


def problem(said: Any) -> str:
    """Return the name of the problem that an answer tells of, or nothing."""
    kind = said.get("type") if isinstance(said, dict) else None
    return kind.removeprefix(PROBLEM) if isinstance(kind, str) else ""
