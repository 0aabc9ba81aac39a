"""Looks at all that a TOM keeps and shows: every row, page, answer, log and message.

Used by the acceptance test of secrets, which searches what is found here.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from urllib.parse import urljoin, urlsplit

import redis
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

PAGES = 250
"""Pages that are reached by links and looked at, at most."""

QUESTIONS = 8
"""How often one address is asked with different questions: filters of a list lead to
very many."""

SEEDS = (
    *("/shares/", "/shares/incoming/", "/shares/destinations/", "/shares/openapi.json"),
    *("/admin/", "/admin/tom_share_worker/", "/admin/django_celery_results/", "/"),
    *("/targets/", "/targets/persistentshare/manage/", "/targets/persistentshare/"),
    *("/api/", "/api/shares/", "/api/deliveries/", "/api/ingest-jobs/"),
    *("/api/tom-share/", "/api/tom-share/openapi.json", "/users/profile/"),
)

_LINK = re.compile(
    r"""(?:href|src|hx-get|data-href)=["']([^"'#]+)|"(http://testserver[^"]+)\""""
)
_LEFT_OUT = re.compile(
    r"logout|/delete|/static/|/data/|/history/|\.(?:css|js|png|ico|svg|csv)(?:$|\?)"
)
_TWICE = re.compile(r"[?&](?:o|_facets|_popup|_to_field|e|p|page|per_page|offset)=")
"""Questions that show the same in another order, or more of the same."""


def rows() -> Iterator[tuple[str, str]]:
    """Yield every row of every table as text, with the name of its table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield table, " ".join(map(_text, row))


def _text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def broker(url: str) -> Iterator[tuple[str, str]]:
    """Yield every key of a broker with what it holds, as text."""
    with closing(redis.Redis.from_url(url)) as client:
        for key in client.scan_iter():
            yield f"broker {key!r}", repr(_value(client, key))


def _value(client: redis.Redis, key: bytes) -> object:
    match client.type(key):
        case b"list":
            return client.lrange(key, 0, -1)
        case b"hash":
            return client.hgetall(key)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case _:
            return client.get(key)


def pages(browser: Client, numbers: list[int]) -> Iterator[tuple[str, str]]:
    """Yield every page that is reached by links or by an address of this app.

    First the addresses that are known, then what they lead to: of this app before what
    is the host's, and of each list not every combination of its filters.
    """
    known = deque([*SEEDS, *addresses(numbers)])
    ours: deque[str] = deque()
    hosts: deque[str] = deque()
    seen = set(known)
    questions: Counter[str] = Counter()
    for _ in range(PAGES + len(known)):
        if not (known or ours or hosts):
            return
        address = (known or ours or hosts).popleft()
        for accept in _kinds(address):
            answer = browser.get(address, HTTP_ACCEPT=accept)
            body = b"".join(answer) if answer.streaming else answer.content
            text = body.decode("utf-8", "replace")
            yield f"{answer.status_code} {address}", f"{answer.headers} {text}"
        for link in _links(address, text):
            path = urlsplit(link).path
            if link not in seen and questions[path] < QUESTIONS:
                seen.add(link)
                questions[path] += 1
                (ours if _is_ours(link) else hosts).append(link)


def _kinds(address: str) -> list[str]:
    if address.startswith("/api/"):
        return ["text/html", "application/json"]
    return ["application/json", "text/html"] if "progress" in address else ["text/html"]


def _is_ours(address: str) -> bool:
    return "share" in address or "celery" in address


def _links(address: str, text: str) -> Iterator[str]:
    for found in _LINK.findall(text):
        link = urljoin(f"http://testserver{address}", unescape("".join(found)))
        parts = urlsplit(link)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if parts.netloc != "testserver" or _LEFT_OUT.search(path):
            continue
        if not _TWICE.search(path):
            yield path


def addresses(numbers: list[int]) -> Iterator[str]:
    """Yield the addresses of this app that name a row by its number."""
    for route in _routes(get_resolver().url_patterns, ""):
        if "share" in route and route.count("<int:") == 1:
            for number in numbers:
                yield "/" + re.sub(r"<int:\w+>", str(number), route)
        elif "share" in route and not re.search(r"[<(\\^]", route):
            yield f"/{route}"


def _routes(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route
