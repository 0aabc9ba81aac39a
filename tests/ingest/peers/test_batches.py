"""A batch that is repeated is answered as before, and stored once."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from tom_dataproducts.models import PhotometryReducedDatum
from tom_targets.models import Target

from tests.ingest.peers.sender import (
    Sender,
    batch,
    photometry,
    problem,
    stored,
)
from tests.support import rows
from tests.support.processes import Process, manage
from tests.support.toms import database_url
from tests.support.waiting import wait_until
from tom_share_worker.ingest.peers import batches, datums, fields
from tom_share_worker.ingest.problems import Problem
from tom_share_worker.models import ReceivedBatch

pytestmark = pytest.mark.django_db


def held(sender: Sender, body: bytes, seconds: float, key: str = "k") -> ReceivedBatch:
    """Leave a batch as a request leaves it that is at work, or was killed at it."""
    assert sender.account is not None
    return ReceivedBatch.objects.create(
        user=sender.account,
        key=key,
        digest=digest_of(body),
        token="of-the-other",
        begun=timezone.now() - timedelta(seconds=seconds),
    )


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_repeat_gets_the_first_answer_and_stores_nothing(
    sender: Sender, target: Target
) -> None:
    datums = [photometry(0), photometry(0), photometry(1, unit=5), photometry(2)]
    first = sender.send(target, *datums, key="night-1")
    assert "Idempotency-Replayed" not in first
    PhotometryReducedDatum.objects.all().delete()

    again = sender.send(target, *datums, key="night-1")

    assert again.status_code == 200
    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    assert [outcome["outcome"] for outcome in again.json()["outcomes"]] == [
        *("created", "already there", "refused", "created")
    ]
    assert stored() == 0


def test_the_key_with_another_batch_is_refused(sender: Sender, target: Target) -> None:
    sender.send(target, photometry(0), key="k")

    problem(sender.send(target, photometry(1), key="k"), "key-reused", 422)
    assert stored() == 1


def test_a_key_belongs_to_an_account(sender: Sender, target: Target) -> None:
    other = Sender(rows.person("other"))
    assert other.account is not None
    target.give_user_access(other.account)
    sender.send(target, photometry(0), key="k")

    answer = other.send(target, photometry(1), key="k")

    assert answer.json()["outcomes"] == [{"outcome": "created"}]
    assert "Idempotency-Replayed" not in answer


def test_a_packed_body_is_the_same_as_the_plain_one(
    sender: Sender, target: Target
) -> None:
    body = json.dumps(batch(target, photometry())).encode()
    sender.post(body, "k")

    again = sender.post(gzip.compress(body), "k", Content_Encoding="gzip")

    assert again["Idempotency-Replayed"] == "true"


def test_while_a_batch_is_stored_its_repeat_waits(
    sender: Sender, target: Target
) -> None:
    body = json.dumps(batch(target, photometry())).encode()
    held(sender, body, seconds=5)

    answer = sender.post(body, "k")

    problem(answer, "running", 409)
    assert 10 <= int(answer["Retry-After"]) <= 15
    assert stored() == 0
    other = batch(target, photometry(1))
    problem(sender.post(other, "k"), "key-reused", 422)


def test_what_a_killed_process_left_is_taken_over(
    sender: Sender, target: Target
) -> None:
    body = json.dumps(batch(target, photometry())).encode()
    row = held(sender, body, seconds=21)

    answer = sender.post(body, "k")

    assert answer.json()["outcomes"] == [{"outcome": "created"}]
    assert "Idempotency-Replayed" not in answer
    row.refresh_from_db()
    assert row.answer is not None


def test_only_one_takes_over(sender: Sender) -> None:
    row = held(sender, b"", seconds=60)
    ReceivedBatch.objects.filter(pk=row.pk).update(token="faster")

    with pytest.raises(Problem) as refusal:
        batches._taken_over(row, "slower")

    assert refusal.value.status == 409
    assert ReceivedBatch.objects.get().token == "faster"


def test_who_was_taken_over_stores_nothing(sender: Sender, target: Target) -> None:
    claim = batches.begin(sender.account, "k", "digest")
    assert isinstance(claim, batches.Claim)
    ReceivedBatch.objects.update(token="of-another")
    row = fields.read(photometry(), target.pk)

    with pytest.raises(Problem) as refusal:
        datums._stored(sender.account, target, claim, [row])

    assert refusal.value.status == 409
    assert stored() == 0
    assert ReceivedBatch.objects.get().token == "of-another"


def test_who_is_taken_over_in_the_middle_stores_nothing(
    sender: Sender, target: Target
) -> None:
    claim = batches.begin(sender.account, "k", "digest")
    assert isinstance(claim, batches.Claim)

    with pytest.raises(Problem), batches.storing(claim):  # noqa: PT012
        rows.photometry(target, 1)
        ReceivedBatch.objects.update(token="of-another")
        batches.complete(claim, [])

    assert stored() == 0


def test_what_fails_in_the_middle_frees_its_key(sender: Sender, target: Target) -> None:
    claim = batches.begin(sender.account, "k", "digest")
    assert isinstance(claim, batches.Claim)

    with pytest.raises(ZeroDivisionError), batches.storing(claim):  # noqa: PT012
        rows.photometry(target, 1)
        raise ZeroDivisionError

    assert stored() == 0
    assert isinstance(batches.begin(sender.account, "k", "digest"), batches.Claim)


@pytest.mark.django_db(transaction=True)
def test_of_many_repeats_at_once_one_stores_and_none_answers_otherwise() -> None:
    owner = rows.person("network")
    target = rows.target(owner)
    body = json.dumps(batch(target, *(photometry(n) for n in range(300)))).encode()
    answers: list[Any] = []
    start = threading.Barrier(5)

    def send() -> None:
        try:
            sender = Sender(owner)
            start.wait()
            answers.append(sender.post(body, "k"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stored() == 300
    good = [answer for answer in answers if answer.status_code == 200]
    assert [answer for answer in good if "Idempotency-Replayed" not in answer.headers]
    for answer in good:
        assert answer.json()["outcomes"] == [{"outcome": "created"}] * 300
    for answer in answers:
        if answer not in good:
            problem(answer, "running", 409)


_HANGING = """
import os, time
from django.contrib.auth.models import User
from tom_targets.models import Target
from tests.ingest.peers.sender import photometry
from tom_share_worker.ingest.peers import batches, datums, fields
from tom_share_worker.toolkit import storing

