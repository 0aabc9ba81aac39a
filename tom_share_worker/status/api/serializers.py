"""Shares and deliveries as the REST API shows them.

Used by `api` alone. Nothing here may show a secret: rows hold none.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning.selection import DATUM_KINDS
from tom_share_worker.models import Attempt, Delivery, Share
from tom_share_worker.status import causes, notices, overview, verbs


class AddressField(serializers.HyperlinkedIdentityField):
    """The address of a row. Where addresses begin is looked up once for a whole list,
    as Django takes a quarter of the time of a long one to do so for each row.
    """

    around: tuple[str, str] | None = None

    def get_url(self, obj: Any, view_name: str, request: Any, format: Any) -> str:
        """Return the address."""
        if self.around is None:
            any_ = self.reverse(view_name, args=[0], request=request, format=format)
            before, _, after = any_.rpartition("0")
            self.around = before, after
        return str(obj.pk).join(self.around)


class CauseSerializer(serializers.Serializer[causes.Cause]):
    """Why parts of a share did not arrive, and what to do about it."""

    failure = serializers.CharField(source="failure.value")
    count = serializers.CharField(help_text="How much of the share, in words.")
    cure = serializers.CharField(help_text="What a person can do.")


class DatumsSerializer(serializers.Serializer[overview.Datums]):
    """How many data points went which way."""

    total = serializers.IntegerField()
    delivered = serializers.IntegerField()
    already_there = serializers.IntegerField()
    refused = serializers.IntegerField()


class ShareSerializer(serializers.ModelSerializer[Share]):
    """A share, as lists show it."""

    url = AddressField(view_name="api:shares-detail")
    page = serializers.SerializerMethodField(help_text="Where people follow it.")
    user = serializers.CharField(
        source="user.username",
        default=None,
        allow_null=True,
        help_text="Who asked for it.",
    )
    destination_name = serializers.CharField()
    subject = serializers.CharField(
        read_only=True,
        help_text="What is shared, in words, without targets hidden from the account.",
    )
    with_data = serializers.BooleanField(
        read_only=True,
        help_text="All data points of its targets go, whatever their type.",
    )

    class Meta:
        model = Share
        fields: tuple[str, ...] = (
            *("id", "url", "page", "status", "origin", "user"),
            *("destination", "destination_name", "kind", "subject"),
            *("target", "target_list", "data_product", "persistent_share"),
            *("with_data", "title", "message", "authors"),
            *("created", "ended", "note"),
        )
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Share) -> dict[str, Any]:
        """Show what the pages show, without what is hidden from the account."""
        return super().to_representation(masking.masked(instance))

    def get_page(self, share: Share) -> str:
        """Return the address of the share's page."""
        address = share.get_absolute_url()
        request = self.context.get("request")
        return request.build_absolute_uri(address) if request else address


class ShareDetailSerializer(ShareSerializer):
    """A share with its progress, and with what holds it up."""

    percent = serializers.IntegerField(source="progress.percent")
    planned = serializers.BooleanField(help_text="All its deliveries exist.")
    deliveries = serializers.DictField(
        source="progress.deliveries",
        child=serializers.IntegerField(),
        help_text="How many deliveries have which status.",
    )
    datums = DatumsSerializer(source="progress.datums")
    causes = CauseSerializer(many=True)
    retryable = serializers.BooleanField(source="progress.retryable")
    destination_note = serializers.CharField(
        help_text="Why the destination takes nothing now; empty when it does."
    )
    worker_note = serializers.CharField(
        help_text="That no worker is there to send it; empty when one is."
    )

    class Meta(ShareSerializer.Meta):
        fields: tuple[str, ...] = (
            *ShareSerializer.Meta.fields,
            *("percent", "planned", "deliveries", "datums", "causes", "retryable"),
            *("destination_note", "worker_note"),
        )
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Share) -> dict[str, Any]:
        """Gather how the share stands in a fixed number of queries, then show it."""
        user = self.context["request"].user
        tally = overview.tally(instance, visibility.deliveries_of(user, instance))
        state = notices.state(instance.destination)
        refuses_us = notices.refuses_us(state)
        prepares = verbs.may_prepare(user, instance, tally)
        progress = overview.progress(
            instance, tally, refuses_us=refuses_us, may_prepare=prepares
        )
        destination = state if not progress.ended or progress.retryable else None
        standing: Any = instance
        standing.progress = progress
        standing.causes = causes.of_tally(tally)
        standing.destination_note = notices.destination_note(destination)
        standing.worker_note = "" if progress.ended else notices.worker_note()
        return super().to_representation(standing)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """A delivery, as lists show it."""

    url = AddressField(view_name="api:deliveries-detail")
    what = serializers.CharField(help_text="What is sent, in words.")
    destination_name = serializers.CharField()
    cure = serializers.SerializerMethodField(help_text="What a person can do.")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "url", "share", "position", "status", "kind", "what"),
            *("destination", "destination_name", "target", "target_name"),
            *("data_product", "failure", "cure", "note", "link"),
            *("created", "ended", "next_attempt_at", "attempt_count"),
            *("datum_count", "delivered_count"),
            *("already_there_count", "refused_count"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_cure(self, delivery: Delivery) -> str:
        """Return what helps, or nothing where nothing is wrong."""
        return causes.cure(delivery)


class LedgerEntrySerializer(serializers.Serializer[Any]):
    """The fate of one data point."""

    type = serializers.ChoiceField(choices=DATUM_KINDS)
    id = serializers.IntegerField()
    fate = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try at a delivery."""

    class Meta:
        model = Attempt
        fields: tuple[str, ...] = (
            *("number", "started", "ended", "outcome", "failure", "note"),
            *("request", "status_code", "answer", "worker"),
        )
        read_only_fields: tuple[str, ...] = fields


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with the fate of each data point and its attempts."""

    ledger = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta(DeliverySerializer.Meta):
        fields: tuple[str, ...] = (
            *DeliverySerializer.Meta.fields,
            "ledger",
            "attempts",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_ledger(self, delivery: Delivery) -> list[dict[str, Any]]:
        """Return the fate of each data point."""
        names = ("type", "id", "fate", "reason")
        rows = Ledger(delivery.ledger).rows()
        return [dict(zip(names, row, strict=True)) for row in rows]
