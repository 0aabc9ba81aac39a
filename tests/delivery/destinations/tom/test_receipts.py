"""A file at a TOM that runs this app is followed until its data are read, or not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    Notebook,
    deliver,
    product_parcel,
)
from tests.support.remote_peer import RECEIPT, Peer
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import receipts
from tom_share_worker.delivery.outcomes import (
    Blocked,
    Delivered,
    Interrupted,
    Outcome,
    Received,
    Refused,
    TryAgain,
)
from tom_share_worker.models import Failure

POSTS = ("POST", "/api/dataproducts/")
DONE: dict[str, Any] = {"status": "done", "datums": 37, "new": 35}
PROCESSED = Delivered(
    "Remote TOM received the file; processed: 37 data points, 35 of them new."
)
WAITS = Received("Remote TOM received the file; it is being processed there.")


@pytest.fixture
def peer(remote: RemoteTom, monkeypatch: pytest.MonkeyPatch) -> Peer:
    monkeypatch.setattr(receipts, "PATIENCE", 0.5)
    monkeypatch.setattr(receipts, "QUEUE_PATIENCE", 0.3)
    remote.store.add_target(NAME, ra=10.0, dec=5.0)
    return remote.speak()


def receipt_of(remote: RemoteTom, number: int = 7) -> str:
    return f"{remote.url}api/tom-share/ingest/{number}/"


def again(remote: RemoteTom, **change: Any) -> tuple[Outcome, Notebook]:
    """Try a delivery whose file was received before."""
    return deliver(remote, product_parcel(receipt=receipt_of(remote), **change))


def test_a_file_that_is_processed_at_once_is_told_in_one_attempt(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = DONE

    outcome, notebook = deliver(remote, product_parcel())

    assert outcome == PROCESSED
    assert notebook.receipts == [receipt_of(remote)]
    assert len(remote.store.products) == 1


def test_a_file_goes_with_its_digest_and_says_from_whom(
    remote: RemoteTom, peer: Peer
) -> None:
    content = bytes(range(256)) * 1000

    deliver(remote, product_parcel(content))

    [request] = remote.asked(*POSTS)
    assert request.headers["Tom-Share-Version"] == "1"
    assert hashlib.sha256(content).hexdigest().encode() in request.body[-200:]
    [product] = remote.store.products
    assert product["data"] == content
    assert product["hash"] == hashlib.sha256(content).hexdigest()


def test_a_stock_tom_gets_neither_digest_nor_version(remote: RemoteTom) -> None:
    remote.store.add_target(NAME, ra=10.0, dec=5.0)

    deliver(remote, product_parcel())

    [request] = remote.asked(*POSTS)
    assert "Tom-Share-Version" not in request.headers
    assert b"sha256" not in request.body
    assert not remote.asked(*RECEIPT)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_file_that_takes_longer_is_looked_after_later(
    remote: RemoteTom, peer: Peer, status: str
) -> None:
    peer.becomes = {"status": status}

    first, notebook = deliver(remote, product_parcel())
    second, _ = again(remote)
    peer.process(**DONE)
    third, _ = again(remote)

    assert (first, second, third) == (WAITS, WAITS, PROCESSED)
    assert notebook.receipts == [receipt_of(remote)]
    assert len(remote.asked(*POSTS)) == 1


def test_what_ends_while_the_attempt_looks_is_told_by_it(
    remote: RemoteTom, peer: Peer
) -> None:
    def end(exchange: misbehaviour.Exchange) -> None:
        exchange.send(exchange.act())
        peer.process(**DONE)

    peer.becomes = {"status": "running"}
    remote.on(*RECEIPT, end, times=1)

    outcome, _ = deliver(remote, product_parcel())

    assert outcome == PROCESSED
    assert len(remote.asked(*RECEIPT)) == 2


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"datums": 1, "new": 0}, "processed: 1 data point, 0 of them new."),
        ({"datums": 0, "new": 0}, "processed."),
        ({"datums": "many", "new": None}, "processed."),
        ({}, "processed."),
    ],
    ids=["one", "none", "nonsense", "nothing told"],
)
def test_what_was_read_from_a_file_is_told_in_words(
    remote: RemoteTom, peer: Peer, told: Any, words: str
) -> None:
    peer.becomes = {"status": "done", **told}

    outcome, _ = deliver(remote, product_parcel())

    assert outcome == Delivered(f"Remote TOM received the file; {words}")


def test_a_file_that_cannot_be_read_there_is_told_in_their_words_until_it_can(
    remote: RemoteTom, peer: Peer
) -> None:
    message = "Line 3 has no magnitude."
    peer.becomes = {"status": "failed", "message": message}

    first, notebook = deliver(remote, product_parcel())
    second, _ = again(remote)
    peer.process(**DONE)
    third, _ = again(remote)

    refused = Refused(
        Failure.REFUSED_DATA,
        "Remote TOM received the file but could not process it: Line 3 has no "
        "magnitude.",
    )
    assert (first, second, third) == (refused, refused, PROCESSED)
    assert notebook.receipts == [receipt_of(remote)]
    assert len(remote.asked(*POSTS)) == 1


def test_processing_that_was_stopped_there_is_told(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = {"status": "cancelled"}

    outcome, _ = deliver(remote, product_parcel())

    assert isinstance(outcome, Refused)
    assert "stopped its processing" in outcome.note


def test_a_file_that_was_deleted_there_after_it_failed_is_sent_again(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = {"status": "failed"}
    deliver(remote, product_parcel())
    peer.process("failed", data_product=None)
    remote.store.products.clear()
    peer.becomes = DONE

    outcome, notebook = again(remote)

    assert outcome == PROCESSED
    assert notebook.receipts == ["", receipt_of(remote, 8)]


def test_a_receipt_that_nobody_knows_is_forgotten_and_nothing_is_there_twice(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = DONE
    deliver(remote, product_parcel())

    outcome, notebook = deliver(remote, product_parcel(receipt=receipt_of(remote, 999)))

    assert outcome == Delivered("Remote TOM has this data product already.")
    assert notebook.receipts == [""]
    assert len(remote.store.products) == 1


def test_a_receipt_of_an_address_that_was_ours_before_is_not_asked(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = DONE
    with RemoteTom() as elsewhere:
        outcome, notebook = deliver(
            remote, product_parcel(receipt=receipt_of(elsewhere))
        )

        assert elsewhere.requests == []
    assert outcome == PROCESSED
    assert notebook.receipts == ["", receipt_of(remote)]


def places(remote: RemoteTom, elsewhere: RemoteTom) -> list[str]:
    """Return addresses to which our account must not go."""
    ours, host = remote.url, f"127.0.0.1:{remote.port}"
    return [
        receipt_of(elsewhere, 99),
        f"//127.0.0.1:{elsewhere.port}/api/tom-share/ingest/99/",
        f"https://{host}/api/tom-share/ingest/99/",
        f"http://{host}@127.0.0.1:{elsewhere.port}/api/tom-share/ingest/99/",
        f"http://user:secret@{host}/api/tom-share/ingest/99/",
        f"{ours}api/tom-share/ingest/../../targets/1/",
        f"{ours}api/targets/1/",
        "http://[::1",
        "javascript:alert(1)",
    ]


@pytest.mark.parametrize("number", range(9))
def test_a_receipt_that_leads_elsewhere_is_not_followed(
    remote: RemoteTom, peer: Peer, number: int
) -> None:
    peer.becomes = DONE
    with RemoteTom() as elsewhere:
        peer.location = places(remote, elsewhere)[number]

        outcome, notebook = deliver(remote, product_parcel())

        assert elsewhere.requests == []
    # The number of the job, asked at the address that we know.
    assert outcome == PROCESSED
    assert notebook.receipts == [receipt_of(remote)]
    asked = [request.path for request in remote.asked("GET", "/api/tom-share/ingest")]
    assert asked == ["/api/tom-share/ingest/7/"]


def test_a_receipt_may_be_told_without_the_host(remote: RemoteTom, peer: Peer) -> None:
    peer.becomes = DONE
    peer.location = "/api/tom-share/ingest/7/"

    outcome, notebook = deliver(remote, product_parcel())

    assert outcome == PROCESSED
    assert notebook.receipts == [receipt_of(remote)]


def test_a_file_without_any_receipt_was_received_all_the_same(
    remote: RemoteTom, peer: Peer
) -> None:
    target = remote.store.targets[0]["id"]
    body = {"id": 1, "target": target}
    remote.on(*POSTS, misbehaviour.answer(202, body, Location="http://x.example/"))

    outcome, notebook = deliver(remote, product_parcel())

    assert outcome == Delivered("Remote TOM received the file.")
    assert notebook.receipts == []


# A repeat of what is there already.


@pytest.mark.parametrize(
    ("stands", "outcome"),
    [
        (DONE, Delivered("Remote TOM has this data product already.")),
        ({"status": "running"}, WAITS),
        (
            {"status": "failed", "message": "It is empty."},
            Refused(
                Failure.REFUSED_DATA,
                "Remote TOM received the file but could not process it: It is empty.",
            ),
        ),
    ],
    ids=["done", "running", "failed"],
)
def test_a_repeat_tells_what_has_become_of_the_file(
    remote: RemoteTom, peer: Peer, stands: Any, outcome: Outcome
) -> None:
    remote.on(*POSTS, misbehaviour.act_then_cut, times=1)
    peer.becomes = stands

    first, _ = deliver(remote, product_parcel())
    second, _ = deliver(remote, product_parcel())

    assert isinstance(first, TryAgain)
    assert second == outcome
    assert len(remote.store.products) == 1


@pytest.mark.parametrize(
    ("sent", "name", "is_this"),
    [
        (b"OURS", "renamed.fits", True),
        (b"OTHER", "image.fits", False),
    ],
    ids=["of another name", "of other content"],
)
def test_a_file_that_is_there_is_known_by_its_digest_and_not_by_its_name(
    remote: RemoteTom, peer: Peer, sent: bytes, name: str, is_this: bool
) -> None:
    peer.becomes = DONE
    deliver(remote, product_parcel(b"OURS", product_id="1", id_is_ours=False))

    outcome, _ = deliver(
        remote,
        product_parcel(sent, product_id="1", id_is_ours=is_this, file_name=name),
    )

    assert isinstance(outcome, Delivered if is_this else Refused)


def test_a_file_of_ours_that_was_corrected_since_is_not_taken_for_the_old_one(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = DONE
    deliver(remote, product_parcel(b"OLD"))

    outcome, _ = deliver(remote, product_parcel(b"NEW"))

    assert isinstance(outcome, Refused)
    assert "another file" in outcome.note


def test_what_another_account_uploaded_is_there_though_we_may_not_follow_it(
    remote: RemoteTom, peer: Peer
) -> None:
    deliver(remote, product_parcel())
    remote.on(*RECEIPT, misbehaviour.answer(404, {"detail": "Not found."}))

    outcome, notebook = deliver(remote, product_parcel())

    assert outcome == Delivered("Remote TOM has this data product already.")
    assert notebook.receipts == [receipt_of(remote), ""]


# Troubles while we ask.


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (misbehaviour.html(503), TryAgain),
        (misbehaviour.cut, TryAgain),
        (misbehaviour.expired_token, Blocked),
        (misbehaviour.answer(200, {"no": "status"}), TryAgain),
        (misbehaviour.answer(200, ["done"]), TryAgain),
    ],
    ids=["503", "cut", "401", "no status", "a list"],
)
def test_trouble_with_the_question_keeps_the_receipt(
    remote: RemoteTom,
    peer: Peer,
    behave: misbehaviour.Behaviour,
    kind: type[Outcome],
) -> None:
    rule = remote.on(*RECEIPT, behave)

    first, notebook = deliver(remote, product_parcel())
    second, later = again(remote)

    assert rule.met >= 2
    assert (type(first), type(second)) == (kind, kind)
    assert (notebook.receipts, later.receipts) == ([receipt_of(remote)], [])
    assert len(remote.asked(*POSTS)) == 1


def test_a_worker_that_must_let_go_leaves_the_rest_to_the_next(
    remote: RemoteTom, peer: Peer
) -> None:
    outcome, notebook = deliver(remote, product_parcel(), stop_after=0)

    assert isinstance(outcome, Interrupted)
    assert notebook.receipts == [receipt_of(remote)]


def test_a_file_that_arrives_damaged_is_sent_again(
    remote: RemoteTom, peer: Peer
) -> None:
    peer.becomes = DONE
    damaged = {"sha256": ["The file did not arrive as it was sent."]}
    remote.on(*POSTS, misbehaviour.answer(400, damaged), times=1)

    first, _ = deliver(remote, product_parcel())
    second, _ = deliver(remote, product_parcel())

    assert isinstance(first, TryAgain)
    assert "damaged" in first.note
    assert second == PROCESSED
