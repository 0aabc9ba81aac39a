"""A remote that takes everything at once: what is measured is the sender alone.

`python -m tests.benchmarks.sink PORT`. It knows every target by its name, takes tokens,
and answers each data point as TOM Toolkit answers one that it has stored. `GET /counts`
tells how many requests came in each second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

NO_TOKEN = b"0" * 40
"""With such a token this app asks whether a TOM takes tokens at all."""


COUNTS: Counter[int] = Counter()

NAMES: list[str] = []
"""The targets that were asked for; the id of each is its place, from 1."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection until it ends."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.split(b" ", 2)
            fields = dict(
                line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2]
            )
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            known = NO_TOKEN not in fields.get(b"authorization", b"")
            status, said = answer(method.decode(), path.decode(), body, known)
            text = json.dumps(said).encode()
            writer.write(
                b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (status, len(text), text)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def answer(method: str, path: str, body: bytes, known: bool) -> tuple[int, Any]:
    if path == "/counts":
        return 200, dict(COUNTS)
    if not known:
        return 401, {"detail": "Invalid token."}
    COUNTS[int(time.time())] += 1
    if method == "POST":
        return 201, json.loads(body) | {"message": "Data successfully uploaded."}
    *_, last = urlsplit(path).path.strip("/").split("/")
    if last.isdigit():
        known_id = int(last)
        return 200, target(known_id) if known_id <= len(NAMES) else {}
    found = [target(id_of(n)) for n in parse_qs(urlsplit(path).query).get("name", [])]
    return 200, {"count": len(found), "next": None, "results": found}


def id_of(name: str) -> int:
    if name not in NAMES:
        NAMES.append(name)
    return NAMES.index(name) + 1


def target(known_id: int) -> dict[str, Any]:
    return {"id": known_id, "name": NAMES[known_id - 1], "aliases": []}


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
