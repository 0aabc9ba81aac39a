"""How persistent shares stand, read from the rows; called by their pages and API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import permissions, visibility
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
    last: Share | None
    shows_last: bool
    last_trouble: str
    may_change: bool
    may_delete: bool

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
    """Tell how each of these stands."""
    pks = [row.pk for row in found]
    terms = _terms(pks)
    waiting = _waiting(pks)
    last = _last_shares(pks)
    shown = visibility.visible_shares(user).filter(pk__in=[s.pk for s in last.values()])
    seen = set(shown.values_list("pk", flat=True))
    away = _away()
    return [
        Standing(
            row,
            terms.get(row.pk, PersistentShareTerms(persistent_share_id=row.pk)),
            persistent.trouble(row),
            waiting.get(row.pk, 0),
            row.destination in away,
            last.get(row.pk),
            row.pk in last and last[row.pk].pk in seen,
            _trouble_of(last.get(row.pk)),
            may(user, "change", row),
            may(user, "delete", row),
        )
        for row in found
    ]


def in_brief(found: Sequence[Any], target: Any) -> list[Standing]:
    """Tell how the persistent shares of one target stand, without what they shared.

    With as many queries for many as for one, as long as the same people made them.
    """
    pks = [row.pk for row in found]
    terms = _terms(pks)
    waiting = _waiting(pks)
    away = _away()
    makers = {row.user_id: row.user for row in found}
    share_it = {
        pk: user is not None and permissions.targets(user, [target.pk]).exists()
        for pk, user in makers.items()
    }
    for row in found:
        row.user, row.target = makers[row.user_id], target  # their caches serve all
    return [
        Standing(
            row,
            terms.get(row.pk, PersistentShareTerms(persistent_share_id=row.pk)),
            persistent.trouble(row, may_share=share_it[row.user_id]),
            waiting.get(row.pk, 0),
            row.destination in away,
            last=None,
            shows_last=False,
            last_trouble="",
            may_change=False,
            may_delete=False,
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


def _trouble_of(share: Share | None) -> str:
    """Say why the last share did not arrive, with the cure, or nothing where it did."""
    if share is None or share.status not in (Share.Status.FAILED, Share.Status.PARTLY):
        return ""
    found = causes.of_tally(overview.tally(share))
    why = f" {found[0].title}: {found[0].cure}" if found else f" {share.note}"
    return f"Its last share did not arrive, or not all of it.{why}".strip()
