"""What the host's pages load from elsewhere: served from wheels, nothing else let in.

Called for each of a person's windows. A test reaches no other machine.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from playwright.sync_api import BrowserContext, Route

BOOTSTRAP = "https://cdn.jsdelivr.net/npm/bootstrap@5.3.8/dist/"

SCRIPT = f"{BOOTSTRAP}js/bootstrap.bundle.min.js"
"""Made of two files of the wheel, and so not the bundle that the host's hash is of."""

ELSEWHERE = re.compile(r"^https?://(?!127\.0\.0\.1[:/])")

UNUSED = (
    "https://cdn.jsdelivr.net/npm/alpinejs@3.x.x/",
    "http://aladin.u-strasbg.fr/AladinLite/",
    "http://aladin.cds.unistra.fr/AladinLite/",
    "https://aladin.cds.unistra.fr/AladinLite/",
    "https://cdn.lco.global/js9/",
)
"""Loaded by the host's pages. Nothing of ours uses them, so empty files will do."""

TYPES = {".css": "text/css", ".js": "text/javascript"}


def serve(context: BrowserContext, refused: list[str]) -> None:
    """Answer for other machines; note what nobody knows here."""

    def answer(route: Route) -> None:
        address = route.request.url
        files = _FILES.get(address)
        if files or address.startswith(UNUSED):
            body = "\n".join(map(_read, files or ()))
            kind = TYPES[Path(address).suffix]
            route.fulfill(body=body, content_type=kind, headers=_ANYONE)
        else:
            refused.append(f"asked another machine for {address}")
            route.abort("blockedbyclient")

    context.route(ELSEWHERE, answer)


_ANYONE = {"Access-Control-Allow-Origin": "*"}

_FILES = {
    f"{BOOTSTRAP}css/bootstrap.min.css": ("css/bootstrap.min.css",),
    SCRIPT: ("umd/popper.min.js", "js/bootstrap.min.js"),
}


@cache
def _read(name: str) -> str:
    found = find_spec("flask_bootstrap")  # not imported: it wants Flask
    assert found is not None
    assert found.origin is not None
    place = Path(found.origin).parent / "static" / "bootstrap5"
    return (place / name).read_text()
