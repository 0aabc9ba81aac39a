"""Programs that ask twice at the same moment, as retries after a time-out do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from tests.delivery.asking import clicks
from tests.status.api.programs import Program
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 4


def test_one_key_is_one_share_however_many_ask_at_once(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING
    sky = clicks.sky()
    body = {"destination": "partner", "target": sky.target.pk}
    program = Program(sky.owner)
    ready = threading.Barrier(AT_ONCE)

    def ask(_: int) -> tuple[int, int]:
        try:
            ready.wait(timeout=30)
            answer = program.post("shares/", body, key="night-1")
            return answer.status_code, answer.json()["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(AT_ONCE)))

    assert sorted(code for code, _ in answers) == [200] * (AT_ONCE - 1) + [201]
    assert {pk for _, pk in answers} == {Share.objects.get().pk}
