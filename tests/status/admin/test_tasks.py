"""From a row to the result of its task, and attempts with request and answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from tests.status.admin.conftest import changelist, page
from tests.status.conftest import browser, permitted, shown_to_all
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import Attempt, Share
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db

TASK = "0f3c-task"


def attempt(share: Share, **columns: Any) -> Attempt:
    known = {"number": 1, "started": timezone.now(), "task_id": TASK}
    return Attempt.objects.create(
        delivery=rows.delivery(share, status="failed"), **{**known, **columns}
    )


def one_of_each(owner: User, share: Share) -> list[tuple[str, int]]:
    """Return a row of each kind that tasks work at."""
    planned = rows.share(owner)
    planner.plan(planned.pk, task_id=TASK)
    action = bulk.ask(owner, "retry", "deliveries", {})
    bulk.run(action.pk, task_id=TASK)
    return [
        ("attempt", attempt(share).pk),
        ("ingestjob", jobs.job(owner, task_id=TASK, **jobs.DONE).pk),
        ("share", planned.pk),
        ("bulkaction", action.pk),
    ]


def test_each_leads_to_what_celery_recorded(
    client: Client, owner: User, share: Share
) -> None:
    made = one_of_each(owner, share)
    result = TaskResult.objects.create(task_id=TASK, status="SUCCESS")
    there = reverse("admin:django_celery_results_taskresult_change", args=[result.pk])

    for model, pk in made:
        leads = page(model, pk, "task")
        shown = client.get(page(model, pk)).content.decode()
        assert f'<a href="{leads}">SUCCESS</a>' in shown, model
        assert client.get(leads)["Location"] == there
    for model in ("attempt", "ingestjob", "bulkaction"):
        listed = client.get(changelist(model)).content.decode()
        pk = dict(made)[model]
        assert f'<a href="{page(model, pk, "task")}">result</a>' in listed
    pk = Attempt.objects.get().delivery_id
    of_delivery = client.get(page("delivery", pk)).content.decode()
    assert page("attempt", Attempt.objects.get().pk, "task") in of_delivery


def test_why_there_is_none_is_told(client: Client, share: Share) -> None:
    lately = attempt(share)
    old = attempt(share, started=timezone.now() - timedelta(days=8))
    never = attempt(share, task_id="")

    for row, why in (
        (lately, "It is recorded when the task ends: it is under way, or its worker"),
        (old, "Celery keeps them for 7 days, and this is older."),
        (never, "No Celery task has taken this up yet."),
    ):
        shown = client.get(page("attempt", row.pk)).content.decode()
        assert why in shown
        led = client.get(page("attempt", row.pk, "task"), follow=True)
        assert led.redirect_chain[-1][0] == page("attempt", row.pk)


@pytest.fixture
def _own_celery() -> Any:
    """A TOM whose own Celery app keeps no results."""
    known = current_app.conf.result_backend
    current_app.conf.update(result_backend="disabled://")
    yield
    current_app.conf.update(result_backend=known)


@pytest.mark.usefixtures("_own_celery")
def test_a_tom_whose_celery_keeps_no_results_is_told(
    client: Client, share: Share
) -> None:
    shown = client.get(page("attempt", attempt(share).pk)).content.decode()

    assert "its result_backend is not django-db" in shown


def test_who_may_not_see_results_is_told_what_to_ask_for(share: Share) -> None:
    row = attempt(shown_to_all(share))
    TaskResult.objects.create(task_id=TASK, status="SUCCESS")
    viewer = permitted("viewer", "view_share", "view_attempt", is_staff=True)

    led = browser(viewer).get(page("attempt", row.pk, "task"), follow=True)

    assert "django_celery_results.view_taskresult" in led.content.decode()
    stranger = browser(permitted("stranger", "view_worker", is_staff=True))
    assert stranger.get(page("attempt", row.pk, "task")).status_code == 404


def test_request_and_answer_are_shown_as_they_were(
    client: Client, share: Share
) -> None:
    row = attempt(
        share,
        request="POST http://partner.invalid/api/targets/",
        status_code=400,
        answer='{"name": ["<script>alert(1)</script>"], "β": 1}',
        note="Line one\nline two",
    )
    cut = attempt(share, answer='{"name": ["Not wh', number=2)

    shown = client.get(page("attempt", row.pk)).content.decode()

    assert "<script>alert" not in shown
    assert (
        '<pre class="share-pre">{\n  &quot;name&quot;: [\n    '
        "&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;\n  ],\n  &quot;β&quot;: 1\n}"
        "</pre>"
    ) in shown
    assert "POST http://partner.invalid/api/targets/</pre>" in shown
    assert "Line one\nline two</pre>" in shown
    assert "tom_share_worker/admin.css" in shown
    text = client.get(page("attempt", cut.pk)).content.decode()
    assert "{&quot;name&quot;: [&quot;Not wh</pre>" in text
    assert "Not wh" not in client.get(changelist("attempt")).content.decode()
