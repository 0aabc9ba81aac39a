"""Light curves as files, processed in three ways; run in a TOM's environment.

`python -m tests.benchmarks.curves WHAT ...` does one thing for `ingest` and prints, as
JSON, what that must know; the things are the functions named in COMMANDS.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

from tests.benchmarks import machine, sky

STOCK, MIXED, OURS = "stock", "stock with our processor", "ours"

HOSTS_PROCESSOR = "tom_dataproducts.processors.photometry_processor.PhotometryProcessor"
OUR_PROCESSOR = "tom_share_worker.processors.PhotometryProcessor"


def light_curve(count: int) -> str:
    """Return a CSV file of so many rows, with two columns that no model has."""
    head = "time,filter,magnitude,error,telescope,instrument,seeing,airmass"
    rows = (
        f"{60000 + n * 0.000317:.6f},{'griz'[n % 4]},{15 + n % 7001 / 1000:.3f},"
        f"0.0{n % 9 + 1},1m0-doma,fa07,{0.8 + n % 17 / 10:.1f},1.{n % 10}"
        for n in range(count)
    )
    return "\n".join([head, *rows, ""])


def _product(count: int) -> Any:
    """Return a data product of a target of its own, with its file."""
    from django.core.files.base import ContentFile
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    name = f"Curve {time.monotonic_ns()}"
    target = Target(name=name, type="SIDEREAL", ra=10.0, dec=20.5)
    target.save()
    made = DataProduct(
        target=target,
        product_id=name,
        data=ContentFile(light_curve(count), name="light-curve.csv"),
        data_product_type="photometry",
    )
    made.save()
    return made


def _by_the_host(processor: str) -> Callable[[Any], None]:
    def process(product: Any) -> None:
        from django.conf import settings
        from tom_dataproducts.data_processor import run_data_processor

        settings.DATA_PROCESSORS["photometry"] = processor
        run_data_processor(product)

    return process


def _by_us(product: Any) -> None:
    from django.conf import settings
    from django.db import transaction

    from tom_share_worker.toolkit import processing

    settings.DATA_PROCESSORS["photometry"] = OUR_PROCESSOR
    reading = processing.read(product)
    with transaction.atomic():
        processing.store(product, reading, groups=[], user=None)


WAYS: dict[str, Callable[[Any], None]] = {
    STOCK: _by_the_host(HOSTS_PROCESSOR),
    MIXED: _by_the_host(OUR_PROCESSOR),
    OURS: _by_us,
}


def times(count: str, rounds: str, *ways: str) -> dict[str, list[float]]:
    """Process files of so many rows, turn by turn; return the seconds of each."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways:
        _timed(WAYS[way], 100)  # what is imported and cached by a first file
    for _ in range(int(rounds)):
        for way in ways:
            taken[way].append(_timed(WAYS[way], int(count)))
    return taken


def memory(count: str, way: str) -> dict[str, float]:
    """Process one file; return the megabytes before, at most, and the seconds."""
    _timed(WAYS[way], 100)
    before = machine.own_memory()
    took = _timed(WAYS[way], int(count))
    return {"before": before, "peak": machine.own_memory("VmHWM:"), "seconds": took}


def _timed(process: Callable[[Any], None], count: int) -> float:
    from tom_dataproducts.models import PhotometryReducedDatum

    product = _product(count)
    gc.collect()
    began = time.perf_counter()
    process(product)
    took = time.perf_counter() - began
    data = PhotometryReducedDatum.objects.filter(data_product=product)
    if data.count() != count:
        raise SystemExit(f"{data.count()} of {count} rows were stored.")
    data._raw_delete(data.db)
    product.target.delete()
    return took


def targets(*names: str) -> dict[str, int]:
    """Make targets that files are uploaded to."""
    from tests.benchmarks import night

    return night.targets(sky.ACCOUNT, *names)


def accounts() -> None:
    """Make the tables and the accounts."""
    sky.make_accounts()


COMMANDS = {command.__name__: command for command in (accounts, targets, times, memory)}


def main() -> None:
    django.setup()
    made: Any = COMMANDS[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
