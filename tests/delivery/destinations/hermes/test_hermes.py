"""The conversation with Hermes: topic, dry run, message, and what each answer means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support import messages, misbehaviour
from tests.support.conversations import Notebook, datums_parcel
from tests.support.messages import deliver, parcel, photometry, position, spectrum
from tests.support.misbehaviour import Behaviour
from tests.support.remote_hermes import KEY, PROFILE, SUBMIT, RemoteHermes
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.delivery.ledger import TARGET, Key, Ledger
from tom_share_worker.delivery.outcomes import (
    Blocked,
    Delivered,
    Interrupted,
    Refused,
    TryAgain,
)
from tom_share_worker.models import Failure


@pytest.fixture
def hermes() -> Iterator[RemoteHermes]:
    """A Hermes that behaves until told otherwise."""
    with RemoteHermes() as running:
        yield running


def test_a_message_names_everything_and_its_address_is_kept(
    hermes: RemoteHermes,
) -> None:
    message = parcel(photometry(), spectrum(), position(), authors="A. Stronomer")

    outcome, notebook = deliver(hermes, message)

    assert outcome == Delivered("3 data points published on survey.test.")
    [published] = hermes.messages
    assert published["topic"] == "survey.test"
    assert published["title"] == "Data of SN 2026abc"
    assert published["submitter"] == "astronomer"
    assert published["authors"] == "A. Stronomer"
    assert published["message_text"] == "Have a look."
    data = published["data"]
    assert [row["name"] for row in data["targets"]] == ["SN 2026abc"]
    assert data["photometry"][0]["brightness"] == 15.001
    assert data["spectroscopy"][0]["flux"] == [1.5e-16, 2.5e-16]
    assert data["astrometry"][0]["ra"] == 10.5001
    assert data["extra_data"] == {"tom_share_worker": message.key}
    assert notebook.fates() == ["delivered"] * 3
    assert notebook.link == f"{hermes.url}message/{hermes.published[0].uuid}"


def test_the_authors_of_the_settings_stand_in_for_missing_ones(
    hermes: RemoteHermes,
) -> None:
    deliver(hermes, parcel(photometry()), DEFAULT_AUTHORS="The Survey")

    assert hermes.messages[0]["authors"] == "The Survey"


def test_a_target_goes_for_itself(hermes: RemoteHermes) -> None:
    outcome, notebook = deliver(hermes, parcel())

    assert isinstance(outcome, Delivered)
    assert hermes.messages[0]["data"]["photometry"] == []
    assert notebook.fates() == ["delivered"]


def test_the_dry_run_comes_first(hermes: RemoteHermes) -> None:
    deliver(hermes, parcel(photometry()))

    asked = [request.path for request in hermes.requests]
    assert asked == [PROFILE[1], SUBMIT[1] + "validate/", SUBMIT[1]]


def test_rows_that_hermes_refuses_stay_behind_one_by_one(hermes: RemoteHermes) -> None:
    message = parcel(photometry(1), photometry(2, brightness=0.0), photometry(3))

    outcome, notebook = deliver(hermes, message)

    assert outcome == Delivered("2 data points published on survey.test, 1 refused.")
    assert notebook.fates() == ["delivered", "refused", "delivered"]
    [(_, reason)] = notebook.ledger.refused()
    assert "brightness or limiting_brightness are required" in reason
    sent = [row["brightness"] for row in hermes.messages[0]["data"]["photometry"]]
    assert sent == [15.001, 15.003]


def test_a_target_that_hermes_refuses_takes_its_data_along(
    hermes: RemoteHermes,
) -> None:
    moving = {"type": "NON_SIDEREAL", "ra": None, "dec": None, "eccentricity": 0.5}
    targets = {1: messages.target(), 2: messages.target("Comet", **moving)}
    message = parcel(photometry(1), photometry(2, target_id=2), targets=targets)

    outcome, notebook = deliver(hermes, message)

    assert isinstance(outcome, Delivered)
    assert notebook.fates() == ["delivered", "refused"]
    [(key, reason)] = notebook.ledger.refused()
    assert (key.pk, "epoch_of_elements" in reason) == (2, True)
    named = [row["name"] for row in hermes.messages[0]["data"]["targets"]]
    assert named == ["SN 2026abc"]


def test_with_nothing_left_nothing_is_published(hermes: RemoteHermes) -> None:
    outcome, notebook = deliver(hermes, parcel(photometry(unit="furlong")))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "furlong" in outcome.note
    assert notebook.fates() == ["refused"]
    assert hermes.messages == []


def test_what_is_gone_is_refused_and_the_rest_goes(hermes: RemoteHermes) -> None:
    message = parcel(photometry())
    message.datums[Key("photometry", 7)] = None
    message.datums[Key(TARGET, 9)] = None

    outcome, notebook = deliver(hermes, message)

    assert outcome == Delivered("1 data point published on survey.test, 2 refused.")
    assert all("deleted" in reason for _, reason in notebook.ledger.refused())


def test_an_objection_to_the_message_as_a_whole_is_told(hermes: RemoteHermes) -> None:
    outcome, notebook = deliver(hermes, parcel(photometry(), submitter=""))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "submitter: This field is required" in outcome.note
    assert notebook.fates() == ["not yet"]


def test_what_is_too_large_waits_for_another_message(hermes: RemoteHermes) -> None:
    wide = [1.2345678901234567] * 12_000
    long = spectrum(flux=wide, wavelength=wide)
    message = parcel(photometry(), *[long] * 3)

    outcome, notebook = deliver(hermes, message)

    assert isinstance(outcome, Delivered)
    assert notebook.fates() == ["delivered", "refused", "refused", "delivered"]
    assert all("Retry" in reason for _, reason in notebook.ledger.refused())


def test_a_topic_that_may_not_be_written_names_those_that_may(
    hermes: RemoteHermes,
) -> None:
    outcome, _ = deliver(hermes, parcel(photometry()), topic="survey.private")

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert "may not publish to the topic survey.private" in outcome.note
    assert "it may publish to survey.test." in outcome.note
    assert hermes.posted == 0


def test_an_account_without_any_topic_is_asked_again_before_it_is_believed(
    hermes: RemoteHermes,
) -> None:
    hermes.writable = []

    first, _ = deliver(hermes, parcel(photometry()))
    last, _ = deliver(hermes, parcel(photometry(), attempts=3))

    assert isinstance(first, TryAgain)
    assert isinstance(last, Refused)
    assert first.failure == last.failure == Failure.PERMISSION_MISSING


def test_a_wrong_key_of_the_tom_pauses_hermes(hermes: RemoteHermes) -> None:
    outcome, notebook = deliver(hermes, parcel(), HERMES_API_KEY="wrong-key-42")

    assert isinstance(outcome, Blocked)
    assert "Invalid token" in outcome.note
    assert "HERMES_API_KEY" in outcome.note
    assert "wrong-key-42" not in f"{outcome} {notebook.requests}"


def test_a_wrong_key_of_a_person_stops_nobody_else(hermes: RemoteHermes) -> None:
    outcome, _ = deliver(hermes, parcel(own_key="wrong-key-42"))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.CREDENTIALS_REFUSED
    assert "your own API key" in outcome.note
    assert "wrong-key-42" not in outcome.note


def test_a_persons_own_key_is_used_where_there_is_one(hermes: RemoteHermes) -> None:
    hermes.keys = {"a-key-of-her-own"}

    outcome, _ = deliver(hermes, parcel(photometry(), own_key="a-key-of-her-own"))

    assert isinstance(outcome, Delivered)


def test_no_key_and_no_personal_answer_is_ever_kept(hermes: RemoteHermes) -> None:
    echo = misbehaviour.answer(502, {"your request": f"Authorization: Token {KEY}"})
    hermes.on(*SUBMIT, echo, exact=True)

    outcome, notebook = deliver(hermes, parcel(photometry()))

    assert isinstance(outcome, TryAgain)
    said = str(notebook.requests)
    assert KEY not in said
    assert "someone@survey.example" not in said
    assert KEY not in repr(parcel(own_key=KEY))


CREDENTIAL = "User account does not have an associated SCIMMA auth credential."
KAFKA = "Error posting message to kafka: KafkaError{code=_TIMED_OUT}"
UNAUTHORIZED = "Error posting message to kafka: TOPIC_AUTHORIZATION_FAILED"

PUBLISHING: dict[str, tuple[Behaviour, type, str]] = {
    "an internal error": (misbehaviour.html(500), TryAgain, "internal error"),
    "maintenance": (misbehaviour.html(503), TryAgain, "maintenance"),
    "a page": (misbehaviour.html(200), TryAgain, "maintenance page"),
    "too many requests": (misbehaviour.later(429, 60), TryAgain, "come back later"),
    "a login page": (misbehaviour.redirect(302, "/login"), Blocked, "login page"),
    "moved": (misbehaviour.redirect(301, "https://new.example/"), Refused, "has moved"),
    "no such page": (misbehaviour.html(404), Refused, "no API of Hermes"),
    "too large": (misbehaviour.html(413), Refused, "larger than Hermes takes"),
    "cut": (misbehaviour.cut, TryAgain, "could not be reached"),
    "rubbish": (misbehaviour.rubbish(b"{"), TryAgain, "not the answer of Hermes"),
    "an error that calls itself success": (
        misbehaviour.answer(200, {"error": CREDENTIAL}),
        Blocked,
        "SCIMMA auth credential",
    ),
    "another one": (
        misbehaviour.answer(200, {"error": "Not now."}),
        TryAgain,
        "did not publish the message: Not now.",
    ),
    "no uuid": (misbehaviour.answer(200, {}), TryAgain, "not the answer of Hermes"),
    "an odd uuid": (
        misbehaviour.answer(200, {"uuid": "../evil"}),
        TryAgain,
        "not the answer of Hermes",
    ),
    "streams that fail": (
        misbehaviour.answer(400, {"error": KAFKA}),
        TryAgain,
        "could not pass the message on",
    ),
    "streams that refuse": (
        misbehaviour.answer(400, {"error": UNAUTHORIZED}),
        Refused,
        "does not let our account publish",
    ),
    "errors of fields": (
        misbehaviour.answer(400, {"title": ["Too dull."]}),
        Refused,
        "title: Too dull",
    ),
    "another refusal": (
        misbehaviour.answer(400, {"error": "Files missing."}),
        Refused,
        "Files missing",
    ),
}


@pytest.mark.parametrize("case", PUBLISHING)
def test_what_an_answer_to_the_message_means(hermes: RemoteHermes, case: str) -> None:
    behave, kind, words = PUBLISHING[case]
    hermes.on(*SUBMIT, behave, exact=True)

    outcome, notebook = deliver(hermes, parcel(photometry()))

    assert type(outcome) is kind, outcome
    assert words in outcome.note
    assert notebook.fates() == ["not yet"]
    assert notebook.link == ""


BEFORE: dict[str, tuple[Behaviour, type]] = {
    "a page": (misbehaviour.html(200), TryAgain),
    "maintenance": (misbehaviour.html(503), TryAgain),
    "a list": (misbehaviour.answer(200, ["a list"]), TryAgain),
    "cut": (misbehaviour.cut, TryAgain),
    "no such page": (misbehaviour.html(404), Refused),
}


@pytest.mark.parametrize("path", [PROFILE[1], SUBMIT[1] + "validate/"])
@pytest.mark.parametrize("case", BEFORE)
def test_without_topic_and_dry_run_nothing_is_published(
    hermes: RemoteHermes, path: str, case: str
) -> None:
    behave, kind = BEFORE[case]
    hermes.on("*", path, behave)

    outcome, _ = deliver(hermes, parcel(photometry()))

    assert type(outcome) is kind, outcome
    assert hermes.posted == 0


def test_a_worker_that_must_let_go_publishes_nothing(hermes: RemoteHermes) -> None:
    outcome, notebook = deliver(hermes, parcel(photometry()), stop_after=0)

    assert isinstance(outcome, Interrupted)
    assert notebook.fates() == ["not yet"]
    assert hermes.posted == 0


def test_a_message_of_which_nothing_is_left_asks_nothing(hermes: RemoteHermes) -> None:
    empty: dict[str, Any] = {"datums": {}}

    outcome, _ = deliver(hermes, parcel(**empty))

    assert isinstance(outcome, Delivered)
    assert hermes.requests == []


def test_what_was_prepared_for_a_tom_is_not_published(hermes: RemoteHermes) -> None:
    pieces = datums_parcel()

    outcome = open_destination(messages.settings_of(hermes)).deliver(
        pieces, Notebook(pieces)
    )

    assert isinstance(outcome, Refused)
    assert "Share it again" in outcome.note


def test_a_message_keeps_the_pace_of_its_destination(hermes: RemoteHermes) -> None:
    """Three requests at 20 a second take a tenth of a second more than none."""
    settings = replace(messages.settings_of(hermes), max_per_second=20.0)
    message = parcel(photometry())
    notebook = Notebook(message)
    notebook.ledger = Ledger.of(message.datums)

    outcome = open_destination(settings).deliver(message, notebook)

    assert isinstance(outcome, Delivered)
    first, *_, last = hermes.requests
    assert last.time - first.time >= 0.09
