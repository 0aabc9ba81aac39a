"""Which failures an e-mail of each kind is about.

Asked when it is written and again when it is sent.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from tom_share_worker.models import IngestJob, Mail, Share


def failed(kind: str, rows: Any) -> QuerySet[Any]:
    """Return the shares, or the uploads, that an e-mail of this kind is about.

    What another TOM sent it follows itself, by the protocol.
    """
    if rows is IngestJob:
        jobs = IngestJob.objects.filter(status=IngestJob.Status.FAILED, seen=None)
        jobs = jobs.exclude(origin=IngestJob.Origin.TOM)
        return jobs if kind == Mail.Kind.FAILURES else jobs.none()
    by_itself = Q(origin=Share.Origin.PERSISTENT_SHARE)
    shares = Share.objects.filter(
        status__in=[Share.Status.FAILED, Share.Status.PARTLY], seen=None
    )
    return shares.filter(by_itself if kind == Mail.Kind.CONTINUOUS else ~by_itself)
