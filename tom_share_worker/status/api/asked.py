"""How the REST API reads what is asked for; used by `api` alone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from tom_share_worker.delivery.asking.outbox import ID_LIMIT
from tom_share_worker.delivery.asking.wishes import Wish
from tom_share_worker.delivery.outcomes import storable
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS

MOST_IDS = 100_000
"""Ids that one field of a request may name. More belong into several shares, or into a
target list, which may be of any size."""


class IdList(serializers.Field):  # type: ignore[type-arg]
    """A list of ids. Checked in one go: a hundred thousand cost milliseconds."""

    default_error_messages = {
        "no_ids": "This must be a list of ids, such as [12, 15].",
        "empty": "This list is empty. Leave the field out, or name what to share.",
        "too_many": "These are {count:,} ids; one request takes {most:,}. Ask for the "
        "rest in further requests, or share a target list.",
    }

    def to_internal_value(self, data: Any) -> list[int]:
        """Return the ids, each a whole number that a database can hold."""
        if not isinstance(data, list) or not all(map(_is_id, data)):
            self.fail("no_ids")
        if not data:
            self.fail("empty")
        if len(data) > MOST_IDS:
            self.fail("too_many", count=len(data), most=MOST_IDS)
        return data

    def to_representation(self, value: Any) -> Any:
        """Return the ids as they are."""
        return value


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 < value < ID_LIMIT


def _id(help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=ID_LIMIT - 1, required=False, help_text=help_text
    )


def _ids(help_text: str) -> IdList:
    return IdList(required=False, help_text=help_text)


class ShareRequestSerializer(serializers.Serializer[Wish]):
    """What to share, and with which destination."""

    destination = serializers.CharField(
        max_length=200,
        help_text="A key of DATA_SHARING, with `:topic` where it has topics.",
    )
    target = _id("A target.")
    targets = _ids("Several targets; with `target_list`, these of the list only.")
    target_list = _id("A target list, as it is when the share is planned.")
    photometry = _ids("Photometry to share.")
    spectroscopy = _ids("Spectra to share.")
    astrometry = _ids("Astrometry to share.")
    generic = _ids("Data points of other types to share.")
    data_product = _id("A data product, with its file.")
    data_products = _ids("Several data products.")
    with_target = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="Send the target itself; unless false, where one is named.",
    )
    with_data = serializers.BooleanField(
        default=False, help_text="All data points of the targets, too."
    )
    with_products = serializers.BooleanField(
        default=False, help_text="All data products of the targets, too."
    )
    title = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Of a message."
    )
    message = serializers.CharField(
        required=False, allow_blank=True, help_text="Text of a message."
    )
    authors = serializers.CharField(
        required=False, allow_blank=True, help_text="Authors of a message."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is misspelt: it would share something else than was meant."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {storable(name): ["There is no such field."] for name in unknown}
            )
        if "data_product" in attrs and PRODUCTS in attrs:
            raise serializers.ValidationError(
                {"data_product": ["Name it among the data_products."]}
            )
        return attrs

    def wish(self) -> Wish:
        """Return what is asked for."""
        asked = self.validated_data
        selection = {kind: asked.get(kind, []) for kind in (*DATUM_KINDS, PRODUCTS)}
        if "data_product" in asked:
            selection[PRODUCTS] = [asked["data_product"]]
        return Wish(
            target=asked.get("target"),
            targets=asked.get("targets", ()),
            target_list=asked.get("target_list"),
            selection=selection,
            with_target=asked.get("with_target"),
            with_data=asked["with_data"],
            with_products=asked["with_products"],
        )

    def text(self) -> dict[str, str]:
        """Return what the row keeps beside."""
        names = ("title", "message", "authors")
        return {name: self.validated_data.get(name, "") for name in names}


KEY_LENGTH = 200
"""Characters of an Idempotency-Key that its column holds."""


def idempotency_key(request: Request) -> str:
    """Return the name that a program has given to its request, or nothing."""
    key = str(request.headers.get("Idempotency-Key", "")).strip()
    if len(key) > KEY_LENGTH:
        raise ValidationError(
            {"Idempotency-Key": [f"It may have {KEY_LENGTH} characters at most."]}
        )
    return key


def digest(data: Any) -> str:
    """Return what tells requests apart: the same whatever the order of the fields."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
