"""Builders of ingest jobs for the tests of what people see of them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from tests.support import rows
from tom_share_worker.models import IngestFailure, IngestJob

CSV = b"time,magnitude,filter\n2026-03-01,15.0,r\n"

DONE: dict[str, Any] = {
    "status": "done",
    "datum_count": 37,
    "new_count": 35,
    "note": "Processed: 37 data points, 35 of them new.",
}
FAILED: dict[str, Any] = {
    "status": "failed",
    "failure": IngestFailure.UNREADABLE,
    "note": "Line 3 has no magnitude",
    "traceback": "Traceback: ValueError in csv.py",
}


def job(owner: User | None, of: Any = None, **columns: Any) -> IngestJob:
    """Return a queued job, due now, of a file in this TOM's storage."""
    uploader = owner or rows.person("uploader")
    target = of or rows.target(uploader, f"SN 2026-{IngestJob.objects.count()}")
    name = columns.get("file_name", "night.csv")
    number = f"{IngestJob.objects.count()}-{name}"[:200].replace("/", "_")
    defaults: dict[str, Any] = {
        "data_product": rows.product(target, CSV, number),
        "target": target,
        "target_name": target.name,
        "file_name": name,
        "data_product_type": "photometry",
        "size": len(CSV),
        "next_attempt_at": timezone.now(),
    }
    if columns.get("status") in IngestJob.ENDED:
        defaults |= {"started": timezone.now(), "ended": timezone.now()}
    return IngestJob.objects.create(user=owner, **defaults | columns)
