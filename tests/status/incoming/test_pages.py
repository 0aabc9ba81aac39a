"""The page of one file that came in, its fragments, and its buttons."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.status.incoming.addresses import ACT, LIST, READ, said, text, url
from tom_share_worker.models import IngestFailure, IngestJob
from tom_share_worker.status.incoming import overview


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": "queued"}, "It waits for a worker."),
        ({"status": "running"}, "It is being processed."),
        (jobs.DONE, "Processed: 37 data points, 35 of them new."),
        ({"status": "done"}, "It is processed."),
        (jobs.FAILED, "Line 3 has no magnitude."),
        ({"status": "failed", "failure": "our fault"}, "It could not be processed."),
        ({"status": "cancelled"}, "It was cancelled. The file was kept."),
        (
            {"status": "cancelled", "note": "Cancelled by a person."},
            "Cancelled by a person. The file was kept.",
        ),
    ],
)
def test_each_state_is_told_in_a_sentence(
    owner: User, columns: dict[str, Any], sentence: str
) -> None:
    job = jobs.job(owner, **columns)

    for name in READ:
        assert sentence in text(browser(owner), name, job)


def test_what_is_tried_again_later_says_when_and_why(owner: User) -> None:
    job = jobs.job(
        owner,
        next_attempt_at=timezone.now() + timedelta(minutes=10, seconds=30),
        note="The process that read it broke down",
        lost_count=1,
    )

    page = text(browser(owner), "ingest-job", job)

    assert "It is tried again in 10 minutes (" in page
    assert "The process that read it broke down." in page


@pytest.mark.parametrize("failure", IngestFailure)
def test_each_failure_is_told_with_its_cure(
    owner: User, failure: IngestFailure
) -> None:
    job = jobs.job(owner, status="failed", failure=failure, note="Line 3 is empty")

    page = text(browser(owner), "ingest-job", job)

    assert failure.label in page
    assert failure.cure in html.unescape(page)
    assert page.count("Line 3 is empty") == 1


def test_the_facts_are_told(owner: User) -> None:
    group = Group.objects.create(name="Bulge team")
    job = jobs.job(
        owner,
        origin="form",
        sha256="ab" * 32,
        size=12_345,
        groups=[group.pk],
        attempt_count=2,
        worker="ingest@tom",
        **jobs.FAILED | {"started": timezone.now(), "ended": timezone.now()},
    )

    page = " ".join(text(browser(owner), "ingest-job", job).split())

    assert "which came on a page of this TOM" in page
    assert "<strong>owner</strong>" in page
    assert "ab" * 32 in page
    assert "12.1 KB" in page
    assert "Bulge team" in page
    assert "after 1 earlier try, by the worker ingest@tom" in page
    assert f'href="{job.data_product.data.url}"' in page  # type: ignore[union-attr]
    assert "?tab=manage-data" in page


def test_a_job_of_somebody_who_left_and_of_a_deleted_product_is_shown(
    owner: User,
) -> None:
    job = jobs.job(owner, status="done", datum_count=1)
    job.data_product.delete()  # type: ignore[union-attr]
    IngestJob.objects.update(user=None)
    operator = permitted("operator", "view_ingestjob", "change_ingestjob")
    job.target.give_user_access(operator)  # type: ignore[union-attr]
    client = browser(operator)

    page = text(client, "ingest-job", job)

    assert "a person who no longer has an account here" in page
    assert "Its data product was deleted since" in page
    assert "Reprocess</button>" not in page
    assert client.get(LIST).status_code == 200
    pressed = client.post(url("ingest-job-reprocess", job), follow=True)
    assert "nothing to process again" in said(pressed)


def test_the_fragment_polls_until_it_has_ended(owner: User) -> None:
    job = jobs.job(owner, status="running")
    client = browser(owner)

    page = text(client, "ingest-job", job)
    running = client.get(url("ingest-job-progress", job))
    IngestJob.objects.update(status="done", ended=timezone.now())
    ended = client.get(url("ingest-job-progress", job))

    assert f'hx-get="{url("ingest-job-progress", job)}" hx-trigger="every 2s"' in page
    assert (running.status_code, "HX-Refresh" in running) == (200, False)
    assert (ended.status_code, ended["HX-Refresh"]) == (286, "true")
    assert "no-store" in running["Cache-Control"]
    assert "hx-trigger" not in text(client, "ingest-job", job)


def test_the_badge_is_a_fragment_and_says_when_it_is_over(owner: User) -> None:
    job = jobs.job(owner, status="running")
    client = browser(owner)

    running = client.get(url("ingest-job-badge", job))
    IngestJob.objects.update(ended=timezone.now(), **jobs.DONE)
    ended = client.get(url("ingest-job-badge", job))

    assert running.status_code == 200
    assert "<html" not in running.content.decode()
    assert "Running</span>" in running.content.decode()
    # The page that shows it is another one: it is not to be loaded anew.
    assert (ended.status_code, "HX-Refresh" in ended) == (286, False)
    assert "Done</span>" in ended.content.decode()
    assert "Processed: 37 data points, 35 of them new." in ended.content.decode()
    assert f'href="{url("ingest-job", job)}"' in ended.content.decode()
    assert "no-store" in ended["Cache-Control"]


def test_programs_get_progress_as_json(owner: User, failed: IngestJob) -> None:
    client = browser(owner)

    answer = client.get(
        url("ingest-job-progress", failed), headers={"Accept": "application/json"}
    )

    assert answer.json() == {
        **{"status": "failed", "ended": True, "message": "Line 3 has no magnitude."},
        **{"datums": 0, "new": 0, "failure": "unreadable file"},
        **{"note": "Line 3 has no magnitude", "cure": failed.cure, "worker_note": ""},
    }
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize("name", READ)
def test_a_job_takes_few_queries_whatever_was_read_from_it(
    owner: User, name: str, django_assert_max_num_queries: Any
) -> None:
    job = jobs.job(owner, **jobs.DONE | {"groups": list(range(50))})
    client = browser(owner)

    with django_assert_max_num_queries(16):
        assert client.get(url(name, job)).status_code in (200, 286)


HOSTILE = """<img src=x onerror="alert(1)">'; {{ 7|add:7 }}.csv"""


