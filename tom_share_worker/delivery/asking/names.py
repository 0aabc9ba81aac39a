"""What people call things: accounts, targets and target lists, found by their names.

Called by `manage.py share`, whose person types names where a page would offer a choice.
A name that is not found, or found twice, is refused with what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from tom_share_worker import toolkit
from tom_share_worker.exceptions import ShareRefused

NAMED = 10
"""How many names a refusal gives: enough to see a slip, and no more than fits."""


def account(name: str) -> Any:
    """Return the account of this name."""
    accounts = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    found = accounts.filter(**{field: name}).first()
    if found is not None:
        return found
    active = accounts.filter(is_active=True)
    raise ShareRefused(
        f"There is no account {name!r} in this TOM. {_there_is(active, field, name)}",
        "user",
    )


def target(user: Any, name: str) -> int:
    """Return the id of the one target of this name, or alias, that a person may view.

    Written exactly before written otherwise, its own name before an alias.
    """
    seen = toolkit.viewable_targets(user)
    for wanted in (
        Q(name=name),
        Q(name__iexact=name),
        Q(aliases__name__iexact=name),
    ):
        found = _one(seen.filter(wanted), f"targets are called {name!r}", "target")
        if found is not None:
            return found
    raise ShareRefused(
        f"There is no target {name!r}, or it is not for {user} to share. "
        f"{_there_is(seen, 'name', name)}",
        "target",
    )


def target_list(user: Any, name: str) -> int:
    """Return the id of the one target list of this name that a person may see."""
    seen = toolkit.viewable_target_lists(user)
    for wanted in (Q(name=name), Q(name__iexact=name)):
        found = _one(seen.filter(wanted), f"lists are called {name!r}", "list")
        if found is not None:
            return found
    raise ShareRefused(
        f"There is no target list {name!r}, or it is not for {user} to see. "
        f"{_there_is(seen, 'name', name)}",
        "target_list",
    )


def _one(found: QuerySet[Any], many: str, option: str) -> int | None:
    pks = sorted(set(found.values_list("pk", flat=True)[: NAMED + 1]))
    if len(pks) > 1:
        raise ShareRefused(
            f"Several {many}: {', '.join(map(str, pks))}. Say which by --{option}-id.",
            option,
        )
    return pks[0] if pks else None


def _there_is(found: QuerySet[Any], field: str, name: str) -> str:
    """Name what resembles a name, else the first there are."""
    begins = {f"{field}__istartswith": name[:2]}
    close = list(_names(found.filter(**begins), field)) or list(_names(found, field))
    if not close:
        return "There is none at all."
    more = ", …" if len(close) > NAMED else ""
    return f"Known are {', '.join(close[:NAMED])}{more}."


def _names(found: QuerySet[Any], field: str) -> Iterable[str]:
    ordered = found.order_by(field).values_list(field, flat=True)
    return map(str, ordered[: NAMED + 1])
