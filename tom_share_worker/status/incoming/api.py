"""Incoming data in the REST API for people's programs, as the pages show it.

Registered by `urls` in the host's router. What another TOM asks is answered by
`ingest.peers` instead.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker.delivery.asking.outbox import ID_LIMIT
from tom_share_worker.ingest import actions, visibility
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.status import notices
from tom_share_worker.status.api.filters import (
    IdFilter,
    Pages,
    StrictFilters,
    TimeFilter,
)
from tom_share_worker.status.api.views import Conflict
from tom_share_worker.status.incoming import overview


class IngestJobFilter(FilterSet):
    """By what a list of ingest jobs may be narrowed."""

    status = django_filters.MultipleChoiceFilter(choices=IngestJob.Status.choices)
    failure = django_filters.MultipleChoiceFilter(choices=IngestFailure.choices)
    origin = django_filters.MultipleChoiceFilter(choices=IngestJob.Origin.choices)
    target = IdFilter("target_id", min_value=1, max_value=ID_LIMIT - 1)
    data_product = IdFilter("data_product_id", min_value=1, max_value=ID_LIMIT - 1)
    created_after = TimeFilter("created", "gte")
    created_before = TimeFilter("created", "lt")


class IngestJobSerializer(serializers.ModelSerializer[IngestJob]):
    """An ingest job, as lists show it."""

    url = serializers.HyperlinkedIdentityField(view_name="api:ingest-jobs-detail")
    page = serializers.SerializerMethodField(help_text="Where people follow it.")
    user = serializers.CharField(
        source="user.username",
        default=None,
        allow_null=True,
        help_text="Whose account uploaded it.",
    )
    datums = serializers.IntegerField(
        source="datum_count", help_text="Data points that were read from the file."
    )
    new = serializers.IntegerField(
        source="new_count", help_text="Of them, those that this TOM did not have yet."
    )
    message = serializers.SerializerMethodField(
        help_text="How it stands, in a sentence."
    )
    cure = serializers.CharField(help_text="What a person can do.")

    class Meta:
        model = IngestJob
        fields: tuple[str, ...] = (
            *("id", "url", "page", "status", "origin", "user"),
            *("data_product", "data_product_type", "target", "target_name"),
            *("file_name", "size", "sha256", "created", "started", "ended"),
            *("datums", "new", "message", "failure", "note", "cure"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_page(self, job: IngestJob) -> str:
        """Return the address of the job's page."""
        address = job.get_absolute_url()
        request = self.context.get("request")
        return request.build_absolute_uri(address) if request else address

    def get_message(self, job: IngestJob) -> str:
        """Return what the page says of it."""
        return overview.sentence(job)


class IngestJobDetailSerializer(IngestJobSerializer):
    """An ingest job with what holds it up, and where it failed."""

    worker_note = serializers.SerializerMethodField(
        help_text="That no worker is there to process it; empty when one is."
    )
    traceback = serializers.SerializerMethodField(
        help_text="Where it failed; empty for accounts that do not operate this TOM."
    )

    class Meta(IngestJobSerializer.Meta):
        fields: tuple[str, ...] = (
            *IngestJobSerializer.Meta.fields,
            *("worker_note", "traceback"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_worker_note(self, job: IngestJob) -> str:
        """Say what it waits for, while it waits."""
        return "" if job.is_ended else notices.ingest_worker_note()

    def get_traceback(self, job: IngestJob) -> str:
        """Return it to those who run this TOM."""
        user = self.context["request"].user
        return job.traceback if visibility.operates(user) else ""


class IngestJobViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[IngestJob],
):
    """Incoming data: follow it, reprocess it, cancel it.

    An account sees what came with it, what is of targets it may change, and with the
    permission to view ingest jobs all; never what is of targets it may not view.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONParser]
    pagination_class = Pages
    filter_backends = [StrictFilters]
    filterset_class = IngestJobFilter
    queryset = IngestJob.objects.none()
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[IngestJob]:
        """Return the jobs that the account may see; in lists without large columns."""
        found = visibility.visible_jobs(self.request.user).select_related("user")
        return found.defer("traceback", "groups") if self.action == "list" else found

    def get_serializer_class(self) -> Any:
        """Return the short form for lists."""
        if self.action == "list":
            return IngestJobSerializer
        return IngestJobDetailSerializer

    @action(detail=True, methods=["post"])
    def reprocess(self, request: Request, pk: str | None = None) -> Response:
        """Process the file again; what was read from it before is replaced."""
        job = self._to_act_on()
        if not actions.reprocess(IngestJob.objects.filter(pk=job.pk)):
            raise Conflict(overview.why_not_again(job))
        return self._standing(job)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Do not process the file. It is kept."""
        job = self._to_act_on()
        if not actions.cancel(IngestJob.objects.filter(pk=job.pk)):
            raise Conflict(overview.ENDED_ALREADY)
        return self._standing(job)

    def _to_act_on(self) -> IngestJob:
        job = self.get_object()
        if not visibility.may_act(self.request.user, job):
            raise PermissionDenied(overview.MAY_NOT_ACT)
        return job

    def _standing(self, job: IngestJob) -> Response:
        """Show a job as it is after an action."""
        return Response(self.get_serializer(self.get_queryset().get(pk=job.pk)).data)
