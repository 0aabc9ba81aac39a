"""Two same-named targets at a real TOM: a person picks one, and all arrives there.

The next share goes there without asking. Extra fields follow, edits there stay.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
from django.urls import reverse

from tests.status.conftest import browser
from tests.support import rows
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Delivery, RemoteTarget, Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(tom: Tom, stock: StockTom) -> Tom:
    """The TOM under test with a worker, and the stock TOM as a destination."""
    tom.knows(stock=stock.entry())
    tom.hurry(READ_TIMEOUT=20, TOTAL_TIMEOUT=30, UPLOAD_TIMEOUT=30)
    tom.start_worker()
    return tom


class Api:
    """The stock TOM's API, as its own people use it."""

    def __init__(self, stock: StockTom) -> None:
        entry = stock.entry()
        self.url = f"{entry['BASE_URL']}api/"
        account = {"username": entry["USERNAME"], "password": entry["PASSWORD"]}
        token = requests.post(f"{self.url}token-auth/", account, timeout=20)
        self.headers = {"Authorization": f"Token {token.json()['token']}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, self.url + path, json=body, headers=self.headers, timeout=20
        )
        assert answer.ok, answer.text
        return answer.json()

    def target(self, name: str, **fields: Any) -> str:
        known = {"name": name, "type": "SIDEREAL", "ra": 10.0, "dec": 5.0}
        return str(self.call("POST", "targets/", known | fields)["id"])


def test_a_share_waits_for_a_person_and_all_goes_to_the_one_they_pick(
    ready: Tom, stock: StockTom
) -> None:
    api = Api(stock)
    other = api.target("SN2026abc")
    picked = api.target("sn 2026ABC", dec=5.0001)
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc", ra=10.0, dec=5.0)
    rows.photometry(target, 5)
    product = rows.product(target, b"FITS" * 100)
    tonight = rows.target_list("Tonight", target)

    share = outbox.share_target_list(owner, "stock", tonight, None, True)
    ready.await_status(share, Share.Status.FAILED, seconds=60)
    file = outbox.share_data_product(owner, "stock", product)
    ready.await_status(file, Share.Status.FAILED, seconds=60)

    client = browser(owner)
    known = RemoteTarget.objects.get()
    page = reverse("tom_share_worker:target-choice", args=[known.pk])
    assert page in client.get(share.get_absolute_url()).content.decode()
    assert "0.36 arcsec" in client.get(page).content.decode()
    client.post(page, {"remote_id": picked, "seen": ""})
    ready.await_delivered(share, seconds=60)
    ready.await_delivered(file, seconds=60)
    again = outbox.share_target_list(owner, "stock", tonight, None, True)
    ready.await_delivered(again, seconds=60)

    datums = stock.rows("tom_dataproducts_photometryreduceddatum")
    assert [row["target_id"] for row in datums] == [int(picked)] * 5
    [copy] = stock.rows("tom_dataproducts_dataproduct")
    assert copy["target_id"] == int(picked)
    # The TOM is the whole module's: another test's target may be there, too.
    named = [row["name"] for row in stock.rows("tom_targets_basetarget")]
    assert sum(name.lower().replace(" ", "") == "sn2026abc" for name in named) == 2
    members = stock.rows("tom_targets_targetlist_targets")
    listed = {row["basetarget_id"] for row in members}
    assert int(picked) in listed
    assert int(other) not in listed
    links = set(Delivery.objects.values_list("link", flat=True))
    assert links == {f"{stock.entry()['BASE_URL']}targets/{picked}/"}


def test_extra_fields_are_kept_up_to_date_and_edits_there_are_left_alone(
    ready: Tom, stock: StockTom
) -> None:
    api = Api(stock)
    owner = rows.person()
    target = rows.target(owner, "SN 2026xyz", ra=50.0, dec=5.0)
    target.save(extras={"redshift": 0.05, "class": "Ia", "seen": True})

    def send() -> tuple[str, dict[str, str]]:
        share = outbox.share_target(owner, "stock", target)
        ready.await_delivered(share, seconds=60)
        theirs = RemoteTarget.objects.get().remote_id
        found = [
            row
            for row in stock.rows("tom_targets_targetextra")
            if str(row["target_id"]) == theirs
        ]
        held = {row["key"]: row["value"] for row in found}
        assert len(held) == len(found)
        return share.deliveries.get().note, held

    _, first = send()
    assert first == {"redshift": "0.05", "class": "Ia", "seen": "True"}

    theirs = RemoteTarget.objects.get().remote_id
    shown = api.call("GET", f"targets/{theirs}/")["targetextra_set"]
    [row] = [row for row in shown if row["key"] == "class"]
    edit = {"targetextra_set": [{**row, "value": "Ia-91bg"}]}
    api.call("PATCH", f"targets/{theirs}/", edit)
    target.save(extras={"redshift": 0.051, "class": "II", "host": " NGC 1 "})

    note, second = send()
    kept = {"redshift": "0.051", "class": "Ia-91bg", "seen": "True", "host": "NGC 1"}
    assert second == kept
    assert "1 extra field was added. 1 extra field was brought up to date." in note
    assert "1 extra field has another value there and was left alone: class." in note

    note, third = send()
    assert third == kept
    assert "added" not in note
