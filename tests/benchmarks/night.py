"""One night's data of a survey, in a TOM; run in that TOM's environment.

`python -m tests.benchmarks.night WHAT ...` does one thing and prints, as JSON, what the
benchmark must know; the things are the functions named in COMMANDS.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import django

from tests.benchmarks import sky

NIGHT = datetime(2026, 3, 1, tzinfo=UTC)
PARTNER, PERSON = "partner", "astronomer"


def targets(owner: str, *names: str) -> dict[str, int]:
    """Make targets that an account may see and change; return their ids."""
    from django.contrib.auth.models import User
    from tom_targets.models import Target

    user = User.objects.get(username=owner)
    made = {}
    for number, name in enumerate(names):
        target = Target(name=name, type="SIDEREAL", ra=10.0 + number, dec=20.5)
        target.save()
        target.give_user_access(user)
        made[name] = target.pk
    return made


def measured(n: int) -> dict[str, Any]:
    """Return the columns of the nth data point of a night."""
    return {
        "timestamp": NIGHT + timedelta(seconds=n),
        "brightness": 15 + n / 10_007,
        "brightness_error": 0.012,
        "bandpass": "gri"[n % 3],
        "unit": "AB mag",
        "telescope": "1m0",
        "instrument": "Sinistro",
        "exposure_time": 30.0,
    }


def data(count: str, *names: str) -> None:
    """Give each target so many data points, the same to all."""
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_targets.models import Target

    for target in Target.objects.filter(name__in=names):
        PhotometryReducedDatum.objects.bulk_create(
            (
                PhotometryReducedDatum(target=target, **measured(n))
                for n in range(int(count))
            ),
            batch_size=1000,
        )


def bulk(count: str, name: str) -> float:
    """Store rows as `data` makes them by a bare bulk_create; return the seconds."""
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_targets.models import Target

    target = Target.objects.get(name=name)
    rows = [
        PhotometryReducedDatum(target=target, **measured(n)) for n in range(int(count))
    ]
    began = time.monotonic()
    PhotometryReducedDatum.objects.bulk_create(rows)
    return time.monotonic() - began


def count(name: str) -> int:
    """Return how many data points of photometry a target has."""
    from tom_dataproducts.models import PhotometryReducedDatum

    found: int = PhotometryReducedDatum.objects.filter(target__name=name).count()
    return found


def bodies(name: str, remote_id: str) -> list[str]:
    """Return what this app would post for each data point of a target."""
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_targets.models import Target

    from tom_share_worker import conf
    from tom_share_worker.delivery import parcels
    from tom_share_worker.delivery.destinations.tom import payloads
    from tom_share_worker.delivery.ledger import Key

    target = Target.objects.get(name=name)
    card = parcels.TargetCard(name, (name,), target.ra, target.dec, remote_id)
    parcel = parcels.DatumsParcel(card, {}, conf.tom_name(), None, 0)
    rows = PhotometryReducedDatum.objects.filter(target=target).order_by("pk")
    return [
        json.dumps(payloads.datum(parcel, Key("photometry", row.pk), row, remote_id))
        for row in rows
    ]


def share(name: str, to: str = PARTNER) -> int:
    """Share all data of a target, as a click does; return the share's id."""
    from django.contrib.auth.models import User
    from tom_targets.models import Target

    from tom_share_worker.delivery.asking import outbox

    person = User.objects.get(username=PERSON)
    target = Target.objects.get(name=name)
    pk: int = outbox.share_target_data(person, to, target).pk
    return pk


def stock(name: str, count: str) -> dict[str, Any]:
    """Share some data of a target as TOM Toolkit itself does, and time it."""
    from tom_dataproducts.models import PhotometryReducedDatum
    from tom_dataproducts.sharing import share_data_with_tom

    rows = PhotometryReducedDatum.objects.filter(target__name=name).order_by("pk")
    ticked = list(rows.values_list("pk", flat=True)[: int(count)])
    began, cpu = time.monotonic(), time.process_time()
    answer = share_data_with_tom(PARTNER, {}, selected_data=ticked)
    return {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "message": answer["message"],
    }


def product(name: str, path: str) -> int:
    """Make a data product of a file that lies in the media directory already."""
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    target = Target.objects.get(name=name)
    made = DataProduct(target=target, data_product_type="fits_file", product_id=path)
    made.data.name = path
    made.save()
    pk: int = made.pk
    return pk


def share_product(pk: str) -> int:
    """Share a data product, as a click does; return the share's id."""
    from django.contrib.auth.models import User
    from tom_dataproducts.models import DataProduct

    from tom_share_worker.delivery.asking import outbox

    person = User.objects.get(username=PERSON)
    made: int = outbox.share_data_product(
        person, PARTNER, DataProduct.objects.get(pk=pk)
    ).pk
    return made


def stock_product(pk: str) -> dict[str, Any]:
    """Share a data product as TOM Toolkit itself does; tell time and memory."""
    from tom_dataproducts.sharing import share_data_with_tom

    from tests.benchmarks import machine

    before, began = machine.own_memory(), time.monotonic()
    answer = share_data_with_tom(PARTNER, {}, product_id=pk)
    return {
        "seconds": time.monotonic() - began,
        "status": getattr(answer, "status_code", None),
        "before": before,
        "peak": machine.own_memory("VmHWM:"),
    }


def pause() -> None:
    """Let nothing go to the partner."""
    from tom_share_worker.delivery import gate

    gate.pause(PARTNER, "The benchmark plans first.")


def resume() -> None:
    """Let all go to the partner."""
    from tom_share_worker.delivery import gate

    gate.resume(PARTNER)


def accounts() -> None:
    """Make the tables and the accounts."""
    sky.make_accounts()


COMMANDS = {
    command.__name__: command
    for command in (
        *(accounts, targets, data, bulk, count, bodies, share, stock),
        *(product, share_product, stock_product, pause, resume),
    )
}


def main() -> None:
    django.setup()
    made: Any = COMMANDS[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
