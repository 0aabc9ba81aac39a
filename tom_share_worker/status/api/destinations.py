"""Destinations in the REST API: how they stand; pause, resume, test.

Registered by `urls` in the host's router; for those who see the page of the
destinations. Addresses and accounts stay in the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.http import Http404
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker import conf
from tom_share_worker.delivery import findings
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import ConnectionTest, Delivery, Destination
from tom_share_worker.operating import destinations
from tom_share_worker.status import notices
from tom_share_worker.status.api.filters import Pages
from tom_share_worker.status.api.views import Conflict

REASON_LENGTH = 500


@dataclass(frozen=True)
class Standing:
    """One entry of DATA_SHARING and how it stands, all topics of it together."""

    key: str
    name: str
    state: str
    note: str
    answered: datetime | None
    retry_at: datetime | None
    waiting: int
    test: ConnectionTest | None


def standings(*keys: str) -> list[Standing]:
    """Say how these entries stand, in a fixed number of queries."""
    states = list(Destination.objects.select_related("paused_by"))
    waiting = dict(
        Delivery.objects.filter(status=Delivery.Status.QUEUED)
        .order_by()
        .values_list("destination")
        .annotate(n=Count("pk"))
    )
    tests = {
        test.destination: test
        for test in ConnectionTest.objects.filter(pk__in=destinations.last_tests(keys))
    }
    return [_standing(key, states, waiting, tests) for key in keys]


def _standing(
    key: str,
    states: list[Destination],
    waiting: dict[str, int],
    tests: dict[str, ConnectionTest],
) -> Standing:
    mine = [row for row in states if _entry(row.key) == key]
    troubled = [row for row in mine if row.paused or row.failures]
    state = next(iter([*troubled, *mine]), None)
    return Standing(
        key=key,
        name=conf.display_name(key),
        state=notices.state_word(state).lower(),
        note=notices.destination_note(state, to_keeper=True),
        answered=max((row.answered for row in mine if row.answered), default=None),
        retry_at=state.retry_at if state else None,
        waiting=sum(n for name, n in waiting.items() if _entry(name) == key),
        test=tests.get(key),
    )


def _entry(name: str) -> str:
    return name.partition(":")[0]


class FindingSerializer(serializers.Serializer[findings.Finding]):
    """One thing that a test looked at."""

    question = serializers.CharField()
    found = serializers.ChoiceField([one.value for one in findings.Found])
    text = serializers.CharField(source="words")


class ConnectionTestSerializer(serializers.ModelSerializer[ConnectionTest]):
    """A test of a connection; without `ended`, it is under way."""

    findings = serializers.SerializerMethodField()

    class Meta:
        model = ConnectionTest
        fields: tuple[str, ...] = ("id", "asked", "ended", "findings")
        read_only_fields: tuple[str, ...] = fields

    def get_findings(self, test: ConnectionTest) -> list[dict[str, str]]:
        """Return what was found."""
        found = findings.read(test.findings)
        return [dict(FindingSerializer(one).data) for one in found]


class DestinationSerializer(serializers.Serializer[Standing]):
    """An entry of DATA_SHARING and how it stands."""

    key = serializers.CharField(help_text="Its key in DATA_SHARING.")
    name = serializers.CharField(help_text="What people call it.")
    state = serializers.ChoiceField(["open", "down", "backing off", "paused"])
    note = serializers.CharField(
        help_text="Why it takes nothing now; empty when it does."
    )
    answered = serializers.DateTimeField(
        allow_null=True, help_text="When it last answered as a TOM does."
    )
    retry_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is tried next, where it was found down."
    )
    waiting = serializers.IntegerField(help_text="Deliveries that wait for it.")
    test = ConnectionTestSerializer(
        allow_null=True, help_text="The last test of the connection."
    )


class PauseSerializer(serializers.Serializer[Any]):
    """Why nothing is to be sent."""

    reason = serializers.CharField(
        max_length=REASON_LENGTH,
        required=False,
        allow_blank=True,
        default="",
        help_text="Shown to those whose shares wait.",
    )


class MaySee(BasePermission):
    """For those who see the page of the destinations."""

    message = (
        "Destinations are shown to staff of this TOM, and to people who may view or "
        "change destinations, or operate."
    )

    def has_permission(self, request: Request, view: Any) -> bool:
        """Ask whether the account is one of theirs."""
        return destinations.may_view(request.user)


class DestinationViewSet(viewsets.GenericViewSet[Any]):
    """Destinations: how they stand; pause, resume and test them.

    Seen by staff and by accounts that may view or change destinations, or operate;
    steered by those that may change destinations, or operate.
    """

    permission_classes = [IsAuthenticated, MaySee]
    parser_classes = [JSONParser]
    pagination_class = Pages
    serializer_class = DestinationSerializer
    lookup_field = "key"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        """Return none: entries are of the settings, not of the database."""
        return Destination.objects.none()

    def list(self, request: Request) -> Response:
        """List the entries of DATA_SHARING, in its order."""
        page: Any = self.paginate_queryset(_keys())
        shown = self.get_serializer(standings(*page), many=True).data
        return self.get_paginated_response(shown)

    def retrieve(self, request: Request, key: str) -> Response:
        """Say how one stands."""
        return self._standing(_known(key))

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, key: str) -> Response:
        """Let nothing go there until somebody resumes it; people read the reason."""
        wanted = PauseSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        topics = self._steered(key)
        reason = wanted.validated_data["reason"]
        if not destinations.pause(request.user, topics, reason):
            raise Conflict("It is paused already.")
        return self._standing(key)

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, key: str) -> Response:
        """Let deliveries go there again, at once."""
        if not destinations.resume(request.user, self._steered(key)):
            raise Conflict("It is open already.")
        return self._standing(key)

    @action(detail=True, methods=["post"])
    def test(self, request: Request, key: str) -> Response:
        """Have a worker test the connection; the destination then shows it."""
        self._steered(key)
        destinations.test(request.user, key)
        return self._standing(key, status.HTTP_202_ACCEPTED)

    def _steered(self, key: str) -> Sequence[str]:
        topics = destinations.with_topics(_known(key))
        if not destinations.may_steer(self.request.user):
            raise PermissionDenied(destinations.MAY_NOT_STEER)
        return topics

    def _standing(self, key: str, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(standings(key)[0]).data, status=code)


def _keys() -> list[str]:
    try:
        return conf.destination_keys()
    except ConfigurationError as error:
        raise ValidationError({"DATA_SHARING": [str(error)]}) from error


def _known(key: str) -> str:
    if key not in _keys():
        raise Http404
    return key
