"""What a TOM holds, read over its REST API, and how two TOMs compare.

Called by run_demo.py for both TOMs with the same code, so that what is equal here is
equal there. The host's API leaves out the limits; they are read from the CSV file that
its "download" button gives.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from tour.browser import Browser, form_with

MEASURED = ("brightness", "brightness_error", "unit")
DISPERSED = ("wavelength", "flux", "error", "wavelength_unit", "flux_unit")

EVERYTHING = "limit=100000"

# What each TOM sets for itself.
OWN_FIELDS = {
    "id", "created", "modified", "permissions", "groups", "target_lists",
    "shared_by", "shared_from", "aliases", "targetextra_set",
}  # fmt: skip


@dataclass
class Contents:
    """One target and its data, in a form that compares."""

    pk: int
    fields: dict[str, Any]
    aliases: set[str]
    extras: dict[str, str]
    lists: set[str] = field(default_factory=set)
    photometry: dict[tuple[str, ...], tuple[Any, ...]] = field(default_factory=dict)
    limits: dict[tuple[str, ...], float] = field(default_factory=dict)
    spectra: dict[tuple[str, ...], tuple[Any, ...]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    def differences(self, other: "Contents") -> Iterator[str]:
        """Yield in words each kind of thing in which another TOM's copy differs."""
        for name in ("fields", "aliases", "extras", "photometry", "limits", "spectra"):
            if getattr(self, name) != getattr(other, name):
                yield name
        if self.rows != other.rows:
            yield "number of data points"
        imported = any(name.lower().startswith("imported") for name in other.lists)
        if not self.lists <= other.lists or not imported:
            yield "target lists"
        if any(other.files.get(name) != data for name, data in self.files.items()):
            yield "files"


def read(browser: Browser) -> dict[str, Contents]:
    """Return the targets of a TOM by name, with their data."""
    targets = browser.json(f"/api/targets/?{EVERYTHING}")["results"]
    contents = {target["name"]: _target(target) for target in targets}
    by_pk = {each.pk: each for each in contents.values()}
    for row in browser.json(f"/api/reduceddatums/?{EVERYTHING}")["results"]:
        _add_datum(by_pk[row["target"]], row)
    for row in browser.json(f"/api/dataproducts/?{EVERYTHING}")["results"]:
        target, name = by_pk[row["target"]], PurePosixPath(row["data"]).name
        target.files[name] = browser.get(row["data"]).content
        target.products[name] = row["id"]
    for name, pk in target_lists(browser).items():
        listed = browser.json(f"/api/targets/?targetlist__name={pk}&{EVERYTHING}")
        for target in listed["results"]:
            contents[target["name"]].lists.add(name)
    for each in contents.values():
        if each.photometry:
            each.limits = _limits(browser, each.pk)
    return contents


def target_lists(browser: Browser) -> dict[str, int]:
    """Return the target lists by name, off the page that shows them."""
    links = browser.open("/targets/targetgrouping/").select("tbody td a")
    found = (
        (a.text.strip(), re.search(r"targetlist__name=(\d+)", str(a["href"])))
        for a in links
    )
    return {name: int(match[1]) for name, match in found if match}


def _target(row: dict[str, Any]) -> Contents:
    return Contents(
        pk=row["id"],
        fields={key: row[key] for key in row if key not in OWN_FIELDS},
        aliases={alias["name"] for alias in row["aliases"]},
        extras={extra["key"]: extra["value"] for extra in row["targetextra_set"]},
    )


def _add_datum(target: Contents, row: dict[str, Any]) -> None:
    value = row["value"]
    place = (row["timestamp"], value.get("telescope"), value.get("instrument"))
    target.rows += 1
    if row["data_type"] == "photometry":
        key = (*place, value["bandpass"])
        target.photometry[key] = tuple(value[name] for name in MEASURED)
    else:
        target.spectra[place] = tuple(value.get(name) for name in DISPERSED)


def _limits(browser: Browser, pk: int) -> dict[tuple[str, ...], float]:
    """Tick all photometry on the target's page and press download."""
    action = f"/dataproducts/target/{pk}/share/"
    form = form_with(browser.open(f"/targets/{pk}/"), "share-box", action)
    found = form.find_all("input", attrs={"name": "share-box"})
    boxes = [("share-box", str(box["value"])) for box in found]
    choice = {"share_destination": "download", "share_title": "all"}
    table = browser.send(form, choice, action, ticked=boxes).text
    lines = (line for line in io.StringIO(table) if not line.startswith("#"))
    return {
        (row["timestamp"], row["telescope"], row["instrument"], row["bandpass"]): float(
            row["limit"]
        )
        for row in csv.DictReader(lines)
        if row["limit"] not in {"", "None"}
    }
