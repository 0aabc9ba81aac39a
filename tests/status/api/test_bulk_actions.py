"""Bulk actions by program: asked for, followed, cancelled; by the pages' rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from tests.status.api.programs import Program
from tests.status.conftest import permitted
from tests.support import rows
from tests.test_openapi import conforms
from tom_share_worker.models import BulkAction, Delivery, Share
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db

RETRY = {"verb": "retry", "rows": "deliveries", "filters": {"status": "failed"}}
ONE = "bulk-actions/{id}/"


def ask(person: User | None, body: Any = RETRY) -> Any:
    return Program(person).post("bulk-actions/", body)


def test_what_is_asked_for_is_done_by_a_worker(owner: User, share: Share) -> None:
    rows.delivery(share, status="failed")

    answer = ask(owner)

    assert answer.status_code == 201
    made = conforms(answer, "post", "bulk-actions/")
    assert answer["Location"] == made["url"]
    assert (made["status"], made["total"], made["done"]) == ("queued", 1, 0)
    bulk.run(made["id"])
    followed = Program(owner).get(f"bulk-actions/{made['id']}/")
    told = conforms(followed, "get", ONE)
    assert told["note"] == "1 delivery will be sent again."
    assert Delivery.objects.get().status == "queued"


HALF = "\ud800"
"""Half of a character, which JSON can hold and UTF-8 cannot."""


@pytest.mark.parametrize("bad", [HALF, "SN\0"])
@pytest.mark.parametrize("name", ["search", "user", "destination", "status", "kind"])
def test_text_that_no_database_takes_is_refused_in_words(
    owner: User, name: str, bad: str
) -> None:
    answer = ask(owner, json.dumps(RETRY | {"filters": {name: bad}}))

    assert answer.status_code == 400
    assert answer.json() == {name: ["This has a NUL or half a character in it."]}


@pytest.mark.parametrize("name", ["verb", "rows"])
def test_half_a_character_is_no_word(owner: User, name: str) -> None:
    answer = ask(owner, json.dumps(RETRY | {name: HALF}))

    assert answer.status_code == 400
    assert answer.json() == {name: ['"?" is not a valid choice.']}


def test_people_act_on_their_own_and_operators_on_what_they_see(
    owner: User, share: Share
) -> None:
    target = rows.target(owner, "SN 2026abc")
    Share.objects.update(target=target)
    share.refresh_from_db()
    rows.delivery(share, status="failed")
    operator = permitted("operator", "operate")
    seeing = permitted("seeing", "operate")
    target.give_user_access(seeing)
    viewer = permitted("viewer", "view_share")
    target.give_user_access(viewer)

    totals = {
        person.username: ask(person).json()["total"]
        for person in (owner, operator, seeing, viewer, rows.person("stranger"))
    }

    assert totals == {
        **{"owner": 1, "seeing": 1},
        **{"operator": 0, "viewer": 0, "stranger": 0},
    }


def test_each_sees_and_cancels_their_own(owner: User, share: Share) -> None:
    rows.delivery(share, status="failed")
    made = ask(owner).json()
    one = f"bulk-actions/{made['id']}/"

    stranger = Program(rows.person("stranger"))
    assert stranger.get("bulk-actions/").json()["count"] == 0
    assert stranger.get(one).status_code == 404
    assert stranger.post(f"{one}cancel/").status_code == 404
    assert Program().get("bulk-actions/").status_code == 401
    operator = Program(permitted("operator", "operate"))
    assert operator.get("bulk-actions/").json()["count"] == 1
    cancelled = conforms(Program(owner).post(f"{one}cancel/"), "post", f"{ONE}cancel/")
    assert cancelled["status"] == "cancelled"
    again = operator.post(f"{one}cancel/")
    assert again.status_code == 409
    conforms(again, "post", f"{ONE}cancel/")
    said = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(said) == ["Asked for: 1 delivery.", "Cancelled."]


def test_a_filter_that_may_name_a_target_is_told_to_who_asked_only(
    owner: User,
) -> None:
    body = RETRY | {"filters": {"search": "SN 2026secret"}}
    ask(owner, body)

    own = Program(owner).get("bulk-actions/").json()["results"][0]
    others = Program(permitted("operator", "operate")).get("bulk-actions/").json()

    assert own["described"] == "deliveries, with “SN 2026secret”"
    assert others["results"][0]["described"] == "deliveries, narrowed further"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verb": "retry", "rows": "deliveries"}, "filters"),
        (RETRY | {"verb": "pause"}, "verb"),
        (RETRY | {"rows": "ingest jobs", "filters": {}}, "verb"),
        (RETRY | {"filter": {}}, "filter"),
        (RETRY | {"filters": {"stat": "failed"}}, "stat"),
        (RETRY | {"filters": {"status": "ill"}}, "status"),
        (RETRY | {"filters": {"status": [1]}}, "status"),
        (RETRY | {"filters": {"since": "yesterday"}}, "since"),
        (RETRY | {"filters": {"since": "2026-02-31"}}, "since"),
        (RETRY | {"filters": {"ids": "12"}}, "ids"),
        (RETRY | {"filters": {"ids": [0]}}, "ids"),
        (RETRY | {"filters": {"share": {}}}, "share"),
        (RETRY | {"filters": {"search": "a\x00b"}}, "search"),
        (RETRY | {"filters": {"\x00": "b"}}, "\x00"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_asked_for(
    owner: User, body: dict[str, Any], field: str
) -> None:
    answer = ask(owner, body)

    assert answer.status_code == 400, answer.content
    assert [*conforms(answer, "post", "bulk-actions/")] == [field.replace("\x00", "")]
    assert not BulkAction.objects.exists()


def test_the_list_is_narrowed_and_takes_as_many_queries_for_many(
    owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        ask(owner)
    BulkAction.objects.filter(pk=BulkAction.objects.all()[0].pk).update(status="done")
    program = Program(owner)

    with django_assert_max_num_queries(6):
        listed = conforms(program.get("bulk-actions/"), "get", "bulk-actions/")
    assert listed["count"] == 5
    assert program.get("bulk-actions/", status="done").json()["count"] == 1
    refused = program.get("bulk-actions/", state="done")
    assert refused.status_code == 400
    conforms(refused, "get", "bulk-actions/")
