"""Several workers sweep at once, and each person is told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.operating.mail.conftest import failed, with_address
from tom_share_worker.delivery import gate
from tom_share_worker.models import Mail, Share
from tom_share_worker.operating.mail import collecting

pytestmark = pytest.mark.django_db(transaction=True)


def sweep(_: int) -> None:
    try:
        collecting.tend()
    finally:
        connection.close()


def test_four_sweeps_at_once_tell_each_person_once() -> None:
    people = [with_address(f"person-{n}") for n in range(5)]
    for person in people:
        for n in range(10):
            failed(person, f"Target {n}")
    with_address("chief", is_superuser=True)
    gate.pause("partner", "Refused.")

    with ThreadPoolExecutor(4) as sweeps:
        list(sweeps.map(sweep, range(8)))

    failures = Mail.objects.filter(kind="failures")
    assert sorted(mail.user_id or 0 for mail in failures) == [p.pk for p in people]
    assert Mail.objects.filter(kind="pause").count() == 1
    for mail in failures:
        told = Share.objects.filter(user=mail.user_id, told=mail.created)
        assert told.count() == 10
