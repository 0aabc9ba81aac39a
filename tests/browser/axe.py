"""What axe-core finds on a page: what people with screen readers and weak eyes meet."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = {"serious", "critical"}

# Parts of pages that are the host's or Django's, each with its reason.
NOT_OURS: dict[str, str] = {}


def faults(page: Page) -> list[str]:
    """Return the serious and critical faults of the page that is shown."""
    found: dict[str, Any] = (
        Axe()
        .run(
            page,
            context={"exclude": [[selector] for selector in NOT_OURS]},
            options={"resultTypes": ["violations"]},
        )
        .response
    )
    return [
        f"{each['impact']}: {each['help']} ({each['id']}): {_where(each['nodes'])}"
        for each in found["violations"]
        if each["impact"] in GRAVE
    ]


def _where(nodes: list[dict[str, Any]]) -> str:
    first = nodes[0]
    summary = " ".join(first["failureSummary"].split())
    return f"{len(nodes)} times, first {first['html'][:200]} — {summary[:300]}"
