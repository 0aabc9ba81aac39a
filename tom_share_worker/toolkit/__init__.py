"""The one room that knows the insides of TOM Toolkit; everything else asks here.

`tests/toolkit` holds a test for each thing this room relies on, so that a new release
of the host fails loudly and in one place. What replaces its parts is in `hooks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from guardian.shortcuts import get_objects_for_user
from tom_common.api_router import SharedAPIRootRouter
from tom_dataproducts.forms import DataShareForm
from tom_dataproducts.models import (
    DATA_TYPE_CHOICES,
    AstrometryReducedDatum,
    DataProduct,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_dataproducts.sharing import download_data, get_sharing_destination_options
from tom_targets.base_models import BaseTarget
from tom_targets.forms import TargetListShareForm, TargetShareForm
from tom_targets.models import PersistentShare, TargetList, get_target_model_class
from tom_targets.permissions import targets_for_user

__all__ = [
    "DATUM_MODELS",
    "DataProduct",
    "DataShareForm",
    "PersistentShare",
    "TargetList",
    "TargetListShareForm",
    "TargetShareForm",
    "api_router",
    "changeable_targets",
    "custom_fields",
    "data_has_permissions",
    "data_product_type_title",
    "download_data",
    "full_target",
    "hermes_key",
    "may_change_target",
    "permitted_ids",
    "permitted_targets",
    "sharing_choices",
    "simplified",
    "target_fields",
    "viewable_data_products",
    "viewable_datums",
    "viewable_target_lists",
    "viewable_targets",
]

User = AbstractBaseUser | AnonymousUser | None

DATUM_MODELS: dict[str, type[models.Model]] = {
    "photometry": PhotometryReducedDatum,
    "spectroscopy": SpectroscopyReducedDatum,
    "astrometry": AstrometryReducedDatum,
    "generic": ReducedDatum,
}
"""The kinds of data points by our word for them; a pk is unique within one kind."""

_NOT_SHARED = {"id", "created", "modified", "permissions", "basetarget_ptr"}
"""Target fields that mean something in this database only, or grant access."""


def api_router() -> Any:
    """Return the router by which apps add to the TOM's REST API while URLs load.

    First come, first served: a name that another app took before is not ours.
    """
    return SharedAPIRootRouter()


def target_model() -> type[models.Model]:
    """Return the TOM's target model, which may be one of its own."""
    model: type[models.Model] = get_target_model_class()
    return model


def full_target(pk: int) -> Any:
    """Return a target with the fields of the TOM's own target model, or None."""
    return target_model()._default_manager.filter(pk=pk).first()


def simplified(name: str) -> str:
    """Return a name as the host compares it: no case, spaces, dashes or brackets."""
    return str(get_target_model_class().matches.simplify_name(name))


def target_fields(target: Any) -> dict[str, Any]:
    """Return the standard fields of a target that another TOM can take."""
    return {
        field.name: getattr(target, field.name)
        for field in BaseTarget._meta.concrete_fields
        if field.name not in _NOT_SHARED
    }


def custom_fields(target: Any) -> dict[str, str]:
    """Return the fields that only this TOM's own target model has, as text."""
    standard = {field.name for field in BaseTarget._meta.concrete_fields}
    found = {}
    for field in target._meta.concrete_fields:
        value = getattr(target, field.name)
        if field.name not in standard | _NOT_SHARED and value is not None:
            found[field.name] = str(value)
    return found


def data_product_type_title(key: str) -> str:
    """Return what people call a data product type, or its key if none knows it."""
    return str(dict(DATA_TYPE_CHOICES).get(key, key))


def viewable_targets(user: User, pks: Iterable[int] | None = None) -> Any:
    """Return the targets that a person may view, of these ids if given."""
    found = target_model()._default_manager.all()
    if pks is not None:
        found = found.filter(pk__in=list(pks))
    return targets_for_user(user or AnonymousUser(), found, "view_target")


