"""Incoming data in Django's admin: read by those who may, and acted on by two verbs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import IngestJob, Worker

LIST = reverse("admin:tom_share_worker_ingestjob_changelist")


@pytest.fixture
def client(db: None) -> Client:
    """The browser of a superuser."""
    return browser(permitted("admin", is_staff=True, is_superuser=True))


def page_of(job: IngestJob) -> str:
    return reverse("admin:tom_share_worker_ingestjob_change", args=[job.pk])


def act(client: Client, verb: str, *chosen: IngestJob) -> str:
    """Run a verb on some jobs; return what the admin says."""
    body = {"action": verb, "_selected_action": [job.pk for job in chosen]}
    answer = client.post(LIST, body, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def test_a_job_is_read_with_its_traceback_and_not_edited(
    client: Client, owner: User
) -> None:
    job = jobs.job(owner, claim="a-secret-token", **jobs.FAILED)

    listed = client.get(LIST).content.decode()
    page = client.get(page_of(job)).content.decode()

    assert "night.csv" in listed
    assert "ValueError in csv.py" in page
    assert "a-secret-token" not in page
    assert 'name="_save"' not in page
    refused = [
        client.post(page_of(job), {"note": "forged"}),
        client.get(reverse("admin:tom_share_worker_ingestjob_add")),
        client.post(
            reverse("admin:tom_share_worker_ingestjob_delete", args=[job.pk]),
            {"post": "yes"},
        ),
    ]
    # The host leads whoever meets a 403 to its login page.
    assert all(answer["Location"].startswith("/accounts/login") for answer in refused)
    job.refresh_from_db()
    assert job.note == "Line 3 has no magnitude"


def test_jobs_are_found_by_what_they_are(client: Client, owner: User) -> None:
    jobs.job(owner, rows.target(owner, "M31"), file_name="well.csv", status="done")
    jobs.job(owner, file_name="ill.csv", origin="tom", **jobs.FAILED)

    for query, found in (
        ({"q": "M31"}, {"well.csv"}),
        ({"q": "Line 3"}, {"ill.csv"}),
        ({"q": "owner"}, {"well.csv", "ill.csv"}),
        ({"status": "done"}, {"well.csv"}),
        ({"failure": "unreadable file"}, {"ill.csv"}),
        ({"origin": "tom"}, {"ill.csv"}),
        ({"kind": "spectroscopy"}, set()),
    ):
        page = client.get(LIST, query).content.decode()
        assert {name for name in ("well.csv", "ill.csv") if name in page} == found


def test_verbs_act_on_what_is_in_a_state_for_them(client: Client, owner: User) -> None:
    queued, failed = jobs.job(owner), jobs.job(owner, **jobs.FAILED)

    assert act(client, "reprocess", queued, failed) == (
        "1 ingest job will be processed again. 1 ingest job left alone: not in a "
        "state for it."
    )
    assert act(client, "cancel", queued, failed) == "2 ingest jobs cancelled."
    assert set(IngestJob.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.parametrize("codenames", [[], ["view_ingestjob"], ["view_share"]])
def test_verbs_need_the_permission_to_change(owner: User, codenames: list[str]) -> None:
    failed = jobs.job(owner, **jobs.FAILED)
    staff = permitted("staff", *codenames, is_staff=True)
    target: Any = failed.target
    target.give_user_access(staff)
    client = browser(staff)

    listed = client.get(LIST)
    client.post(LIST, {"action": "reprocess", "_selected_action": [failed.pk]})

    sees = "view_ingestjob" in codenames
    assert (b"night.csv" in listed.content) == sees
    assert b'name="action"' not in listed.content
    failed.refresh_from_db()
    assert failed.status == "failed"


def test_who_may_change_is_offered_the_verbs(owner: User) -> None:
    failed = jobs.job(owner, **jobs.FAILED)
    codenames = ("view_ingestjob", "change_ingestjob")
    operator = permitted("operator", *codenames, is_staff=True)
    target: Any = failed.target
    target.give_user_access(operator)
    client = browser(operator)

    said = act(client, "reprocess", failed)

    assert said == "1 ingest job will be processed again."


def test_a_job_leads_to_what_celery_recorded_of_it(client: Client, owner: User) -> None:
    job = jobs.job(owner, status="done", task_id="task-7")
    assert "TaskResult" not in client.get(page_of(job)).content.decode()
    result = TaskResult.objects.create(task_id="task-7", status="SUCCESS")

    page = client.get(page_of(job)).content.decode()

    leads = reverse("admin:tom_share_worker_ingestjob_task", args=[job.pk])
    assert f'<a href="{leads}">SUCCESS</a>' in page
    address = reverse("admin:django_celery_results_taskresult_change", args=[result.pk])
    assert client.get(leads)["Location"] == address


def test_the_list_takes_as_many_queries_for_many_rows(
    client: Client, owner: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(LIST).status_code == 200
        # The traceback of each would be megabytes on a page of failures.
        assert not any('"traceback"' in query["sql"] for query in asked)
        return len(asked)

    jobs.job(owner, **jobs.FAILED)
    queries()
    few = queries()
    for n in range(9):
        jobs.job(rows.person(f"person-{n}"), **jobs.FAILED)

    assert queries() == few


def test_workers_say_what_they_do(client: Client) -> None:
    now = timezone.now()
    Worker.objects.create(
        name="ingest@tom", started=now, seen=now, delivers=False, ingests=True
    )

    page: Any = client.get(reverse("admin:tom_share_worker_worker_changelist"))

    shown = page.content.decode()
    assert "field-ingests" in shown
    assert shown.count('alt="True"') == 2
    assert shown.count('alt="False"') == 1


def test_batches_received_from_other_toms_are_not_shown(client: Client) -> None:
    page = client.get(reverse("admin:app_list", args=["tom_share_worker"]))

    assert b"Ingest jobs" in page.content
    assert b"eceived batch" not in page.content
