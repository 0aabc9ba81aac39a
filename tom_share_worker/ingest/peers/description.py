"""Serves the protocol's description to programs; people have docs/protocol.md."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@cache
def _description() -> bytes:
    return files(__package__).joinpath("openapi.json").read_bytes()


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer everyone: it tells of the app, and nothing of this TOM."""
    return HttpResponse(_description(), content_type="application/json")
