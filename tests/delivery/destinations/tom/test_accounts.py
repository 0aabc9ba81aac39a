"""How we prove who we are: a token wherever a TOM takes one."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    datums_parcel,
    deliver,
    photometry,
    target_parcel,
)
from tests.support.remote_tom import PASSWORD, USERNAME, RemoteTom
from tom_share_worker.delivery.outcomes import Blocked, Delivered, Refused
from tom_share_worker.models import Failure

BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
TOKEN = "Token a-token-from-their-profile-page"


def used(remote: RemoteTom) -> set[str]:
    """Return the kinds of credentials that requests for targets came with."""
    return {
        request.headers["Authorization"].split()[0]
        for request in remote.asked("POST", "/api/targets/")
    }


def test_a_password_is_traded_for_a_token_once(remote: RemoteTom) -> None:
    for number in range(3):
        remote.store.add_target(f"filler {number}")
        deliver(remote, target_parcel())

    assert len(remote.asked("POST", "/api/token-auth/")) == 1
    assert used(remote) == {"Token"}


def test_threads_that_begin_together_trade_once(remote: RemoteTom) -> None:
    remote.store.add_target(NAME)

    with ThreadPoolExecutor(6) as pool:
        parcels = [datums_parcel(photometry(number)) for number in range(6)]
        list(pool.map(lambda parcel: deliver(remote, parcel), parcels))

    assert len(remote.asked("POST", "/api/token-auth/")) == 1
    assert len(remote.store.datums) == 6


def test_a_token_from_the_settings_is_used_as_it_is(remote: RemoteTom) -> None:
    remote.tokens.add(TOKEN.split()[1])

    outcome, _ = deliver(remote, target_parcel(), api_token=TOKEN.split()[1])

    assert isinstance(outcome, Delivered)
    assert not remote.asked("POST", "/api/token-auth/")
    [request] = remote.asked("POST", "/api/targets/")
    assert request.headers["Authorization"] == TOKEN


@pytest.mark.parametrize(("takes", "trades"), [(False, True), (True, False)])
def test_where_no_token_is_to_be_had_the_password_serves(
    takes: bool, trades: bool
) -> None:
    with RemoteTom(takes_tokens=takes, trades=trades) as remote:
        outcome, _ = deliver(remote, target_parcel())

        assert isinstance(outcome, Delivered)
        [request] = remote.asked("POST", "/api/targets/")
        assert request.headers["Authorization"] == BASIC


def test_a_token_for_a_tom_that_takes_none_is_a_mistake_in_the_settings() -> None:
    with RemoteTom(takes_tokens=False) as remote:
        outcome, _ = deliver(
            remote, target_parcel(), api_token="t", username=None, password=None
        )

        assert isinstance(outcome, Refused)
        assert outcome.failure == Failure.BAD_CONFIGURATION
        assert "USERNAME and PASSWORD" in outcome.note
        assert not remote.store.targets


@pytest.mark.parametrize(
    "account",
    [{"password": "wrong"}, {"api_token": "wrong"}],
    ids=["password", "token"],
)
def test_a_wrong_account_blocks_and_writes_nothing(
    remote: RemoteTom, account: dict[str, Any]
) -> None:
    outcome, _ = deliver(remote, target_parcel(), **account)

    assert isinstance(outcome, Blocked)
    assert "refused our account" in outcome.note
    assert not remote.store.targets


def test_a_wrong_password_where_there_are_no_tokens_blocks() -> None:
    with RemoteTom(trades=False) as remote:
        outcome, _ = deliver(remote, target_parcel(), password="wrong")

        assert isinstance(outcome, Blocked)
        assert not remote.store.targets


def test_a_token_that_expires_in_the_middle_is_renewed_in_the_middle(
    remote: RemoteTom,
) -> None:
    remote.store.add_target(NAME)

    def expire(exchange: misbehaviour.Exchange) -> None:
        remote.tokens.clear()
        misbehaviour.expired_token(exchange)

    remote.on("POST", "/api/reduceddatums/", expire, skip=3, times=1)

    outcome, _ = deliver(remote, datums_parcel(*map(photometry, range(8))))

    assert outcome == Delivered("8 delivered.")
    assert len(remote.asked("POST", "/api/token-auth/")) == 2
    assert len(remote.store.datums) == 8


def test_an_account_that_is_refused_for_good_blocks_after_one_more_try(
    remote: RemoteTom,
) -> None:
    remote.store.add_target(NAME)
    rule = remote.on("POST", "/api/reduceddatums/", misbehaviour.expired_token, skip=2)

    outcome, notebook = deliver(remote, datums_parcel(*map(photometry, range(5))))

    assert isinstance(outcome, Blocked)
    assert "older than 30 days" in outcome.note
    assert rule.met == 2
    assert notebook.fates()[:3] == ["delivered", "delivered", "not yet"]


def test_no_secret_is_in_what_is_reported(remote: RemoteTom) -> None:
    def tell_all(exchange: misbehaviour.Exchange) -> None:
        token = exchange.asked.headers["Authorization"]
        page = f"{token} {PASSWORD} " + " ".join(remote.tokens)
        exchange.send(misbehaviour.Reply(500, page.encode(), misbehaviour.HTML))

    remote.on("POST", "/api/targets/", tell_all)

    outcome, notebook = deliver(remote, target_parcel())

    told = f"{outcome!r} {notebook.requests!r}"
    assert not any(secret in told for secret in (*remote.tokens, PASSWORD))
    assert "[secret]" in told
