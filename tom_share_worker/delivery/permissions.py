"""Who may share what, and with whom: the same rules at asking, planning and sending.

What a person shares they must be allowed to view, its target with SHARE_PERMISSION; a
destination may be for members of certain GROUPS only. Asked by pages, programs and
commands, by the planner, and once more before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.exceptions import ConfigurationError, ShareRefused

VIEW = "view_target"

_VERBS = {VIEW: "view", "change_target": "change", "delete_target": "delete"}


def targets(user: Any, pks: Iterable[int] | None = None) -> Any:
    """Return the targets that a person may share, of these ids if given."""
    return toolkit.permitted_targets(user, conf.settings().SHARE_PERMISSION, pks)


def datums(user: Any, kind: str, found: Any) -> Any:
    """Narrow a queryset of data points of one kind to those a person may share."""
    return _of_targets(user, toolkit.viewable_datums(user, kind, found))


def data_products(user: Any) -> Any:
    """Return the data products that a person may share."""
    return _of_targets(user, toolkit.viewable_data_products(user))


def _of_targets(user: Any, found: Any) -> Any:
    if conf.settings().SHARE_PERMISSION == VIEW:
        return found  # what may be viewed is of a target that may be viewed
    return found.filter(target__in=targets(user).values("pk"))


def withheld(user: Any, keys: Iterable[Key]) -> list[Key]:
    """Return those data points that are there and that a person may not view.

    Only for targets that the person may share: where data points have no permissions of
    their own, nothing is left to ask.
    """
    if not toolkit.data_has_permissions():
        return []
    asked = list(keys)
    found: list[Key] = []
    for kind, model in toolkit.DATUM_MODELS.items():
        if pks := [key.pk for key in asked if key.kind == kind]:
            there = model._default_manager.filter(pk__in=pks)
            seen = toolkit.viewable_datums(user, kind, there)
            hidden = set(there.values_list("pk", flat=True))
            hidden -= set(seen.values_list("pk", flat=True))
            found += [Key(kind, pk) for pk in pks if pk in hidden]
    return found


def require_target(user: Any, target: Any) -> None:
    """Refuse in words to share a target, or what belongs to it."""
    if objection := target_objection(user, target):
        raise ShareRefused(objection)


def target_objection(user: Any, target: Any) -> str:
    """Say why a person may not share a target, or nothing where they may."""
    if targets(user, [target.pk]).exists():
        return ""
    if not toolkit.viewable_targets(user, [target.pk]).exists():
        return "You may not view this target, so you may not share it."
    verb = _VERBS[conf.settings().SHARE_PERMISSION]
    return (
        f"You may view {target.name}, but not share it: in this TOM only those may who "
        f"have the permission to {verb} it."
    )


def require_data_product(user: Any, product: Any) -> None:
    """Refuse in words to share a data product."""
    if data_products(user).filter(pk=product.pk).exists():
        return
    if toolkit.viewable_data_products(user).filter(pk=product.pk).exists():
        require_target(user, product.target)
    raise ShareRefused("You may not view this data product, so you may not share it.")


def require_destination(user: Any, destination: str) -> None:
    """Refuse in words to share with a destination that is not for this person."""
    if objection := destination_objection(user, destination):
        raise ShareRefused(objection)


def destination_objection(user: Any, destination: str) -> str:
    """Say why a person may not share with a destination, or nothing where they may."""
    if user is None or not user.is_authenticated:
        return "Only people with an account in this TOM may share."
    if not user.is_active:
        return f"The account {user.get_username()} is closed, so it may not share."
    groups = conf.groups(destination)
    if not groups or user.is_superuser or user.groups.filter(name__in=groups).exists():
        return ""
    return (
        f"Only members of {_one_of(groups)} may share with "
        f"{conf.display_name(destination)}. An administrator of this TOM can make a "
        f"person one."
    )


def _one_of(groups: tuple[str, ...]) -> str:
    *others, last = groups
    named = f"{', '.join(others)} or {last}" if others else last
    return f"the group {named}" if len(groups) == 1 else f"the groups {named}"


def destinations(user: Any) -> list[str]:
    """Return the destinations that may be offered to a person.

    One whose GROUPS cannot be read is offered to nobody; the system checks tell why.
    """
    return [key for key in conf.choices() if _is_offered(user, key)]


def _is_offered(user: Any, destination: str) -> bool:
    try:
        return not destination_objection(user, destination)
    except ConfigurationError:
        return False


def offered(user: Any, choices: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Narrow the choices of a form of the host to what may be offered to a person.

    A choice is a value with its label, or a heading with choices of its own.
    """
    allowed = {conf.DOWNLOAD, *destinations(user)}
    found: list[tuple[Any, Any]] = []
    for value, label in choices:
        if isinstance(label, list | tuple):
            if within := offered(user, label):
                found.append((value, within))
        elif conf.key_of(value) in allowed:
            found.append((value, label))
    return found
