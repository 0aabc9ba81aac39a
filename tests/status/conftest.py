"""People and shares for the tests of what people see."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.models import Delivery, Share


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = {
        "partner": {
            "DISPLAY_NAME": "Partner TOM",
            "BASE_URL": "http://partner.invalid/",
            "API_TOKEN": "not-a-token",
        }
    }


@pytest.fixture
def owner(db: None) -> User:
    """The person who shares."""
    return rows.person("owner")


@pytest.fixture
def share(owner: User) -> Share:
    """A planned share that runs, without deliveries yet."""
    return rows.share(
        owner, subject="All data of SN 2026abc", planned=True, status="running"
    )


def shown_to_all(share: Share) -> Share:
    """Let a share and its deliveries be about a target that everybody may view."""
    public = rows.target(
        rows.person("owner"), "Public star", permissions=Target.Permissions.PUBLIC
    )
    Share.objects.filter(pk=share.pk).update(target=public)
    share.deliveries.update(target=public)
    share.refresh_from_db()
    return share


def permitted(name: str, *codenames: str, **columns: Any) -> User:
    """Return a person with these permissions."""
    person = rows.person(name)
    for column, value in columns.items():
        setattr(person, column, value)
    person.save()
    wanted = Permission.objects.filter(codename__in=codenames)
    person.user_permissions.set(wanted.filter(content_type__app_label=_APP))
    return person


_APP = "tom_share_worker"


def browser(person: User | None) -> Client:
    """Return a browser in which this person is logged in."""
    client = Client()
    if person is not None:
        client.force_login(
            person, "allauth.account.auth_backends.AuthenticationBackend"
        )
    return client


def partly_refused(share: Share, refused: int, delivered: int) -> Delivery:
    """Return a delivered delivery of which some data points were refused."""
    ledger = Ledger.of(Key("photometry", pk) for pk in range(refused + delivered))
    for pk in range(refused):
        ledger.settle(Key("photometry", pk), Fate.REFUSED, "Its band is unknown.")
    for pk in range(refused, refused + delivered):
        ledger.settle(Key("photometry", pk), Fate.DELIVERED)
    return rows.delivery(
        share,
        kind=Delivery.Kind.DATUMS,
        status="delivered",
        ledger=ledger.rows(),
        datum_count=len(ledger),
        **ledger.counts(),
    )
