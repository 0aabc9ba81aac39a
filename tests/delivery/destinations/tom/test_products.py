"""Sending a data product to a stock TOM: streamed whole, held there once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import NAME, card, deliver, product_parcel
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.outcomes import Delivered, Outcome, Refused, TryAgain
from tom_share_worker.models import Failure

POSTS = ("POST", "/api/dataproducts/")


@pytest.fixture(autouse=True)
def _target(remote: RemoteTom) -> None:
    remote.store.add_target(NAME)


def test_a_file_arrives_byte_by_byte(remote: RemoteTom) -> None:
    content = bytes(range(256)) * 4000

    outcome, _ = deliver(remote, product_parcel(content))

    assert outcome == Delivered("Remote TOM received the file.")
    [product] = remote.store.products
    assert product["data"] == content
    assert product["file_name"] == "image.fits"
    assert product["data_product_type"] == "fits_file"
    assert product["product_id"] == "Survey TOM:1"


def test_a_repeat_adds_nothing(remote: RemoteTom) -> None:
    deliver(remote, product_parcel())

    outcome, _ = deliver(remote, product_parcel())

    assert outcome == Delivered("Remote TOM has this data product already.")
    assert len(remote.store.products) == 1


@pytest.mark.parametrize(
    "trouble",
    [misbehaviour.act_then_cut, misbehaviour.half_answer, misbehaviour.act_then_hang],
    ids=["cut", "half an answer", "silence"],
)
def test_a_lost_answer_does_not_make_a_second_product(
    remote: RemoteTom, settings: Any, trouble: misbehaviour.Behaviour
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3}
    remote.on(*POSTS, trouble, times=1)

    first, _ = deliver(remote, product_parcel())
    second, _ = deliver(remote, product_parcel())

    assert isinstance(first, TryAgain)
    assert isinstance(second, Delivered)
    assert len(remote.store.products) == 1


def test_a_product_of_another_target_there_is_not_taken_for_ours(
    remote: RemoteTom,
) -> None:
    remote.store.add_target("other")
    deliver(remote, product_parcel(of=card("other", ra=90.0)))

    outcome, _ = deliver(remote, product_parcel())

    assert isinstance(outcome, Refused)
    assert "belongs to another target there" in outcome.note


def test_a_file_that_cannot_be_read_there_is_refused_in_words(
    remote: RemoteTom,
) -> None:
    outcome, _ = deliver(remote, product_parcel(b"unparsable"))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "could not read the data in it" in outcome.note


def test_an_id_that_is_no_longer_theirs_is_looked_up_anew(remote: RemoteTom) -> None:
    outcome, notebook = deliver(remote, product_parcel(of=card(remote_id="999")))

    assert isinstance(outcome, Delivered)
    assert notebook.targets == [None, str(remote.store.targets[0]["id"])]
    assert len(remote.store.products) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (misbehaviour.answer(413, {"detail": "Too large."}), Refused),
        (misbehaviour.html(413), Refused),
        (misbehaviour.html(500), TryAgain),
        (misbehaviour.answer(200, ["no", "product"]), TryAgain),
        (misbehaviour.answer(201, "a text"), TryAgain),
    ],
    ids=["413", "413 html", "500", "a list", "a text"],
)
def test_other_answers_become_outcomes_too(
    remote: RemoteTom, behaviour: misbehaviour.Behaviour, kind: type[Outcome]
) -> None:
    remote.on(*POSTS, behaviour)

    outcome, _ = deliver(remote, product_parcel())

    assert isinstance(outcome, kind)


def test_a_token_that_expired_before_an_upload_is_replaced(remote: RemoteTom) -> None:
    deliver(remote, product_parcel())
    remote.tokens.clear()

    outcome, _ = deliver(
        remote,
        product_parcel(
            product_id="Survey TOM:2",
            of=card(remote_id=str(remote.store.targets[0]["id"])),
        ),
    )

    assert isinstance(outcome, Delivered)
    assert len(remote.store.products) == 2


def test_another_file_under_an_id_that_is_not_of_our_making_is_not_taken_for_ours(
    remote: RemoteTom,
) -> None:
    theirs = product_parcel(b"THEIRS", product_id="1", file_name="theirs.fits")
    ours = product_parcel(
        b"OURS", product_id="1", file_name="ours.fits", id_is_ours=False
    )
    deliver(remote, theirs)

    outcome, _ = deliver(remote, ours)

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "another file with the id 1" in outcome.note


def test_our_file_under_an_id_of_its_source_is_found_to_be_there(
    remote: RemoteTom,
) -> None:
    ours = product_parcel(b"OURS", product_id="1", id_is_ours=False)
    deliver(remote, ours)

    outcome, _ = deliver(remote, ours)

    assert outcome == Delivered("Remote TOM has this data product already.")
