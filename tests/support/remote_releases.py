"""In what the releases of TOM Toolkit differ, as a sender meets it.

Called by the scripted remote; each line was measured on a running TOM of that release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support import remote_data
from tests.support.misbehaviour import HTML, Reply
from tests.support.remote_data import InternalError, Json

DATA_TYPES = ("photometry", "fits_file", "spectroscopy", "image_file")
"""What `tom_setup` writes into DATA_PRODUCT_TYPES; older than 3.0 take no other."""


@dataclass(frozen=True)
class Release:
    """One release."""

    name: str
    takes_tokens: bool = True
    says_already_exists: bool = True
    has_types: bool = True
    """Photometry, spectra and astrometry have columns; before 3.0 all is one JSON."""

    one_per_band: bool = False
    """One data point for a target, time and filter, whatever its brightness."""

    knows_sharing: bool = True
    """Targets have shared_by and shared_from."""

    def refusal(self) -> Reply:
        """Answer an account that is not good."""
        if self.takes_tokens:
            return Reply.of(401, {"detail": "Invalid username/password."})
        login = {"Location": "/accounts/login/?next=/api/targets/"}
        return Reply(302, b"", HTML, login)

    def description(self, what: str) -> Json:
        """Answer OPTIONS."""
        legacy = " returns them in the legacy json format." if self.has_types else ""
        fields = ["name", "target_lists"]
        fields += ["shared_by", "shared_from"] if self.knows_sharing else []
        return {
            "name": what,
            "description": f"Viewset for {what}.{legacy}",
            "actions": {"POST": {name: {} for name in fields}},
        }

    def parse(self, body: Json) -> Json:
        """Take a posted data point, or fail as that release does."""
        if self.has_types:
            return remote_data.parse(body)
        if body["data_type"] not in DATA_TYPES:
            raise InternalError("Not a valid DataProduct type.")
        common = ("source_name", "source_location")
        return {
            "target": int(body["target"]),
            "data_type": body["data_type"],
            "timestamp": datetime.fromisoformat(body["timestamp"]),
            "fields": {name: body.get(name, "") for name in common},
            "extras": dict(body["value"]),
        }

    def clash(self, new: Json, old: Json) -> bool:
        """True where that release takes two data points for one."""
        what = ("target", "data_type", "timestamp")
        if any(new[name] != old[name] for name in what):
            return False
        if not self.has_types:
            return bool(new["extras"] == old["extras"])
        if self.one_per_band:
            return bool(_one_place(new) == _one_place(old))
        return remote_data.clash(new, old)

    def shown(self, datum: Json) -> Json:
        """Return what its API shows of a data point."""
        if self.has_types:
            return remote_data.shown(datum)
        return {
            **datum["fields"],
            "data_product": None,
            "data_type": datum["data_type"],
            "timestamp": datum["timestamp"].isoformat().replace("+00:00", "Z"),
            "value": datum["extras"],
            "target": datum["target"],
        }


def _one_place(datum: Json) -> Any:
    """Return what 3.0.0 has room for once, at one time and target."""
    fields = datum["fields"]
    match datum["data_type"]:
        case "photometry":
            return fields["bandpass"]
        case "spectroscopy" | "astrometry":
            return fields["telescope"], fields["instrument"]
    return datum["extras"]


V2_32 = Release(
    "2.32.4",
    takes_tokens=False,
    says_already_exists=False,
    has_types=False,
    knows_sharing=False,
)
V3_0 = Release(
    "3.0.0", says_already_exists=False, one_per_band=True, knows_sharing=False
)
V3_1 = Release("3.1.0")
RELEASES = (V2_32, V3_0, V3_1)
