"""Incoming data in the REST API: who sees it, what it tells, what acts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.status.api.programs import Program
from tests.status.incoming import jobs
from tests.status.incoming.people import WHO, person
from tests.support import rows
from tests.test_openapi import conforms
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db

LIST = "ingest-jobs/"
ACTS = ("reprocess", "cancel")


@pytest.fixture
def program(owner: User) -> Program:
    return Program(owner)


def one(job: IngestJob, act: str = "") -> str:
    return f"{LIST}{job.pk}/{act}{'/' if act else ''}"


def test_nobody_sees_and_does_nothing(failed: IngestJob) -> None:
    nobody = Program()

    answers = [nobody.get(LIST), nobody.get(one(failed))]
    answers += [nobody.post(one(failed, act)) for act in ACTS]

    assert {answer.status_code for answer in answers} == {401}
    assert IngestJob.objects.get().status == "failed"


def test_people_see_their_own_and_who_may_view_all_sees_all(
    owner: User, failed: IngestJob
) -> None:
    listed, seen = set(), set()
    for who in WHO:
        if who == "anonymous":
            continue
        program = Program(person(who, owner, failed))
        if program.get(LIST).json()["count"]:
            listed.add(who)
        if program.get(one(failed)).status_code == 200:
            seen.add(who)

    assert listed == seen == {"owner", "viewer", "operator", "colleague", "admin"}


@pytest.mark.parametrize("act", ACTS)
def test_who_only_sees_may_not_act_and_who_does_not_see_finds_nothing(
    owner: User, act: str
) -> None:
    status = "failed" if act == "reprocess" else "queued"
    outcome = {"there": 200, "login": 403, "404": 404}

    for who in WHO:
        job = jobs.job(owner, status=status)
        program = Program(person(who, owner, job))
        expected = 401 if who == "anonymous" else outcome[WHO[who][3]]
        assert program.post(one(job, act)).status_code == expected, who


def test_a_job_tells_what_came_and_what_became_of_it(
    program: Program, owner: User
) -> None:
    target = rows.target(owner, "SN 2026abc")
    job = jobs.job(
        owner,
        target,
        origin="tom",
        sha256="ab" * 32,
        **jobs.DONE,
    )

    told = program.get(one(job)).json()

    times = {name: told.pop(name) for name in ("created", "started", "ended")}
    assert all(times.values())
    assert told == {
        "id": job.pk,
        "url": f"http://testserver/api/ingest-jobs/{job.pk}/",
        "page": f"http://testserver/shares/incoming/{job.pk}/",
        **{"status": "done", "origin": "tom", "user": "owner"},
        **{"data_product": job.data_product_id, "data_product_type": "photometry"},
        **{"target": target.pk, "target_name": "SN 2026abc"},
        **{"file_name": "night.csv", "size": len(jobs.CSV), "sha256": "ab" * 32},
        **{"datums": 37, "new": 35, "failure": "", "cure": ""},
        **dict.fromkeys(("message", "note"), jobs.DONE["note"]),
        **{"worker_note": "", "traceback": ""},
    }


def test_a_failure_is_told_with_its_cure_and_to_operators_with_its_place(
    program: Program, owner: User, failed: IngestJob
) -> None:
    operator = Program(person("operator", owner, failed))

    own, all_ = (who.get(one(failed)).json() for who in (program, operator))

    for told in (own, all_):
        assert told["failure"] == "unreadable file"
        assert told["note"] == "Line 3 has no magnitude"
        assert told["cure"] == failed.cure
    assert own["traceback"] == ""
    assert all_["traceback"] == "Traceback: ValueError in csv.py"


def test_what_waits_says_that_no_worker_processes(
    program: Program, owner: User
) -> None:
    told = program.get(one(jobs.job(owner))).json()

    assert told["worker_note"].startswith("No worker that processes incoming data")
    assert told["message"] == "It waits for a worker."


def test_a_list_asks_the_same_for_few_and_many(program: Program, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get(LIST).status_code == 200
        assert not any('"traceback"' in query["sql"] for query in asked)
        return len(asked)

    jobs.job(owner)
    few = queries()
    for _ in range(5):
        jobs.job(owner)

    assert queries() == few


def test_lists_come_in_pages_the_newest_first(program: Program, owner: User) -> None:
    made = [jobs.job(owner).pk for _ in range(3)]

    first = program.get(LIST, limit=2).json()
    second = program.get(LIST, limit=2, offset=2).json()

    assert first["count"] == 3
    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"new", "old", "ill"}),
        ({"status": "done"}, {"old"}),
        ({"status": ["done", "failed"]}, {"old", "ill"}),
        ({"failure": "unreadable file"}, {"ill"}),
        ({"failure": ["time limit", "memory limit"]}, set()),
        ({"origin": "tom"}, {"ill"}),
        ({"origin": ["api", "form"]}, {"new", "old"}),
        ({"target": "M31"}, {"new"}),
        ({"data_product": "old"}, {"old"}),
        ({"created_after": "2026-03-02T00:00:00Z"}, {"new"}),
        ({"created_before": "2026-03-02T00:00:00Z"}, {"old", "ill"}),
        ({"created_after": "2026-03-01", "status": "failed"}, {"ill"}),
    ],
)
def test_jobs_are_found_by_what_they_are(
    owner: User, query: dict[str, Any], found: set[str]
) -> None:
    begun = datetime(2026, 3, 1, 12, tzinfo=UTC)
    m31 = rows.target(owner, "M31")
    jobs.job(owner, m31, file_name="new")
    old = jobs.job(owner, file_name="old", origin="form", status="done")
    jobs.job(owner, file_name="ill", origin="tom", **jobs.FAILED)
    IngestJob.objects.update(created=begun)
    IngestJob.objects.filter(file_name="new").update(created=begun + timedelta(days=2))
    ids = {"M31": m31.pk, "old": old.data_product_id}
    asked = {
        name: ids[value] if name in ("target", "data_product") else value
        for name, value in query.items()
    }

    told = Program(owner).get(LIST, **asked).json()

    assert {row["file_name"] for row in told["results"]} == found


@pytest.mark.parametrize(
    "query",
    [
        {"state": "failed"},
        {"status": "fialed"},
        {"failure": "bad luck"},
        {"origin": "post"},
        {"target": "1.5"},
        {"target": str(10**30)},
        {"data_product": "0"},
        {"created_after": "yesterday"},
        {"created_after": "9999-12-31T23:00:00-12:00"},
        {"created_before": "0001-01-01T00:00:00+12:00"},
    ],
)
def test_a_filter_that_does_not_exist_or_cannot_be_read_is_refused(
    program: Program, query: dict[str, str]
) -> None:
    answer = program.get(LIST, **query)

    assert answer.status_code == 400
    assert list(answer.json()) == list(query)


@pytest.mark.parametrize("pk", ["0", str(10**30), "-1", "abc"])
def test_what_does_not_exist_is_not_found(program: Program, pk: str) -> None:
    assert program.get(f"{LIST}{pk}/").status_code == 404


def test_reprocess_puts_it_back_into_the_queue(
    program: Program, failed: IngestJob
) -> None:
    answer = program.post(one(failed, "reprocess"))

    assert answer.status_code == 200
    assert answer.json()["status"] == "queued"
    again = program.post(one(failed, "reprocess"))
    assert again.status_code == 409
    assert "not begun again" in again.json()["detail"]


def test_what_has_no_file_any_more_is_not_reprocessed(
    program: Program, failed: IngestJob
) -> None:
    failed.data_product.delete()  # type: ignore[union-attr]

    answer = program.post(one(failed, "reprocess"))

    assert answer.status_code == 409
    assert "was deleted" in answer.json()["detail"]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_cancel_ends_it_and_keeps_the_file(
    program: Program, owner: User, status: str
) -> None:
    job = jobs.job(owner, status=status)

    answer = program.post(one(job, "cancel"))

    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["data_product"] == job.data_product_id
    again = program.post(one(job, "cancel"))
    assert again.status_code == 409
    assert "ended already" in again.json()["detail"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_is_changed_or_deleted_by_hand(
    program: Program, failed: IngestJob, method: str
) -> None:
    ask = getattr(program._client, method)

    answer = ask(f"/api/{one(failed)}", headers=program._headers)

    assert answer.status_code == 405


def test_nothing_is_made_by_hand(program: Program) -> None:
    assert program.post(LIST, {"file_name": "forged.csv"}).status_code == 405


def test_answers_keep_to_the_description(owner: User, failed: IngestJob) -> None:
    program = Program(owner)
    viewer = Program(person("viewer", owner, failed))
    where = "ingest-jobs/{id}/"

    conforms(program.get(LIST), "get", LIST)
    conforms(program.get(LIST, status="no"), "get", LIST)
    conforms(Program().get(LIST), "get", LIST)
    for job in (failed, jobs.job(owner), jobs.job(owner, status="running")):
        for who in (program, viewer):
            conforms(who.get(one(job)), "get", where)
            for act in ACTS:
                conforms(who.post(one(job, act)), "post", f"{where}{act}/")
                conforms(who.post(one(job, act)), "post", f"{where}{act}/")
    IngestJob.objects.update(user=None, target=None, data_product=None)
    superuser = Program(User.objects.create_superuser("admin"))
    orphan = conforms(superuser.get(one(failed)), "get", where)
    conforms(viewer.get(one(failed)), "get", where)
    assert (orphan["user"], orphan["target"], orphan["data_product"]) == (None,) * 3
    conforms(program.get(one(failed)), "get", where)


def test_the_browsable_page_opens(program: Program, failed: IngestJob) -> None:
    headers = program._headers | {"Accept": "text/html"}

    for path in ("", LIST, one(failed)):
        page = program._client.get(f"/api/{path}", headers=headers)
        assert page.status_code == 200
        assert "ingest-jobs" in page.content.decode()
