"""Bulk actions in the REST API: one verb for all rows that match a filter.

Registered by `urls` in the host's router. What an account may not see or act on matches
nothing, as on the pages.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker.delivery.outcomes import storable
from tom_share_worker.delivery.visibility import OPERATE
from tom_share_worker.models import BulkAction
from tom_share_worker.operating import bulk, wording
from tom_share_worker.operating.vocabulary import WrongFilter
from tom_share_worker.status.api.choices import Choice
from tom_share_worker.status.api.filters import Pages, StrictFilters
from tom_share_worker.status.api.views import Conflict


class BulkActionFilter(FilterSet):  # type: ignore[misc]
    """By what a list of bulk actions may be narrowed."""

    status = django_filters.MultipleChoiceFilter(choices=BulkAction.Status.choices)
    verb = django_filters.MultipleChoiceFilter(choices=BulkAction.Verb.choices)
    rows = django_filters.MultipleChoiceFilter(choices=BulkAction.Rows.choices)


class BulkActionRequestSerializer(serializers.Serializer[Any]):
    """What is to be done with which rows."""

    verb = Choice(BulkAction.Verb.choices)
    rows = Choice(BulkAction.Rows.choices)
    filters = serializers.DictField(
        help_text="Which rows, by the names that docs/api.md lists; empty means all "
        "that the account may act on."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is misspelt: it would mean other rows than was thought."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {storable(name): ["There is no such field."] for name in unknown}
            )
        return attrs


class BulkActionSerializer(serializers.ModelSerializer[BulkAction]):
    """A bulk action and how far it is."""

    url = serializers.HyperlinkedIdentityField(view_name="api:bulk-actions-detail")
    user = serializers.CharField(
        source="asked_by.username",
        default=None,
        allow_null=True,
        help_text="Who asked for it.",
    )
    described = serializers.SerializerMethodField(help_text="Which rows, in words.")
    done = serializers.IntegerField(source="done_count", help_text="Rows it changed.")
    left = serializers.IntegerField(
        source="left_count",
        help_text="Rows it left alone, as the verb did not fit them; known at its end.",
    )

    class Meta:
        model = BulkAction
        fields: tuple[str, ...] = (
            *("id", "url", "verb", "rows", "described", "user", "status"),
            *("created", "started", "ended", "total", "done", "left", "note"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_described(self, action: BulkAction) -> str:
        """Return it in full to who asked for it; it may name targets and people."""
        user = self.context["request"].user
        if action.asked_by_id == user.pk or user.is_superuser:
            return action.described
        return wording.described_plainly(action)


class BulkActionViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[BulkAction],
):
    """Bulk actions: ask for one, follow it, cancel it.

    An account sees its own; with the permission to operate, all.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONParser]
    pagination_class = Pages
    filter_backends = [StrictFilters]
    filterset_class = BulkActionFilter
    serializer_class = BulkActionSerializer
    queryset = BulkAction.objects.none()
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[BulkAction]:
        """Return the bulk actions that the account may see."""
        found = BulkAction.objects.select_related("asked_by")
        user: Any = self.request.user
        return found if user.has_perm(OPERATE) else found.filter(asked_by=user)

    def create(self, request: Request) -> Response:
        """Ask for it. A worker does it in the background; follow it at its Location.

        Rows that come later are left alone, whatever matches by then.
        """
        wanted = BulkActionRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        try:
            made = bulk.ask(
                request.user, asked["verb"], asked["rows"], asked["filters"]
            )
        except WrongFilter as error:
            raise ValidationError({storable(error.name): [str(error)]}) from error
        shown = self.get_serializer(made).data
        return Response(
            shown, status=status.HTTP_201_CREATED, headers={"Location": shown["url"]}
        )

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Go through no more rows. What was done stays done."""
        found = self.get_object()
        if not bulk.cancel(found, request.user):
            raise Conflict("It has ended already, so nothing was cancelled.")
        return Response(self.get_serializer(self.get_queryset().get(pk=found.pk)).data)
