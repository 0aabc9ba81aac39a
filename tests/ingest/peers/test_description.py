"""The protocol's descriptions, for programs and for people, are what the code does."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from tom_targets.models import Target

from tests.ingest.peers.sender import (
    DATUMS,
    ONE_OF_EACH,
    Sender,
    batch,
    photometry,
    place,
    stored,
)
from tom_share_worker import conf, urls
from tom_share_worker.ingest import problems
from tom_share_worker.ingest.peers import batches, capabilities, fields, readers
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.toolkit import DATUM_MODELS, storing

FILE = files("tom_share_worker.ingest.peers").joinpath("openapi.json")
DESCRIPTION = json.loads(FILE.read_text())
SCHEMAS = DESCRIPTION["components"]["schemas"]
DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text()
NAMES = {
    "photometry": "Photometry",
    "spectroscopy": "Spectrum",
    "astrometry": "Astrometry",
    "generic": "Generic",
}
TYPES: dict[str, dict[str, Any]] = {
    storing.TIME: {"type": "string", "format": "date-time"},
    storing.NUMBER: {"type": "number"},
    storing.NUMBERS: {"type": "array", "items": {"type": "number"}},
    storing.TEXT: {"type": "string"},
    storing.OBJECT: {"type": "object"},
}


def validator(name: str) -> Any:
    """Return what checks a value against a schema of the description."""
    whole = {"$ref": f"#/components/schemas/{name}"}
    return Draft202012Validator(whole | {"components": DESCRIPTION["components"]})


def test_it_is_valid() -> None:
    validate: Any = validate_schema  # it carries no types

    validate(DESCRIPTION)


def test_everyone_may_read_it() -> None:
    answer = Client().get("/api/tom-share/openapi.json")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == DESCRIPTION


def test_it_has_all_addresses() -> None:
    routes = [route for route in urls.PEERS if "<path:" not in route]
    ours = {f"/{route}".replace("<int:pk>", "{id}") for route in routes}

    assert set(DESCRIPTION["paths"]) == {*ours, "/api/dataproducts/"}
    assert f"{DATUMS}" in DESCRIPTION["paths"]
    for address in DESCRIPTION["paths"]:
        assert address.replace("{id}", "<id>") in DOCUMENT


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_it_has_the_columns_of_each_kind(kind: str) -> None:
    schema = SCHEMAS[NAMES[kind]]
    columns = {c.name: c for c in storing.columns(kind)}

    assert set(schema["properties"]) == {"kind", *columns}
    assert set(schema["required"]) == {
        *("kind", *(c.name for c in columns.values() if c.required))
    }
    assert schema["additionalProperties"] is False
    for name, column in columns.items():
        said = dict(schema["properties"][name])
        assert said.pop("description", "text").strip()
        wanted = dict(TYPES[column.type])
        if not column.required:
            wanted["type"] = [wanted["type"], "null"]
        if column.longest:
            wanted["maxLength"] = column.longest
        if column.required and column.type == storing.TEXT:
            wanted["minLength"] = 1
        assert said == wanted, name


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_the_document_has_the_columns_of_each_kind(kind: str) -> None:
    rows = dict(re.findall(r"^\| (`\w+`|all of them) \| (.*) \|$", DOCUMENT, re.M))
    said = dict(
        re.findall(
            r"`(\w+)`(?:\*\*)?(?: \((\d+)(?: characters)?\))?",
            rows[f"`{kind}`"] + rows["all of them"],
        )
    )
    bold = set(re.findall(r"\*\*`(\w+)`\*\*", rows[f"`{kind}`"] + rows["all of them"]))
    columns = storing.columns(kind)

    assert set(said) == {"kind", *(c.name for c in columns)}
    assert bold == {"kind", *(c.name for c in columns if c.required)}
    for column in columns:
        assert said[column.name] == str(column.longest or "")


def test_it_has_all_kinds_of_problems_and_where_they_come() -> None:
    assert SCHEMAS["Problem"]["properties"]["type"]["enum"] == [
        kind.type for kind in problems.KINDS
    ]
    of_batches = DESCRIPTION["paths"][DATUMS]["post"]["responses"]
    for status, response in of_batches.items():
        if status != "200":
            named = response["description"].removeprefix("Problem: ").rstrip(".")
            kinds = [kind for kind in problems.KINDS if kind.name in named.split(", ")]
            assert {kind.status for kind in kinds} == {int(status)}
            assert list(response["content"]) == [problems.MEDIA_TYPE]
    assert {kind.status for kind in problems.KINDS} - set(map(int, of_batches)) == {405}


def test_the_document_has_all_kinds_of_problems() -> None:
    said = dict(re.findall(r"^\| `([\w-]+)` \| (\d{3})", DOCUMENT, re.M))

    assert said == {kind.name: str(kind.status) for kind in problems.KINDS}


def test_the_document_tells_the_numbers_that_the_code_has() -> None:
    first, last = readers.YEARS[0], readers.YEARS[-1]
    known = conf.Settings()

    assert f"in the years {first} to {last}" in DOCUMENT
    assert f"at most {readers.DEPTH} levels" in DOCUMENT
    assert f"after {batches.TAKEN_OVER.seconds} seconds" in DOCUMENT
    assert f'"batch": {known.BATCH_LIMIT}, "body": {known.BODY_LIMIT}' in DOCUMENT
    assert known.RATE_LIMIT == "3000/min"
    assert "3,000 a minute" in DOCUMENT.replace("\n", " ")
    for word in (*capabilities.SUPPORTS, *IngestJob.Status.values):
        assert f"`{word}`" in DOCUMENT
    for failure in IngestFailure.values:
        assert f"`{failure}`" in DOCUMENT.replace("\n", " ")
    assert SCHEMAS["Ingest"]["properties"]["status"]["enum"] == IngestJob.Status.values


def test_the_data_points_in_the_document_are_good() -> None:
    (example,) = re.findall(r'(\{"kind": "photometry".*?\}\}),', DOCUMENT, re.S)

    assert fields.read(json.loads(example), 1).value == {"airmass": 1.2}


# What is sent and answered keeps to it.


@pytest.mark.django_db
def test_what_is_sent_and_answered_keeps_to_it(sender: Sender, target: Target) -> None:
    datums = [make(n) for n, make in enumerate(ONE_OF_EACH.values())]
    for datum in datums:
        validator("Datum").validate(datum)
    validator("Batch").validate(batch(target, *datums))
    spoilt = [photometry(limit="x"), place(ra=None), {"kind": "other"}]
    for datum in spoilt:
        assert not validator("Datum").is_valid(datum)

    answer = sender.send(target, *datums, *datums, *spoilt)

    validator("BatchAnswer").validate(answer.json())
    words = {outcome["outcome"] for outcome in answer.json()["outcomes"]}
    assert words == {"created", "already there", "refused"}
    assert stored() == 4
    validator("Capabilities").validate(sender.get("/api/tom-share/").json())
    refused = sender.post(b"?")
    validator("Problem").validate(refused.json())


@pytest.mark.django_db
@pytest.mark.parametrize("status", IngestJob.Status.values)
def test_what_is_told_of_an_upload_keeps_to_it(
    status: str, sender: Sender, target: Target
) -> None:
    job = IngestJob.objects.create(
        target=target,
        target_name=target.name,
        user=sender.account,
        file_name="night.csv",
        status=status,
        next_attempt_at=timezone.now(),
    )

    said = sender.get(f"/api/tom-share/ingest/{job.pk}/").json()

    validator("Ingest").validate(said)
    assert set(said) == set(SCHEMAS["Ingest"]["properties"])
