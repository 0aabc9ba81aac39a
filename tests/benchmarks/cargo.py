"""What a chaos run sends, as files and as rows, and how what arrived is told.

Called by `chaos`. `files` makes files of all kinds; what is named in COMMANDS is run in
a TOM's environment, `python -m tests.benchmarks.cargo WHAT ...`, and prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

from tests.benchmarks import night, sky

UNREADABLE = "unreadable file"
"""The failure of what is broken; the other files are to be done."""

NOW = "when it was processed"
"""The time of a spectrum whose header tells none: TOM Toolkit takes the present."""

PROCESSORS = {"fits_file": "tests.support.processors.Slow"}
"""Beside the host's own: generic data, of which nothing tells a point from a repeat."""

CALM = {"fits_file": "tests.support.processors.Plain"}
"""The same without taking its time."""


@dataclass(frozen=True)
class File:
    """One file, and what is to become of it."""

    name: str
    type: str
    target: str
    content: bytes
    failure: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


# --- files ------------------------------------------------------------------------


def files(
    count: int, targets: list[str], chance: random.Random, prefix: str
) -> list[File]:
    """Return so many files of all kinds, each with other rows; the last are broken."""
    broken = _BROKEN[: min(len(_BROKEN), count // 10)]
    made = []
    for n in range(count - len(broken)):
        suffix, of_type, make = _KINDS[n % len(_KINDS)]
        # A day of its own: what two files have in common belongs to the first.
        content = make(chance, 58000 + 3 * n + chance.random())
        name = f"{prefix}-{n}.{suffix}"
        made.append(File(name, of_type, targets[n % len(targets)], content))
    for n, (suffix, of_type, content) in enumerate(broken):
        name = f"{prefix}-broken-{n}.{suffix}"
        whole = content + f"\n# {name}\n".encode()
        made.append(File(name, of_type, targets[0], whole, UNREADABLE))
    chance.shuffle(made)
    return made


def _table(names: str, lines: list[str], comments: str = "") -> bytes:
    return "\n".join([*filter(None, [comments]), names, *lines, ""]).encode()


def _photometry(chance: random.Random, day: float) -> bytes:
    """Brightnesses; one line in twenty comes twice and is stored once."""
    lines = [
        f"{day + n / 9000:.7f},{15 + chance.random():.4f},{'gri'[n % 3]},0.0{n % 9 + 1}"
        for n in range(chance.randrange(100, 2500))
    ]
    return _table("time,magnitude,filter,error", [*lines, *lines[::20]])


def _limits(chance: random.Random, day: float) -> bytes:
    """Brightnesses and limits, and lines with neither, some of which come twice."""
    lines = []
    for n in range(chance.randrange(50, 600)):
        value = f"{15 + chance.random():.4f}"
        shown = (f"{value},", f",{value}", ",")[n % 3]
        lines.append(f"{day + n / 9000:.7f},{shown},r,Floyds,{chance.random():.3f}")
    head = "time,magnitude,limit,filter,instrument,seeing"
    return _table(head, [*lines, *lines[2::30]])


def _bare(chance: random.Random, day: float) -> bytes:
    """Lines without a brightness or a limit, which no constraint keeps apart."""
    lines = [
        f"{day + n // 2 / 9000:.7f},r,{'ABB'[n % 3]}"
        for n in range(chance.randrange(20, 900))
    ]
    return _table("time,filter,observer", lines)


def _spectrum(chance: random.Random, day: float) -> bytes:
    lines = [f"{4000 + 2 * n},{chance.random():.6f}" for n in range(60)]
    comments = f"# DATE-OBS: 2026-03-{1 + int(day) % 28:02}\n# FACILITY: Nowhere"
    return _table("wavelength,flux", lines, comments)


def _fits(chance: random.Random, _: float) -> bytes:
    import io

    import numpy as np
    from astropy.io import fits

    flux = np.array([chance.random() for _ in range(40)])
    unit = fits.PrimaryHDU(flux)
    unit.header["CRPIX1"], unit.header["CRVAL1"], unit.header["CDELT1"] = 1, 4000.0, 2.0
    unit.header["CTYPE1"] = "WAVE"
    written = io.BytesIO()
    unit.writeto(written)
    return written.getvalue()


def _generic(chance: random.Random, day: float) -> bytes:
    """Degrees of polarisation; each third line comes twice and is stored twice."""
    lines = [f"{day + n / 1024},{chance.random()}" for n in range(400)]
    return _table("time,degree", [*lines, *lines[::3]])


def _image(chance: random.Random, _: float) -> bytes:
    return b"\xff\xd8\xff" + chance.randbytes(chance.randrange(10_000, 4_000_000))


_KINDS: tuple[tuple[str, str, Callable[[random.Random, float], bytes]], ...] = (
    ("csv", "photometry", _photometry),
    ("csv", "photometry", _limits),
    ("csv", "photometry", _bare),
    ("csv", "spectroscopy", _spectrum),
    ("fits", "spectroscopy", _fits),
    ("csv", "fits_file", _generic),
    ("jpg", "image_file", _image),
)
_BROKEN = (
    ("csv", "photometry", b"time,magnitude,filter,error\n58000.5,bright,r,0.1\nnever"),
    ("csv", "spectroscopy", b"wavelength,height\n4000,1\n4002,2"),
    ("fits", "spectroscopy", b"SIMPLE  = nothing of the kind"),
)


# --- in a TOM ---------------------------------------------------------------------


def accounts() -> None:
    """Make the tables and the accounts."""
    sky.make_accounts()


def targets(owner: str, *names: str) -> dict[str, int]:
    """Make targets that an account may see and change; return their ids."""
    return night.targets(owner, *names)


def fill(count: str, seed: str, *names: str) -> int:
    """Give these targets so many data points of all kinds together; return how many."""
    from tom_dataproducts.models import REDUCED_DATUM_MODELS
    from tom_targets.models import Target

    chance = random.Random(seed)
    known = [Target.objects.get(name=name) for name in names]
    made: dict[Any, list[Any]] = {model: [] for model in REDUCED_DATUM_MODELS}
    for n in range(int(count)):
        row = _row(n, chance)
        model = row.pop("model")
        place = f"https://survey.example/{n // 3}"
        common = {"source_name": "Survey", "source_location": place}
        made[model].append(model(target=known[n % len(known)], **common, **row))
    for model, rows in made.items():
        model.objects.bulk_create(rows, batch_size=500)
    return sum(map(len, made.values()))


def _row(n: int, chance: random.Random) -> dict[str, Any]:
    """Return the columns of the nth data point, and its model."""
    from tom_dataproducts.models import (
        AstrometryReducedDatum,
        PhotometryReducedDatum,
        ReducedDatum,
        SpectroscopyReducedDatum,
    )

    at: dict[str, Any] = {"timestamp": night.NIGHT + timedelta(seconds=n)}
    if n % 20 == 7:
        flux = [chance.random() for _ in range(chance.randrange(2, 50))]
        wavelength = [4000 + 1.5 * place for place in range(len(flux))]
        at |= {"flux": flux, "wavelength": wavelength, "flux_unit": "Jy"}
        return {"model": SpectroscopyReducedDatum, **at}
    if n % 20 == 11:
        place = {"ra": chance.uniform(0, 360), "dec": chance.uniform(-90, 90)}
        return {"model": AstrometryReducedDatum, **at, **place, "ra_error": 0.1}
    if n % 10 == 3:
        value = {"flux_mjy": chance.random(), "flags": [n % 3, "é"], "n": n}
        return {"model": ReducedDatum, **at, "data_type": "radio", "value": value}
    at |= {"model": PhotometryReducedDatum, "bandpass": "gri"[n % 3], "unit": "AB mag"}
    if n % 20 == 1:
        return at | {"limit": 18 + chance.random(), "reduction_version": "v2"}
    if n % 20 == 5:  # neither: no constraint keeps it from being there twice
        return at | {"value": {"note": f"clouds {n}"}}
    return at | {
        "brightness": 15 + chance.random(),
        "brightness_error": 0.01,
        "exposure_time": 30.0,
        "value": {"airmass": chance.random()} if n % 2 else {},
    }


def own_files(directory: str) -> None:
    """Make data products of the files that are listed in a directory."""
    from django.core.files.base import ContentFile
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    for file in listed(Path(directory)):
        target = Target.objects.get(name=file.target)
        made = DataProduct(target=target, product_id=f"own {file.name}")
        made.data_product_type = file.type
        made.data.save(file.name, ContentFile(file.content), save=False)
        made.save()


def process_calmly(directory: str) -> list[str]:
    """Do the same, and let the host read each; return those that it cannot read."""
    from tom_dataproducts.data_processor import run_data_processor
    from tom_dataproducts.models import DataProduct

    own_files(directory)
    failed = []
    for product in DataProduct.objects.order_by("pk"):
        try:
            run_data_processor(product)
        except Exception:  # noqa: BLE001  (which ones is what is asked)
            failed.append(product.product_id.removeprefix("own "))
    return failed


def share(to: str, seconds: str, *names: str) -> list[int]:
    """Share all of each target, one after the other in so many seconds."""
    from django.contrib.auth.models import User
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    from tom_share_worker.delivery.asking import outbox

    person = User.objects.get(username=night.PERSON)
    asked = []
    for name in names:
        target = Target.objects.get(name=name)
        if name.startswith("New"):
            made = outbox.share_target(person, to, target, with_data=True)
            asked.append(made.pk)
        else:
            asked.append(outbox.share_target_data(person, to, target).pk)
            asked += [
                outbox.share_data_product(person, to, product).pk
                for product in DataProduct.objects.filter(target=target)
            ]
        time.sleep(float(seconds) / len(names))
    return asked


def try_again() -> dict[str, int]:
    """Press Retry and Reprocess for what was set aside; return how much that was."""
    from tom_share_worker.delivery import actions as delivery
    from tom_share_worker.ingest import actions as ingest
    from tom_share_worker.models import Delivery, IngestFailure, IngestJob

    aside = Delivery.objects.filter(status=Delivery.Status.FAILED)
    lost = IngestJob.objects.filter(failure=IngestFailure.WORKER_LOST)
    return {"deliveries": delivery.retry(aside), "files": ingest.reprocess(lost)}


def holds() -> dict[str, Any]:
    """Tell all that this TOM holds; a file is known by the digest of its bytes."""
    from tom_dataproducts.models import REDUCED_DATUM_MODELS, DataProduct
    from tom_targets.models import Target

    products = {}
    for product in DataProduct.objects.select_related("target"):
        with product.data.storage.open(product.data.name, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        products[product.pk] = (digest, product)
    rows = [
        line for model in REDUCED_DATUM_MODELS for line in _rows_of(model, products)
    ]
    told = [
        [digest, product.target.name, product.data_product_type, product.data.path]
        for digest, product in products.values()
    ]
    names = [*Target.objects.values_list("name", flat=True)]
    return {"targets": names, "products": told, "rows": rows}


def _rows_of(model: Any, products: dict[int, tuple[str, Any]]) -> Iterator[list[Any]]:
    """Yield rows: kind, target, digest of the file, all columns, each to its bits."""
    ours = {"id", "target", "data_product"}
    names = [f.name for f in model._meta.concrete_fields if f.name not in ours]
    for row in model.objects.select_related("target").iterator():
        digest, product = products.get(row.data_product_id, ("", None))
        columns = {name: getattr(row, name) for name in names}
        columns["timestamp"] = row.timestamp.isoformat()
        if product is not None and product.data.name.endswith(".fits"):
            columns["timestamp"] = NOW
        yield [model.__name__, row.target.name, digest, columns]


def ledger() -> dict[str, Any]:
    """Tell the fate of each data point that was shared, and what does not add up."""
    from tom_share_worker.models import Delivery

    fates: Counter[str] = Counter()
    seen: Counter[tuple[str, int]] = Counter()
    wrong = []
    for row in Delivery.objects.filter(kind=Delivery.Kind.DATUMS):
        own = Counter(fate for _, _, fate, _ in row.ledger)
        counted = {
            "delivered": row.delivered_count,
            "already there": row.already_there_count,
            "refused": row.refused_count,
        }
        if +Counter(counted) != +own or sum(own.values()) != row.datum_count:
            wrong.append(f"delivery {row.pk}: {dict(own)}, but counts {counted}")
        fates += own
        seen.update((kind, pk) for kind, pk, *_ in row.ledger)
    wrong += [f"{key} is in {n} deliveries" for key, n in seen.items() if n > 1]
    return {"fates": fates, "points": len(seen), "wrong": wrong[:20]}


# --- a directory of files ---------------------------------------------------------


def put(some: list[File], directory: Path) -> None:
    """Write files and their list into a directory."""
    directory.mkdir(parents=True)
    for file in some:
        (directory / file.name).write_bytes(file.content)
    told = [[file.name, file.type, file.target, file.failure] for file in some]
    (directory / "list.json").write_text(json.dumps(told))


def listed(directory: Path) -> list[File]:
    """Return what is in such a directory."""
    told = json.loads((directory / "list.json").read_text())
    return [
        File(name, of_type, target, (directory / name).read_bytes(), failure)
        for name, of_type, target, failure in told
    ]


COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__: command
    for command in (
        *(accounts, targets, fill, own_files, process_calmly),
        *(share, try_again, holds, ledger),
    )
}


def main() -> None:
    django.setup()
    made = COMMANDS[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
