"""The badge in the navigation bar: what of a person's own failed and was not seen yet.

Asked on every page of the TOM, through `templatetags`, so where nothing failed it is
one query that finds nothing in two small indexes. The pages of a share and of an upload
say here that it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Model, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone

from tom_share_worker import toolkit
from tom_share_worker.delivery import visibility as sharing
from tom_share_worker.delivery.asking import masking
from tom_share_worker.ingest import visibility as receiving
from tom_share_worker.models import IngestJob, Share
from tom_share_worker.status import words

NEWS_FOR = timedelta(days=30)
"""How long a failure is news; after that it is found in the lists only."""

MOST = 99
"""The highest number that is counted; more is more."""

_SHARES, _JOBS = "shares", "jobs"


@dataclass(frozen=True)
class Unseen:
    """How many of a person's shares and uploads failed, and were not seen since."""

    shares: int = 0
    jobs: int = 0

    @property
    def total(self) -> int:
        """Return how many there are, counted up to one more than is shown."""
        return self.shares + self.jobs

    @property
    def number(self) -> str:
        """Return the number on the badge."""
        return f"{MOST}+" if self.total > MOST else str(self.total)

    @property
    def sentence(self) -> str:
        """Say what the number counts, for those who hear it and for the tooltip."""
        if self.total > MOST:
            return f"More than {MOST} shares and uploads of yours failed, not seen yet"
        counted = [
            words.count(number, noun)
            for number, noun in ((self.shares, "share"), (self.jobs, "upload"))
            if number
        ]
        return f"{' and '.join(counted)} of yours failed, not seen yet"


def of(request: HttpRequest) -> Unseen:
    """Count for the reader of a page, once however often the page asks."""
    known = getattr(request, "_unseen_failures", None)
    if known is None:
        known = _count(getattr(request, "user", None))
        request._unseen_failures = known  # type: ignore[attr-defined]
    return known


def _count(user: Any) -> Unseen:
    if user is None or not user.is_authenticated:
        return Unseen()
    shares = _own(Share, user).values_list(Value(_SHARES), "target_id")
    jobs = _own(IngestJob, user).values_list(Value(_JOBS), "target_id")
    found = list(shares.union(jobs, all=True)[: MOST + 1])
    if not found:
        return Unseen()
    viewable = _viewable(user, found)
    kinds = [kind for kind, target in found if target in viewable]
    return Unseen(kinds.count(_SHARES), kinds.count(_JOBS))


def _viewable(user: Any, found: list[tuple[str, int | None]]) -> set[int | None]:
    """Return those of the targets that a person may view; and that there is none.

    The rule of `visibility` for what is a person's own. Permissions are asked here,
    when there is something to count, and not on every page.
    """
    pks = {target for _, target in found}
    if user.is_superuser:
        return pks
    asked = [pk for pk in pks if pk is not None]
    if not asked:
        return pks
    return {None, *toolkit.viewable_targets(user, asked).values_list("pk", flat=True)}


def _own(rows: type[Share] | type[IngestJob], user: Any) -> QuerySet[Any]:
    failed = rows._default_manager.filter(
        user_id=user.pk, seen=None, status__in=_FAILED[rows]
    )
    return failed.filter(ended__gt=timezone.now() - NEWS_FOR).order_by()


_FAILED: dict[type[Model], list[str]] = {
    Share: [Share.Status.FAILED, Share.Status.PARTLY],
    IngestJob: [IngestJob.Status.FAILED],
}


def shares_of(user: Any) -> QuerySet[Share]:
    """Return what is counted of a person's shares."""
    visible = masking.with_subjects(user, sharing.visible_shares(user))
    return visible.filter(pk__in=_own(Share, user).values("pk"))


def jobs_of(user: Any) -> QuerySet[IngestJob]:
    """Return what is counted of a person's uploads."""
    mine = _own(IngestJob, user).values("pk")
    return receiving.visible_jobs(user).filter(pk__in=mine)


def saw(user: Any, row: Share | IngestJob) -> None:
    """Note that a person looks at a share or upload of their own that has ended."""
    if row.seen is None and row.is_ended and row.user_id == user.pk:
        rows = type(row)._default_manager.filter(pk=row.pk, seen=None)
        # Not what went on again meanwhile: its next end is news.
        rows.filter(status__in=row.ENDED).update(seen=timezone.now())


def saw_all(user: Any) -> int:
    """Note that a person has seen all of theirs that failed; return how many."""
    now = timezone.now()
    return sum(
        rows._default_manager.filter(
            user_id=user.pk, seen=None, status__in=statuses
        ).update(seen=now)
        for rows, statuses in _FAILED.items()
    )
