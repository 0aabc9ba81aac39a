"""A TOM after a busy year: many people, targets, shares, deliveries and attempts.

`python -m tests.benchmarks.crowd [PART]` fills the database of the TOM in whose
environment it runs; PART scales it down. Called by `pages`, and by the test that pages
make the same number of queries whatever the rows.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import django

SIZES = {
    "targets": 5_000,
    "shares": 2_000,
    "deliveries": 100_000,
    "attempts": 1_000_000,
    "jobs": 10_000,
    "results": 100_000,
}
"""Rows at full size; `deliveries` are those of the largest share."""

PARTNERS = ("partner", "survey", "archive", "network")
PEOPLE = ("requester", "member", "operator", "superuser")
GROUP = "Survey group"

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


@dataclass(frozen=True)
class Sky:
    """What the rows refer to."""

    people: list[Any]
    targets: list[Any]
    products: list[int]
    now: datetime

    def moment(self, n: int, days: float = 60) -> datetime:
        """Return a time of the last so many days, the later the larger n."""
        return self.now - timedelta(days=days) + timedelta(days=days) * (n % 997) / 997


def sizes(part: float = 1.0) -> dict[str, int]:
    """Return how many rows of each kind to make, as a part of the full size."""
    return {name: max(8, int(count * part)) for name, count in SIZES.items()}


def fill(counts: dict[str, int]) -> dict[str, Any]:
    """Add so many rows; return what a benchmark must know of them."""
    sky = _sky(counts)
    with _times_as_given():
        big = _shares(sky, counts)
        _attempts(counts["attempts"])
        _jobs(sky, counts["jobs"])
    _results(counts["results"])
    _others(sky)
    return {"big": big, **counts}


def _sky(counts: dict[str, int]) -> Sky:
    from django.utils import timezone
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    people = _people()
    start = Target.objects.count()
    targets = Target.objects.bulk_create(
        Target(name=f"Survey {start + n}", type="SIDEREAL", ra=n % 360, dec=20.5)
        for n in range(counts["targets"])
    )
    _permissions(people, targets)
    # No file is read by a page; a job has a data product of its own.
    products = DataProduct.objects.bulk_create(
        (
            DataProduct(
                product_id=f"product-{start}-{n}",
                target=targets[n % len(targets)],
                data=f"survey/night-{n}.csv",
                data_product_type="photometry",
            )
            for n in range(counts["jobs"])
        ),
        batch_size=2000,
    )
    return Sky(people, targets, [made.pk for made in products], timezone.now())


def _people() -> list[Any]:
    """Make those who look, and forty more who share; the first is the requester."""
    from django.contrib.auth.models import Group, Permission, User

    others = [f"observer-{n}" for n in range(40)]
    known = [User(username=name) for name in (*PEOPLE, *others)]
    User.objects.bulk_create(known, ignore_conflicts=True)
    named = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    operator, superuser = named["operator"], named["superuser"]
    superuser.is_superuser = superuser.is_staff = operator.is_staff = True
    superuser.save()
    operator.save()
    ours = Permission.objects.filter(content_type__app_label="tom_share_worker")
    operator.user_permissions.set(ours.exclude(codename__startswith="delete"))
    group, _ = Group.objects.get_or_create(name=GROUP)
    group.user_set.add(named["member"])
    observers = User.objects.filter(username__in=others)
    return [named["requester"], named["member"], *observers]


def _permissions(people: list[Any], targets: list[Any]) -> None:
    """Let the requester and the operator see most targets, and the group a half."""
    from django.contrib.auth.models import Group, User
    from guardian.shortcuts import assign_perm

    most, half = targets[: len(targets) * 4 // 5], targets[: len(targets) // 2]
    for person in (people[0], User.objects.get(username="operator")):
        assign_perm("tom_targets.view_target", person, most)
    assign_perm("tom_targets.view_target", Group.objects.get(name=GROUP), half)
    for number, person in enumerate(people[2:]):
        if own := targets[number::40]:
            assign_perm("tom_targets.view_target", person, own)


@contextmanager
def _times_as_given() -> Iterator[None]:
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


def _shares(sky: Sky, counts: dict[str, int]) -> int:
    from tom_share_worker.models import Share

    big = Share.objects.create(
        **_share(sky, 0) | {"user": sky.people[0], "status": "running", "ended": None},
        kind="targets",
        subject=f"{len(sky.targets)} selected targets",
    )
    _write(_deliveries(sky, big, range(counts["deliveries"])))
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
        _write(_deliveries(sky, share, range(1 + share.pk % 20)))
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


def _attempts(count: int) -> None:
    """Give each delivery four to a dozen attempts, of which the last tells its end."""
    from tom_share_worker.models import Delivery

    bare = Delivery.objects.filter(attempts=None).order_by("pk")
    rows = bare.values_list("pk", "created", "status", "failure")
    mean = max(1, count // rows.count())
    left = count

    def attempts() -> Iterator[Any]:
        nonlocal left
        for pk, created, status, failure in rows.iterator(chunk_size=5000):
            tries = max(1, mean - 4 + pk % 9)
            for number in range(1, min(left, tries) + 1):
                left -= 1
                yield _attempt(pk, number, created, status, failure)

    _write(attempts())


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


def _jobs(sky: Sky, count: int) -> None:
    from tom_share_worker.models import IngestJob

    statuses = ("done", "done", "done", "failed", "cancelled")

    def jobs() -> Iterator[Any]:
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

    _write(jobs())


def _results(count: int) -> None:
    """Write what Celery keeps of its tasks."""
    from django_celery_results.models import TaskResult

    start = TaskResult.objects.count()
    _write(
        TaskResult(
            task_id=f"{start + n:08x}-0001-4000-8000-000000000000",
            task_name="tom_share_worker.deliver",
            status="SUCCESS",
            result='"delivered"',
            worker=f"delivery@machine-{n % 3}",
        )
        for n in range(count)
    )


def _others(sky: Sky) -> None:
    """Write the few rows beside the many: workers, destinations, tests, lists."""
    from tom_targets.models import PersistentShare

    from tom_share_worker.models import Destination, RemoteTarget, Worker

    times = {"started": sky.now, "seen": sky.now}
    Worker.objects.get_or_create(name="delivery@machine-0", defaults=times)
    for key in PARTNERS:
        down = key == "archive"
        state = {"failures": 3 * down, "answered": sky.now}
        Destination.objects.get_or_create(key=key, defaults=state)
    _write(
        RemoteTarget(destination=key, target_id=target.pk, remote_id=str(target.pk))
        for key in PARTNERS[:2]
        for target in sky.targets
    )
    # Not saved one by one: that would share what the target has.
    PersistentShare.objects.bulk_create(
        PersistentShare(target_id=target.pk, destination=key, user=sky.people[0])
        for key in PARTNERS[:2]
        for target in sky.targets[:100]
    )


def _write(rows: Iterable[Any]) -> None:
    """Store rows a few thousand at a time."""
    rows = iter(rows)
    while some := list(islice(rows, 5000)):
        type(some[0]).objects.bulk_create(some)


def main() -> None:
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    logging.disable(logging.INFO)
    part = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    made = fill(sizes(part))
    with connection.cursor() as cursor:
        # As autovacuum does it, some time after so many rows.
        vacuum = connection.vendor == "postgresql"
        cursor.execute("VACUUM ANALYZE" if vacuum else "ANALYZE")
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
