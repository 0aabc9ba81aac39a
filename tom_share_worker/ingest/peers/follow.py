"""GET /api/tom-share/ingest/<id>/: how the processing of an upload stands."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker.ingest import visibility
from tom_share_worker.ingest.jobs import processing
from tom_share_worker.ingest.peers.view import PeerView
from tom_share_worker.ingest.problems import NOT_FOUND, Problem
from tom_share_worker.models import IngestJob

PAUSE = 2
"""Seconds after which it is worth to ask again."""

_WAITS = {
    IngestJob.Status.QUEUED: "Waiting to be processed.",
    IngestJob.Status.RUNNING: "Being processed.",
    IngestJob.Status.CANCELLED: "Cancelled; the file was kept.",
}


class Ingest(PeerView):
    """Tells how an upload fares, to who sent it and to whoever else may see it."""

    def get(self, request: Request, pk: int) -> Response:
        """Tell how it stands; with Retry-After as long as it has not ended."""
        job = visibility.visible_jobs(request.user).filter(pk=pk).first()
        if job is None:
            raise Problem(NOT_FOUND, "There is no such upload of this account.")
        headers = {} if job.is_ended else {"Retry-After": str(PAUSE)}
        return Response(standing(job), headers=headers)


def standing(job: IngestJob) -> dict[str, Any]:
    """Return how an upload stands, as the protocol has it."""
    return {
        "id": job.pk,
        "status": job.status,
        "data_product": job.data_product_id,
        "target": job.target_id,
        "datums": job.datum_count,
        "new": job.new_count,
        "message": _message(job),
        "failure": job.failure,
        "created": job.created.isoformat(),
        "ended": job.ended.isoformat() if job.ended else None,
    }


def _message(job: IngestJob) -> str:
    if job.status == IngestJob.Status.DONE and (job.datum_count or not job.note):
        return processing.counted(job.datum_count, job.new_count)
    return job.note or _WAITS.get(IngestJob.Status(job.status), "")
