"""Sending a target to a stock TOM: found, created, put into lists, never guessed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import card, deliver, target_parcel
from tests.support.misbehaviour import Exchange
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.outcomes import Delivered, Refused, TryAgain
from tom_share_worker.models import Failure


def test_a_target_that_is_not_there_is_created_whole(remote: RemoteTom) -> None:
    parcel = target_parcel(card("SN 2026abc", "ZTF26x"), distance=0.1 + 0.2)

    outcome, notebook = deliver(remote, parcel)

    assert outcome == Delivered("Remote TOM created this target.")
    [target] = remote.store.targets
    assert (target["name"], target["distance"]) == ("SN 2026abc", 0.1 + 0.2)
    assert [alias["name"] for alias in target["aliases"]] == ["ZTF26x"]
    assert target["target_lists"] == [{"name": "Imported From Survey TOM"}]
    assert notebook.targets == [str(target["id"])]


def test_the_first_targets_of_a_list_go_one_at_a_time(remote: RemoteTom) -> None:
    """TOM Toolkit makes a list twice for two at once, and fails from then on."""
    under_way, at_once = threading.Semaphore(1), []

    def slowly(exchange: Exchange) -> None:
        alone = under_way.acquire(blocking=False)
        at_once.append(not alone)
        time.sleep(0.2)
        reply = exchange.act()
        if alone:
            under_way.release()
        exchange.send(reply)

    remote.on("POST", "/api/targets/", slowly)
    parcels = [target_parcel(card(f"SN 2026{n}", ra=n, dec=n)) for n in (1.0, 2.0, 3.0)]

    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(lambda parcel: deliver(remote, parcel)[0], parcels))

    assert outcomes == [Delivered("Remote TOM created this target.")] * 3
    assert at_once == [False] * 3


@pytest.mark.parametrize(
    ("there", "aliases"),
    [("SN 2026abc", ()), ("ZTF26x", ()), ("other", ("SN 2026abc",))],
    ids=["its name", "its name is our alias", "its alias is our name"],
)
def test_a_target_that_is_there_is_put_into_the_list(
    remote: RemoteTom, there: str, aliases: tuple[str, ...]
) -> None:
    remote.store.add_target(there, *aliases)

    outcome, _ = deliver(remote, target_parcel(card("SN 2026abc", "ZTF26x")))

    assert isinstance(outcome, Delivered)
    [target] = remote.store.targets
    assert target["target_lists"] == [{"name": "Imported From Survey TOM"}]


def test_a_differently_spelt_twin_at_the_same_place_is_recognised(
    remote: RemoteTom,
) -> None:
    remote.store.add_target("sn-2026ABC", ra=10.0001, dec=5.0)

    outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Delivered)
    assert len(remote.store.targets) == 1


def test_a_neighbour_of_another_name_is_not_taken_for_it(remote: RemoteTom) -> None:
    remote.store.add_target("SN 2025zz", ra=10.0001, dec=5.0)

    deliver(remote, target_parcel())

    assert [target["name"] for target in remote.store.targets] == [
        *("SN 2025zz", "SN 2026abc")
    ]


def test_two_that_match_are_for_a_person_to_choose(remote: RemoteTom) -> None:
    remote.store.add_target("other 1", "SN 2026ABC")
    remote.store.add_target("other 2", "sn2026abc x", "SN 2026abc")

    outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.AMBIGUOUS_TARGET
    assert "other 1, other 2" in outcome.note
    assert not remote.asked("PATCH", "/api/targets/")


def test_a_name_with_signs_of_urls_is_found(remote: RemoteTom) -> None:
    remote.store.add_target("SDSS J01+02 & #3")

    deliver(remote, target_parcel(card("SDSS J01+02 & #3")))

    assert len(remote.store.targets) == 1


def test_a_name_among_hundreds_that_contain_it_is_found(remote: RemoteTom) -> None:
    for number in range(250):
        remote.store.add_target(f"SN 2026abc-{number}")
    remote.store.add_target("SN 2026abc")

    outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Delivered)
    assert len(remote.store.targets) == 251


def test_a_target_that_is_hidden_from_us_is_said_so(remote: RemoteTom) -> None:
    hidden = remote.store.add_target("SN 2026abc")
    remote.store.hidden.add(hidden["id"])

    outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert "may not see" in outcome.note


def test_lists_that_are_not_ours_to_change_are_no_failure(remote: RemoteTom) -> None:
    remote.store.add_target("SN 2026abc")
    remote.on(
        "PATCH", "/api/targets/", misbehaviour.answer(404, {"detail": "No Target."})
    )

    outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Delivered)
    assert "does not let our account put it into its lists" in outcome.note


@pytest.mark.parametrize(
    "trouble",
    [misbehaviour.act_then_cut, misbehaviour.half_answer, misbehaviour.act_then_hang],
    ids=["cut", "half an answer", "silence"],
)
def test_a_lost_answer_does_not_make_a_second_target(
    remote: RemoteTom, settings: Any, trouble: misbehaviour.Behaviour
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3}
    remote.on("POST", "/api/targets/", trouble, times=1)

    first, _ = deliver(remote, target_parcel())
    second, _ = deliver(remote, target_parcel())

    assert isinstance(first, TryAgain)
    assert isinstance(second, Delivered)
    assert len(remote.store.targets) == 1


def test_one_made_by_another_in_the_same_moment_is_adopted(remote: RemoteTom) -> None:
    def race(exchange: misbehaviour.Exchange) -> None:
        remote.store.add_target("SN 2026abc")
        exchange.send(exchange.act())

    remote.on("POST", "/api/targets/", race, times=1)

    outcome, notebook = deliver(remote, target_parcel())

    assert isinstance(outcome, Delivered)
    [target] = remote.store.targets
    assert notebook.targets == [str(target["id"])]
    assert target["target_lists"] == [{"name": "Imported From Survey TOM"}]


def test_a_target_that_tom_toolkit_refuses_is_refused_in_its_words(
    remote: RemoteTom,
) -> None:
    outcome, _ = deliver(remote, target_parcel(card(ra=0.0)))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "ra and dec are required" in outcome.note
