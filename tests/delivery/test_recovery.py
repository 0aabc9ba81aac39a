"""A destination is back: what waited is made due at once, without a stampede."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support import rows
from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.models import Delivery, Destination, Failure

pytestmark = pytest.mark.django_db

ROWS = 10_000


def test_ten_thousand_that_waited_cost_one_update_and_few_hints(settings: Any) -> None:
    entry = {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t", "SLOTS": 4}
    settings.DATA_SHARING = {"partner": entry}
    share = rows.share(rows.person(), target=None)
    later = timezone.now() + timedelta(hours=20)
    Delivery.objects.bulk_create(
        Delivery(
            share=share,
            position=n,
            destination="partner",
            kind=Delivery.Kind.TARGET,
            target_name="SN 2026abc",
            failure=Failure.DESTINATION_DOWN,
            next_attempt_at=later,
        )
        for n in range(ROWS)
    )
    gate.state("partner")
    Destination.objects.update(failures=7, retry_at=timezone.now())

    with CaptureQueriesContext(
        connection,
    ) as queries:
        gate.found_up("partner", seen=7)

    updates = [
        q for q in queries.captured_queries if "share_worker_delivery" in q["sql"]
    ]
    assert len(updates) == 1
    assert not Delivery.objects.filter(next_attempt_at__gt=timezone.now()).exists()
    for _ in range(3):
        dispatch.dispatch_all()
    assert Delivery.objects.filter(hinted_at__isnull=False).count() == 4
