"""What the sender and a person's Retry ask of a database server, and survive of it.

On PostgreSQL alone: SQLite has neither sessions that end nor locks of single rows.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from tests.support import rows
from tests.support.misbehaviour import Exchange
from tests.support.remote_tom import RemoteTom
from tests.support.waiting import wait_until
from tom_share_worker.delivery import actions, gate
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Attempt, Delivery, Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "SN 2026abc"

END_OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

WHO_WAITS_FOR_A_LOCK = "SELECT pid FROM pg_locks WHERE NOT granted"


@pytest.fixture(autouse=True)
def _remote(settings: Any, remote: RemoteTom) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs a database server with sessions and row locks: PostgreSQL")
    settings.DATA_SHARING = {"partner": remote.entry()}
    remote.store.add_target(NAME)


def ask(question: str) -> list[Any]:
    """Put a question to the server in this thread's session; return its column."""
    with connection.cursor() as cursor:
        cursor.execute(question)
        return [row[0] for row in cursor.fetchall()]


def end_sessions_and_answer(exchange: Exchange) -> None:
    """Answer well, after the database server has ended everybody's session."""
    try:
        ended = ask(END_OTHER_SESSIONS)
    finally:
        connection.close()
    assert any(ended)
    exchange.send(exchange.act())


def send_as_celery_does(delivery: Delivery) -> str:
    """Try a delivery in a session of its own."""
    try:
        return sender.send(delivery.pk)
    finally:
        connection.close()


def test_a_result_survives_that_the_database_ended_the_session_meanwhile(
    remote: RemoteTom,
) -> None:
    owner = rows.person()
    product = rows.product(rows.target(owner, NAME))
    share = rows.share(owner, kind=Share.Kind.DATA_PRODUCT, data_product=product)
    planner.plan(share.pk)
    connection.close()
    remote.on("POST", "/api/dataproducts/", end_sessions_and_answer, times=1)

    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(send_as_celery_does, share.deliveries.get()).result(30)
    connection.close()  # the server may have ended this thread's session, too

    assert said == "Delivered"
    row = share.deliveries.get()
    assert (row.status, row.claim) == (Delivery.Status.DELIVERED, "")
    assert row.lost_count == 0
    assert row.attempts.get().outcome == Attempt.Outcome.DELIVERED
    assert len(remote.store.products) == 1
    share.refresh_from_db()
    assert share.status == Share.Status.DELIVERED


def retry_in_one_transaction(share: Share) -> int:
    """Press Retry where the whole request is one transaction."""
    try:
        with transaction.atomic():
            return actions.retry_share(share)
    finally:
        connection.close()


def test_retry_waits_for_the_destination_before_it_locks_a_delivery() -> None:
    owner = rows.person()
    share = rows.share(
        owner, target=rows.target(owner), planned=True, status=Share.Status.RUNNING
    )
    delivery = rows.delivery(share)
    gate.state("partner")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # As a claim does: first the destination, and then ...
            Destination.objects.update(note="A claim is under way.")
            retried = pool.submit(retry_in_one_transaction, share)
            wait_until(partial(ask, WHO_WAITS_FOR_A_LOCK), 10, "Retry to wait its turn")
            # ... the delivery, which a waiting Retry must not hold.
            Delivery.objects.select_for_update(nowait=True).get(pk=delivery.pk)
        assert retried.result(timeout=10) == 1
