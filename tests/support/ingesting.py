"""Files that came in, as rows: what an upload leaves for the workers."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from tom_dataproducts.models import DataProduct, ReducedDatum

from tests.support import rows
from tom_share_worker.models import IngestJob

TABLE = b"time,degree\n61000.25,0.5\n61000.5,0.25\n61000.75,0.125\n"
"""Three data points, as the processors of the tests read them."""

DEGREES = [0.125, 0.25, 0.5]


def job(kind: str = "plain", content: bytes = TABLE, **columns: Any) -> IngestJob:
    """Return a queued job, due now, for a file of this type with this content."""
    owner = rows.person()
    name = f"night-{DataProduct.objects.count()}.csv"
    target = rows.target(owner, f"SN of {name}")
    product = rows.product(target, content, name)
    # The host knows the types of its settings at start only.
    DataProduct.objects.filter(pk=product.pk).update(data_product_type=kind)
    product.refresh_from_db()
    defaults = {
        "data_product": product,
        "target_id": target.pk,
        "target_name": target.name,
        "user": owner,
        "file_name": name,
        "data_product_type": kind,
        "size": len(content),
        "next_attempt_at": timezone.now(),
    }
    return IngestJob.objects.create(**{**defaults, **columns})


def degrees(of: IngestJob) -> list[float]:
    """Return what is stored of a job's file."""
    found = ReducedDatum.objects.filter(data_product_id=of.data_product_id)
    return sorted(value["degree"] for value in found.values_list("value", flat=True))
