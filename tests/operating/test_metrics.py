"""Figures for Prometheus: right, complete from the start, as cheap for many rows."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.support import rows
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    Destination,
    IngestJob,
    Routine,
    SavedDatum,
    Worker,
)
from tom_share_worker.operating import metrics

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = {
        key: {
            "DISPLAY_NAME": f"{key.title()} TOM",
            "BASE_URL": f"http://{key}.invalid/",
            "API_TOKEN": "token-of-ours",
        }
        for key in ("partner", "survey")
    }
    Destination.objects.create(key="partner")


def text() -> str:
    return metrics.exposition("")[0].decode()


def scraped() -> dict[str, float]:
    """Return the figures as Prometheus reads them: name{labels} → value."""
    found = {}
    for family in text_string_to_metric_families(text()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('tom_share_')}{{{labels}}}"] = (
                sample.value
            )
    return found


def test_an_idle_tom_has_every_figure() -> None:
    found = scraped()

    for name in metrics.FIGURES:
        if name != "failed_deliveries":  # only of what failed for some reason
            assert any(series.startswith(f"{name}{{") for series in found), name
    assert found["deliveries{destination=partner,status=failed}"] == 0
    assert found["sweep_age_seconds{}"] == float("inf")


def test_deliveries_are_counted_by_destination_and_status() -> None:
    now = timezone.now()
    share = rows.share(None)
    rows.delivery(share, status="failed", failure="refused data")
    rows.delivery(share, status="failed", failure="refused data")
    rows.delivery(share, status="delivered")
    rows.delivery(share, next_attempt_at=now - 5 * MINUTE)
    rows.delivery(share, next_attempt_at=now + MINUTE)

    found = scraped()

    assert found["deliveries{destination=partner,status=failed}"] == 2
    assert found["deliveries{destination=partner,status=queued}"] == 2
    assert found["failed_deliveries{destination=partner,failure=refused data}"] == 2
    assert found["deliveries_due{destination=partner}"] == 1
    age = found["deliveries_oldest_due_age_seconds{destination=partner}"]
    assert 300 <= age < 320


def test_attempts_of_the_last_hour_are_counted_by_outcome() -> None:
    now = timezone.now()
    row = rows.delivery(rows.share(None))
    for number, (ago, outcome) in enumerate(
        [(1, "delivered"), (59, "failed"), (61, "failed")]
    ):
        ended = now - ago * MINUTE
        Attempt.objects.create(
            delivery=row, number=number, started=ended, ended=ended, outcome=outcome
        )

    found = scraped()

    assert found["attempts_last_hour{destination=partner,outcome=delivered}"] == 1
    assert found["attempts_last_hour{destination=partner,outcome=failed}"] == 1


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "open"),
        ({"failures": 1, "retry_at": MINUTE}, "backing off"),
        ({"paused": True, "retry_at": MINUTE}, "paused"),
    ],
)
def test_a_destination_is_in_one_state(columns: dict[str, Any], state: str) -> None:
    if "retry_at" in columns:
        columns = columns | {"retry_at": timezone.now() + columns["retry_at"]}
    Destination.objects.filter(key="partner").update(**columns)

    found = scraped()

    for one in metrics.STATES:
        series = f"destination_state{{destination=partner,state={one}}}"
        assert found[series] == (one == state)


def test_workers_jobs_and_the_rest_are_counted() -> None:
    now = timezone.now()
    old = now - 5 * MINUTE
    Worker.objects.create(name="a", started=old, seen=now, delivers=True)
    Worker.objects.create(name="b", started=old, seen=now, ingests=True)
    Worker.objects.create(name="c", started=old, seen=old, ingests=True)
    Routine.objects.create(name=Routine.SWEEP, ended=now - 7 * timedelta(seconds=1))
    IngestJob.objects.create(next_attempt_at=old)
    IngestJob.objects.create(next_attempt_at=old, status="done")
    BulkAction.objects.create(verb="retry", rows="shares", status="running")
    SavedDatum.objects.bulk_create([SavedDatum(persistent_share_id=1, datum_pk=1)])

    found = scraped()

    assert found["workers{work=delivery}"] == 2
    assert found["workers{work=ingest}"] == 1
    assert 7 <= found["sweep_age_seconds{}"] < 20
    assert found["ingest_jobs{status=queued}"] == 1
    assert found["ingest_jobs_due{}"] == 1
    assert 300 <= found["ingest_jobs_oldest_due_age_seconds{}"] < 320
    assert found["bulk_actions{status=running}"] == 1
    assert found["saved_data_waiting{}"] == 1
    SavedDatum.objects.all().delete()


def test_no_name_of_a_target_and_no_account_or_address_is_told() -> None:
    target = rows.target(rows.person(), "SN 2026secret")
    rows.delivery(rows.share(rows.person(), target=target))

    for secret in ("secret", "astronomer", "token-of-ours", "invalid"):
        assert secret not in text()


def test_it_takes_as_many_queries_for_many_rows_as_for_one() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            metrics.exposition("")
        return len(made)

    before = queries()
    Destination.objects.create(key="survey")
    for key in ("partner", "survey"):
        for _ in range(5):
            rows.delivery(rows.share(None, destination=key), status="failed")

    assert queries() == before
    assert before <= 12


def test_names_follow_the_conventions() -> None:
    for name, (labels, told) in metrics.FIGURES.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert ("age" in name) == name.endswith("_seconds")
        assert not name.endswith(("_total", "_count", "_sum", "_bucket"))
        assert told.endswith(".")
        assert all(re.fullmatch("[a-z]+", label) for label in labels)


def test_the_document_tells_every_figure() -> None:
    document = (ROOT / "docs/monitoring.md").read_text()
    told = re.findall(r"^\| `tom_share_(\w+)` \| ([^|]*)\|", document, re.MULTILINE)

    assert {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in told} == {
        name: labels for name, (labels, _) in metrics.FIGURES.items()
    }


def test_the_alerts_of_the_document_ask_for_figures_there_are() -> None:
    document = (ROOT / "docs/monitoring.md").read_text()
    asked = set(re.findall(r"expr: .*?tom_share_(\w+)", document))

    assert asked
    assert asked <= metrics.FIGURES.keys()


def test_the_examples_of_the_document_can_be_read() -> None:
    document = (ROOT / "docs/monitoring.md").read_text()
    examples = re.findall(r"^```yaml\n(.+?)^```", document, re.MULTILINE | re.DOTALL)

    assert len(examples) == 3
    assert all(yaml.safe_load(example) for example in examples)
