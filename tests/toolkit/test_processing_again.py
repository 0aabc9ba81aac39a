"""Processing again what was processed, sharing what is new, and memory meanwhile."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from tom_dataproducts import data_processor
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_targets.models import PersistentShare

from tests.support import rows
from tests.support.rows import NIGHT
from tests.toolkit import processed
from tests.toolkit.processed import KINDS, MADE, Made, row
from tom_share_worker.models import SavedDatum
from tom_share_worker.toolkit import processing

pytestmark = pytest.mark.django_db


# --- processed again --------------------------------------------------------------


def test_what_was_made_of_a_file_is_replaced_in_all_kinds(made: Any) -> None:
    ours = processed.product()
    earlier: dict[str, Any] = {}
    for kind, data in KINDS.items():
        made((NIGHT, data, ""), override=kind)
        earlier |= processed.ours(ours).ids
    assert len(processed.stored(ours)) == len(earlier) == 4
    made(row(7))

    stored = processed.ours(ours, instead_of=earlier)

    assert stored == processing.Stored(1, 1)
    assert list(processed.stored(ours)) == ["photometry"]
    assert processed.ours(ours, instead_of=stored.ids) == processing.Stored(1, 1)
    assert len(processed.stored(ours)["photometry"]) == 1


def test_what_the_processor_saves_by_itself_stays(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(self: Any, product: DataProduct) -> Any:
        PhotometryReducedDatum.objects.create(
            target=product.target, data_product=product, bandpass="u", brightness=1.5
        )
        return [row()]

    settings.DATA_PROCESSORS = {"photometry": MADE}
    monkeypatch.setattr(Made, "process_data", save)
    ours = processed.product()

    stored = processed.ours(ours)
    assert stored == processing.Stored(1, 1)
    again = processed.ours(ours, instead_of=stored.ids)
    assert again == processing.Stored(1, 1)
    bands = [datum["bandpass"] for datum in processed.stored(ours)["photometry"]]
    assert bands == ["u", "r"]


def test_what_was_not_made_of_the_file_stays(made: Any) -> None:
    """As what a TOM's hook saves before it is read, and people attach later."""
    made(row(0), row(1))
    ours = processed.product()

    def attach(bandpass: str) -> None:
        PhotometryReducedDatum.objects.create(
            target=ours.target, data_product=ours, bandpass=bandpass, brightness=1.5
        )

    attach("u")
    stored = processed.ours(ours)
    attach("z")

    again = processed.ours(ours, instead_of=stored.ids)

    assert stored == again == processing.Stored(2, 2)
    assert stored.ids != again.ids
    held = processed.stored(ours)["photometry"]
    assert [datum["bandpass"] for datum in held] == ["u", "z", "r", "r"]


# --- continuous sharing -----------------------------------------------------------


def test_continuous_sharing_is_told_of_what_is_new(made: Any) -> None:
    ours, again = processed.product(), processed.product()
    again.target = ours.target
    again.save()
    made(row(0), row(1))
    processed.ours(ours)
    PersistentShare.objects.create(
        user=rows.person(), target=ours.target, destination="partner"
    )
    made(*(row(n) for n in range(1500)))

    processed.ours(again)

    fresh = PhotometryReducedDatum.objects.filter(data_product=again)
    told = SavedDatum.objects.filter(kind="photometry").values_list(
        "datum_pk", flat=True
    )
    assert fresh.count() == 1498
    assert sorted(told) == sorted(fresh.values_list("pk", flat=True))


def test_data_is_stored_whatever_becomes_of_sharing_it(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(target: Any, reduced_datums: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(data_processor, "continuous_share_data", fail)
    ours = processed.product()
    PersistentShare.objects.create(
        user=rows.person(), target=ours.target, destination="partner"
    )
    made(row())

    assert processed.ours(ours).new == 1
    assert len(processed.stored(ours)["photometry"]) == 1


# --- memory -----------------------------------------------------------------------


class Counted(dict[str, Any]):
    """The data of a row, of which it is known how many there are."""

    alive = 0
    most = 0

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        weakref.finalize(self, Counted.gone)

    @staticmethod
    def gone() -> None:
        Counted.alive -= 1


class Endlessly:
    """Very many rows, each made when it is asked for."""

    def __len__(self) -> int:
        return 8 * processing.AT_A_TIME

    def __iter__(self) -> Iterator[Any]:
        for n in range(len(self)):
            time, data, source = row(n)
            yield time, Counted(data), source


@pytest.mark.parametrize("kind", ["photometry", "seeing"])
def test_no_more_rows_are_held_than_are_written_at_once(
    kind: str, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(override=kind)
    monkeypatch.setattr(Made, "rows", Endlessly())
    monkeypatch.setattr(Counted, "most", 0)

    assert processed.ours(processed.product()).new == 8 * processing.AT_A_TIME
    assert Counted.most <= 2 * processing.AT_A_TIME
