"""End to end: what an unmodified TOM Toolkit shares by its own code arrives with us.

The sender is the demo project without the app, in processes of its own; the receiver
has the app and a real worker. What the sender tells its people is its own message.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sample_data.accounts import PARTNER
from tests.support.processes import run_manage
from tests.support.stock_tom import StockTom
from tests.support.waiting import wait_until
from tests.support.whole_tom import WholeTom

NAME = "SN 2026abc"
COUNT = 12

CURVE = "time,magnitude,filter,error\n" + "".join(
    f"{58000 + n / 1440:.9f},{15 + n / 7},i,0.02\n" for n in range(COUNT)
)

SAVE = f"""
from datetime import UTC, datetime, timedelta
from django.core.files.base import ContentFile
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_targets.models import Target
target = Target(name={NAME!r}, type="SIDEREAL", ra=10.5, dec=5.5)
target.save()
for n in range({COUNT}):
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n)
    row = {{"timestamp": at, "bandpass": "r", "brightness": 15 + n / 7}}
    PhotometryReducedDatum(target=target, **row).save()
product = DataProduct(target=target, data_product_type="photometry", product_id="night")
product.data.save("night 1.csv", ContentFile({CURVE!r}), save=False)
product.save()
group = Group.objects.create(name="of the sender")
assign_perm("tom_dataproducts.view_dataproduct", group, product)
"""

SHARE = f"""
import json
from django.contrib.auth.models import User
from tom_dataproducts.models import DataProduct
from tom_dataproducts.sharing import share_data_with_tom, sharing_feedback_converter
from tom_targets.models import Target
from tom_targets.sharing import share_target_and_all_data
target = Target.objects.get(name={NAME!r})
user = User.objects.get(username={PARTNER.username!r})
said = {{"target and data": share_target_and_all_data("ours", target, user)}}
product = DataProduct.objects.get().pk
for name in ("product", "product again"):
    answer = share_data_with_tom("ours", {{}}, product_id=product)
    said[name] = sharing_feedback_converter(answer)
print(json.dumps(said))
"""


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WholeTom]:
    made = WholeTom("Ours", tmp_path / "ours")
    try:
        made.start([])
        made.start_worker()
        yield made
    finally:
        made.close()


@pytest.fixture
def sender(tmp_path: Path, receiver: WholeTom) -> Iterator[StockTom]:
    made = StockTom(tmp_path / "stock")
    made.directory.mkdir()
    made.environment["TOM_DATA_SHARING"] = json.dumps({"ours": receiver.entry()})
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.timeout(300)
def test_what_a_stock_tom_shares_arrives_and_it_says_so(
    sender: StockTom, receiver: WholeTom
) -> None:
    run_manage(sender.environment, "shell", "-v0", "-c", SAVE)

    printed = run_manage(sender.environment, "shell", "-v0", "-c", SHARE)

    said: dict[str, str] = json.loads(printed.splitlines()[-1])
    assert said["target and data"] == f"{COUNT} of {COUNT} datums successfully saved."
    assert said["product"].startswith("Data product successfully uploaded.")
    assert said["product again"] == "Data product already exists. Skipping upload."
    assert not any("ERROR" in text.upper() for text in said.values())
    wait_until(receiver.is_at_rest, 60, "the file to be read", receiver.tell)
    assert_all_arrived(sender, receiver)


def assert_all_arrived(sender: StockTom, receiver: WholeTom) -> None:
    """Compare what both hold: what was shared, and what was read from the file."""
    theirs = sender.rows("tom_dataproducts_photometryreduceddatum")
    ours = receiver.ask(
        "SELECT brightness, bandpass, timestamp, data_product_id IS NULL "
        "FROM tom_dataproducts_photometryreduceddatum"
    )
    assert len(ours) == 2 * COUNT
    shared = Counter((row["brightness"], row["bandpass"]) for row in theirs)
    assert Counter(row[:2] for row in ours if row[3]) == shared
    jobs = receiver.ask(
        "SELECT origin, status, file_name, target_name, datum_count, new_count "
        "FROM tom_share_worker_ingestjob"
    )
    assert jobs == [("api", "done", "night_1.csv", NAME, COUNT, COUNT)]
    ((path,),) = receiver.ask("SELECT data FROM tom_dataproducts_dataproduct")
    kept: Any = receiver.directory / "media" / path
    assert kept.read_text() == CURVE
