"""The list of incoming data: what it tells, and how it is narrowed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.status.incoming.addresses import LIST, url
from tests.support import rows
from tom_share_worker.models import IngestJob, Worker


def test_the_list_tells_what_came_from_whom_and_what_became_of_it(owner: User) -> None:
    target = rows.target(owner, "SN 2026abc")
    done = jobs.job(owner, target, **jobs.DONE)
    jobs.job(owner, target, origin="tom", **jobs.FAILED)

    page = browser(owner).get(LIST).content.decode()

    assert "35 of 37 new" in page
    assert "Photometry" in page
    assert "owner, by the REST API" in page
    assert "owner, from another TOM" in page
    assert "Unreadable file" in page
    assert f"{done.created:%Y-%m-%d %H:%M}" in page
    assert f'href="{url("ingest-job", done)}"' in page
    assert page.count(f'href="{reverse("targets:detail", args=[target.pk])}"') == 2


def test_the_list_is_narrowed_by_each_filter(owner: User) -> None:
    colleague = rows.person("telescope")
    target = rows.target(owner, "SN 2026abc")
    old = jobs.job(owner, target, file_name="old.csv", status="done")
    long_ago = datetime(2026, 1, 2, 23, tzinfo=UTC)
    IngestJob.objects.filter(pk=old.pk).update(created=long_ago)
    jobs.job(colleague, target, file_name="ill.csv", origin="tom", **jobs.FAILED)
    jobs.job(owner, rows.target(owner, "M31"), file_name="galaxy.csv")
    client = browser(owner)

    def shown(**chosen: str) -> set[str]:
        page = client.get(LIST, chosen)
        return {row.record.file_name for row in page.context["table"].paginated_rows}

    assert shown() == {"old.csv", "ill.csv", "galaxy.csv"}
    assert shown(whose="others") == {"ill.csv"}
    assert shown(whose="mine") == {"old.csv", "galaxy.csv"}
    assert shown(status="failed") == {"ill.csv"}
    assert shown(status="<script>") == {"old.csv", "ill.csv", "galaxy.csv"}
    assert shown(origin="tom") == {"ill.csv"}
    assert shown(sender="TELE") == {"ill.csv"}
    assert shown(q="m31") == {"galaxy.csv"}
    assert shown(q="old") == {"old.csv"}
    assert shown(until="2026-01-02") == {"old.csv"}
    assert shown(since="2026-01-03", status="done") == set()


def test_an_empty_list_says_what_to_do(owner: User) -> None:
    client = browser(owner)

    fresh = client.get(LIST).content.decode()
    jobs.job(owner, status="done")
    narrowed = client.get(LIST, {"status": "cancelled"}).content.decode()

    assert "No data has come in yet." in fresh
    assert "No incoming data matches this filter." in narrowed
    assert '<a href="?">Show all incoming data</a>' in narrowed


def test_the_list_comes_in_pages(owner: User) -> None:
    target = rows.target(owner)
    first = jobs.job(owner, target, file_name="first.csv", status="done")
    for n in range(50):
        jobs.job(owner, target, file_name=f"later-{n}.csv", status="done")
    client = browser(owner)

    newest = client.get(LIST).content.decode()
    oldest = client.get(LIST, {"page": "2", "status": "done"}).content.decode()

    assert first.file_name not in newest
    assert "later-49.csv" in newest
    assert first.file_name in oldest
    assert "later-49.csv" not in oldest


def test_shares_and_incoming_data_lead_to_each_other(owner: User) -> None:
    client = browser(owner)
    shares = reverse("tom_share_worker:share-list")

    assert f'href="{LIST}"' in client.get(shares).content.decode()
    assert f'<p><a href="{shares}">Shares</a>' in client.get(LIST).content.decode()


@pytest.mark.parametrize("person", ["owner", "viewer"])
def test_the_list_asks_the_same_for_few_and_many(owner: User, person: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(LIST).status_code == 200
        return len(asked)

    client = browser(owner if person == "owner" else permitted("v", "view_ingestjob"))
    jobs.job(owner)
    client.get(LIST)
    few = queries()
    for n in range(12):
        jobs.job(owner if n % 2 else rows.person(f"person-{n}"))

    assert queries() == few
    assert few <= 14


@pytest.mark.parametrize(
    ("does", "told"),
    [({"delivers": True, "ingests": False}, True), ({"ingests": True}, False)],
)
def test_what_waits_says_that_no_worker_processes(
    owner: User, does: dict[str, bool], told: bool
) -> None:
    now = timezone.now()
    Worker.objects.create(name="some@tom", started=now, seen=now, **does)
    job = jobs.job(owner)
    client = browser(owner)

    note = "No worker that processes incoming data has ever been seen."
    for page in (LIST, url("ingest-job", job), url("ingest-job-progress", job)):
        assert (note in client.get(page).content.decode()) == told


def test_nothing_is_said_of_workers_where_nothing_waits(owner: User) -> None:
    job = jobs.job(owner, status="done")

    for page in (LIST, url("ingest-job", job)):
        assert "No worker" not in browser(owner).get(page).content.decode()