def permitted_targets(
    user: User, codename: str, pks: Iterable[int] | None = None
) -> Any:
    """Return the viewable targets for which a person was granted a permission.

    Where the permission is to view, the host's word counts: it lets people view PUBLIC
    and OPEN targets without a grant. Its helper would say the same of changing and
    deleting them, which is not what a TOM means that asks for more than a look.
    """
    found = viewable_targets(user, pks)
    if codename == "view_target":
        return found
    if user is None or not user.is_authenticated:
        return found.none()
    permission = f"{found.model._meta.app_label}.{codename}"
    return get_objects_for_user(user, permission, klass=found)


def permitted_ids(user: Any, codename: str) -> Any:
    """Return `permitted_targets` of a person, or lists, as a subquery of their ids.

    Made once for each person and request: django-guardian asks the database each time.
    """
    made: dict[str, Any] = user.__dict__.setdefault("_permitted_ids", {})
    if codename not in made:
        if codename == "view_targetlist":
            found = viewable_target_lists(user)
        else:
            found = permitted_targets(user, codename)
        made[codename] = found.values("pk")
    return made[codename].all()


def viewable_target_lists(user: User) -> Any:
    """Return the target lists a person may see: their own, and lists of what they see.

    The host grants lists to those who make them, but nobody the lists that other TOMs
    send. What is in a list is another matter; its targets are filtered one by one.
    """
    if user is None or not user.is_authenticated:
        return TargetList.objects.none()
    # Without its app, which django-guardian would ask the database for.
    own = get_objects_for_user(user, "view_targetlist", klass=TargetList)
    viewable = permitted_ids(user, "view_target")
    return TargetList.objects.filter(
        models.Q(pk__in=own.values("pk")) | models.Q(targets__in=viewable)
    ).distinct()


def data_has_permissions() -> bool:
    """True where data points and products have permissions of their own."""
    return not settings.TARGET_PERMISSIONS_ONLY


def viewable_datums(user: User, kind: str, datums: Any) -> Any:
    """Narrow a queryset of data points of one kind to those that a person may view."""
    user = user or AnonymousUser()
    model = DATUM_MODELS[kind]
    if not settings.TARGET_PERMISSIONS_ONLY:
        permission = f"tom_dataproducts.view_{model._meta.model_name}"
        datums = get_objects_for_user(user, permission, klass=datums)
    return datums.filter(target__in=viewable_targets(user).values("pk"))


def viewable_data_products(user: User) -> Any:
    """Return the data products that a person may view."""
    user = user or AnonymousUser()
    products = DataProduct.objects.all()
    if not settings.TARGET_PERMISSIONS_ONLY:
        products = get_objects_for_user(
            user, "tom_dataproducts.view_dataproduct", klass=products
        )
    return products.filter(target__in=viewable_targets(user).values("pk"))


def may_change_target(user: Any, pk: int) -> bool:
    """True if a person may change a target: whom the host lets share it for good."""
    target = full_target(pk)
    permission = f"{target_model()._meta.app_label}.change_target"
    return target is not None and bool(user.has_perm(permission, target))


def changeable_targets(user: Any, pks: Iterable[int]) -> set[int]:
    """Return those of these targets that `may_change_target` says of one by one."""
    found = target_model()._default_manager.filter(pk__in=list(pks))
    permission = f"{found.model._meta.app_label}.change_target"
    # To be permitted to change any target is not asked for by the host, either.
    granted = get_objects_for_user(
        user, permission, klass=found, accept_global_perms=False
    )
    return set(granted.values_list("pk", flat=True))


def sharing_choices() -> Any:
    """Return the destinations as the host's forms name them, as they are now."""
    return get_sharing_destination_options(include_download=False)


def hermes_key(user: User, base_url: str) -> str:
    """Return a person's own key for the Hermes at this address, or nothing.

    The package tom-hermes, where it is installed, keeps one for each person who gave
    it, and one for nobody: that of the TOM.
    """
    if not apps.is_installed("tom_hermes"):
        return ""
    from tom_hermes.credentials import resolve_hermes_credentials

    known = resolve_hermes_credentials(user)
    ours = resolve_hermes_credentials(None)
    if str(known.get("base_url") or "").rstrip("/") != base_url.rstrip("/"):
        return ""  # a key goes to no other address than its own
    is_own = user is None or known.get("api_key") != ours.get("api_key")
    return str(known.get("api_key") or "") if is_own else ""
