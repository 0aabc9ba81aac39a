"""From the share page to a stock TOM: every kind of data and two files at one click."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.acceptance.test_stock_tom import MODELS, arrived, give_data, sent
from tests.support import rows
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"image.fits": bytes(range(256)) * 500, "notes.fits": b"Clouds from 03 UT."}


def test_every_kind_of_data_and_two_files_arrive_in_a_stock_tom(
    tom: Tom, stock: StockTom
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    give_data(target)
    chosen = [rows.product(target, body, name) for name, body in FILES.items()]
    rows.product(target, b"not ticked", "other.fits")
    spectra, places = (
        list(m.objects.values_list("pk", flat=True)) for m in MODELS[1:3]
    )
    tom.knows(stock=stock.entry())
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30, UPLOAD_TIMEOUT=30)
    tom.start_worker(checks=True)
    browser = Client()
    browser.force_login(owner)

    browser.post(
        reverse("targets:share", kwargs={"pk": target.pk}),
        {
            "share_destination": "stock",
            "submitter": owner.username,
            "target": target.pk,
            "asks-for-target": "1",
            "with-target": "on",
            "all-photometry": "on",
            "share-spectroscopy": spectra,
            "share-astrometry-ids": ",".join(map(str, places)),
            "all-generic": "on",
            "share-data_products": [product.pk for product in chosen],
        },
    )

    share = Share.objects.get()
    tom.await_delivered(share, seconds=90)
    files = share.deliveries.filter(kind=Delivery.Kind.DATA_PRODUCT)
    assert {row.after.kind for row in files if row.after} == {Delivery.Kind.TARGET}
    for model in MODELS:
        assert arrived(stock, model) == sent(model), model.__name__
    copies = stock.rows("tom_dataproducts_dataproduct", order="data")
    bodies = [(stock.directory / "media" / c["data"]).read_bytes() for c in copies]
    assert bodies == list(FILES.values())
