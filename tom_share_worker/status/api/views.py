"""The REST API for people's programs: shares and deliveries, as the pages show them.

Registered by `urls` in the host's router. Every answer begins with what the account may
see; asking for a share writes a row and nothing else, as a click does.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import (
    APIException,
    NotFound,
    PermissionDenied,
    ValidationError,
)
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker.delivery import actions, visibility
from tom_share_worker.delivery.asking import masking, wishes
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Delivery, Share
from tom_share_worker.status import verbs
from tom_share_worker.status.api import asked
from tom_share_worker.status.api.filters import (
    DeliveryFilter,
    Pages,
    ShareFilter,
    StrictFilters,
)
from tom_share_worker.status.api.serializers import (
    DeliveryDetailSerializer,
    DeliverySerializer,
    ShareDetailSerializer,
    ShareSerializer,
)

HIDDEN_MEANWHILE = (
    "This request was taken before, and is not repeated. What came of it is not shown, "
    "as you may not view its target any more."
)


class Conflict(APIException):
    """409: the row is not in a state for this."""

    status_code = status.HTTP_409_CONFLICT


class KeyReused(APIException):
    """422: the same Idempotency-Key came with another request before."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = (
        "This Idempotency-Key came with another request before. Send a new key with "
        "each new request, and the same key only to repeat one."
    )


class ShareViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Share],
):
    """Shares: ask for one, follow it, retry it, cancel it.

    An account sees its own shares, those of targets it may change, and with the
    permission to view shares all; never those of targets it may not view.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONParser]
    pagination_class = Pages
    filter_backends = [StrictFilters]
    filterset_class = ShareFilter
    queryset = Share.objects.none()
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[Share]:
        """Return the shares that the account may see, without their large columns."""
        user = self.request.user
        visible = masking.with_subjects(user, visibility.visible_shares(user))
        return visible.defer("selection", "plan_cursor").select_related("user")

    def get_serializer_class(self) -> Any:
        """Return the short form for lists."""
        return ShareSerializer if self.action == "list" else ShareDetailSerializer

    def create(self, request: Request) -> Response:
        """Ask for a share. It is sent in the background; follow it at its Location.

        With an `Idempotency-Key`, a request that is repeated, as its answer was lost,
        is answered with the share that exists.
        """
        wanted = asked.ShareRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            share, created = self._posted(request, wanted)
        except ShareRefused as refusal:
            raise ValidationError({refusal.field: [str(refusal)]}) from refusal
        except ConfigurationError as error:
            raise ValidationError({"destination": [str(error)]}) from error
        shown = self.get_serializer(share).data
        return Response(
            shown,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
            headers={"Location": shown["url"]},
        )

    def _posted(
        self, request: Request, wanted: asked.ShareRequestSerializer
    ) -> tuple[Share, bool]:
        """Put the wish into the outbox, or find what its key has put there before."""
        key = asked.idempotency_key(request)
        known = {"user": request.user, "idempotency_key": key}
        digest = asked.digest(request.data) if key else ""
        share = Share.objects.filter(**known).first() if key else None
        if share is None:
            try:
                with transaction.atomic():
                    return self._post(wanted, key, digest), True
            except IntegrityError:
                # The same request, at the same moment, was faster.
                share = Share.objects.filter(**known).first()
                if not key or share is None:
                    raise
        if share.request_digest != digest:
            raise KeyReused
        seen = self.get_queryset().filter(pk=share.pk).first()
        if seen is None:
            raise NotFound(HIDDEN_MEANWHILE)
        return seen, False

    def _post(
        self, wanted: asked.ShareRequestSerializer, key: str, digest: str
    ) -> Share:
        return wishes.post(
            self.request.user,
            wanted.validated_data["destination"],
            wanted.wish(),
            **wanted.text(),
            origin=Share.Origin.API,
            idempotency_key=key,
            request_digest=digest,
        )

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str | None = None) -> Response:
        """Send again what did not arrive, and send at once what waits."""
        share = self._to_act_on()
        if not verbs.retry(request.user, share):
            raise Conflict(verbs.NOTHING_TO_RETRY)
        return self._standing(share)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Send no more of it. What has arrived stays there."""
        share = self._to_act_on()
        if share.is_ended:
            raise Conflict("This share has ended already, so nothing was cancelled.")
        if verbs.cancel(request.user, share) is None:
            raise Conflict(verbs.NOTHING_TO_CANCEL)
        return self._standing(share)

    def _to_act_on(self) -> Share:
        share = self.get_object()
        _require_act(self.request, share)
        return share

    def _standing(self, share: Share) -> Response:
        """Show a share as it is after an action."""
        return Response(self.get_serializer(self.get_queryset().get(pk=share.pk)).data)


class DeliveryViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Delivery],
):
    """Deliveries: the parts of shares, each with its ledger and its attempts.

    Of targets that the account may view only, whatever else their share holds.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONParser]
    pagination_class = Pages
    filter_backends = [StrictFilters]
    filterset_class = DeliveryFilter
    queryset = Delivery.objects.none()
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[Delivery]:
        """Return the deliveries that the account may see."""
        visible = visibility.visible_deliveries(self.request.user)
        found = visible.select_related("data_product").order_by("-pk")
        if self.action == "list":
            return found.defer("ledger")
        return found.select_related("share").prefetch_related("attempts")

    def get_serializer_class(self) -> Any:
        """Return the short form for lists."""
        return DeliverySerializer if self.action == "list" else DeliveryDetailSerializer

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str | None = None) -> Response:
        """Send it again, or at once if it waits."""
        delivery = self.get_object()
        _require_act(request, delivery.share)
        if not actions.retry(Delivery.objects.filter(pk=delivery.pk)):
            raise Conflict(verbs.NOTHING_TO_RETRY)
        shown = self.get_queryset().get(pk=delivery.pk)
        return Response(self.get_serializer(shown).data)


def _require_act(request: Request, share: Share) -> None:
    if not visibility.may_act(request.user, share):
        raise PermissionDenied(verbs.MAY_NOT_ACT)
