"""The fate of each data point."""

from __future__ import annotations

import json

import pytest

from tom_share_worker.delivery.ledger import Fate, Key, Ledger

PHOTOMETRY, SPECTRUM = Key("photometry", 3), Key("spectroscopy", 3)


def test_a_new_ledger_has_everything_pending_in_order() -> None:
    ledger = Ledger.of([SPECTRUM, PHOTOMETRY])

    assert ledger.pending() == [SPECTRUM, PHOTOMETRY]
    assert len(ledger) == 2


def test_the_same_id_of_two_kinds_is_two_data_points() -> None:
    ledger = Ledger.of([PHOTOMETRY, SPECTRUM])

    ledger.settle(PHOTOMETRY, Fate.DELIVERED)

    assert ledger.pending() == [SPECTRUM]


def test_the_counts_name_the_columns_of_a_delivery() -> None:
    keys = [Key("photometry", pk) for pk in range(6)]
    ledger = Ledger.of(keys)
    fates = [Fate.DELIVERED] * 3 + [Fate.ALREADY_THERE, Fate.REFUSED]

    for key, fate in zip(keys, fates, strict=False):
        ledger.settle(key, fate, "why")

    assert ledger.counts() == {
        "delivered_count": 3,
        "already_there_count": 1,
        "refused_count": 1,
    }


def test_it_survives_being_kept_as_json() -> None:
    ledger = Ledger.of([PHOTOMETRY, SPECTRUM])
    ledger.settle(SPECTRUM, Fate.REFUSED, "Its flux is nan.")

    again = Ledger(json.loads(json.dumps(ledger.rows())))

    assert again.rows() == ledger.rows()
    assert again.refused() == [(SPECTRUM, "Its flux is nan.")]
    assert again.pending() == [PHOTOMETRY]


def test_reopening_forgets_refusals_and_nothing_else() -> None:
    ledger = Ledger.of([PHOTOMETRY, SPECTRUM])
    ledger.settle(PHOTOMETRY, Fate.DELIVERED)
    ledger.settle(SPECTRUM, Fate.REFUSED, "why")

    ledger.reopen_refused()

    assert ledger.pending() == [SPECTRUM]
    assert ledger.refused() == []
    assert ledger.counts()["delivered_count"] == 1


def test_a_data_point_of_another_delivery_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Ledger.of([PHOTOMETRY]).settle(SPECTRUM, Fate.DELIVERED)
