"""Where a TOM is found: paths under a prefix, missing slashes, certificates of a CA."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.support.conversations import (
    NAME,
    Notebook,
    datums_parcel,
    deliver,
    photometry,
    product_parcel,
    target_parcel,
)
from tests.support.remote_http import Request, TomHandler
from tests.support.remote_tom import RemoteTom
from tests.support.tls import Authority, TlsTom
from tom_share_worker import conf
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.outcomes import Delivered, Outcome, Refused, TryAgain
from tom_share_worker.delivery.parcels import Parcel
from tom_share_worker.delivery.sending import connection
from tom_share_worker.models import Failure


class _BelowTom(TomHandler):
    """Serves a TOM below /tom/, and nothing elsewhere."""

    def _read(self) -> Request:
        request = super()._read()
        below = request.path.startswith("/tom/")
        path = request.path.removeprefix("/tom") if below else "/nowhere/x/"
        return dataclasses.replace(request, path=path)


class TomBelowTom(RemoteTom):
    """A scripted remote TOM whose pages all lie below /tom/."""

    handler = _BelowTom


def send(settings: Any, parcel: Parcel, remote: RemoteTom, **entry: Any) -> Outcome:
    """Send a parcel to the destination that an entry of DATA_SHARING names."""
    settings.DATA_SHARING = {"partner": remote.entry(**entry)}
    notebook = Notebook(parcel)
    return open_destination(conf.destination("partner")).deliver(parcel, notebook)


@pytest.mark.parametrize("ending", ["tom", "tom/", "tom//"])
def test_a_tom_under_a_prefix_is_spoken_to_there(settings: Any, ending: str) -> None:
    with TomBelowTom() as remote:
        remote.store.add_target(NAME)
        address = remote.url + ending
        for parcel in (
            target_parcel(),
            datums_parcel(photometry(1)),
            product_parcel(),
        ):
            outcome = send(settings, parcel, remote, BASE_URL=address)
            assert isinstance(outcome, Delivered), outcome

    assert len(remote.store.datums) == 1
    assert len(remote.store.products) == 1
    for request in remote.requests:
        assert request.path.startswith("/tom/api/")


def test_without_the_prefix_the_address_is_said_to_be_wrong(settings: Any) -> None:
    with TomBelowTom() as remote:
        outcome = send(settings, target_parcel(), remote)

    assert isinstance(outcome, Refused | TryAgain)
    assert not remote.store.targets


def test_every_address_ends_with_a_slash(remote: RemoteTom) -> None:
    """Else the host redirects, and a POST that follows becomes a GET."""
    remote.store.add_target(NAME)

    deliver(remote, target_parcel())
    deliver(remote, datums_parcel(photometry(1)))
    deliver(remote, product_parcel())

    assert all(request.path.endswith("/") for request in remote.requests)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The CA of an institute, which no machine knows by itself."""
    return Authority(tmp_path)


def test_a_certificate_of_a_ca_of_ones_own_is_checked_against_its_bundle(
    settings: Any, authority: Authority
) -> None:
    with TlsTom(authority.certificate()) as remote:
        bundle = str(authority.bundle)
        outcome = send(settings, target_parcel(), remote, VERIFY=bundle)
        found = connection.look("partner")

    assert isinstance(outcome, Delivered), outcome
    assert len(remote.store.targets) == 1
    assert "the connection is encrypted" in found[0].words


PROOFS = {
    "unknown": "VERIFY in DATA_SHARING may name a CA bundle",
    "another": "VERIFY in DATA_SHARING may name a CA bundle",
    "expired": "has expired",
    "address": "is for another address",
}


@pytest.mark.parametrize("trouble", PROOFS)
def test_a_certificate_that_proves_nothing_gets_nothing(
    settings: Any, authority: Authority, tmp_path: Path, trouble: str
) -> None:
    certificate = authority.certificate(
        address="127.0.0.9" if trouble == "address" else "127.0.0.1",
        days=-1 if trouble == "expired" else 1,
    )
    verify: Any = {
        "unknown": True,
        "another": str(Authority(tmp_path, "Another CA").bundle),
    }.get(trouble, str(authority.bundle))
    with TlsTom(certificate) as remote:
        outcome = send(settings, target_parcel(), remote, VERIFY=verify)
        [reachable, *_] = connection.look("partner")

    assert isinstance(outcome, TryAgain)
    assert outcome.failure == Failure.DESTINATION_DOWN
    assert "TLS certificate" in outcome.note
    assert PROOFS[trouble] in outcome.note
    assert PROOFS[trouble] in reachable.words
    assert remote.requests == []


def test_who_turns_the_check_off_gets_through(
    settings: Any, authority: Authority
) -> None:
    with (
        TlsTom(authority.certificate()) as remote,
        pytest.warns(match="Unverified HTTPS request"),
    ):
        outcome = send(settings, target_parcel(), remote, VERIFY=False)

    assert isinstance(outcome, Delivered)
