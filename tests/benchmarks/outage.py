"""What a night leaves in which a destination was down; run in a TOM's environment.

`python -m tests.benchmarks.outage WHAT ...` does one thing and prints, as JSON, what
the benchmark must know; the things are the functions named in COMMANDS. Called by
`morning`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from itertools import islice
from typing import Any

import django

from tests.benchmarks import night

TARGETS = 20


def failed(count: str, shares: str) -> None:
    """Make deliveries that were tried to the end of the schedule, all in vain."""
    from django.utils import timezone

    now = timezone.now()
    _deliveries(
        *(int(count), int(shares)),
        {"status": "failed", "ended": now},
        {
            **{"status": "failed", "failure": "destination down", "ended": now},
            **{"attempt_count": 12, "note": "Partner could not be reached."},
        },
    )


def fresh(count: str, shares: str) -> float:
    """Make deliveries that wait for their first attempt; tell workers, and the time."""
    from tom_share_worker.delivery import dispatch

    _deliveries(int(count), int(shares), {"status": "running"}, {})
    dispatch.dispatch(night.PARTNER)
    return time.time()


def _deliveries(
    count: int, shares: int, of_share: dict[str, Any], of_delivery: dict[str, Any]
) -> None:
    """Write the rows as the planner does: shares, and deliveries of one data point."""
    from django.contrib.auth.models import User
    from django.utils import timezone
    from tom_targets.models import Target

    from tom_share_worker.models import Delivery, Share

    person = User.objects.get(username=night.PERSON)
    targets = list(Target.objects.filter(name__startswith="Survey ")[:TARGETS])
    data = _data(targets, count)
    common = {"user": person, "destination": night.PARTNER, "planned": True}
    made = Share.objects.bulk_create(
        Share(
            **common | of_share,
            kind=Share.Kind.DATUMS,
            target_id=targets[n % TARGETS].pk,
            subject=f"Data of {targets[n % TARGETS].name}",
        )
        for n in range(shares)
    )
    now = timezone.now()
    Delivery.objects.bulk_create(
        (
            Delivery(
                share=share,
                position=position,
                destination=night.PARTNER,
                kind=Delivery.Kind.DATUMS,
                target_id=share.target_id,
                target_name=targets[n % TARGETS].name,
                next_attempt_at=now,
                datum_count=1,
                ledger=[
                    ["photometry", data[share.target_id or 0].pop(), "not yet", ""]
                ],
                **of_delivery,
            )
            for n, share in enumerate(made)
            for position in range(count // shares)
        ),
        batch_size=1000,
    )


def _data(targets: list[Any], count: int) -> dict[int, list[int]]:
    """Give the targets data points; return the ids of each target's."""
    from tom_dataproducts.models import PhotometryReducedDatum

    # None like another: a TOM holds each only once.
    begin = PhotometryReducedDatum.objects.count()
    rows = (
        PhotometryReducedDatum(target=target, **night.measured(begin + n))
        for n in range(2 * count // TARGETS + 1)
        for target in targets
    )
    found: dict[int, list[int]] = {target.pk: [] for target in targets}
    while some := list(islice(rows, 2000)):
        for row in PhotometryReducedDatum.objects.bulk_create(some):
            found[row.target_id].append(row.pk)
    return found


def press() -> dict[str, float]:
    """Retry all that failed there, as the button does; tell when, and how long."""
    from django.contrib.auth.models import User

    from tom_share_worker.models import BulkAction
    from tom_share_worker.operating import bulk

    filters = {"status": ["failed"], "destination": [night.PARTNER]}
    operator = User.objects.filter(is_superuser=True)[0]
    began = time.time()
    bulk.ask(operator, BulkAction.Verb.RETRY, BulkAction.Rows.DELIVERIES, filters)
    return {"at": began, "took": time.time() - began}


def slots() -> int:
    """Return how many attempts were under way at one moment, at most."""
    from tom_share_worker.models import Attempt

    moments: list[tuple[Any, int]] = []
    for began, ended in Attempt.objects.exclude(ended=None).values_list(
        "started", "ended"
    ):
        moments += [(began, 1), (ended, -1)]
    most = under_way = 0
    for _, change in sorted(moments):
        under_way += change
        most = max(most, under_way)
    return most


COMMANDS = {thing.__name__: thing for thing in (failed, fresh, press, slots)}


def main() -> None:
    django.setup()
    logging.disable(logging.INFO)
    made: Any = COMMANDS[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
