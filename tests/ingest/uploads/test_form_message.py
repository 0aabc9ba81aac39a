"""What a person reads after an upload, and whether it is true."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from tests.ingest.uploads.test_form import send
from tom_share_worker.models import IngestJob, Worker

pytestmark = pytest.mark.django_db


def message(answer: Any) -> Any:
    *_, last = get_messages(answer.wsgi_request)
    return last


def test_it_does_not_say_that_a_file_is_processed_while_nobody_does(
    client: Client, target: Any
) -> None:
    now = timezone.now()
    before = message(send(client, target=target.pk))
    Worker.objects.create(name="ingest@tom", started=now, seen=now, ingests=True)

    after = message(send(client, target=target.pk))

    assert "No worker runs that processes incoming data, so it waits" in str(before)
    assert "It is being processed in the background" in str(after)


def test_a_failure_is_told_in_a_box_of_its_own_and_not_in_a_green_one(
    client: Client, target: Any
) -> None:
    box = message(send(client, target=target.pk))
    IngestJob.objects.update(status="failed", failure="unreadable file", note="No time")
    badge = IngestJob.objects.get().get_absolute_url() + "badge/"

    fragment = client.get(badge).content.decode()

    assert box.level_tag == "info"
    assert "alert-danger" in fragment
    assert "Unreadable file. No time." in " ".join(fragment.split())
    assert "upload a corrected file" in fragment
