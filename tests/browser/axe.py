"""What axe-core finds on a page: what people with screen readers and weak eyes meet."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = {"serious", "critical"}

# Parts of pages that are the host's or Django's, each with its reason.
NOT_OURS: dict[str, str] = {
    ".navbar": "the host's bar: a logo without words, a pale button",
    "div.breadcrumbs": "Django's admin has links there that only their colour shows",
    "#searchbar": "Django's admin marks the search field with a picture",
}

HOSTS_LINKS = ("#007bff", "#ffffff")
"""The host's colour of all links, on its white: a little too pale by axe's measure."""


def faults(page: Page) -> list[str]:
    """Return the serious and critical faults of the page that is shown."""
    found: dict[str, Any] = (
        Axe()
        .run(
            page,
            context={"exclude": [[selector] for selector in NOT_OURS]},
            # Loading style sheets once more, from wrong addresses, is not needed.
            options={"resultTypes": ["violations"], "preload": False},
        )
        .response
    )
    return [
        f"{each['impact']}: {each['help']} ({each['id']}): {where}"
        for each in found["violations"]
        if each["impact"] in GRAVE
        for where in _where(each["nodes"])
    ]


def _where(nodes: list[dict[str, Any]]) -> list[str]:
    """Say where it is; of what is alike, such as in a table's rows, once."""
    summaries: dict[str, str] = {}
    for node in nodes:
        if _colours(node) == HOSTS_LINKS:
            continue
        summary = " ".join(node["failureSummary"].split())
        summaries.setdefault(summary[:250], node["html"][:150])
    return [f"{html} — {summary}" for summary, html in summaries.items()]


def _colours(node: dict[str, Any]) -> tuple[str, str] | None:
    """Return the colours of text and ground, where they are what is wrong."""
    data = node["any"][0]["data"] if node["any"] else None
    if not isinstance(data, dict) or "fgColor" not in data:
        return None
    return data["fgColor"], data["bgColor"]
