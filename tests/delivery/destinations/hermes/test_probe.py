"""The test of a connection to Hermes tells what works, and keeps nothing personal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.messages import settings_of
from tests.support.misbehaviour import Behaviour
from tests.support.remote_hermes import KEY, PROFILE, RemoteHermes
from tom_share_worker.delivery.destinations.hermes.destination import Hermes


@pytest.fixture
def hermes() -> Iterator[RemoteHermes]:
    with RemoteHermes() as running:
        yield running


def findings(hermes: RemoteHermes, **entry: Any) -> dict[str, tuple[str, str]]:
    found = Hermes(settings_of(hermes, **entry)).test()
    return {f.question: (str(f.found), f.words) for f in found}


def test_all_is_well(hermes: RemoteHermes) -> None:
    hermes.writable = ["survey.test", "survey.private"]

    found = findings(hermes)

    assert [state for state, _ in found.values()] == ["ok", "ok", "ok"]
    assert "survey.test, survey.private" in found["May we publish?"][1]
    assert hermes.posted == 0
    assert "someone@survey.example" not in str(found)


def test_topics_that_may_not_be_written_are_named(hermes: RemoteHermes) -> None:
    state, words = findings(hermes)["May we publish?"]

    assert state == "trouble"
    assert "To survey.test; not to survey.private." in words


def test_an_account_without_topics_is_told(hermes: RemoteHermes) -> None:
    hermes.writable = []

    state, words = findings(hermes)["May we publish?"]

    assert (state, "names no topic" in words) == ("trouble", True)


def test_a_wrong_key_is_told_and_not_shown(hermes: RemoteHermes) -> None:
    found = findings(hermes, HERMES_API_KEY="wrong-key-42")

    assert found["Can it be reached?"][0] == "ok"
    state, words = found["Is our account accepted?"]
    assert (state, "HERMES_API_KEY" in words) == ("trouble", True)
    assert "wrong-key-42" not in str(found)


UNREACHABLE: dict[str, Behaviour] = {
    "cut": misbehaviour.cut,
    "down": misbehaviour.html(503),
    "a page": misbehaviour.html(200),
    "no such page": misbehaviour.html(404),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_a_hermes_that_does_not_answer_as_one_is_told(
    hermes: RemoteHermes, case: str
) -> None:
    hermes.on(*PROFILE, UNREACHABLE[case])

    found = findings(hermes)

    assert [state for state, _ in found.values()] == ["trouble"]
    assert KEY not in str(found)
