"""A TOM after a busy year: many people, targets, shares, deliveries and attempts.

`python -m tests.benchmarks.crowd [PART]` fills the database of the TOM in whose
environment it runs; PART scales it down. Called by `pages`, and by the test that pages
make the same number of queries whatever the rows.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import django

from tests.benchmarks import year
from tests.benchmarks.people import PARTNERS, SHARED_ON, Sky, settle

SIZES = {
    "targets": 5_000,
    "shares": 2_000,
    "deliveries": 100_000,
    "attempts": 1_000_000,
    "jobs": 10_000,
    "results": 100_000,
}
"""Rows at full size; `deliveries` are those of the largest share."""

MAKERS = 5
"""People who made the persistent shares."""


def sizes(part: float = 1.0) -> dict[str, int]:
    """Return how many rows of each kind to make, as a part of the full size."""
    return {name: max(8, int(count * part)) for name, count in SIZES.items()}


def fill(counts: dict[str, int]) -> dict[str, Any]:
    """Add so many rows; return what a benchmark must know of them."""
    sky = settle(counts)
    with year.times_as_given():
        big = year.shares(sky, counts)
        year.attempts(counts["attempts"])
        year.jobs(sky, counts["jobs"])
    year.results(counts["results"])
    _persistent_shares(sky)
    _others(sky)
    return {"big": big, **counts}


def _persistent_shares(sky: Sky) -> None:
    """Let several people share targets continuously, and some of it have failed."""
    from tom_targets.models import PersistentShare

    from tom_share_worker.models import Share

    # Not saved one by one: that would share what the target has.
    made = PersistentShare.objects.bulk_create(
        PersistentShare(
            target_id=target.pk, destination=key, user=sky.people[n % MAKERS]
        )
        for key in PARTNERS[:2]
        for n, target in enumerate(sky.targets[:SHARED_ON])
    )
    for row in made[:SHARED_ON]:
        shares = Share.objects.filter(target_id=row.target_id)
        shares.update(persistent_share=row, origin=Share.Origin.PERSISTENT_SHARE)


def _others(sky: Sky) -> None:
    """Write the few rows beside the many: workers, destinations, remote targets."""
    from tom_share_worker.models import Destination, RemoteTarget, Worker

    times = {"started": sky.now, "seen": sky.now}
    Worker.objects.get_or_create(name="delivery@machine-0", defaults=times)
    for key in PARTNERS:
        down = key == "archive"
        state = {"failures": 3 * down, "answered": sky.now}
        Destination.objects.get_or_create(key=key, defaults=state)
    year.write(
        RemoteTarget(destination=key, target_id=target.pk, remote_id=str(target.pk))
        for key in PARTNERS[:2]
        for target in sky.targets
    )


def main() -> None:
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)
    part = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    made = fill(sizes(part))
    with connection.cursor() as cursor:
        # As autovacuum does it, some time after so many rows.
        vacuum = connection.vendor == "postgresql"
        cursor.execute("VACUUM ANALYZE" if vacuum else "ANALYZE")
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