@pytest.mark.parametrize("status", ["queued", "done", "failed"])
def test_a_hostile_file_name_is_shown_and_not_obeyed(owner: User, status: str) -> None:
    job = jobs.job(
        owner,
        file_name=HOSTILE,
        status=status,
        note=f"Cannot read {HOSTILE}",
        traceback=HOSTILE,
        target_name=HOSTILE[:100],
        worker=HOSTILE,
        datum_count=1,
    )
    client = browser(User.objects.create_superuser("admin"))
    pages = [client.get(LIST).content.decode()]
    pages += [text(client, name, job) for name in READ]
    for name in ACT:
        answer = client.post(url(name, job), follow=True)
        assert HOSTILE in said(answer) or "already" in said(answer)
        pages.append(answer.content.decode())

    assert sum("&lt;img src=x" in page for page in pages) >= len(pages) - 1
    for page in pages:
        assert "<img src=x" not in page
        assert "confirm('Process <" not in page
        assert "14.csv" not in page


@pytest.mark.parametrize(
    ("status", "reprocess", "cancel"),
    [
        ("queued", False, True),
        ("running", False, True),
        ("done", True, False),
        ("failed", True, False),
        ("cancelled", True, False),
    ],
)
def test_each_state_has_its_button(
    owner: User, status: str, reprocess: bool, cancel: bool
) -> None:
    job = jobs.job(owner, status=status)

    page = text(browser(owner), "ingest-job", job)

    assert ("Reprocess</button>" in page) == reprocess
    assert ("Cancel</button>" in page) == cancel


def test_who_may_not_act_is_offered_no_button(failed: IngestJob) -> None:
    page = text(browser(permitted("v", "view_ingestjob")), "ingest-job", failed)

    assert "Reprocess</button>" not in page


def test_reprocess_puts_it_back_into_the_queue(owner: User, failed: IngestJob) -> None:
    client = browser(owner)

    answer = client.post(url("ingest-job-reprocess", failed), follow=True)

    assert answer.redirect_chain[0][0] == url("ingest-job", failed)
    assert said(answer) == "night.csv will be processed again."
    failed.refresh_from_db()
    assert (failed.status, failed.failure) == ("queued", "")
    again = client.post(url("ingest-job-reprocess", failed), follow=True)
    assert (
        said(again)
        == "It is queued or being processed already, so it was not begun again."
    )


def test_cancel_keeps_the_file(owner: User) -> None:
    job = jobs.job(owner)
    client = browser(owner)

    answer = client.post(url("ingest-job-cancel", job), follow=True)

    assert said(answer) == (
        "The processing of night.csv is cancelled. The file is kept."
    )
    job.refresh_from_db()
    assert job.status == "cancelled"
    assert job.data_product is not None
    with job.data_product.data.open() as file:
        assert file.read() == jobs.CSV
    again = client.post(url("ingest-job-cancel", job), follow=True)
    assert said(again).startswith("Its processing has ended already")


def test_who_reprocesses_what_was_read_is_told_that_it_is_replaced(owner: User) -> None:
    fresh = jobs.job(owner, **jobs.FAILED)
    read = jobs.job(owner, **jobs.DONE)
    client = browser(owner)

    assert overview.REPLACED not in text(client, "ingest-job", fresh)
    page = text(client, "ingest-job", read)
    assert f'<span class="form-text ms-2">{overview.REPLACED}</span>' in page
    assert "return confirm('Process night.csv again? What was read" in page


def test_what_was_read_before_a_failure_is_said_to_be_there(owner: User) -> None:
    job = jobs.job(owner, **jobs.DONE | jobs.FAILED)

    page = text(browser(owner), "ingest-job", job)

    assert "What was read from it before is still here: 37 data points." in page
    assert overview.REPLACED in page
