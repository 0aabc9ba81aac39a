"""A message is published once: what may be out is looked for before it goes again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support import misbehaviour
from tests.support.messages import deliver, earlier, parcel, photometry
from tests.support.misbehaviour import Behaviour
from tests.support.remote_hermes import ARCHIVE, SUBMIT, TOPIC, RemoteHermes
from tom_share_worker.delivery.message import EarlierAttempt
from tom_share_worker.delivery.outcomes import Delivered, TryAgain
from tom_share_worker.models import Attempt, Failure

URL = "https://hermes.example" + SUBMIT[1]
LOST = earlier(Attempt.Outcome.LOST)


@pytest.fixture
def hermes() -> Iterator[RemoteHermes]:
    with RemoteHermes() as running:
        yield running


@pytest.fixture
def old_hermes() -> Iterator[RemoteHermes]:
    with RemoteHermes(is_old=True) as running:
        yield running


def twice(hermes: RemoteHermes, before: EarlierAttempt = LOST, **entry: Any) -> Any:
    """Publish a message, then deliver it again after this earlier attempt."""
    message = parcel(photometry())
    deliver(hermes, message)
    again = parcel(photometry(), earlier=(before,), created=message.created)
    return deliver(hermes, again, **entry)


def test_a_first_attempt_looks_for_nothing(hermes: RemoteHermes) -> None:
    deliver(hermes, parcel(photometry()))

    assert hermes.asked(*ARCHIVE) == []


def test_a_message_of_a_lost_worker_is_found(hermes: RemoteHermes) -> None:
    outcome, notebook = twice(hermes)

    assert isinstance(outcome, Delivered)
    assert "1 data point published by an earlier attempt" in outcome.note
    assert notebook.fates() == ["delivered"]
    assert notebook.link == f"{hermes.url}message/{hermes.published[0].uuid}"
    assert hermes.posted == 1


def test_an_older_hermes_is_asked_in_its_own_way(old_hermes: RemoteHermes) -> None:
    outcome, notebook = twice(old_hermes)

    assert isinstance(outcome, Delivered)
    assert notebook.link.endswith(old_hermes.published[0].uuid)
    assert old_hermes.posted == 1


def test_another_message_of_the_same_title_is_not_taken_for_ours(
    hermes: RemoteHermes, old_hermes: RemoteHermes
) -> None:
    for remote in (hermes, old_hermes):
        deliver(remote, parcel(photometry(), key="another"))

        outcome, _ = deliver(remote, parcel(photometry(), earlier=(LOST,)))

        assert outcome == Delivered("1 data point published on survey.test.")
        assert remote.posted == 2


def test_it_is_found_behind_many_others(hermes: RemoteHermes) -> None:
    hermes.page_size = 2
    message = parcel(photometry())
    deliver(hermes, message)
    for number in range(5):
        deliver(hermes, parcel(photometry(), key=f"{number}", title=f"No. {number}"))

    outcome, _ = deliver(
        hermes, parcel(photometry(), earlier=(LOST,), created=message.created)
    )

    assert "earlier attempt" in outcome.note
    assert len(hermes.asked("GET", ARCHIVE[1] + "message/")) == 1
    assert hermes.posted == 6


def test_only_messages_since_the_delivery_was_made_are_listed(
    hermes: RemoteHermes,
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    message = parcel(photometry(), earlier=(LOST,), created=tomorrow)

    deliver(hermes, message)

    [asked] = hermes.asked(*ARCHIVE)
    assert asked.query["topic"] == TOPIC
    assert "." not in asked.query["start"]  # the archive takes whole seconds only


def test_what_the_archive_does_not_show_yet_is_waited_for(
    hermes: RemoteHermes,
) -> None:
    hermes.hide_archive()

    outcome, notebook = twice(hermes, earlier(), ARCHIVE_DELAY=120)

    assert isinstance(outcome, TryAgain)
    assert not outcome.destination_wide
    assert outcome.retry_after == pytest.approx(120, abs=30)
    assert notebook.fates() == ["not yet"]
    assert hermes.posted == 1

    hermes.show_archive()
    outcome, _ = twice_more(hermes)
    assert "earlier attempt" in outcome.note
    assert hermes.posted == 1


def twice_more(hermes: RemoteHermes) -> Any:
    """Deliver the one message again."""
    created = timezone.now() - timedelta(minutes=5)
    message = parcel(photometry(), earlier=(LOST,), created=created)
    return deliver(hermes, message, ARCHIVE_DELAY=120)


def test_after_that_time_it_was_never_published(hermes: RemoteHermes) -> None:
    long_ago = earlier(Attempt.Outcome.LOST, seconds_ago=121)

    outcome, _ = deliver(
        hermes, parcel(photometry(), earlier=(long_ago,)), ARCHIVE_DELAY=120
    )

    assert outcome == Delivered("1 data point published on survey.test.")


BLIND: dict[str, Behaviour] = {
    "down": misbehaviour.html(503),
    "cut": misbehaviour.cut,
    "a page": misbehaviour.html(200),
    "an error of the archive": misbehaviour.answer(422, {"error": "no"}),
    "an error in words": misbehaviour.answer(200, {"error": "no"}),
    "no list": misbehaviour.answer(200, {"messages": None}),
    "no uuid": misbehaviour.answer(200, {"messages": [{"annotations": {}}]}),
    "forbidden": misbehaviour.answer(403, {"detail": "No."}),
}


@pytest.mark.parametrize("case", BLIND)
def test_nothing_is_published_blindly(hermes: RemoteHermes, case: str) -> None:
    hermes.on(*ARCHIVE, BLIND[case])

    outcome, notebook = deliver(hermes, parcel(photometry(), earlier=(LOST,)))

    assert isinstance(outcome, TryAgain)
    assert outcome.failure == Failure.DESTINATION_DOWN
    assert notebook.fates() == ["not yet"]
    assert hermes.posted == 0


def test_a_hermes_that_lists_bare_ids_is_not_believed(hermes: RemoteHermes) -> None:
    """The table of a new one filters nothing and shows nothing."""
    deliver(hermes, parcel(photometry()))
    hermes.on(*ARCHIVE, misbehaviour.html(404))

    outcome, _ = deliver(hermes, parcel(photometry(), earlier=(LOST,)))

    assert isinstance(outcome, TryAgain)
    assert "could not be read" in outcome.note
    assert hermes.posted == 1


KAFKA = '{"error": "Error posting message to kafka: timed out"}'

DOUBTFUL = {
    "worker lost": LOST,
    "under way": earlier(outcome=""),
    "no answer": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}"),
    "cancelled without an answer": earlier(Attempt.Outcome.CANCELLED, f"POST {URL}"),
    "gateway": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}", 504),
    "internal error": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}", 500),
    "a page": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}", 200, "<html>"),
    "streams": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}", 400, KAFKA),
}
HARMLESS = {
    "profile": earlier(Attempt.Outcome.TRY_AGAIN, "GET https://h/api/v0/profile/"),
    "dry run": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}validate/", 500),
    "wrong key": earlier(Attempt.Outcome.WAITING, f"POST {URL}", 403),
    "refused": earlier(Attempt.Outcome.FAILED, f"POST {URL}", 400, '{"title": []}'),
    "too many": earlier(Attempt.Outcome.TRY_AGAIN, f"POST {URL}", 429),
    "said no": earlier(Attempt.Outcome.WAITING, f"POST {URL}", 200, '{"error": ""}'),
    "rest of one that is out": earlier(
        Attempt.Outcome.DELIVERED, f"POST {URL}", 200, '{"uuid": "5"}'
    ),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_after_a_doubtful_attempt_it_is_looked_for(
    hermes: RemoteHermes, case: str
) -> None:
    outcome, _ = twice(hermes, DOUBTFUL[case])

    assert "earlier attempt" in outcome.note
    assert hermes.posted == 1


@pytest.mark.parametrize("case", HARMLESS)
def test_after_a_clear_one_it_is_not(hermes: RemoteHermes, case: str) -> None:
    deliver(hermes, parcel(photometry(), earlier=(HARMLESS[case],)))

    assert hermes.asked(*ARCHIVE) == []
    assert hermes.posted == 1


@pytest.mark.parametrize("cut", [misbehaviour.act_then_cut, misbehaviour.half_answer])
def test_a_message_whose_answer_was_cut_is_out_and_found(
    hermes: RemoteHermes, cut: Behaviour
) -> None:
    hermes.on(*SUBMIT, cut, exact=True, times=1)
    message = parcel(photometry())
    outcome, notebook = deliver(hermes, message)
    assert isinstance(outcome, TryAgain)
    request, status, _ = notebook.requests[-1]
    before = earlier(Attempt.Outcome.TRY_AGAIN, request, status)

    outcome, _ = deliver(
        hermes, parcel(photometry(), earlier=(before,), created=message.created)
    )

    assert isinstance(outcome, Delivered)
    assert len(hermes.published) == 1
