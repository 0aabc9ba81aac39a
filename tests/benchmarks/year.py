"""What the people of `crowd` did in a year: shares, deliveries, attempts, uploads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from tests.benchmarks.people import PARTNERS, Sky

CAUSES = (
    ("destination down", 503, "The other TOM is overloaded."),
    ("destination down", None, "The other TOM refuses connections."),
    ("refused data", 400, "brightness: A valid number is required."),
    ("permission missing there", 403, "Our account may not do this there."),
    ("no matching target", 200, "The other TOM has no target of this name."),
    ("ambiguous target", 200, "Two targets of the other TOM match."),
    ("our fault", None, "The data could not be read."),
)

JOB_CAUSES = ("unreadable file", "time limit", "memory limit", "worker lost")

ANSWER = json.dumps({"detail": "The server is overloaded. " * 10})


@contextmanager
def times_as_given() -> Iterator[None]:
    """Keep Django from setting the times of creation to this moment."""
    from tom_share_worker.models import Delivery, IngestJob, Share

    fields: list[Any] = [
        model._meta.get_field("created") for model in (Share, Delivery, IngestJob)
    ]
    for field in fields:
        field.auto_now_add = False
    try:
        yield
    finally:
        for field in fields:
            field.auto_now_add = True


def shares(sky: Sky, counts: dict[str, int]) -> int:
    from tom_share_worker.models import Share

    big = Share.objects.create(
        **_share(sky, 0) | {"user": sky.people[0], "status": "running", "ended": None},
        kind="targets",
        subject=f"{len(sky.targets)} selected targets",
    )
    write(_deliveries(sky, big, range(counts["deliveries"])))
    statuses = ("delivered", "delivered", "failed", "partly delivered", "cancelled")
    made = Share.objects.bulk_create(
        Share(
            **_share(sky, n) | {"status": statuses[n % 5]},
            kind="target data",
            target_id=sky.targets[n % len(sky.targets)].pk,
            subject=f"All data of {sky.targets[n % len(sky.targets)].name}",
        )
        for n in range(counts["shares"])
    )
    for share in made:
        write(_deliveries(sky, share, range(1 + share.pk % 20)))
    return int(big.pk)


def _share(sky: Sky, n: int) -> dict[str, Any]:
    created = sky.moment(n)
    return {
        "user": sky.people[n * n % len(sky.people)],
        "destination": PARTNERS[n % 7 % 4],
        "planned": True,
        "created": created,
        "ended": created + timedelta(hours=1),
        "seen": None if n % 9 == 0 else sky.now,
    }


def _deliveries(sky: Sky, share: Any, positions: Iterable[int]) -> Iterator[Any]:
    """Yield a share's deliveries: most arrived, some failed, others wait."""
    from tom_share_worker.models import Delivery

    for n in positions:
        target = sky.targets[(share.target_id or n) % len(sky.targets)]
        if share.target_id:
            target = sky.targets[share.pk % len(sky.targets)]
        created = sky.moment(n + share.pk)
        yield Delivery(
            share=share,
            position=n,
            destination=share.destination,
            kind="data product" if n % 11 == 10 else "data points",
            target_id=target.pk,
            target_name=target.name,
            data_product_id=sky.products[n % len(sky.products)]
            if n % 11 == 10
            else None,
            created=created,
            **_fate(n, created, bool(share.ended)),
        )


def _fate(n: int, created: datetime, ended: bool) -> dict[str, Any]:
    """Return how the nth delivery stands: of twenty, three failed and three wait."""
    place = n % 20
    failure, _, note = CAUSES[n // 20 % len(CAUSES)]
    common: dict[str, Any] = {"next_attempt_at": created, "datum_count": 100}
    if place < 3:
        common |= {"status": "failed", "failure": failure, "note": note}
    elif place < 6 and not ended:
        waits = {"status": "queued", "note": note, "failure": "destination down"}
        return common | waits | {"next_attempt_at": created + timedelta(days=90)}
    else:
        common |= {"status": "delivered", "delivered_count": 100 - place % 3}
        common |= {"refused_count": place % 3}
    return common | {"ended": created + timedelta(hours=1), "attempt_count": 8}


def attempts(count: int) -> None:
    """Give each delivery four to a dozen attempts, of which the last tells its end."""
    from tom_share_worker.models import Delivery

    bare = Delivery.objects.filter(attempts=None).order_by("pk")
    rows = bare.values_list("pk", "created", "status", "failure")
    mean = max(1, count // rows.count())
    left = count

    def made() -> Iterator[Any]:
        nonlocal left
        for pk, created, status, failure in rows.iterator(chunk_size=5000):
            tries = max(1, mean - 4 + pk % 9)
            for number in range(1, min(left, tries) + 1):
                left -= 1
                yield _attempt(pk, number, created, status, failure)

    write(made())


def _attempt(pk: int, number: int, created: datetime, status: str, failure: str) -> Any:
    from tom_share_worker.models import Attempt

    started = created + timedelta(minutes=7 * number)
    good = status == "delivered" and (pk + number) % 3 == 0
    cause, code, note = CAUSES[pk % len(CAUSES)]
    return Attempt(
        delivery_id=pk,
        number=number,
        claim=f"{pk:032x}",
        worker=f"delivery@machine-{pk % 3}",
        task_id=f"{pk:08x}-{number:04x}-4000-8000-000000000000",
        started=started,
        ended=started + timedelta(seconds=pk % 30),
        outcome="delivered" if good else "try again",
        failure="" if good else failure or cause,
        request=f"POST https://partner.example.org/api/reduceddatums/?n={pk}",
        status_code=201 if good else code,
        answer="" if good else ANSWER,
        note="" if good else note,
    )


def jobs(sky: Sky, count: int) -> None:
    from tom_share_worker.models import IngestJob

    statuses = ("done", "done", "done", "failed", "cancelled")

    def made() -> Iterator[Any]:
        for n in range(count):
            target, created = sky.targets[n % len(sky.targets)], sky.moment(n)
            status = statuses[n % 5]
            yield IngestJob(
                data_product_id=sky.products[n],
                target_id=target.pk,
                target_name=target.name,
                user=sky.people[n % len(sky.people)],
                file_name=f"night-{n}.csv",
                data_product_type="photometry",
                size=20_000,
                status=status,
                created=created,
                started=created,
                ended=created + timedelta(seconds=3),
                next_attempt_at=created,
                datum_count=300,
                new_count=290,
                failure=JOB_CAUSES[n % 4] if status == "failed" else "",
                note="The file has no column called time." if n % 5 == 3 else "",
                seen=None if n % 7 == 0 else sky.now,
                task_id=f"{n:08x}-ffff-4000-8000-000000000000",
            )

    write(made())


def results(count: int) -> None:
    """Write what Celery keeps of its tasks."""
    from django_celery_results.models import TaskResult

    start = TaskResult.objects.count()
    write(
        TaskResult(
            task_id=f"{start + n:08x}-0001-4000-8000-000000000000",
            task_name="tom_share_worker.deliver",
            status="SUCCESS",
            result='"delivered"',
            worker=f"delivery@machine-{n % 3}",
        )
        for n in range(count)
    )


def write(rows: Iterable[Any]) -> None:
    """Store rows a few thousand at a time."""
    rows = iter(rows)
    while some := list(islice(rows, 5000)):
        type(some[0]).objects.bulk_create(some)
