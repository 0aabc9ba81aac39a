"""End to end: what is shared is found in an unmodified TOM Toolkit, value by value."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from tests.support import rows
from tests.support.rows import NIGHT
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom, assert_each_attempt_is_on_record
from tom_share_worker.delivery.asking import outbox

pytestmark = pytest.mark.django_db(transaction=True)

MODELS: tuple[Any, ...] = (
    PhotometryReducedDatum,
    SpectroscopyReducedDatum,
    AstrometryReducedDatum,
    ReducedDatum,
)
NOT_COMPARED = {"id", "target_id", "data_product_id", "source_name", "source_location"}
COMMON = {"telescope": "1m0", "instrument": "Sinistro", "reduction_version": "v2"}


def give_data(target: Target) -> None:
    """Give a target data of every kind: errors, limits, extras, odd floats."""
    detections = [
        PhotometryReducedDatum(
            target=target,
            timestamp=NIGHT + timedelta(minutes=n),
            brightness=15.1 + n / 7,
            brightness_error=0.01 + n / 1e4,
            bandpass="gri"[n % 3],
            unit="AB mag",
            exposure_time=30.0 + n,
            value={"airmass": 1.1 + n / 9},
            **COMMON,
        )
        for n in range(30)
    ]
    limits = [
        PhotometryReducedDatum(
            target=target,
            timestamp=NIGHT + timedelta(days=1, minutes=n),
            limit=20.1 + n / 3,
            bandpass="r",
            **COMMON,
        )
        for n in range(10)
    ]
    PhotometryReducedDatum.objects.bulk_create(detections + limits)
    give_other_data(target)


def give_other_data(target: Target) -> None:
    """Give a target a spectrum, a position, and data of a kind of their own."""
    moment: dict[str, Any] = {"target": target, "timestamp": NIGHT, **COMMON}
    SpectroscopyReducedDatum.objects.create(
        wavelength=[4000.1, 4000.2, 4000.3],
        flux=[1.1e-17, 2.2e-17, 3.3e-17],
        error=[1e-18, 1e-18, 2e-18],
        flux_unit="erg / (s cm2 Angstrom)",
        wavelength_unit="Angstrom",
        setup="grism 3",
        exposure_time=1200.5,
        value={"grade": "A"},
        **moment,
    )
    AstrometryReducedDatum.objects.create(
        ra=10.000000000000002, dec=-0.1, ra_error=0.01, dec_error=0.02, **moment
    )
    polarimetry = {"q": 0.1, "u": [0.2, {"v": 0.30000000000000004}]}
    ReducedDatum.objects.create(data_type="polarimetry", value=polarimetry, **moment)


def normal(value: Any) -> Any:
    """Return a value of either database in one form."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, str) and value[:1] in "[{" and value:
        return json.loads(value)
    return value


def sent(model: Any) -> list[dict[str, Any]]:
    """Return our rows of a model, in a form that can be compared."""
    found = []
    for row in model.objects.order_by("timestamp"):
        columns = {f.attname: getattr(row, f.attname) for f in model._meta.fields}
        found.append(
            {k: normal(v) for k, v in columns.items() if k not in NOT_COMPARED}
        )
    return found


def arrived(stock: StockTom, model: Any) -> list[dict[str, Any]]:
    """Return their rows of a model in the same form."""
    found = stock.rows(model._meta.db_table, order="timestamp")
    for row in found:
        row["timestamp"] = datetime.fromisoformat(row["timestamp"])
    return [
        {k: normal(v) for k, v in row.items() if k not in NOT_COMPARED} for row in found
    ]


def test_a_list_with_data_and_a_file_arrive_whole_in_a_stock_tom_and_only_once(
    tom: Tom, stock: StockTom
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc", "ZTF26x", distance=1 / 3, epoch=2000.0)
    plus = rows.target(owner, "SDSS J0101+0202 & #3")
    give_data(target)
    product = rows.product(target, bytes(range(256)) * 2000, "image.fits")
    tonight = rows.target_list("Tonight", target, plus)
    tom.knows(stock=stock.entry())
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30, UPLOAD_TIMEOUT=30)
    tom.start_worker(checks=True)

    for _ in range(2):
        share = outbox.share_target_list(owner, "stock", tonight, None, True)
        tom.await_delivered(share, seconds=60)
        file = outbox.share_data_product(owner, "stock", product)
        tom.await_delivered(file, seconds=60)
        assert_each_attempt_is_on_record(share)

    for model in MODELS:
        assert arrived(stock, model) == sent(model), model.__name__
    targets = stock.rows("tom_targets_basetarget", order="name")
    assert [t["name"] for t in targets] == ["SDSS J0101+0202 & #3", "SN 2026abc"]
    assert (targets[1]["ra"], targets[1]["distance"]) == (target.ra, 1 / 3)
    [alias] = stock.rows("tom_targets_targetname")
    assert alias["name"] == "ZTF26x"
    lists = stock.rows("tom_targets_targetlist", order="name")
    assert [row["name"] for row in lists] == ["Imported From Survey TOM", "Tonight"]
    [copy] = stock.rows("tom_dataproducts_dataproduct")
    content = (stock.directory / "media" / copy["data"]).read_bytes()
    assert content == bytes(range(256)) * 2000
