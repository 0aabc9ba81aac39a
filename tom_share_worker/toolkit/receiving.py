"""What the host offers for receiving: its viewsets, its upload page, who may do what.

Called by `ingest.uploads`. `tests/toolkit/test_receiving.py` holds a test for each
thing this file relies on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.db import models
from guardian.shortcuts import assign_perm, get_objects_for_user
from rest_framework import serializers
from tom_dataproducts import api_views
from tom_dataproducts import serializers as host
from tom_dataproducts.models import REDUCED_DATUM_MODELS
from tom_dataproducts.views import DataProductUploadView

from tom_share_worker.toolkit import (
    DataProduct,
    User,
    data_has_permissions,
    target_model,
    viewable_data_products,
    viewable_datums,
)
from tom_share_worker.toolkit.hooks import kind_of

__all__ = [
    "FAILED_BODY",
    "FILE_FIELD",
    "PRODUCT_FIELDS",
    "DataProductSerializer",
    "DataProductUploadView",
    "DataProductViewSet",
    "ReducedDatumSerializer",
    "ReducedDatumViewSet",
    "changeable_targets",
    "datums_with",
    "groups_on_form",
    "let_see",
    "may_delete_datum",
    "may_delete_product",
    "may_view_datum",
    "may_view_product",
    "new_product",
    "unknown_groups",
]

DataProductViewSet: Any = api_views.DataProductViewSet
ReducedDatumViewSet: Any = api_views.ReducedDatumViewSet

FILE_FIELD: models.FileField = DataProduct._meta.get_field("data")
"""How the host keeps the file of a data product: where, and how long a path may be."""

PRODUCT_FIELDS = {
    *("product_id", "target", "observation_record"),
    *("data", "extra_data", "data_product_type"),
}
"""What of an upload by API becomes a column of the data product."""

FAILED_BODY = {
    "Data processing error": "There was an error in processing your DataProduct into"
    f"{' ' * 58}individual ReducedDatum objects."
}
"""The host's answer 500 to a file that it cannot process, space by space."""


def changeable_targets(user: User) -> Any:
    """Return the targets to which an account may add data: those it may change.

    The same as the host's field for targets in its API, which for every request first
    loads all targets of the TOM.
    """
    found = target_model()._default_manager.all()
    if user is None or not user.is_authenticated:
        return found.none()
    permission = f"{target_model()._meta.app_label}.change_target"
    return get_objects_for_user(user, permission, klass=found)


def _account(context: Mapping[str, Any]) -> User:
    """Return whose request a serializer is for; nobody where there is no request."""
    return getattr(context.get("request"), "user", None)


class _TargetField(serializers.PrimaryKeyRelatedField[Any]):
    """A target that this account may change."""

    def get_queryset(self) -> Any:
        return changeable_targets(_account(self.context))


class _RecordField(serializers.PrimaryKeyRelatedField[Any]):
    """An observation of a target that this account may change."""

    def get_queryset(self) -> Any:
        records = DataProduct._meta.get_field("observation_record").related_model
        targets = changeable_targets(_account(self.context))
        return records._default_manager.filter(target__in=targets.values("pk"))


class DataProductSerializer(host.DataProductSerializer):  # type: ignore[misc]
    """The host's data product in its API, whatever the number of targets here."""

    target = _TargetField()
    observation_record = _RecordField(required=False)


class ReducedDatumSerializer(host.ReducedDatumSerializer):  # type: ignore[misc]
    """The host's data point in its API, whatever the number of targets here."""

    target = _TargetField()


def new_product(**columns: Any) -> Any:
    """Return a data product that is not saved yet."""
    return DataProduct(**columns)


def may_view_product(user: User, product: Any) -> bool:
    """True if a person may view a data product."""
    return bool(viewable_data_products(user).filter(pk=product.pk).exists())


def may_delete_product(user: User, product: Any) -> bool:
    """True if an account may delete a data product: not all who may view it.

    Where data products have no permissions of their own, whoever may change the target.
    """
    if data_has_permissions():
        return _may(user, "delete", product)
    return bool(changeable_targets(user).filter(pk=product.target_id).exists())


def datums_with(pk: Any) -> list[Any]:
    """Return the data points with this id, which each kind has for itself.

    In the host's order: whichever comes first is the one that its API deletes.
    """
    try:
        number = int(pk)
    except ValueError:
        return []
    return [
        datum
        for model in REDUCED_DATUM_MODELS
        for datum in model._default_manager.filter(pk=number)
    ]


def may_view_datum(user: User, datum: Any) -> bool:
    """True if a person may view a data point."""
    found = type(datum)._default_manager.filter(pk=datum.pk)
    return bool(viewable_datums(user, kind_of(datum) or "", found).exists())


def may_delete_datum(user: User, datum: Any) -> bool:
    """True if an account may delete a data point: whoever may change its target.

    The host grants nobody the right to delete a single data point; where somebody has
    it, because data points have permissions of their own, it is enough.
    """
    if data_has_permissions() and _may(user, "delete", datum):
        return True
    return bool(changeable_targets(user).filter(pk=datum.target_id).exists())


def _may(user: User, verb: str, row: Any) -> bool:
    found = type(row)._default_manager.filter(pk=row.pk)
    permission = f"{row._meta.app_label}.{verb}_{row._meta.model_name}"
    if user is None or not user.is_authenticated:
        return False
    return bool(get_objects_for_user(user, permission, klass=found).exists())


def let_see(product: Any, user: User, groups: Iterable[int]) -> None:
    """Let groups and the uploader view and delete a new data product, as the host does.

    Only where data products have permissions of their own.
    """
    if not data_has_permissions():
        return
    holders: list[Any] = list(Group.objects.filter(pk__in=list(groups)))
    if user is not None and user.is_authenticated:
        holders.append(user)
    for verb in ("view", "change", "delete"):
        for holder in holders:
            assign_perm(f"tom_dataproducts.{verb}_dataproduct", holder, product)


def unknown_groups(groups: Iterable[int]) -> list[int]:
    """Return those of these ids that no group of this TOM has."""
    asked = set(groups)
    return sorted(
        asked - set(Group.objects.filter(pk__in=asked).values_list("pk", flat=True))
    )


def groups_on_form(form: Any) -> list[int]:
    """Return the groups that were ticked on the host's upload form."""
    return sorted(group.pk for group in form.cleaned_data.get("groups") or ())
