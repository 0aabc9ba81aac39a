"""What the scripted remote answers when it runs this app: batches, and files followed.

Called by `remote_http` for each request that a script lets through, once a test has let
the remote `speak`. Tests read from `batches` and `jobs` what came, and set there what
becomes of files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.support import remote_data
from tests.support.misbehaviour import Reply

if TYPE_CHECKING:
    from tests.support.remote_http import Request
    from tests.support.remote_store import Store

Json = dict[str, Any]

ASK = ("GET", "/api/tom-share/")
BATCH = ("POST", "/api/tom-share/datums/")
RECEIPT = ("GET", "/api/tom-share/ingest/")

_COMMON = ("telescope", "instrument", "source_name", "source_location")


def problem(name: str, status: int, detail: str = "So it is.", **headers: str) -> Reply:
    """Return problem details."""
    kind = f"urn:tom-share:problem:{name}"
    body = {"type": kind, "title": name, "status": status, "detail": detail}
    data = json.dumps(body).encode()
    return Reply(status, data, "application/problem+json", headers)


@dataclass
class Batch:
    """One request with data points that was dealt with."""

    body: Json
    digest: str
    answer: Json
    packed: bool
    times: int = 1
    """How often it came with the same key."""


@dataclass
class Peer:
    """The protocol of one remote."""

    store: Store
    url: str
    batch: int = 2000
    body: int = 16_000_000
    supports: tuple[str, ...] = ("datums", "gzip", "ingest", "sha256")
    batches: dict[str, Batch] = field(default_factory=dict)
    jobs: dict[int, Json] = field(default_factory=dict)
    becomes: Json = field(default_factory=lambda: {"status": "queued"})
    """What is told of the processing of each file that comes from now on."""

    location: str = ""
    """What the answer to an upload says in place of the job's address."""

    def answer(self, asked: Request, form: Any) -> Reply | None:
        """Answer a request of the protocol; None for any other."""
        path = asked.path.removeprefix("/api/")
        match asked.method, path.strip("/").split("/"):
            case "GET", ["tom-share"]:
                return Reply.of(200, self.capabilities())
            case "POST", ["tom-share", "datums"]:
                return self.take(asked)
            case "GET", ["tom-share", "ingest", which]:
                job = self.jobs.get(int(which))
                if job is None:
                    return problem("not-found", 404)
                return Reply.of(200, job)
            case "POST", ["dataproducts"]:
                return self.receive(*form())
        return None

    def capabilities(self) -> Json:
        """Return what it says of itself to anybody."""
        return {
            "app": "tom_share_worker",
            "version": "9.8.7",
            "versions": [1],
            "tom_name": "Remote TOM",
            "limits": {"batch": self.batch, "body": self.body, "upload": None},
            "supports": list(self.supports),
        }

    # --- data points ------------------------------------------------------------

    def take(self, asked: Request) -> Reply:
        """Store a batch, or answer a repeat as before."""
        headers = {name.lower(): value for name, value in asked.headers.items()}
        packed = headers.get("content-encoding") == "gzip"
        data = gzip.decompress(asked.body) if packed else asked.body
        body = json.loads(data)
        if len(data) > self.body or len(body["datums"]) > self.batch:
            return problem("too-large", 413)
        key, digest = headers["idempotency-key"], hashlib.sha256(data).hexdigest()
        with self.store.lock:
            if known := self.batches.get(key):
                if known.digest != digest:
                    return problem("key-reused", 422)
                known.times += 1
                return Reply.of(200, known.answer)
            target = body["target"]
            if self.store.show_target(target)[0] != 200:
                return problem("unknown-target", 404)
            outcomes = [self._store(target, row) for row in body["datums"]]
            answer = {"version": 1, "target": target, "outcomes": outcomes}
            self.batches[key] = Batch(body, digest, answer, packed)
        return Reply.of(200, answer)

    def _store(self, target: int, row: Json) -> Json:
        if row.get("bandpass") == "refused":
            return {"outcome": "refused", "reason": "Its filter is not known here."}
        datum = _datum(target, row)
        for known in self.store.datums:
            if datum == known or remote_data.clash(datum, known):
                return {"outcome": "already there"}
        self.store.datums.append(datum)
        return {"outcome": "created"}

    # --- files ------------------------------------------------------------------

    def receive(self, fields: dict[str, str], name: str, data: bytes) -> Reply:
        """Keep a file and say that it is processed later."""
        digest = fields.pop("sha256", "")
        if digest and digest != hashlib.sha256(data).hexdigest():
            return Reply.of(400, {"sha256": ["The file did not arrive as it was."]})
        with self.store.lock:
            status, body = self.store.create_product(fields, name, data)
            if status == 200:
                job = self._job_of(body["id"])
                return Reply.of(200, body | self._told(job) | {"sha256": body["hash"]})
            if status != 201:
                return Reply.of(status, body)
            product = self.store.products[-1]
            product["hash"] = hashlib.sha256(data).hexdigest()
            job = {"id": len(self.jobs) + 7, "data_product": product["id"]}
            self.jobs[job["id"]] = job | self.becomes
        where = self.location or f"{self.url}api/tom-share/ingest/{job['id']}/"
        told = body | self._told(self.jobs[job["id"]])
        return Reply.of(202, told, Location=where)

    def _job_of(self, product: int) -> Json | None:
        jobs = self.jobs.values()
        return next((job for job in jobs if job["data_product"] == product), None)

    def _told(self, job: Json | None) -> Json:
        if job is None:
            return {"ingest": None}
        address = f"{self.url}api/tom-share/ingest/{job['id']}/"
        return {"ingest": {"id": job["id"], "status": job["status"], "url": address}}

    def process(self, status: str, **told: Any) -> None:
        """Let the processing of all files that came stand so."""
        with self.store.lock:
            for job in self.jobs.values():
                job.update(status=status, **told)


def _datum(target: int, row: Json) -> Json:
    """Sort a data point into columns and extras, as `remote_data.parse` does."""
    rest = dict(row)
    kind = rest.pop("kind")
    names = (*_COMMON, "reduction_version")
    fields: Json = {name: rest.pop(name, "") for name in names}
    timestamp, extras = rest.pop("timestamp"), rest.pop("value", {})
    if kind == "generic":
        kind = rest.pop("data_type")
    else:
        columns = remote_data.columns(kind)
        fields |= {name: rest.pop(name, None) for name in columns}
    if rest:
        raise AssertionError(f"Columns that no model has: {sorted(rest)}")
    return {
        "target": target,
        "data_type": kind,
        "timestamp": datetime.fromisoformat(timestamp),
        "fields": fields,
        "extras": extras,
    }
