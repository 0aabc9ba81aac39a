"""Who may see and act on ingest jobs: for pages, API, admin and commands.

The rule of `delivery.visibility`, for what comes in: nobody sees or acts on incoming
data of targets that they may not view; superusers see all.

- An ingest job is seen by whose account uploaded it, by people with the permission to
  view ingest jobs or to operate, and by those who may *change* its target: to them it
  is what others sent.
- Where data products have permissions of their own, who sees a job only because of its
  target must be allowed to view the data product, too. Whose account uploaded it need
  not: TOM Toolkit grants the product to groups, and not to its uploader.
- What is about a deleted target is seen by its uploader alone, as nobody can tell any
  more who might view it; its name stands in the row.
- Where in the code a job failed is shown to operators only.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker import toolkit
from tom_share_worker.models import IngestJob

VIEW = "tom_share_worker.view_ingestjob"
CHANGE = "tom_share_worker.change_ingestjob"
OPERATE = "tom_share_worker.operate"


def sees_all(user: Any) -> bool:
    """True for those who may view the jobs of others, of targets they may view."""
    return user is not None and (user.has_perm(VIEW) or user.has_perm(OPERATE))


def operates(user: Any) -> bool:
    """True for those who may reprocess and cancel the jobs of others, and see where
    in the code they failed.
    """
    return user is not None and (user.has_perm(CHANGE) or user.has_perm(OPERATE))


def visible_jobs(user: Any) -> QuerySet[IngestJob]:
    """Return the jobs that a person may see."""
    jobs = IngestJob.objects.all()
    if user is None or not (user.is_authenticated and user.is_active):
        return jobs.none()
    if user.is_superuser:
        return jobs
    viewable = toolkit.permitted_ids(user, "view_target")
    gone = Q(target__isnull=True, user_id=user.pk)
    found = jobs.filter(Q(target__in=viewable) | gone)
    if sees_all(user):
        return found
    return found.filter(Q(user_id=user.pk) | _of_their_targets(user))


def _of_their_targets(user: Any) -> Q:
    changeable = toolkit.permitted_ids(user, "change_target")
    condition = Q(target__in=changeable)
    if toolkit.data_has_permissions():
        products = toolkit.viewable_data_products(user).values("pk")
        condition &= Q(data_product__isnull=True) | Q(data_product__in=products)
    return condition


def may_act(user: Any, job: IngestJob) -> bool:
    """True if a person may reprocess and cancel this job."""
    return actionable_jobs(user).filter(pk=job.pk).exists()


def actionable_jobs(user: Any) -> QuerySet[IngestJob]:
    """Return the jobs that a person may reprocess and cancel."""
    jobs = visible_jobs(user)
    if user is None or operates(user):
        return jobs
    return jobs.filter(user_id=user.pk)
