"""What the upload API answers: the host's body, and where to follow the processing.

Called by `api`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.urls import reverse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from tom_share_worker.ingest.uploads import waiting
from tom_share_worker.models import IngestJob

UPLOADED = "Data product successfully uploaded."
ALREADY_HERE = "Data product already exists. Skipping upload."
"""The host's words, which its own sharing shows to people."""

NO_FILE = "No file was sent. Send it as the part 'file' of a multipart/form-data form."

UPLOADS = "api:dataproducts-list"
"""The host's name for the address of uploads."""

Body = dict[str, Any]


class NotNow(APIException):
    """This TOM cannot keep anything at the moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = (
        "This TOM could not keep the file, and nothing of it is left here. Try again "
        "later; if it stays so, ask an administrator of the TOM to look at its log."
    )


def already_here(request: Any, body: Body, product: Any) -> Response:
    """Answer as the host does, and tell which file it is that is here."""
    job = IngestJob.objects.filter(data_product=product.pk).first()
    return Response(
        {
            **body,
            "message": ALREADY_HERE,
            "already_exists": True,
            "sha256": job.sha256 if job else "",
            "ingest": _ingest(request, job) if job else None,
        }
    )


def received(request: Any, body: Body, job: IngestJob) -> Response:
    """Answer that the file is here; if asked to wait, what became of it."""
    wait = waiting.preferred(request.headers.get("Prefer", ""))
    if wait is None:
        return accepted(request, body, job)
    job = waiting.until_ended(job, wait)
    answer = (_ended if job.is_ended else accepted)(request, body, job)
    answer["Preference-Applied"] = f"wait={wait}"
    return answer


def accepted(request: Any, body: Body, job: IngestJob) -> Response:
    """Answer that the file is here, and where to follow its processing."""
    ingest = _ingest(request, job)
    message = f"{UPLOADED} It is being processed."
    return Response(
        body | {"message": message, "ingest": ingest},
        status.HTTP_202_ACCEPTED,
        headers={"Location": ingest["url"]},
    )


def _ended(request: Any, body: Body, job: IngestJob) -> Response:
    """Answer what became of the file."""
    ingest = _ingest(request, job)
    if job.status == IngestJob.Status.DONE:
        done = body | {"message": UPLOADED, "ingest": ingest}
        return Response(done, status.HTTP_201_CREATED)
    detail = job.note or job.cure
    failed = body | {"message": detail, "detail": detail, "ingest": ingest}
    return Response(failed, status.HTTP_422_UNPROCESSABLE_ENTITY)


def _ingest(request: Any, job: IngestJob) -> Body:
    """Return how a job stands, and where to follow it."""
    # Beside the uploads, wherever the TOM's API is.
    path = urljoin(reverse(UPLOADS), f"../tom-share/ingest/{job.pk}/")
    url = request.build_absolute_uri(path)
    return {"id": job.pk, "status": job.status, "url": url}
