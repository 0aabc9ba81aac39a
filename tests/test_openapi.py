"""The description of the REST API is what the code does, and answers keep to it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.status.api.programs import Program
from tests.status.conftest import partly_refused, permitted
from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, Failure, Share

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tom_share_worker" / "status" / "api" / "openapi.json"
DESCRIPTION = json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def generator() -> Any:
    """The program behind `make openapi`."""
    place = ROOT / "deploy" / "openapi.py"
    spec = importlib.util.spec_from_file_location("deploy_openapi", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_what_the_code_says_today(generator: Any) -> None:
    assert generator.describe() == FILE.read_text(), "run `make openapi`"


def test_it_is_valid() -> None:
    validate: Any = validate_schema  # it carries no types

    validate(DESCRIPTION)


def test_each_operation_is_described(generator: Any) -> None:
    found = {
        (method, path)
        for path, methods in DESCRIPTION["paths"].items()
        for method in methods
    }

    assert found == set(generator.OPERATIONS)


def test_everyone_may_read_it() -> None:
    answer = Client().get("/shares/openapi.json")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == DESCRIPTION


def conforms(answer: Any, method: str, path: str) -> Any:
    """Check an answer against the description; return its body."""
    operation = DESCRIPTION["paths"][f"/api/{path}"][method]
    described = operation["responses"][str(answer.status_code)]
    schema = described["content"]["application/json"]["schema"]
    body = answer.json()
    Draft202012Validator(schema | {"components": DESCRIPTION["components"]}).validate(
        body
    )
    name = schema["$ref"].rpartition("/")[2]
    _has_all_and_no_more(body, DESCRIPTION["components"]["schemas"][name])
    return body


def _has_all_and_no_more(body: Any, schema: dict[str, Any]) -> None:
    """Fields without a description would pass any validation."""
    if "properties" in schema:
        assert set(body) == set(schema["properties"])


@pytest.fixture
def sky(settings: Any, db: None) -> Sky:
    settings.DATA_SHARING = clicks.SHARING
    return clicks.sky()


def test_answers_about_shares_keep_to_it(sky: Sky) -> None:
    program = Program(sky.owner)
    body = {"destination": "partner", "target": sky.target.pk, "title": "Tonight"}
    Draft202012Validator(DESCRIPTION["components"]["schemas"]["ShareRequest"]).validate(
        body
    )

    made = conforms(program.post("shares/", body, "night-1"), "post", "shares/")
    conforms(program.post("shares/", body, "night-1"), "post", "shares/")
    other = body | {"title": "Other"}
    again = program.post("shares/", other, "night-1")
    assert again.status_code == 422
    conforms(again, "post", "shares/")
    conforms(program.share(target=999_999), "post", "shares/")
    conforms(Program().share(target=1), "post", "shares/")
    conforms(program.get("shares/"), "get", "shares/")
    conforms(program.get("shares/", status="no"), "get", "shares/")
    one = f"shares/{made['id']}/"
    conforms(program.get(one), "get", "shares/{id}/")
    conforms(program.get("shares/999999/"), "get", "shares/{id}/")
    conforms(program.post(f"{one}cancel/"), "post", "shares/{id}/cancel/")
    conforms(program.post(f"{one}cancel/"), "post", "shares/{id}/cancel/")
    conforms(program.post(f"{one}retry/"), "post", "shares/{id}/retry/")
    onlooker = permitted("viewer", "view_share")
    sky.target.give_user_access(onlooker)
    viewer = Program(onlooker)
    conforms(viewer.post(f"{one}retry/"), "post", "shares/{id}/retry/")
    sky.owner.delete()
    orphan = conforms(viewer.get(one), "get", "shares/{id}/")
    assert orphan["user"] is None


def test_answers_about_deliveries_keep_to_it(sky: Sky) -> None:
    program = Program(sky.owner)
    share = rows.share(sky.owner, target=sky.target, planned=True, status="running")
    partly = partly_refused(share, refused=1, delivered=1)
    failed = rows.delivery(
        share, status="failed", failure=Failure.NOT_PERMITTED, ended=timezone.now()
    )
    for outcome, ended in (("failed", timezone.now()), ("", None)):
        Attempt.objects.create(
            delivery=failed,
            number=failed.attempts.count() + 1,
            started=timezone.now(),
            ended=ended,
            outcome=outcome,
        )

    conforms(program.get("deliveries/"), "get", "deliveries/")
    conforms(program.get("deliveries/", status="no"), "get", "deliveries/")
    for row in (partly, failed):
        one = f"deliveries/{row.pk}/"
        conforms(program.get(one), "get", "deliveries/{id}/")
        conforms(program.post(f"{one}retry/"), "post", "deliveries/{id}/retry/")
    conforms(program.get(f"shares/{share.pk}/"), "get", "shares/{id}/")
    Share.objects.update(user=None, target=None)
    Delivery.objects.update(target=None)
    gone = program.get(f"deliveries/{failed.pk}/")
    assert gone.status_code == 404
    conforms(gone, "get", "deliveries/{id}/")