user, target = User.objects.get(username="network"), Target.objects.get()
claim = batches.begin(user, "k", {digest!r})

def hang(target, datums):
    print("stored, not committed", flush=True)
    time.sleep(600)

storing.share_new = hang
datums._stored(user, target, claim, [fields.read(photometry(), target.pk)])
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_in_the_middle_of_storing_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Killed after the insertion, before the commit: its repeat stores it anew."""
    owner = rows.person("network")
    target = rows.target(owner)
    body = json.dumps(batch(target, photometry())).encode()
    code = _HANGING.format(digest=digest_of(body))
    root = str(Path(__file__).resolve().parents[3])
    environment = {
        "DATABASE_URL": database_url(),
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
    }
    process = Process(
        "server", manage("shell", "-v0", "-c", code), environment, tmp_path
    )
    wait_until(lambda: "not committed" in process.log(), 30, "the row", process.tell)
    process.signal(signal.SIGKILL)
    process.popen.wait()
    assert stored() == 0
    assert ReceivedBatch.objects.get().answer is None

    problem(Sender(owner).post(body, "k"), "running", 409)
    ReceivedBatch.objects.update(begun=timezone.now() - timedelta(seconds=20))
    answer = Sender(owner).post(body, "k")

    assert answer.json()["outcomes"] == [{"outcome": "created"}]
    assert stored() == 1
