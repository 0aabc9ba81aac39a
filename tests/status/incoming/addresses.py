"""The addresses of the pages of incoming data, and how tests ask for them."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from tom_share_worker.models import IngestJob

READ = ("ingest-job", "ingest-job-progress", "ingest-job-badge")
ACT = ("ingest-job-reprocess", "ingest-job-cancel")
LIST = "/shares/incoming/"


def url(name: str, job: IngestJob) -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": job.pk})


def text(client: Client, name: str, job: IngestJob) -> str:
    return client.get(url(name, job)).content.decode()


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])
