"""Pause, resume and test a destination, from the overview; each is on record.

Called through `admin`, which has checked that this person is staff and may log in.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from tom_share_worker import conf
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.operating import destinations
from tom_share_worker.status.operations import links
from tom_share_worker.status.operations.forms import PauseForm, WhichForm


def pause(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    """Ask for the reason, then let nothing go there; return what the page shows."""
    key = _destination(request)
    name = conf.display_name(key)
    form = PauseForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return {"form": form, "key": key, "title": f"Pause {name}", "name": name}
    topics = destinations.with_topics(key)
    if destinations.pause(request.user, topics, form.cleaned_data["reason"]):
        messages.success(request, f"{name} is paused: nothing is sent there.")
    else:
        messages.warning(request, f"{name} is paused already.")
    return redirect(links.page())


def resume(request: HttpRequest) -> HttpResponse:
    """Let deliveries go there again, at once."""
    key = _destination(request)
    destinations.resume(request.user, destinations.with_topics(key))
    messages.success(request, f"Deliveries to {conf.display_name(key)} go on.")
    return redirect(links.page())


def test(request: HttpRequest) -> HttpResponse:
    """Have a worker ask what works there; the overview tells what it found."""
    key = _destination(request)
    destinations.test(request.user, key)
    name = conf.display_name(key)
    messages.success(request, f"A worker tests {name}; its row below tells the result.")
    return redirect(links.page())


def _destination(request: HttpRequest) -> str:
    """Return which destination is meant, if this person may steer it."""
    if not destinations.may_steer(request.user):
        raise PermissionDenied(destinations.MAY_NOT_STEER)
    which = WhichForm(request.POST if request.method == "POST" else request.GET)
    key: str = which.cleaned_data["destination"] if which.is_valid() else ""
    try:
        known = conf.destination_keys()
    except ConfigurationError:
        known = []
    if key not in known:
        raise Http404("DATA_SHARING in settings.py names no such destination.")
    return key
