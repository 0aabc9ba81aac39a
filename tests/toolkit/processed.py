"""Data products to be read, in the host's way and in ours, and what was stored of them.

Used by the tests of processing. The processor `Made` yields what a test gives it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import tom_dataproducts
from django.core.files.base import ContentFile
from django.db import transaction
from tom_dataproducts import data_processor
from tom_dataproducts.data_processor import DataProcessor
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target

from tests.support import rows
from tests.support.rows import NIGHT
from tom_share_worker import toolkit
from tom_share_worker.toolkit import processing

SAMPLES = Path(tom_dataproducts.__file__).parent / "tests" / "test_data"
"""Files that the host's own tests read."""

HOSTS = "tom_dataproducts.processors.photometry_processor.PhotometryProcessor"
OURS = "tom_share_worker.processors.PhotometryProcessor"
MADE = "tests.toolkit.processed.Made"


class Made(DataProcessor):  # type: ignore[misc]  # the host has no types
    """Yields the rows of a test."""

    rows: Collection[Any] = ()
    override = ""

    def process_data(self, data_product: Any) -> Any:
        return self.rows

    def data_type_override(self) -> str:
        return self.override


def row(n: int = 0, **data: Any) -> tuple[Any, dict[str, Any], Any]:
    """Return a row of a processor: each with a time of its own."""
    return NIGHT + timedelta(minutes=n), {"filter": "r", "magnitude": 15.5} | data, ""


KINDS: dict[str, dict[str, Any]] = {
    "photometry": {"mag": 17.5, "band": "g", "limit": 20.5, "seeing": 1.5},
    "spectroscopy": {"flux": [1.5, 2], "wl": [4000, 4001.5], "f_unit": "Jy"},
    "astrometry": {"ra": 10.5, "declination": 5, "ra_err": 0.1, "note": {"a": [1]}},
    "polarimetry": {"degree": 0.5, "telescope": "1m0"},
}
"""Data of a row of each kind; all but the first three go to the generic kind."""


def product(
    content: str | bytes = "",
    name: str = "light-curve.csv",
    *,
    data_type: str = "photometry",
    target: Target | None = None,
) -> DataProduct:
    """Return a data product with a file, of a target of its own unless one is given."""
    owner = rows.person()
    count = Target.objects.count()
    data = content.encode() if isinstance(content, str) else content
    made = DataProduct(
        product_id=f"{name} {DataProduct.objects.count()}",
        target=target or rows.target(owner, f"Target {count}"),
        data=ContentFile(data, name=name),
        data_product_type=data_type,
    )
    made.save()
    return made


def ours(
    of: DataProduct, groups: Any = (), user: Any = None, instead_of: Any = None
) -> processing.Stored:
    """Process a product as this app does."""
    reading = processing.read(of)
    with transaction.atomic():
        return processing.store(
            of, reading, groups=groups, user=user, instead_of=instead_of
        )


def hosts(of: DataProduct) -> None:
    """Process a product as TOM Toolkit does."""
    data_processor.run_data_processor(of)


def stored(of: DataProduct) -> dict[str, list[dict[str, Any]]]:
    """Return all columns of all rows of a product, less what no two products share."""
    found = {}
    for kind, model in toolkit.DATUM_MODELS.items():
        datums = model._default_manager.filter(data_product=of, target=of.target_id)
        own = {"id", "target_id", "data_product_id"}
        if data := [
            {name: value for name, value in row.items() if name not in own}
            for row in datums.order_by("pk").values()
        ]:
            found[kind] = data
    return found


def outcome(process: Any, of: DataProduct) -> Any:
    """Return what was stored, or the kind of error; no number equals no number here."""
    try:
        with transaction.atomic():
            process(of)
    except Exception as error:  # noqa: BLE001  (it is what is compared)
        return type(error)
    return repr(stored(of))
