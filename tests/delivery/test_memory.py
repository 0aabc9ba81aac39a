"""What is remembered of a target there; no worker undoes a person's choice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from tests.support import misbehaviour, rows
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery import actions, gate
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Delivery, Failure, RemoteTarget, Share

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    settings.DATA_SHARING = {"partner": remote.entry()}
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 10}


@pytest.fixture
def twins(remote: RemoteTom) -> list[str]:
    """Two targets there that match ours."""
    made = [remote.store.add_target(name) for name in ("SN2026abc", "sn 2026ABC")]
    return [str(target["id"]) for target in made]


def share_of(target: Any) -> Share:
    """Return a planned share of a target with its data."""
    made = rows.share(
        rows.person(),
        target=target,
        kind=Share.Kind.TARGET_LIST,
        target_list=rows.target_list("Tonight", target),
        with_data=True,
    )
    planner.plan(made.pk)
    return made


def send_all(share: Share) -> None:
    for delivery in share.deliveries.order_by("position"):
        sender.send(delivery.pk)


def choose(remote_id: str) -> None:
    """Choose in a thread of the remote, as another person in another process."""
    try:
        actions.choose(RemoteTarget.objects.get(), remote_id, rows.person("other"))
    finally:
        connection.close()


def failures(*shares: Share) -> set[tuple[str, str]]:
    found = Delivery.objects.filter(share__in=shares)
    return set(found.values_list("status", "failure"))


def test_two_shares_wait_for_one_choice_and_both_go_where_it_says(
    remote: RemoteTom, twins: list[str]
) -> None:
    target = rows.target(rows.person())
    rows.photometry(target, 3)
    first, second = share_of(target), share_of(target)
    send_all(first)
    send_all(second)
    assert failures(first, second) == {("failed", Failure.AMBIGUOUS_TARGET)}
    known = RemoteTarget.objects.get()
    assert {one["id"] for one in known.candidates} == set(twins)

    assert actions.choose(known, twins[1], rows.person()) == 4
    send_all(first)
    send_all(second)
    third = share_of(target)
    send_all(third)

    assert failures(first, second, third) == {("delivered", "")}
    assert {row["target"] for row in remote.store.datums} == {int(twins[1])}
    assert len(remote.store.datums) == 3
    links = set(Delivery.objects.values_list("link", flat=True))
    assert links == {f"{remote.url}targets/{twins[1]}/"}


def test_a_choice_made_while_a_worker_finds_several_is_followed(
    remote: RemoteTom, twins: list[str]
) -> None:
    target = rows.target(rows.person())
    early, late = share_of(target), share_of(target)
    send_all(early)

    def choose_then_answer(exchange: misbehaviour.Exchange) -> None:
        choose(twins[0])
        exchange.send(exchange.act())

    remote.on("GET", "/api/targets/", choose_then_answer, times=1)
    send_all(late)

    row = late.deliveries.get()
    assert row.status == Delivery.Status.QUEUED
    assert "chosen" in row.note
    assert RemoteTarget.objects.get().remote_id == twins[0]
    send_all(late)
    assert failures(late) == {("delivered", "")}


def test_a_worker_that_finds_one_does_not_replace_what_a_person_chose(
    remote: RemoteTom, twins: list[str]
) -> None:
    target = rows.target(rows.person())
    share = share_of(target)
    send_all(share)

    def choose_and_lose_a_twin(exchange: misbehaviour.Exchange) -> None:
        choose(twins[0])
        remote.store.hidden.add(int(twins[0]))
        exchange.send(exchange.act())

    remote.on("GET", "/api/targets/", choose_and_lose_a_twin, times=1)
    Delivery.objects.update(status="queued")
    send_all(share)

    assert RemoteTarget.objects.get().remote_id == twins[0]


def test_a_chosen_target_that_is_gone_is_asked_for_again(
    remote: RemoteTom, twins: list[str]
) -> None:
    target = rows.target(rows.person())
    rows.photometry(target, 1)
    share = share_of(target)
    send_all(share)
    actions.choose(RemoteTarget.objects.get(), twins[0], rows.person())
    remote.store.delete_target(int(twins[0]))

    send_all(share)

    known = RemoteTarget.objects.get()
    assert (known.remote_id, known.chosen, known.chosen_by) == ("", None, None)
    assert [one["id"] for one in known.candidates] == [twins[1]]
    assert failures(share) == {("failed", Failure.AMBIGUOUS_TARGET)}
    assert remote.store.datums == []


def test_extra_fields_are_remembered_as_they_were_sent(remote: RemoteTom) -> None:
    target = rows.target(rows.person())
    target.save(extras={"redshift": 0.05})
    send_all(share_of(target))
    assert RemoteTarget.objects.get().sent_extras == {"redshift": "0.05"}

    target.save(extras={"redshift": 0.051})
    send_all(share_of(target))

    [there] = remote.store.targets
    [extra] = there["targetextra_set"]
    assert extra["value"] == "0.051"
    assert RemoteTarget.objects.get().sent_extras == {"redshift": "0.051"}


def test_retry_without_a_choice_asks_again_and_sees_what_changed(
    remote: RemoteTom, twins: list[str]
) -> None:
    share = share_of(rows.target(rows.person()))
    send_all(share)
    remote.store.delete_target(int(twins[0]))

    actions.retry_share(share)
    send_all(share)

    assert failures(share) == {("delivered", "")}
    assert RemoteTarget.objects.get().remote_id == twins[1]


def test_two_workers_that_find_several_at_once_leave_one_question(
    settings: Any, remote: RemoteTom, twins: list[str]
) -> None:
    settings.DATA_SHARING = {"partner": remote.entry(SLOTS=2)}
    gate.state("partner")
    gate.found_up("partner")
    target = rows.target(rows.person())
    shares = [share_of(target), share_of(target)]
    both = threading.Barrier(2, timeout=15)

    def answer_both_at_once(exchange: misbehaviour.Exchange) -> None:
        reply = exchange.act()
        both.wait()
        exchange.send(reply)

    def send(share: Share) -> None:
        try:
            send_all(share)
        finally:
            connection.close()

    remote.on("GET", "/api/targets/", answer_both_at_once, skip=1, times=2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, shares))

    assert failures(*shares) == {("failed", Failure.AMBIGUOUS_TARGET)}
    assert len(RemoteTarget.objects.get().candidates) == 2


def test_an_id_of_another_server_is_not_used_where_the_address_leads_now(
    settings: Any, remote: RemoteTom
) -> None:
    target = rows.target(rows.person(), "SN 2026abc")
    remote.store.add_target("SN 2026abc")
    send_all(share_of(target))
    with RemoteTom() as moved:
        moved.store.add_target("M31", ra=10.68, dec=41.27)
        there = moved.store.add_target("SN 2026abc")
        settings.DATA_SHARING = {"partner": moved.entry()}
        rows.photometry(target, 1)
        only_data = rows.share(rows.person(), target=target)
        planner.plan(only_data.pk)

        send_all(only_data)

        assert moved.store.magnitudes("M31") == []
        assert len(moved.store.magnitudes("SN 2026abc")) == 1
    assert RemoteTarget.objects.get().remote_id == str(there["id"])
