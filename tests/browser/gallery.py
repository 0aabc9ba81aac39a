"""A TOM in which something of everything has happened, for tests that see all pages.

The rows are as the app itself leaves them: shares in each state, causes of each kind,
files read and not read, destinations open, paused and down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from tests.browser import gallery_operating
from tests.support import persistent, rows
from tests.support.toms import Tom
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    ConnectionTest,
    Delivery,
    Failure,
    IngestJob,
    RemoteTarget,
    Share,
)

LONG_NAME = "Gaia-DR3-4657994321463473792-with-a-name-that-fills-more-than-a-line"
PAGE = "<!doctype html><title>Bad gateway</title>" + "<p>upstream</p>" * 20


@dataclass(frozen=True)
class Gallery:
    """The rows that pages are opened for."""

    astronomer: User
    operator: User
    target: Any
    target_list: Any
    product: Any
    share: Share
    ended: Share
    delivery: Delivery
    choice: RemoteTarget
    persistent_share: Any
    job: IngestJob
    test: ConnectionTest
    bulk_action: BulkAction
    attempt: Attempt


def filled(tom: Tom) -> Gallery:
    """Fill the TOM; return what its pages are about."""
    _know_destinations(tom)
    astronomer, operator = people()
    target = rows.target(astronomer, "SN 2026abc", "AT 2026abc", LONG_NAME)
    everything = rows.every_kind(target, 3)
    share, delivery, attempt = _shares(astronomer, target)
    return Gallery(
        astronomer=astronomer,
        operator=operator,
        target=target,
        target_list=rows.target_list("Bulge season 2026", target),
        product=target.dataproduct_set.get(pk=everything["data_products"][0]),
        share=share,
        ended=Share.objects.get(status="partly delivered"),
        delivery=delivery,
        choice=_choice(astronomer),
        persistent_share=persistent.persistent_share(astronomer, target),
        job=gallery_operating.jobs(astronomer, target),
        test=gallery_operating.destinations(operator),
        bulk_action=gallery_operating.bulk_action(operator),
        attempt=attempt,
    )


def people() -> tuple[User, User]:
    """Return an astronomer with the usual rights, and an operator with all."""
    astronomer, operator = rows.person("astronomer"), rows.person("operator")
    usual = Permission.objects.filter(content_type__model="persistentshare")
    astronomer.user_permissions.set(usual)
    operator.is_staff = operator.is_superuser = True
    operator.save()
    return astronomer, operator


def _know_destinations(tom: Tom) -> None:
    """Name three of them; nobody is there, and no worker asks."""
    tom.knows(
        **{
            key: {
                "DISPLAY_NAME": name,
                "BASE_URL": f"http://{key}.invalid/",
                "API_TOKEN": "not-a-token",
            }
            for key, name in (
                ("partner", "Partner TOM"),
                ("network", "Network TOM"),
                ("archive", "Archive of the southern sky"),
            )
        }
    )


def _shares(astronomer: User, target: Any) -> tuple[Share, Delivery, Attempt]:
    """Make a share in each state, and one in which everything happened."""
    for status in Share.Status.values:
        made = rows.share(
            astronomer,
            target=target,
            subject=f"All data of {target.name}",
            planned=True,
            status=status,
            ended=timezone.now() if status in Share.ENDED else None,
        )
        rows.delivery(made, status=_DELIVERY[status], photometry=[1, 2])
    share = rows.share(
        astronomer,
        target=target,
        subject=f"All data of {LONG_NAME}",
        title="Photometry of the night",
        message="Clouds from 03 UT.\nSee the log of the night.",
        planned=True,
        status="running",
    )
    rows.delivery(share, status="delivered", link="http://partner.invalid/targets/7/")
    for failure in Failure:
        row = rows.delivery(
            share,
            status="failed",
            failure=failure,
            note="The other TOM answered 400: This field is required.",
        )
        rows.delivery(share, photometry=[5, 6], after=row, status="queued")
    return share, *_with_attempts(share)


_DELIVERY = {
    "queued": "queued",
    "running": "sending",
    "delivered": "delivered",
    "partly delivered": "failed",
    "failed": "failed",
    "cancelled": "cancelled",
}


def _with_attempts(share: Share) -> tuple[Delivery, Attempt]:
    """Make a delivery whose data was refused in part, after a try that failed."""
    keys = [Key("photometry", pk) for pk in range(8)]
    ledger = Ledger.of(keys)
    for key in keys[:2]:
        ledger.settle(key, Fate.REFUSED, "It has no filter.")
    for key in keys[2:]:
        ledger.settle(key, Fate.DELIVERED)
    delivery = rows.delivery(
        share,
        kind=Delivery.Kind.DATUMS,
        status="delivered",
        ledger=ledger.rows(),
        datum_count=len(ledger),
        attempt_count=2,
        **ledger.counts(),
    )
    common: dict[str, Any] = {
        "delivery": delivery,
        "claim": "0" * 32,
        "worker": "share_worker.7@survey",
        "request": "POST http://partner.invalid/api/reduceddatums/",
        "started": timezone.now(),
        "ended": timezone.now(),
    }
    first = Attempt.objects.create(
        number=1,
        outcome="failed",
        failure=Failure.DESTINATION_DOWN,
        status_code=502,
        answer=PAGE,
        note="It answered 502 Bad Gateway",
        **common,
    )
    Attempt.objects.create(number=2, outcome="delivered", status_code=201, **common)
    return delivery, first


def _choice(astronomer: User) -> RemoteTarget:
    """Make a target that has two twins at the partner."""
    target = rows.target(astronomer, "SN 2026xyz", ra=10.0, dec=-5.5)
    share = rows.share(astronomer, target=target, planned=True, status="failed")
    rows.delivery(share, status="failed", failure=Failure.AMBIGUOUS_TARGET)
    twins = [
        {
            "id": str(n),
            "name": name,
            "aliases": ["ZTF26x"],
            "ra": 10.0001,
            "dec": -5.5,
            "type": "SIDEREAL",
        }
        for n, name in ((7, "SN2026xyz"), (8, "sn 2026XYZ"))
    ]
    return RemoteTarget.objects.create(
        destination="partner", target=target, candidates=twins
    )
