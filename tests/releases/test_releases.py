"""Real TOMs of 2.32 and 3.0 receive all they can hold, once, and their pages open."""

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

from tests.releases import sky
from tests.releases.released_tom import ReleasedTom
from tests.support import rows
from tests.support.rows import NIGHT
from tests.support.toms import Tom, assert_each_attempt_is_on_record
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.models import Delivery, Share

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]

LEGACY = {
    "brightness": "magnitude",
    "brightness_error": "error",
    "bandpass": "filter",
    "flux_unit": "flux_units",
    "wavelength_unit": "wavelength_units",
}
"""What TOMs older than 3.0 call our columns, within one JSON value."""

OF_THE_ROW = {"id", "target_id", "data_product_id", "source_name", "source_location"}
TYPED: dict[str, Any] = {
    "photometry": PhotometryReducedDatum,
    "spectroscopy": SpectroscopyReducedDatum,
    "astrometry": AstrometryReducedDatum,
}
OLDER_REASON = (
    "Lab TOM failed with an internal error (HTTP 500). A TOM older than 3.0 does so "
    "with types of data that its DATA_PRODUCT_TYPES does not name; ask its people to "
    "add '{}'."
)


@pytest.fixture
def running(tom: Tom, lab: ReleasedTom) -> Tom:
    """Our TOM with a worker, and the other one as its destination."""
    tom.knows(lab=lab.entry())
    tom.hurry(READ_TIMEOUT=30, TOTAL_TIMEOUT=60, UPLOAD_TIMEOUT=60)
    tom.start_worker()
    return tom


def await_end(tom: Tom, share: Share) -> Share:
    """Wait until a share has ended, well or not."""
    ended = Share.objects.filter(pk=share.pk, ended__isnull=False)
    wait_until(ended.exists, 120, f"the end of '{share}'", tom.tell)
    assert_each_attempt_is_on_record(share)
    return ended.get()


def columns(datum: Any) -> dict[str, Any]:
    """Return what a data point of ours says, without what is empty."""
    known = {f.attname: getattr(datum, f.attname) for f in type(datum)._meta.fields}
    said = {k: v for k, v in known.items() if k not in OF_THE_ROW}
    return {k: v for k, v in said.items() if v not in (None, "", [], {})}


def sent(model: Any, release: str) -> list[dict[str, Any]]:
    """Return our data points of a model, in the words of that release."""
    found = []
    for datum in model.objects.order_by("timestamp"):
        said = columns(datum)
        moment, extras = said.pop("timestamp"), said.pop("value", {})
        if release.startswith("2."):
            named = {LEGACY.get(name, name): value for name, value in said.items()}
            found.append({"timestamp": moment, "value": named | extras})
        else:
            # 3.0.0 has no column for it, and keeps it among the free values.
            extras["reduction_version"] = said.pop("reduction_version")
            found.append({"timestamp": moment, "value": extras, **said})
    return found


def there(lab: ReleasedTom, target: Target) -> dict[str, Any]:
    """Return their one target of this name."""
    targets = lab.rows(lab.targets)
    [copy] = [row for row in targets if row["name"] == target.name]
    return copy


def arrived(lab: ReleasedTom, kind: str, target: Target) -> list[dict[str, Any]]:
    """Return their data points of a kind in the same form."""
    target_id = there(lab, target)["id"]
    old = lab.is_old or kind not in TYPED
    name = "" if old else kind
    found = []
    for row in lab.rows(f"tom_dataproducts_{name}reduceddatum", "timestamp"):
        if row["target_id"] != target_id or (old and row["data_type"] != kind):
            continue
        said = {k: v for k, v in row.items() if k not in OF_THE_ROW}
        if lab.is_old:
            del said["data_type"]
        said["timestamp"] = datetime.fromisoformat(f"{said['timestamp']}+00:00")
        said = {k: _parsed(v) for k, v in said.items()}
        found.append({k: v for k, v in said.items() if v not in (None, "", [])})
    return found


def _parsed(value: Any) -> Any:
    is_json = isinstance(value, str) and value[:1] in ("[", "{")
    return json.loads(value) if is_json else value


def refusals(share: Share) -> dict[str, str]:
    """Return why data points of a share were refused, by their kind."""
    return {
        key.kind: reason
        for row in Delivery.objects.filter(share=share)
        for key, reason in Ledger(row.ledger).refused()
    }


def names_beside(lab: ReleasedTom, target: dict[str, Any]) -> list[str]:
    found = lab.rows("tom_targets_targetname", "name")
    return [row["name"] for row in found if row["target_id"] == target["id"]]


