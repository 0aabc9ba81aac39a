"""What a program or a command asks to share, by ids: read, checked, put in the outbox.

Called by the REST API and `manage.py share`. What is not there and what is not for this
person to share get the same answer, so that ids cannot be guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share

CHECKED = 1000
"""Ids of one field that are looked up before the answer, so that it takes no longer
for a million. What is wrong beyond is left out when planned, and the share says so."""

NAMED = 10
"""Ids that an error names; a program that asks for others has them."""


SUBJECTS = ("target", "targets", "target_list", PRODUCTS, *DATUM_KINDS)
"""The fields of which a wish needs one."""


@dataclass(frozen=True)
class Wish:
    """What is asked for: targets, or what they have, or both."""

    target: int | None = None
    targets: Sequence[int] = ()
    target_list: int | None = None
    selection: Mapping[str, Sequence[int]] = field(default_factory=dict)
    with_target: bool | None = None
    with_data: bool = False
    with_products: bool = False
    called: Callable[[str], str] = str
    """Returns what the one who asks calls a field; programs call it by its name."""

    @property
    def named(self) -> dict[str, Sequence[int]]:
        """Return the kinds of which ids are named."""
        return {kind: pks for kind, pks in self.selection.items() if pks}

    @property
    def whole(self) -> list[str]:
        """Return the kinds of which everything is meant."""
        kinds = [*DATUM_KINDS] if self.with_data else []
        return [*kinds, PRODUCTS] if self.with_products else kinds


def post(user: Any, destination: str, wish: Wish, **text: Any) -> Share:
    """Put a wish into the outbox, or refuse it with the field that is wrong."""
    _require_one_subject(wish)
    try:
        if wish.target_list is not None:
            return _post_list(user, destination, wish, **text)
        if wish.targets:
            return _post_targets(user, destination, wish, **text)
        if wish.target is not None:
            return _post_target(user, destination, wish, **text)
        return _post_data(user, destination, wish, **text)
    except ShareRefused as refusal:
        # What the outbox refuses by itself, once the ids are known, is the way.
        refusal.field = refusal.field or "destination"
        raise


def _require_one_subject(wish: Wish) -> None:
    """Refuse what could be understood in two ways."""
    if wish.target is not None and (wish.targets or wish.target_list is not None):
        raise ShareRefused(
            "Name either one target, or several targets, or a target list.", "target"
        )
    several = bool(wish.targets) or wish.target_list is not None
    if several and wish.named:
        raise ShareRefused(
            f"Data of several targets is shared as a whole: ask for it by "
            f"{wish.called('with_data')} or {wish.called('with_products')}. To share "
            f"certain data, name it without the targets.",
            next(iter(wish.named)),
        )
    if several and wish.with_target is False:
        raise ShareRefused(
            "Several targets are shared themselves, with or without their data.",
            "with_target",
        )
    if wish.with_data and any(kind in wish.named for kind in DATUM_KINDS):
        raise ShareRefused(
            "Ask either for all data or for certain data points, not for both.",
            "with_data",
        )
    if wish.with_products and wish.named.get(PRODUCTS):
        raise ShareRefused(
            "Ask either for all data products or for certain ones, not for both.",
            "with_products",
        )


def _post_list(user: Any, destination: str, wish: Wish, **text: Any) -> Share:
    lists = toolkit.viewable_target_lists(user)
    found = lists.filter(pk=wish.target_list).first()
    if found is None:
        raise ShareRefused(
            f"There is no target list {wish.target_list}, or it is not for you to see.",
            "target_list",
        )
    if wish.targets:
        _require_targets(user, wish)
    return outbox.share_target_list(
        user,
        destination,
        found,
        wish.targets or None,
        wish.with_data,
        wish.with_products,
        **text,
    )


def _post_targets(user: Any, destination: str, wish: Wish, **text: Any) -> Share:
    _require_targets(user, wish)
    return outbox.share_targets(
        user,
        destination,
        wish.targets,
        with_data=wish.with_data,
        with_products=wish.with_products,
        **text,
    )


def _post_target(user: Any, destination: str, wish: Wish, **text: Any) -> Share:
    target = toolkit.viewable_targets(user).filter(pk=wish.target).first()
    if target is None:
        raise ShareRefused(
            f"There is no target {wish.target}, or it is not for you to share.",
            "target",
        )
    if objection := permissions.target_objection(user, target):
        raise ShareRefused(objection, "target")
    with_target = wish.with_target is not False
    if not (with_target or wish.whole or wish.named):
        raise ShareRefused(
            "Without the target itself and without data, nothing is left to share.",
            "with_target",
        )
    for kind, pks in wish.named.items():
        _require_data(user, wish, kind, pks, target)
    return outbox.share_selected(
        user,
        destination,
        wish.named,
        target=target,
        with_target=with_target,
        whole=wish.whole,
        **text,
    )


def _post_data(user: Any, destination: str, wish: Wish, **text: Any) -> Share:
    if wish.whole or wish.with_target:
        raise ShareRefused("Name the target, the targets or the target list.", "target")
    if not wish.named:
        *fields, last = map(wish.called, SUBJECTS)
        raise ShareRefused(
            f"Say what to share: {', '.join(fields)} or {last}.", "target"
        )
    for kind, pks in wish.named.items():
        _require_data(user, wish, kind, pks)
    if wish.named.keys() == {PRODUCTS} and len(wish.named[PRODUCTS]) == 1:
        product = permissions.data_products(user).get(pk=wish.named[PRODUCTS][0])
        return outbox.share_data_product(user, destination, product, **text)
    return outbox.share_selected(user, destination, wish.named, **text)


def _require_targets(user: Any, wish: Wish) -> None:
    looked_up = sorted(set(wish.targets))[:CHECKED]
    found = permissions.targets(user, looked_up).values_list("pk", flat=True)
    _require(wish, looked_up, set(found), "targets")


def _require_data(
    user: Any, wish: Wish, kind: str, pks: Sequence[int], target: Any = None
) -> None:
    looked_up = sorted(set(pks))[:CHECKED]
    if kind == PRODUCTS:
        found = permissions.data_products(user).filter(pk__in=looked_up)
    else:
        there = toolkit.DATUM_MODELS[kind]._default_manager.filter(pk__in=looked_up)
        found = permissions.datums(user, kind, there)
    if target is not None:
        found = found.filter(target_id=target.pk)
    at = f" at {target.name}" if target is not None else ""
    _require(wish, looked_up, set(found.values_list("pk", flat=True)), kind, at)


def _require(
    wish: Wish, asked: Sequence[int], found: set[int], kind: str, at: str = ""
) -> None:
    missing = [pk for pk in asked if pk not in found]
    if not missing:
        return
    named = ", ".join(map(str, missing[:NAMED]))
    more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
    raise ShareRefused(
        f"Not found{at}, or not for you to share: {wish.called(kind)} {named}{more}.",
        kind,
    )
