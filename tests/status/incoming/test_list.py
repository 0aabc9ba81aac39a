"""The list of incoming data: what it tells, and how it is narrowed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import remove_perm

from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.status.incoming.addresses import LIST, url
from tests.support import rows
from tom_share_worker.models import Worker


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


def test_the_list_is_narrowed_to_a_status(owner: User) -> None:
    jobs.job(owner, file_name="well.csv", status="done")
    jobs.job(owner, file_name="ill.csv", **jobs.FAILED)
    client = browser(owner)

    both = client.get(LIST).content.decode()
    ill = client.get(LIST, {"status": "failed"}).content.decode()
    unknown = client.get(LIST, {"status": "<script>"}).content.decode()
    none = client.get(LIST, {"status": "cancelled"}).content.decode()

    assert "all (2)" in both
    assert '<a href="?status=failed">failed (1)</a>' in both
    assert "queued (" not in both
    assert "ill.csv" in ill
    assert "well.csv" not in ill
    assert "well.csv" in unknown
    assert "No incoming data has the status cancelled now." in none
    assert "No data has come in yet." not in none


def test_a_target_that_may_not_be_viewed_any_more_is_named_and_not_linked(
    owner: User,
) -> None:
    job = jobs.job(owner, status="done")
    client = browser(owner)
    pages = (LIST, url("ingest-job", job))
    links = (
        f'href="{reverse("targets:detail", args=[job.target_id])}',
        f'href="{job.data_product.data.url}"',  # type: ignore[union-attr]
    )
    before = [client.get(page).content.decode() for page in pages]
    for verb in ("view", "change", "delete"):
        remove_perm(f"tom_targets.{verb}_target", owner, job.target)

    after = [client.get(page).content.decode() for page in pages]

    assert [links[0] in page for page in before] == [True, True]
    assert links[1] in before[1]
    assert not any(link in page for link in links for page in after)
    assert all(job.target_name in page for page in after)
    assert all(job.file_name in page for page in after)


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
    assert f'<p><a href="{shares}">' in client.get(LIST).content.decode()


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
    assert few <= 12


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