def extras_of(lab: ReleasedTom, target: dict[str, Any]) -> dict[str, str]:
    found = lab.rows("tom_targets_targetextra")
    ours = [row for row in found if row["target_id"] == target["id"]]
    return {row["key"]: row["value"] for row in ours}


def lists_of(lab: ReleasedTom, target: dict[str, Any]) -> list[str]:
    members = lab.rows("tom_targets_targetlist_targets")
    column = "target_id" if lab.targets == "tom_targets_target" else "basetarget_id"
    ids = {r["targetlist_id"] for r in members if r[column] == target["id"]}
    lists = lab.rows("tom_targets_targetlist", "name")
    return [row["name"] for row in lists if row["id"] in ids]


def assert_pages_open(lab: ReleasedTom) -> None:
    """Look at the pages of the other TOM as its people do."""
    browser = lab.browser()
    assert browser.get(f"{lab.url}targets/", timeout=60).status_code == 200
    for target in lab.rows(lab.targets):
        page = browser.get(f"{lab.url}targets/{target['id']}/", timeout=120)
        assert page.status_code == 200, lab.log()[-3000:]


def test_all_it_can_hold_arrives_once_and_its_pages_open(
    running: Tom, lab: ReleasedTom
) -> None:
    owner = rows.person()
    target = sky.target(owner, "SDSS J0101+0202 & #3")
    tonight = rows.target_list("Tonight", target)
    holds_all = not lab.is_old

    for _ in range(2):
        share = outbox.share_target_list(owner, "lab", tonight, None, True)
        await_end(running, share)

        # Older than 3.0: only the types of data that its settings name.
        assert refusals(share) == (
            {}
            if holds_all
            else {
                "astrometry": OLDER_REASON.format("astrometry"),
                "generic": OLDER_REASON.format("polarimetry"),
            }
        )
        for kind, model in TYPED.items():
            if holds_all or kind != "astrometry":
                assert arrived(lab, kind, target) == sent(model, lab.release), kind
        if holds_all:
            ours = sent(ReducedDatum, lab.release)
            assert arrived(lab, "polarimetry", target) == ours

    copy = there(lab, target)
    assert (copy["ra"], copy["distance"]) == (target.ra, 1 / 3)
    # Older releases have no such column: who may see it was decided elsewhere.
    assert copy.get("permissions", "PRIVATE") == "PRIVATE"
    assert names_beside(lab, copy) == ["SDSS J0101+0202 & #3 alias"]
    assert extras_of(lab, copy) == {"host": "NGC 1", "redshift": "0.25"}
    assert lists_of(lab, copy) == ["Imported From Survey TOM", "Tonight"]
    assert_pages_open(lab)


def test_files_arrive_once_and_one_that_it_cannot_read_is_refused_in_words(
    running: Tom, lab: ReleasedTom
) -> None:
    owner = rows.person()
    target = sky.target(owner, "SN 2026abc")
    products = sky.products(target)
    await_end(running, outbox.share_target(owner, "lab", target))

    for _ in range(2):
        shares = [outbox.share_data_product(owner, "lab", p) for p in products]
        stands = [await_end(running, share).status for share in shares]
        assert stands == ["delivered", "delivered", "failed"], running.tell()
        note = Delivery.objects.get(share=shares[2]).note
        assert "could not read the data in it" in note
        copies = {
            copy["product_id"]: copy
            for copy in lab.rows("tom_dataproducts_dataproduct")
        }
        assert sorted(copies) == ["image.fits", "lightcurve.csv"]
        table = "tom_dataproducts_" + (
            "reduceddatum" if lab.is_old else "photometryreduceddatum"
        )
        [csv] = [copies["lightcurve.csv"]["id"]]
        read = [row for row in lab.rows(table) if row["data_product_id"] == csv]
        assert len(read) == 2

    image = lab.directory / "data" / copies["image.fits"]["data"]
    assert image.read_bytes() == bytes(range(256)) * 500
    assert_pages_open(lab)


def test_two_brightnesses_at_one_time_and_filter(
    running: Tom, lab: ReleasedTom
) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026xyz")
    for n in range(3):
        PhotometryReducedDatum.objects.create(
            target=target,
            timestamp=NIGHT + timedelta(days=n // 2),
            brightness=15.0 + n,
            bandpass="r",
        )

    for _ in range(2):
        share = outbox.share_target(owner, "lab", target, with_data=True)
        await_end(running, share)

        held = arrived(lab, "photometry", target)
        if lab.release == "3.0.0":
            assert len(held) == 2
            assert refusals(share) == {
                "photometry": "Lab TOM failed with an internal error (HTTP 500). It "
                "holds another data point of this time and filter, and TOM Toolkit "
                "3.0.0 has room for one only."
            }
        else:
            assert len(held) == 3
            assert refusals(share) == {}
    assert_pages_open(lab)
