"""How persistent shares stand, read from the rows; called by their pages and API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.models import (
    Destination,
    PersistentShareTerms,
    SavedDatum,
    Share,
)
from tom_share_worker.status import causes, overview, words

KIND_WORDS = {
    "photometry": "Photometry",
    "spectroscopy": "Spectra",
    "astrometry": "Astrometry",
    "generic": "Other data",
}
"""The types of data as people call them, in the order of forms."""


def visible(user: Any, target_pk: int | None = None) -> QuerySet[Any]:
    """Return the persistent shares of targets that a person may view."""
    found: QuerySet[Any] = toolkit.PersistentShare.objects.select_related("user")
    pks = None if target_pk is None else [target_pk]
    viewable = toolkit.viewable_targets(user, pks)
    return found.filter(target__in=viewable.values("pk")).select_related("target")


def may(user: Any, verb: str, persistent_share: Any = None) -> bool:
    """True if a person may view, add, change or delete persistent shares, or one.

    To change or delete one takes the right to change its target, as the host has it.
    """
    app = toolkit.PersistentShare._meta.app_label
    return user.has_perm(f"{app}.{verb}_persistentshare") and (
        persistent_share is None
        or toolkit.may_change_target(user, persistent_share.target_id)
    )


@dataclass(frozen=True)
class Standing:
    """One persistent share, and how it stands."""

    row: Any
    terms: PersistentShareTerms
    trouble: str
    waiting: int
    away: bool
    last: Share | None = None
    shows_last: bool = False
    last_trouble: str = ""
    may_change: bool = False
    may_delete: bool = False

    @property
    def destination(self) -> str:
        """Return what people call the destination."""
        return conf.display_name(self.row.destination)

    @property
    def kinds(self) -> str:
        """Return the types of data in words."""
        if not self.terms.kinds:
            return "All data points"
        return ", ".join(KIND_WORDS.get(kind, kind) for kind in self.terms.kinds)

    @property
    def ended(self) -> bool:
        """True once its last day is over."""
        until = self.terms.until
        return until is not None and until < timezone.now()

    @property
    def state(self) -> str:
        """Return how it stands in a word."""
        if self.trouble:
            return "stopped"
        if self.ended:
            return "ended"
        return "paused" if self.terms.paused else "sharing"

    @property
    def waits(self) -> str:
        """Say how much waits and for what, or nothing."""
        if not self.waiting:
            return ""
        points = words.count(self.waiting, "saved data point")
        wait = "waits" if self.waiting == 1 else "wait"
        reason = "to be gathered into a share"
        if self.trouble:
            reason = "until this is put right"
        elif self.terms.paused:
            reason = "until it is resumed"
        elif self.away:
            reason = f"until {self.destination} takes deliveries again"
        return f"{points} {wait} {reason}."

    @property
    def sentences(self) -> str:
        """Say why it does not share, and what waits; or nothing where all is well."""
        said = [self.trouble, self.waits, self.last_trouble]
        if self.terms.paused:
            by = self.terms.paused_by
            said.insert(0, f"Paused by {by.get_username()}." if by else "Paused.")
        return " ".join(filter(None, said))


def standings(user: Any, found: Sequence[Any]) -> list[Standing]:
    """Tell how each of these stands, and what came of what it shared last.

    With as many queries for many as for one, as long as the same people made them.
    """
    last = _last_shares([row.pk for row in found])
    shown = visibility.visible_shares(user).filter(pk__in=[s.pk for s in last.values()])
    seen = set(shown.values_list("pk", flat=True))
    troubles = _last_troubles(last)
    changeable = toolkit.changeable_targets(user, {row.target_id for row in found})
    may_change, may_delete = may(user, "change"), may(user, "delete")
    return [
        replace(
            one,
            last=last.get(one.row.pk),
            shows_last=one.row.pk in last and last[one.row.pk].pk in seen,
            last_trouble=troubles.get(one.row.pk, ""),
            may_change=may_change and one.row.target_id in changeable,
            may_delete=may_delete and one.row.target_id in changeable,
        )
        for one in in_brief(found)
    ]


def in_brief(found: Sequence[Any]) -> list[Standing]:
    """Tell how each of these stands, without what it shared."""
    pks = [row.pk for row in found]
    terms = _terms(pks)
    waiting = _waiting(pks)
    troubles = persistent.troubles(found)
    away = _away()
    return [
        Standing(
            row,
            terms.get(row.pk, PersistentShareTerms(persistent_share_id=row.pk)),
            troubles[row.pk],
            waiting.get(row.pk, 0),
            row.destination in away,
        )
        for row in found
    ]


def _terms(pks: list[int]) -> dict[int, PersistentShareTerms]:
    found = PersistentShareTerms.objects.filter(persistent_share__in=pks)
    return {row.persistent_share_id: row for row in found.select_related("paused_by")}


def _waiting(pks: list[int]) -> dict[int, int]:
    """Count the saved data points that wait for each of these."""
    found = SavedDatum.objects.filter(persistent_share__in=pks).order_by()
    return dict(found.values_list("persistent_share").annotate(Count("pk")))


def _away() -> set[str]:
    """Return the destinations that take nothing now."""
    closed = Destination.objects.filter(Q(paused=True) | Q(failures__gt=0))
    return set(closed.values_list("key", flat=True))


def _last_shares(pks: list[int]) -> dict[int, Share]:
    made = Share.objects.filter(persistent_share__in=pks).order_by()
    newest = made.values("persistent_share").annotate(last=Max("pk"))
    shares = Share.objects.filter(pk__in=[row["last"] for row in newest])
    return {
        share.persistent_share_id: share
        for share in shares.defer("selection", "plan_cursor")
        if share.persistent_share_id is not None
    }


def _last_troubles(last: Mapping[int, Share]) -> dict[int, str]:
    """Say why these shares did not arrive, with the cure; not of those that did."""
    failed = (Share.Status.FAILED, Share.Status.PARTLY)
    shares = {pk: share for pk, share in last.items() if share.status in failed}
    tallies = overview.tallies([share.pk for share in shares.values()])
    return {pk: _trouble_of(share, tallies[share.pk]) for pk, share in shares.items()}


def _trouble_of(share: Share, tally: overview.Tally) -> str:
    numbers = causes.numbers(tally)
    cause = max(numbers, key=lambda one: numbers[one], default=None)
    why = f"{cause.value.capitalize()}: {cause.cure}" if cause else share.note
    return f"Its last share did not arrive, or not all of it. {why}".strip()
