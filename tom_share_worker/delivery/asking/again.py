"""The same share once more: what an earlier one meant, with the data there is now.

Called by the pages. It goes through the outbox like any other, so who asks for it must
be allowed to share it today, and it is planned with what there is today.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tom_share_worker import conf
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import masking, outbox
from tom_share_worker.delivery.planning.planner import SENDS_TARGET
from tom_share_worker.delivery.planning.selection import DATUM_KINDS, PRODUCTS, WHOLE
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share

Kind = Share.Kind

GONE = "What was shared is no longer in this TOM, so it cannot be shared again."


def share_again(user: Any, share: Share, *, with_target: bool = False) -> Share:
    """Ask for the same as an earlier share; `with_target` sends its target, too."""
    asked = _Asked(user, share)
    if with_target and share.kind not in SENDS_TARGET:
        return asked.with_target()
    match share.kind:
        case Kind.TARGET_LIST:
            return asked.target_list()
        case Kind.TARGETS:
            return asked.targets()
        case Kind.TARGET_DATA:
            return asked.target_data()
        case Kind.DATA_PRODUCT:
            return asked.data_product()
    return asked.selection()


def may_share_again(user: Any, share: Share) -> bool:
    """True if there is something to share, and nothing known that forbids it."""
    about = share.target or share.target_list or share.data_product
    if about is None and share.kind not in (Kind.TARGETS, Kind.DATUMS):
        return False
    try:
        if permissions.destination_objection(user, share.destination):
            return False
        offered = share.destination in conf.choices()
    except ConfigurationError:
        return False
    if not offered or share.target is None:
        return offered
    return not permissions.target_objection(user, share.target)


class _Asked:
    """What an earlier share asked for, in the words of the outbox."""

    def __init__(self, user: Any, share: Share) -> None:
        self.share = share
        self.to = (user, share.destination)
        self.whole: Collection[str] = share.selection.get(WHOLE, ())
        self.ids: Mapping[str, Any] = {
            kind: pks for kind, pks in share.selection.items() if kind != WHOLE
        }
        self.products = PRODUCTS in self.whole
        # Not the words of somebody else that are hidden from who asks now.
        names = () if masking.hides_words(share) else ("title", "message", "authors")
        self.text: dict[str, Any] = {name: getattr(share, name) for name in names}

    def target_list(self) -> Share:
        return outbox.share_target_list(
            *self.to,
            _there(self.share.target_list),
            self.ids.get("targets"),
            self.share.with_data,
            self.products,
            **self.text,
        )

    def targets(self) -> Share:
        return outbox.share_targets(
            *self.to,
            self.ids.get("targets", ()),
            with_data=self.share.with_data,
            with_products=self.products,
            **self.text,
        )

    def target_data(self) -> Share:
        target = _there(self.share.target)
        return outbox.share_target_data(
            *self.to, target, with_products=self.products, **self.text
        )

    def data_product(self) -> Share:
        product = _there(self.share.data_product)
        return outbox.share_data_product(*self.to, product, **self.text)

    def selection(self) -> Share:
        """Ask for a target with ticked data, or for ticked data alone."""
        share, target = self.share, self.share.target
        sends_target = share.kind in SENDS_TARGET
        if sends_target or self.whole:
            target = _there(target)
        if sends_target and share.with_data and [*self.whole] == [PRODUCTS]:
            return outbox.share_target(*self.to, target, with_data=True, **self.text)
        return outbox.share_selected(
            *self.to,
            self.ids,
            target=target,
            with_target=sends_target,
            whole=self.whole,
            **self.text,
        )

    def with_target(self) -> Share:
        """Ask for the target itself, before what was asked for of it."""
        whole, ids = self.whole, self.ids
        if self.share.kind == Kind.TARGET_DATA:
            whole = {*whole, *DATUM_KINDS}
        if self.share.kind == Kind.DATA_PRODUCT:
            ids = {PRODUCTS: [_there(self.share.data_product).pk]}
        return outbox.share_selected(
            *self.to,
            ids,
            target=_there(self.share.target),
            with_target=True,
            whole=whole,
            **self.text,
        )


def _there(about: Any) -> Any:
    if about is None:
        raise ShareRefused(GONE)
    return about
