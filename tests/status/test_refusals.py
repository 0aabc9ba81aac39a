"""What was refused of a share, and why: the most frequent reasons first."""

from __future__ import annotations

from collections import Counter

import pytest
from django.contrib.auth.models import User

from tests.status.conftest import browser, partly_refused
from tests.support import rows
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.models import Delivery, Share
from tom_share_worker.status import overview, refusals


def refused(share: Share, *reasons: str) -> Delivery:
    """Return a delivery whose data points were refused for these reasons."""
    ledger = Ledger.of(Key("photometry", pk) for pk in range(len(reasons)))
    for pk, reason in enumerate(reasons):
        ledger.settle(Key("photometry", pk), Fate.REFUSED, reason)
    return rows.delivery(
        share,
        kind="data points",
        status="delivered",
        ledger=ledger.rows(),
        datum_count=len(ledger),
        **ledger.counts(),
    )


def of(share: Share) -> refusals.Refusals:
    return refusals.of(share.deliveries.all(), overview.tally(share))


def told(share: Share) -> Counter[str]:
    found = of(share)
    return Counter(
        {reason.text: int(reason.count.split()[0]) for reason in found.reasons}
    )


def test_reasons_are_counted_over_all_deliveries(share: Share) -> None:
    refused(share, "No band.", "No band.", "Too late.")
    first = refused(share, "No band.")
    rows.delivery(
        share,
        kind="data product",
        status="failed",
        failure="refused data",
        note="It is no FITS file.",
    )
    refused(share, "")

    found = of(share)

    assert found.reasons[0].text == "No band."
    assert told(share) == {
        "No band.": 3,
        "Too late.": 1,
        "It is no FITS file.": 1,
        "No reason was given.": 1,
    }
    assert found.reasons[0].example in {first.pk, first.pk - 1}
    assert (found.more, found.unread) == (0, 0)


def test_only_the_most_frequent_are_shown_and_the_rest_is_counted(share: Share) -> None:
    refused(share, "Often.", "Often.", *(f"Reason {n}." for n in range(14)))

    found = of(share)

    assert found.reasons[0].text == "Often."
    assert len(found.reasons) == refusals.SHOWN
    assert found.more == 5


@pytest.mark.parametrize("limit", ["READ", "READ_DATUMS"])
def test_not_every_ledger_of_a_large_share_is_read(
    share: Share, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        refused(share, "No band.", "No band.")
    monkeypatch.setattr(refusals, limit, {"READ": 3, "READ_DATUMS": 7}[limit])

    found = of(share)

    assert told(share) == {"No band.": 6}
    assert found.unread == 2


def test_the_page_shows_reasons_and_leads_on(owner: User, share: Share) -> None:
    delivery = partly_refused(share, refused=2, delivered=1)

    page = browser(owner).get(share.get_absolute_url()).content.decode()

    section = page.split('id="refused"')[1].split('id="deliveries"')[0]
    assert "Its band is unknown." in section
    assert "2 data points" in section
    assert f'href="/shares/deliveries/{delivery.pk}/"' in section


def test_nothing_is_said_of_refusals_where_nothing_was_refused(
    owner: User, share: Share
) -> None:
    rows.delivery(share, status="failed", failure="our fault")

    page = browser(owner).get(share.get_absolute_url()).content.decode()

    assert 'id="refused"' not in page
