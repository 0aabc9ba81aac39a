"""A person clicking Share: a small sky, and what the host's four forms post.

Called by the tests of the views. Each click is a valid one; tests spoil it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target, TargetList

from tests.support import rows
from tom_share_worker.models import Share

PARTNER = {
    "DISPLAY_NAME": "Partner TOM",
    "BASE_URL": "https://partner.example/",
    "USERNAME": "survey",
    "PASSWORD": "secret",
}
SHARING = {
    "partner": PARTNER,
    "hermes": {
        "DISPLAY_NAME": "Hermes",
        "BASE_URL": "https://hermes.example/",
        "HERMES_API_KEY": "key",
        "USER_TOPICS": ["survey.test"],
    },
}
"""DATA_SHARING with one TOM and one Hermes."""


@dataclass(frozen=True)
class Sky:
    """What there is to share, all of it visible to its owner alone."""

    owner: User
    target: Target
    points: list[int]
    product: DataProduct
    target_list: TargetList


def sky(**target_fields: Any) -> Sky:
    """Make a private target with photometry, a data product and a list around it."""
    owner = rows.person("owner")
    target = rows.target(owner, "SN 2026abc", **target_fields)
    return Sky(
        owner,
        target,
        rows.photometry(target, 3),
        rows.product(target),
        rows.target_list("Bulge season", target),
    )


@dataclass(frozen=True)
class Click:
    """One form, filled in: where it goes, and the row it should become."""

    address: str
    fields: dict[str, Any]
    kind: Share.Kind
    selection: dict[str, Any] = field(default_factory=dict)
    with_data: bool = False

    def but(self, **fields: Any) -> Click:
        """Return the same click with other fields; None leaves one out."""
        changed = self.fields | {k.replace("__", "-"): v for k, v in fields.items()}
        return replace(self, fields={k: v for k, v in changed.items() if v is not None})


def _fields(sky: Sky, **more: Any) -> dict[str, Any]:
    return {
        "share_destination": "partner",
        "share_title": "Tonight's data",
        "share_message": "Have a look.",
        "submitter": sky.owner.username,
        **more,
    }


def on_target(sky: Sky) -> Click:
    """Share the target with two of its three data points."""
    ticked = sky.points[:2]
    return Click(
        reverse("targets:share", kwargs={"pk": sky.target.pk}),
        _fields(sky, target=sky.target.pk, **{"share-box": ticked}),
        Share.Kind.TARGET,
        {"photometry": ticked},
    )


def on_target_list(sky: Sky) -> Click:
    """Share a list with one ticked target, and its data."""
    ticked = [sky.target.pk]
    chosen = {"selected-target": ticked, "dataSwitch": "on", "isSelectAll": "False"}
    return Click(
        reverse("targets:share-group", kwargs={"pk": sky.target_list.pk}),
        _fields(sky, target_list=sky.target_list.pk, **chosen),
        Share.Kind.TARGET_LIST,
        {"targets": ticked},
        with_data=True,
    )


def on_all_data(sky: Sky) -> Click:
    """Share all data of a target: the photometry form with nothing ticked."""
    return Click(
        reverse("dataproducts:share_all", kwargs={"tg_pk": sky.target.pk}),
        _fields(sky, target=sky.target.pk, data_type="photometry"),
        Share.Kind.TARGET_DATA,
        with_data=True,
    )


def on_photometry(sky: Sky) -> Click:
    """Share one ticked data point."""
    ticked = sky.points[:1]
    return replace(
        on_all_data(sky).but(share__box=ticked),
        kind=Share.Kind.DATUMS,
        selection={"photometry": ticked},
        with_data=False,
    )


def on_product(sky: Sky) -> Click:
    """Share a data product."""
    return Click(
        reverse("dataproducts:share", kwargs={"dp_pk": sky.product.pk}),
        _fields(sky, target=sky.target.pk),
        Share.Kind.DATA_PRODUCT,
    )


Door = Callable[[Sky], Click]

DOORS: dict[str, Door] = {
    "target": on_target,
    "target list": on_target_list,
    "all data": on_all_data,
    "photometry": on_photometry,
    "data product": on_product,
}
"""Every form of the host that shares."""
