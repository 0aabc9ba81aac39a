"""What was shared of one target, read from the rows in a fixed number of queries.

Called by the "Sharing" tab of the target. A share of the target itself is told by its
own status; of a share of several targets, what became of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.urls import reverse

from tom_share_worker import conf
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.delivery.closing import status_of
from tom_share_worker.models import Delivery, Failure, Share
from tom_share_worker.models.delivery import WAITS_FOR_A_PERSON
from tom_share_worker.status import notices, words

SHOWN = 10
"""Entries of the tab; the list of shares has the rest."""


@dataclass(frozen=True)
class Entry:
    """One share, as far as it is about the target."""

    what: str
    address: str
    standing: str
    destination: str
    created: datetime
    person: str
    link: str


@dataclass
class _Sum:
    """What became of the deliveries of one share that are about the target."""

    destination: str
    first: int
    created: datetime
    link: str
    counts: dict[str, int]
    refused: int = 0
    must_choose: bool = False
    closed: bool = False

    @property
    def held(self) -> bool:
        """True where nothing is under way, as the destination takes nothing."""
        return self.closed and not self.counts.get(Delivery.Status.SENDING)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def standing(self) -> str:
        status = status_of(True, self.counts, self.refused)
        if status not in Share.ENDED:
            return words.WAITS if self.held else status
        return WAITS_FOR_A_PERSON if self.must_choose else status


def entries(user: Any, target: Any) -> tuple[list[Entry], bool]:
    """Return the newest shares about a target that a person may see, and if there are
    more than these.
    """
    own = list(_visible(user).filter(target=target.pk).order_by("-pk")[: SHOWN + 1])
    within = _shares_of_several(user, target)
    newest = sorted({*(share.pk for share in own), *within}, reverse=True)
    shown, more = newest[:SHOWN], len(newest) > SHOWN
    shares = {share.pk: share for share in own}
    shares |= _visible(user).in_bulk([pk for pk in within if pk in shown])
    sums = _sums(user, target, shown)
    found = [_entry(shares.get(pk), sums.get(pk), target) for pk in shown]
    return [entry for entry in found if entry is not None], more


def _visible(user: Any) -> Any:
    shares = visibility.visible_shares(user).defer("selection", "plan_cursor")
    return masking.with_subjects(user, shares).select_related("user")


def _shares_of_several(user: Any, target: Any) -> list[int]:
    """Return the newest shares of several targets with a visible delivery of this."""
    found = visibility.visible_deliveries(user).filter(
        ~Q(share__target=target.pk) | Q(share__target=None), target=target.pk
    )
    pks = found.order_by("-share_id").values_list("share_id", flat=True).distinct()
    return list(pks[: SHOWN + 1])


def _sums(user: Any, target: Any, shares: Sequence[int]) -> dict[int, _Sum]:
    """Sum up the deliveries of these shares that are about the target."""
    about = visibility.visible_deliveries(user).filter(
        target=target.pk, share_id__in=shares
    )
    rows = about.order_by().values("share_id", "destination", "status", "failure")
    found: dict[int, _Sum] = {}
    closed = notices.closed_keys()
    for row in rows.annotate(
        n=Count("pk"),
        first=Min("pk"),
        begun=Min("created"),
        refused=Sum("refused_count"),
        any_link=Max("link"),
        target_link=Max("link", filter=Q(kind=Delivery.Kind.TARGET)),
    ):
        _add(found, row)
    for known in found.values():
        known.closed = known.destination in closed
    return found


def _add(found: dict[int, _Sum], row: Mapping[str, Any]) -> None:
    link = row["target_link"] or row["any_link"] or ""
    known = found.setdefault(
        row["share_id"], _Sum(row["destination"], row["first"], row["begun"], link, {})
    )
    status = row["status"]
    known.counts[status] = known.counts.get(status, 0) + row["n"]
    known.refused += row["refused"] or 0
    known.first = min(known.first, row["first"])
    known.created = min(known.created, row["begun"])
    known.link = row["target_link"] or known.link or link
    known.must_choose |= (
        status == Delivery.Status.FAILED and row["failure"] == Failure.AMBIGUOUS_TARGET
    )


def _entry(share: Share | None, sums: _Sum | None, target: Any) -> Entry | None:
    if share is not None:
        itself = share.target_id == target.pk
        return Entry(
            what=masking.subject(share),
            address=share.get_absolute_url(),
            standing=_standing(share, sums) if itself or not sums else sums.standing,
            destination=share.destination_name,
            created=share.created,
            person=share.user.get_username() if share.user else "",
            link=sums.link if sums else "",
        )
    if sums is None:
        return None  # it went between two queries
    return Entry(
        what=f"{words.deliveries(sums.total)} of a share of several targets",
        address=reverse("tom_share_worker:delivery-detail", kwargs={"pk": sums.first}),
        standing=sums.standing,
        destination=conf.display_name(sums.destination),
        created=sums.created,
        person="",
        link=sums.link,
    )


def _standing(share: Share, sums: _Sum | None) -> str:
    if sums is None:
        return share.status
    if share.is_ended:
        return WAITS_FOR_A_PERSON if sums.must_choose else share.status
    return words.WAITS if share.planned and sums.held else share.status
