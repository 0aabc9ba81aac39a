"""The addresses of the overview and of what it leads to; called by all of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from tom_share_worker.status.operations import roles

OVERVIEW = "admin:tom_share_worker_taskstatus_changelist"
"""Named as the list of a model, so that the admin's index leads there."""


def page(part: str = "", **asked: Any) -> str:
    """Return the address of the overview, or of one of its pages."""
    name = f"admin:tom_share_worker_taskstatus_{part}" if part else OVERVIEW
    return _with(reverse(name), asked)


def offered(user: Any) -> str:
    """Return the address of the overview for pages of the TOM, or nothing.

    For who may open it, where the admin is part of this TOM at all.
    """
    try:
        return page() if roles.of(user).views else ""
    except NoReverseMatch:
        return ""


def rows(model: str, **filters: Any) -> str:
    """Return the address of one of the admin's lists, filtered."""
    return _with(reverse(f"admin:tom_share_worker_{model}_changelist"), filters)


def _with(address: str, asked: dict[str, Any]) -> str:
    given = {name: value for name, value in asked.items() if value}
    return f"{address}?{urlencode(given)}" if given else address
