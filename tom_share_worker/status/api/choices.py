"""A field of the REST API that takes one of some words; used by its serializers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tom_share_worker.delivery.outcomes import storable


class Choice(serializers.ChoiceField):
    """One of some words; what is none of them is repeated as an answer can hold it."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the word."""
        given = storable(data) if isinstance(data, str) else data
        return super().to_internal_value(given)
