"""Destinations by program: how they stand; paused, resumed and tested by operators."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.status.api.programs import Program
from tests.status.conftest import permitted
from tests.support import rows
from tests.test_openapi import conforms
from tom_share_worker.models import ConnectionTest, Destination, Share

pytestmark = pytest.mark.django_db

ONE = "destinations/{key}/"


@pytest.fixture
def operator(db: None) -> Program:
    return Program(permitted("operator", "operate"))


def test_a_destination_says_how_it_stands(operator: Program, share: Share) -> None:
    rows.delivery(share)
    now = timezone.now()
    Destination.objects.create(key="partner", answered=now)
    ConnectionTest.objects.create(destination="partner")
    ConnectionTest.objects.create(
        destination="partner",
        ended=now,
        findings=[["Can it be reached?", "trouble", "Nothing answers."]],
    )

    listed = conforms(operator.get("destinations/"), "get", "destinations/")
    one = conforms(operator.get("destinations/partner/"), "get", ONE)

    assert listed["results"] == [one]
    assert (one["name"], one["state"], one["note"]) == ("Partner TOM", "open", "")
    assert (one["waiting"], one["retry_at"]) == (1, None)
    assert one["answered"] is not None
    found = {"question": "Can it be reached?", "found": "trouble"}
    assert one["test"]["findings"] == [{**found, "text": "Nothing answers."}]
    assert "not-a-token" not in str(listed)
    unknown = operator.get("destinations/nobody/")
    assert unknown.status_code == 404
    conforms(unknown, "get", ONE)


def test_operators_pause_and_resume_and_it_is_on_record(operator: Program) -> None:
    asked = {"reason": "They move house."}
    paused = operator.post("destinations/partner/pause/", asked)
    told = conforms(paused, "post", f"{ONE}pause/")

    assert told["state"] == "paused"
    assert "paused by operator. They move house." in told["note"]
    again = operator.post("destinations/partner/pause/")
    assert again.status_code == 409
    conforms(again, "post", f"{ONE}pause/")
    resumed = operator.post("destinations/partner/resume/")
    assert conforms(resumed, "post", f"{ONE}resume/")["state"] == "open"
    again = operator.post("destinations/partner/resume/")
    assert again.status_code == 409
    conforms(again, "post", f"{ONE}resume/")
    said = LogEntry.objects.order_by("pk").values_list(
        "change_message", "user__username"
    )
    assert list(said) == [
        ("Paused. Reason: They move house.", "operator"),
        ("Resumed.", "operator"),
    ]


def test_a_test_is_asked_for_and_shown(operator: Program) -> None:
    answer = operator.post("destinations/partner/test/")

    assert answer.status_code == 202
    told = conforms(answer, "post", f"{ONE}test/")
    assert told["test"]["ended"] is None
    assert ConnectionTest.objects.get().destination == "partner"
    assert LogEntry.objects.get().change_message == "Tested."


def test_an_entry_with_topics_is_steered_as_a_whole(
    operator: Program, settings: Any
) -> None:
    settings.DATA_SHARING = {
        "hermes": {
            "BASE_URL": "http://hermes.invalid/",
            "HERMES_API_KEY": "k",
            "USER_TOPICS": ["a", "b"],
        }
    }

    operator.post("destinations/hermes/pause/")

    paused = Destination.objects.filter(paused=True).values_list("key", flat=True)
    assert set(paused) == {"hermes:a", "hermes:b"}
    assert operator.get("destinations/hermes/").json()["state"] == "paused"


@pytest.mark.parametrize("verb", ["pause", "resume", "test"])
@pytest.mark.parametrize(
    ("codename", "staff", "sees", "acts"),
    [
        ("", False, False, False),
        ("view_share", False, False, False),
        ("", True, True, False),
        ("view_destination", False, True, False),
        ("change_destination", False, True, True),
        ("operate", False, True, True),
    ],
)
def test_who_sees_and_who_steers(
    verb: str, codename: str, staff: bool, sees: bool, acts: bool
) -> None:
    Destination.objects.create(key="partner", retry_at=timezone.now())
    program = Program(permitted("person", codename, is_staff=staff))

    seen = program.get("destinations/")
    answer = program.post(f"destinations/partner/{verb}/")

    assert (seen.status_code == 200) == sees
    conforms(seen, "get", "destinations/")
    assert (answer.status_code in (200, 202)) == acts
    conforms(answer, "post", f"{ONE}{verb}/")
    assert Program().get("destinations/").status_code == 401


def test_a_wrong_setting_is_told(operator: Program, settings: Any) -> None:
    settings.DATA_SHARING = "no"

    answer = operator.get("destinations/")

    assert answer.status_code == 400
    assert "DATA_SHARING" in conforms(answer, "get", "destinations/")


def test_many_destinations_take_as_many_queries_as_one(
    operator: Program, settings: Any, django_assert_max_num_queries: Any
) -> None:
    entry = settings.DATA_SHARING["partner"]
    settings.DATA_SHARING = {f"tom-{n}": entry for n in range(20)}

    with django_assert_max_num_queries(12):
        assert operator.get("destinations/").json()["count"] == 20
