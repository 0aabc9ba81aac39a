"""What the scripted remote holds in memory, by the rules of TOM Toolkit 3.1.

Called by `remote_tom` for each request that a script lets through. The rules are those
measured on the real host: which fields make two data points one, that empty ones never
clash, and what is refused with which words.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.support import remote_data
from tests.support.remote_data import InternalError
from tests.support.remote_releases import V3_1, Release

Json = dict[str, Any]
Reply = tuple[int, Any]


@dataclass
class Store:
    """The rows of a remote TOM. Take `lock` to look at several at once."""

    release: Release = V3_1
    targets: list[Json] = field(default_factory=list)
    datums: list[Json] = field(default_factory=list)
    products: list[Json] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last_id: int = 0

    def add_target(self, name: str, *aliases: str, **fields: Any) -> Json:
        """Put a target there, as if its people had made it."""
        return self._insert_target(
            {"name": name, "type": "SIDEREAL", **fields}, aliases
        )

    def delete_target(self, pk: int) -> None:
        """Remove a target and its data, as if its people had done so."""
        with self.lock:
            self.targets = [t for t in self.targets if t["id"] != pk]
            self.datums = [d for d in self.datums if d["target"] != pk]

    def magnitudes(self, target_name: str | None = None) -> list[float]:
        """Return the brightness of all photometry, in order: what a test compares."""
        with self.lock:
            ids = {t["id"] for t in self.targets if target_name in (None, t["name"])}
            rows = [d for d in self.datums if d["target"] in ids]
        return sorted(
            d["fields"]["brightness"]
            for d in rows
            if d["fields"].get("brightness") is not None
        )

    def find_targets(self, query: dict[str, str]) -> list[Json]:
        """Search as `GET /api/targets/` does: part of a name or alias, or a cone."""
        with self.lock:
            found = [t for t in self.targets if t["id"] not in self.hidden]
        if name := query.get("name"):
            terms = [term.lower() for term in name.split(",")]
            found = [
                t
                for t in found
                if any(term in known.lower() for term in terms for known in _names(t))
            ]
        if cone := query.get("cone_search"):
            ra, dec, radius = map(float, cone.split(","))
            found = [t for t in found if _apart(t, ra, dec) <= radius]
        return found

    def create_target(self, body: Json) -> Reply:
        """Answer `POST /api/targets/`."""
        name = body.get("name")
        if not name:
            return 400, {"name": ["This field is required."]}
        with self.lock:
            wanted = {name, *(alias["name"] for alias in body.get("aliases", []))}
            if any(wanted & set(_names(target)) for target in self.targets):
                return 400, {"name": ["target with this Name already exists."]}
            if body.get("type") == "SIDEREAL" and not (
                body.get("ra") and body.get("dec")
            ):
                return 400, {"non_field_errors": ["ra and dec are required."]}
            aliases = [alias["name"] for alias in body.get("aliases", [])]
            return 201, self._insert_target(body, aliases)

    def _insert_target(self, body: Json, aliases: Any) -> Json:
        with self.lock:
            target: Json = {"ra": None, "dec": None} | body
            target["id"] = self._next_id()
            target["aliases"] = [
                {"id": self._next_id(), "name": alias} for alias in aliases
            ]
            target["target_lists"] = [dict(x) for x in body.get("target_lists", [])]
            target["targetextra_set"] = []
            self._save_extras(target, body)
            self.targets.append(target)
            return target

    def update_target(self, pk: int, body: Json) -> Reply:
        """Answer `PATCH /api/targets/<pk>/`: the lists and the extra fields."""
        with self.lock:
            target = self._visible(pk)
            if target is None:
                return 404, {"detail": "No Target matches the given query."}
            for wanted in body.get("target_lists", []):
                if wanted not in target["target_lists"]:
                    target["target_lists"].append(dict(wanted))
            self._save_extras(target, body)
            return 200, target

    def show_target(self, pk: int) -> Reply:
        """Answer `GET /api/targets/<pk>/`."""
        with self.lock:
            target = self._visible(pk)
            if target is None:
                return 404, {"detail": "No Target matches the given query."}
            return 200, target

    def _save_extras(self, target: Json, body: Json) -> None:
        """Change the extra fields that come with an id, add the others."""
        known = {row["id"]: row for row in target["targetextra_set"]}
        keys = {row["key"] for row in known.values()}
        for row in body.get("targetextra_set", []):
            if "id" in row:
                known[row["id"]].update(row)
            elif row["key"] in keys:
                raise remote_data.InternalError
            else:
                keys.add(row["key"])
                target["targetextra_set"].append({"id": self._next_id(), **row})

    def create_datum(self, body: Json) -> Reply:
        """Answer `POST /api/reduceddatums/`: created, already there, or refused."""
        with self.lock:
            if "target" not in body:
                return 400, {"target": ["This field is required."]}
            refusal = self._wrong_target(body["target"])
            if refusal is not None:
                return refusal
            if wrong := remote_data.wrong_words(body):
                return 400, wrong
            datum = self.release.parse(body)
            for known in self.datums:
                if self.release.clash(datum, known):
                    if not self.release.says_already_exists:
                        raise InternalError("ValidationError")
                    return 200, self.release.shown(known) | {"already_exists": True}
            self.datums.append(datum)
            return 201, self.release.shown(datum)

    def find_datums(self, query: dict[str, str]) -> list[Json]:
        """Search as `GET /api/reduceddatums/` does, newest first."""
        with self.lock:
            found = [d for d in self.datums if d["target"] not in self.hidden]
            if pk := query.get("target__id"):
                found = [d for d in found if str(d["target"]) == pk]
            if part := query.get("target_name"):
                ids = {t["id"] for t in self.find_targets({"name": part})}
                found = [d for d in found if d["target"] in ids]
            if product := query.get("data_product__id"):
                found = [d for d in found if str(d.get("product")) == product]
        found.sort(key=lambda datum: datum["timestamp"], reverse=True)
        return [self.release.shown(datum) for datum in found]

    def find_products(self, query: dict[str, str]) -> list[Json]:
        """Search as `GET /api/dataproducts/` does."""
        with self.lock:
            found = self.find_targets({"name": query.get("target_name", "")})
            ids = {target["id"] for target in found}
            return [_shown_product(p) for p in self.products if p["target"] in ids]

    def create_product(self, fields: dict[str, str], name: str, data: bytes) -> Reply:
        """Answer `POST /api/dataproducts/`: one product for one product_id."""
        with self.lock:
            product_id = fields.get("product_id")
            for known in self.products:
                if product_id and known.get("product_id") == product_id:
                    if not self.release.says_already_exists:
                        words = "data product with this product id already exists."
                        return 400, {"product_id": [words]}
                    return 200, _shown_product(known) | {"already_exists": True}
            refusal = self._wrong_target(fields.get("target"))
            if refusal is not None:
                return refusal
            if b"unparsable" in data:
                return 500, {"Data processing error": "There was an error."}
            product = {**fields, "id": self._next_id(), "file_name": name, "data": data}
            product["target"] = int(fields["target"])
            self.products.append(product)
            return 201, _shown_product(product)

    def _wrong_target(self, pk: Any) -> Reply | None:
        if self._visible(int(pk)) is None:
            return 400, {"target": [f'Invalid pk "{pk}" - object does not exist.']}
        return None

    def _visible(self, pk: int) -> Json | None:
        for target in self.targets:
            if target["id"] == pk and pk not in self.hidden:
                return target
        return None

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _names(target: Json) -> list[str]:
    return [target["name"], *(alias["name"] for alias in target["aliases"])]


def _shown_product(product: Json) -> Json:
    """Return a product as the API shows it: with the address of its file."""
    return product | {"data": f"http://testserver/data/none/{product['file_name']}"}


def _apart(target: Json, ra: float, dec: float) -> float:
    if target["ra"] is None or target["dec"] is None:
        return math.inf
    ra1, dec1, ra2, dec2 = map(math.radians, (ra, dec, target["ra"], target["dec"]))
    cosine = math.sin(dec1) * math.sin(dec2)
    cosine += math.cos(dec1) * math.cos(dec2) * math.cos(ra1 - ra2)
    return math.degrees(math.acos(min(1.0, cosine)))
