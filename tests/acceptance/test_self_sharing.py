"""A destination that is this TOM itself: nothing is harmed, and nothing doubles."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from tom_dataproducts.models import (
    REDUCED_DATUM_MODELS,
    DataProduct,
    PhotometryReducedDatum,
)
from tom_targets.models import Target, TargetExtra, TargetList, TargetName

from tests.acceptance.test_stock_tom import give_data
from tests.support import rows
from tests.support.processes import WebServer
from tests.support.toms import Tom
from tom_share_worker.delivery.asking import outbox

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "shares-with-itself"


def account(name: str) -> User:
    made = rows.person(name)
    made.set_password(PASSWORD)
    made.save()
    return made


def everything() -> dict[str, Any]:
    """Return all that a share could harm."""
    return {
        model.__name__: sorted(
            (tuple(row.items()) for row in model.objects.values()), key=repr
        )
        for model in (Target, TargetName, TargetExtra, DataProduct)
    } | {
        model.__name__: sorted(map(repr, model.objects.values()))
        for model in REDUCED_DATUM_MODELS
    }


def without_time(found: dict[str, Any]) -> dict[str, Any]:
    """Return it without the times of the last change, which the host sets itself."""
    return {
        name: [
            [column for column in row if column[0] != "modified"]
            if isinstance(row, tuple)
            else row
            for row in rows_of
        ]
        for name, rows_of in found.items()
    }


def test_what_is_shared_with_itself_stays_as_it_was(tom: Tom) -> None:
    owner = account("astronomer")
    target = rows.target(owner, "SN 2026abc", "ZTF26x", epoch=2000.0)
    target.save(extras={"redshift": 0.25})
    give_data(target)
    PhotometryReducedDatum.objects.create(
        target=target, timestamp=rows.NIGHT, bandpass="z", value={"airmass": 1.0}
    )
    rows.product(target, b"FITS" * 100, "image.fits")
    nameless = rows.product(target, b"FITS" * 200, "other.fits")
    DataProduct.objects.filter(pk=nameless.pk).update(product_id=None)
    tonight = rows.target_list("Tonight", target)
    server = WebServer("itself", tom.environment, tom.directory)
    tom.workers.append(server.process)
    server.await_up()
    tom.knows(
        itself={
            "DISPLAY_NAME": "localhost-tom",
            "BASE_URL": server.url,
            "USERNAME": owner.username,
            "PASSWORD": PASSWORD,
        }
    )
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30, UPLOAD_TIMEOUT=30)
    tom.start_worker()
    before = without_time(everything())

    for _ in range(2):
        share = outbox.share_target_list(owner, "itself", tonight, None, True)
        tom.await_delivered(share, seconds=60)
        for product in DataProduct.objects.order_by("pk"):
            file = outbox.share_data_product(owner, "itself", product)
            tom.await_delivered(file, seconds=60)

    assert without_time(everything()) == before
    lists = set(TargetList.objects.values_list("name", flat=True))
    assert lists <= {"Tonight", "Imported From Survey TOM"}
