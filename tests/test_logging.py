"""Each log record of this app carries fields for machines; a document tells them."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import rows
from tom_share_worker.delivery import closing, gate
from tom_share_worker.delivery.outcomes import Delivered, Refused
from tom_share_worker.delivery.sending import journal
from tom_share_worker.models import Attempt, BulkAction, Failure, IngestJob, logged
from tom_share_worker.models.logged import FIELDS, Action, fields

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted((ROOT / "tom_share_worker").rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def records() -> Iterator[tuple[str, ast.Call]]:
    """Yield each place where a module of this app logs, with its address."""
    for file in CODE:
        text = file.read_text()
        if "LoggerAdapter(" in text:
            continue  # gives its fields to all of its records
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value) == "logger"
            ):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


PLACES = dict(records())


def test_the_places_are_found() -> None:
    assert len(PLACES) > 25


@pytest.mark.parametrize("place", PLACES)
def test_each_record_carries_fields(place: str) -> None:
    assert "extra" in {word.arg for word in PLACES[place].keywords}


def test_only_known_fields_are_given() -> None:
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and _gives_fields(node.func):
                given = {word.arg for word in node.keywords if word.arg}
                assert given <= FIELDS.keys(), f"{file}:{node.lineno}"


def _gives_fields(function: ast.expr) -> bool:
    return ast.unparse(function) in {"fields", "logged.fields"}


def table(heading: str) -> dict[str, str]:
    """Return a table of the document: what is in its first two columns."""
    text = (ROOT / "docs/logging.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE))


def test_the_document_tells_every_field() -> None:
    assert {name: told.strip() for name, told in table("Fields").items()} == FIELDS


def test_the_document_tells_every_action() -> None:
    assert table("Actions").keys() == {str(action) for action in Action}


def test_no_field_has_a_name_that_logging_itself_uses() -> None:
    own = logging.LogRecord("", 0, "", 0, "", (), None).__dict__

    assert not FIELDS.keys() & {*own, "message", "asctime", "taskName"}


@pytest.mark.django_db
def test_rows_become_fields() -> None:
    share = rows.share(None)
    delivery = rows.delivery(share)
    attempt = Attempt(delivery=delivery, number=3)

    assert fields(Action.ATTEMPT, delivery, attempt, failure="", duration=0.0) == {
        "action": "attempt",
        "delivery": delivery.pk,
        "share": share.pk,
        "destination": "partner",
        "attempt": 3,
        "duration": 0.0,
    }
    assert fields(Action.INGEST, IngestJob(pk=7))["ingest_job"] == 7
    assert fields(Action.BULK, BulkAction(pk=8))["bulk_action"] == 8
    assert type(fields(Action.SHARE, failure=Failure.OUR_FAULT)["failure"]) is str


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of what this app logged, with the sentence and its level."""
    return [
        {name: getattr(one, name) for name in FIELDS if hasattr(one, name)}
        | {"said": one.getMessage(), "level": one.levelname}
        for one in caplog.records
        if one.name.startswith("tom_share_worker")
    ]


@pytest.mark.django_db
def test_an_attempt_that_failed_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    delivery = rows.delivery(rows.share(None))
    attempt = Attempt(delivery=delivery, number=1)
    caplog.set_level(logging.INFO)

    refused = Refused(Failure.REFUSED_DATA, "The magnitude 99.9 of SN 2026abc is odd.")
    journal.tell(delivery, attempt, Attempt.Outcome.FAILED, refused)
    journal.tell(delivery, attempt, Attempt.Outcome.DELIVERED, Delivered(""))

    failed, delivered = told(caplog)
    assert failed["level"] == "WARNING"
    assert (failed["outcome"], failed["failure"]) == ("failed", "refused data")
    assert "SN 2026abc" not in failed["said"]
    assert delivered["level"] == "INFO"
    assert (delivered["action"], delivered["outcome"]) == ("attempt", "delivered")


@pytest.mark.django_db
def test_the_states_of_a_destination_are_told_once_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gate.state("partner")

    gate.found_down("partner", 0, "No answer.", None)
    gate.found_down("partner", 0, "No answer.", None)
    gate.found_up("partner", 1)
    gate.found_up("partner", 0)
    gate.pause("partner", "Our account was refused.")
    gate.pause("partner", "Our account was refused.")
    gate.resume("partner")

    found = [(one["outcome"], one["level"]) for one in told(caplog)]
    assert found == [
        ("down", "WARNING"),
        ("open", "INFO"),
        ("paused", "WARNING"),
        ("open", "INFO"),
    ]
    assert {one["destination"] for one in told(caplog)} == {"partner"}


@pytest.mark.django_db
def test_the_end_of_a_share_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    share = rows.share(None, planned=True, status="running")
    rows.delivery(share, status="delivered")

    closing.settle(share.pk)
    closing.settle(share.pk)

    (ended,) = told(caplog)
    assert (ended["action"], ended["share"]) == ("share", share.pk)
    assert ended["outcome"] == "delivered"


def test_a_duration_is_in_seconds() -> None:
    assert logged.seconds(None) is None
