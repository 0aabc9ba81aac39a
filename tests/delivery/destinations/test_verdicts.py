"""What an answer of a TOM means: the table of answers, row by row."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.outcomes import Blocked, Refused, TryAgain
from tom_share_worker.models import Failure

ADDRESS = "https://partner.example.org/api/reduceddatums/"


def answer(
    status: int, body: Any = None, html: str | None = None, **headers: str
) -> Answer:
    """Return an answer in JSON, or with `html` a page for people."""
    kind = "application/json" if html is None else "text/html"
    content = json.dumps(body) if html is None else html
    headers = {"Content-Type": kind} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return Answer(f"POST {ADDRESS}", status, headers, content.encode())


def verdict(given: Answer) -> Any:
    return verdicts.trouble(given, "Partner TOM")


@pytest.mark.parametrize("status", [200, 201])
def test_a_success_with_json_is_no_trouble(status: int) -> None:
    assert verdict(answer(status, {"id": 3})) is None


@pytest.mark.parametrize(
    ("given", "failure", "words"),
    [
        (answer(400, {"ra": ["A valid number."]}), Failure.REFUSED_DATA, "ra: A valid"),
        (answer(400, html="<h1>Bad"), Failure.REFUSED_DATA, "HTTP 400"),
        (
            answer(403, {"detail": "No."}),
            Failure.PERMISSION_MISSING,
            "not allow.*: No.",
        ),
        (answer(403, html=""), Failure.PERMISSION_MISSING, "does not allow this"),
        (answer(404, {"detail": "Not found."}), Failure.PERMISSION_MISSING, "see this"),
        (answer(404, html="404"), Failure.BAD_CONFIGURATION, "Check BASE_URL"),
        (answer(405, html="405"), Failure.BAD_CONFIGURATION, "Check BASE_URL"),
        (answer(410, html="gone"), Failure.BAD_CONFIGURATION, "Check BASE_URL"),
        (answer(413, html="large"), Failure.REFUSED_DATA, "HTTP 413"),
        (answer(415, {"detail": "Media."}), Failure.REFUSED_DATA, "Media"),
        (answer(422, {"detail": "No."}), Failure.REFUSED_DATA, "HTTP 422"),
        (
            answer(500, {"Data processing error": "There was an error."}),
            Failure.REFUSED_DATA,
            "could not read the data in it",
        ),
        (
            answer(301, html="", Location="https://new.example.org/api/x/"),
            Failure.BAD_CONFIGURATION,
            "https://new.example.org. Put the final address",
        ),
        (answer(308, html="", Location="/x/"), Failure.BAD_CONFIGURATION, "BASE_URL"),
    ],
)
def test_what_cannot_heal_is_refused(
    given: Answer, failure: Failure, words: str
) -> None:
    outcome = verdict(given)

    assert isinstance(outcome, Refused)
    assert outcome.failure == failure
    assert outcome.note.startswith("Partner TOM")
    assert re.search(words, outcome.note), outcome.note


@pytest.mark.parametrize(
    ("given", "whole_destination"),
    [
        (answer(200, html="<h1>Maintenance"), True),
        (answer(201, html=""), True),
        (answer(302, html="", Location="https://portal.example.org/"), True),
        (answer(307, html="", Location="/api/x/"), True),
        (answer(408, html=""), True),
        (answer(425, html=""), True),
        (answer(429, {"detail": "Throttled."}), True),
        (
            answer(500, html="<h1>Server Error (500)</h1>"),
            False,
        ),  # of this row, perhaps
        (answer(501, html=""), False),
        (answer(502, html=""), True),
        (answer(503, html=""), True),
        (answer(504, html=""), True),
        (answer(599, html=""), True),
    ],
)
def test_what_may_heal_is_tried_again(given: Answer, whole_destination: bool) -> None:
    outcome = verdict(given)

    assert isinstance(outcome, TryAgain)
    assert outcome.failure == Failure.DESTINATION_DOWN
    assert outcome.destination_wide is whole_destination
    assert outcome.note.startswith("Partner TOM")


@pytest.mark.parametrize(
    "given",
    [
        answer(401, {"detail": "Invalid token."}),
        answer(401, html=""),
        answer(302, html="", Location="/accounts/login/?next=/api/targets/"),
        answer(301, html="", Location="https://partner.example.org/accounts/login/"),
    ],
)
def test_a_refused_account_blocks(given: Answer) -> None:
    outcome = verdict(given)

    assert isinstance(outcome, Blocked)
    assert "account" in outcome.note


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7 ", 7),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\u0661\u0662", None),  # digits, but none that HTTP knows
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37", 0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("9" * 400, math.inf),  # the schedule bounds it
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str, seconds: float | None
) -> None:
    assert verdicts.retry_after(answer(429, Retry_After=value)) == seconds


def test_retry_after_as_a_date_counts_from_now() -> None:
    when = datetime.now(UTC) + timedelta(seconds=90)

    found = verdicts.retry_after(
        answer(503, Retry_After=format_datetime(when, usegmt=True))
    )

    assert found == pytest.approx(90, abs=3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Not found."}, "Not found"),
        ({"name": ["exists already.", "is long."]}, "name: exists already; is long"),
        ({"aliases": [{}, {"name": ["No."]}]}, "aliases: name: No"),
        ({"non_field_errors": ["a.", "b."]}, "a; b"),
        (["a.", {"b": "c."}], "a; b: c"),
        (None, ""),
        ({}, ""),
        (3, "3"),
    ],
)
def test_errors_of_any_nesting_are_put_into_a_sentence(body: Any, words: str) -> None:
    assert verdicts.words(body) == words


def test_a_sentence_is_never_longer_than_a_page_can_show() -> None:
    assert len(verdicts.words({"x": ["y" * 10_000] * 3})) <= 500
    assert len(verdicts.words("y" * 10_000)) <= 500


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (answer(400, {"target": ['Invalid pk "3" - object does not exist.']}), True),
        (answer(400, {"target": ["This field is required."]}), False),
        (answer(400, {"name": ['Invalid pk "3"']}), False),
        (answer(404, {"target": ['Invalid pk "3"']}), False),
        (answer(400, ["Invalid pk"]), False),
        (answer(400, html="Invalid pk"), False),
    ],
)
def test_an_id_that_is_not_ours_to_write_to_is_recognised(
    given: Answer, says: bool
) -> None:
    assert verdicts.says_invalid_target(given) is says
