"""The page of the destinations: their state, and the test of their connection.

Seen by those who keep this TOM running; its buttons are for those of them who may
steer destinations, as by every other door. Called through `urls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views import View
from django.views.generic import TemplateView

from tom_share_worker import conf
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Finding
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import ConnectionTest, Destination
from tom_share_worker.operating import destinations as steering
from tom_share_worker.status import notices, polling
from tom_share_worker.status.operations import links

REASON_LENGTH = 500
"""Characters in which a person says why nothing is to be sent."""


@dataclass(frozen=True)
class Entry:
    """One destination as the page shows it."""

    key: str
    name: str
    address: str
    state: str
    note: str
    test: ConnectionTest | None

    @property
    def is_open(self) -> bool:
        """True where there is nothing to resume."""
        return self.state == "Open"

    @property
    def findings(self) -> list[Finding]:
        """Return what its last test found."""
        return findings.read(self.test.findings) if self.test else []

    @property
    def is_well(self) -> bool:
        """True if its last test found nothing to mend."""
        return findings.is_well(self.findings)


def entries() -> list[Entry]:
    """Return the destinations of DATA_SHARING, in its order."""
    keys = conf.destination_keys()
    states = {d.key: d for d in Destination.objects.select_related("paused_by")}
    return [entry(key, _state(key, states)) for key in keys]


def entry(key: str, state: Destination | None) -> Entry:
    """Return one destination as the page shows it."""
    last = ConnectionTest.objects.filter(destination=key).select_related("asked_by")
    return Entry(
        key=key,
        name=conf.display_name(key),
        address=_address(key),
        state=notices.state_word(state),
        note=notices.destination_note(state, to_keeper=True),
        test=last.first(),
    )


def _state(key: str, states: dict[str, Destination]) -> Destination | None:
    """Return the state of a destination; of several topics, the one in trouble."""
    of_key = [d for name, d in states.items() if name.partition(":")[0] == key]
    troubled = [d for d in of_key if d.paused or d.failures]
    return next(iter([*troubled, *of_key]), None)


def _address(key: str) -> str:
    try:
        return conf.destination(key).base_url
    except ConfigurationError:
        return ""


class _ForKeepers(UserPassesTestMixin, View):
    """Only for those who keep this TOM running."""

    permission_denied_message = (
        "Destinations are shown to staff of this TOM, and to people who may view or "
        "change destinations, or operate."
    )

    def test_func(self) -> bool:
        """Ask whether this person is one of them."""
        return steering.may_view(self.request.user)


class DestinationList(_ForKeepers, TemplateView):
    """All destinations, their state, and what the last test found."""

    template_name = "tom_share_worker/destination_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather the destinations and the word about workers."""
        try:
            found, wrong = entries(), ""
        except ConfigurationError as error:
            found, wrong = [], str(error)
        return super().get_context_data(
            entries=found,
            wrong=wrong,
            worker_note=notices.marked_up(notices.worker_note()),
            may_steer=steering.may_steer(self.request.user),
            task_status=links.offered(self.request.user),
            reason_length=REASON_LENGTH,
            **kwargs,
        )


class _Steered(_ForKeepers):
    """A button; whoever may see the destinations and not steer them is told so."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, and go back."""
        if not steering.may_steer(request.user):
            messages.warning(request, steering.MAY_NOT_STEER)
            return redirect("tom_share_worker:destination-list")
        key = request.POST.get("destination", "")
        if key not in conf.destination_keys():
            messages.warning(request, "DATA_SHARING no longer names this destination.")
            return redirect("tom_share_worker:destination-list")
        return redirect(_list_url() + self.steer(request, key))

    def steer(self, request: HttpRequest, key: str) -> str:
        """Do it; return the part of the page that tells, as an address names it."""
        raise NotImplementedError


class DestinationPause(_Steered):
    """Let nothing go to a destination, and say why."""

    def steer(self, request: HttpRequest, key: str) -> str:
        """Pause it, all topics of it."""
        reason = request.POST.get("reason", "")[:REASON_LENGTH]
        if steering.pause(request.user, steering.with_topics(key), reason):
            messages.success(request, f"{conf.display_name(key)} is paused.")
        else:
            messages.warning(request, f"{conf.display_name(key)} is paused already.")
        return ""


class DestinationResume(_Steered):
    """Let deliveries go to a destination again, at once."""

    def steer(self, request: HttpRequest, key: str) -> str:
        """Resume it, all topics of it."""
        steering.resume(request.user, steering.with_topics(key))
        messages.success(request, f"Deliveries to {conf.display_name(key)} go on.")
        return ""


class ConnectionTestAsk(_Steered):
    """Have a worker test a destination."""

    def steer(self, request: HttpRequest, key: str) -> str:
        """Write it down; the page follows it."""
        return f"#test-{steering.test(request.user, key).pk}"


class ConnectionTestProgress(polling.Polled):
    """The part of the page that a test changes, for htmx."""

    permission_denied_message = _ForKeepers.permission_denied_message

    def may_ask(self, request: HttpRequest) -> bool:
        """Ask whether this person keeps this TOM running."""
        return steering.may_view(request.user)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with the destination's card as it stands."""
        test = get_object_or_404(ConnectionTest, pk=pk)
        if test.destination not in conf.destination_keys():
            raise Http404
        shown = entry(test.destination, notices.state(test.destination))
        over = shown.test is None or shown.test.ended is not None
        answer = render(
            request,
            "tom_share_worker/partials/connection_test.html",
            {
                "entry": shown,
                "worker_note": "" if over else notices.marked_up(notices.worker_note()),
            },
            status=polling.STOP if over else 200,
        )
        patch_cache_control(answer, no_store=True)
        return answer


def _list_url() -> str:
    return reverse("tom_share_worker:destination-list")
