"""By what the deliveries of a share are narrowed, and how many each choice leaves."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.status.conftest import browser, partly_refused
from tests.support import rows
from tom_share_worker.models import Failure, Share

STANDINGS = (
    ("queued", ""),
    ("queued", Failure.DESTINATION_DOWN),
    ("sending", ""),
    ("delivered", ""),
    ("delivered", ""),
    ("failed", ""),
    ("failed", Failure.OUR_FAULT),
    ("failed", Failure.AMBIGUOUS_TARGET),
    ("failed", Failure.REFUSED_DATA),
    ("cancelled", ""),
)


@pytest.fixture(autouse=True)
def _deliveries(owner: User, share: Share) -> None:
    target = rows.target(owner, "NGC 1")
    for status, failure in STANDINGS:
        named = {"target_id": target.pk, "target_name": target.name}
        rows.delivery(share, status=status, failure=failure, **named)
    partly_refused(share, 1, 2)


def asked(owner: User, share: Share, **chosen: str) -> Any:
    return browser(owner).get(share.get_absolute_url(), chosen).context


def test_each_choice_tells_how_many_it_leaves(owner: User, share: Share) -> None:
    form = asked(owner, share)["filter"].form
    told = {}
    for name in ("status", "cause"):
        for value, label in form.fields[name].choices:
            if value:
                page = asked(owner, share, **{name: value})
                number = int(label.rpartition("(")[2].rstrip(")"))
                assert page["table"].paginator.count == number
                assert len(page["table"].data.data) == number
                told[value] = number

    assert told == {
        **{"queued": 2, "sending": 1, "delivered": 3, "failed": 3, "cancelled": 1},
        **{"waits for a person": 1, "ambiguous target": 1},
        **{"refused data": 2, "our fault": 2},
    }


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, 11),
        ({"status": "failed", "cause": "our fault"}, 2),
        ({"status": "queued", "cause": "our fault"}, 0),
        ({"status": "failed", "q": "NGC"}, 3),
        ({"q": "NGC"}, 10),
        ({"q": "nothing like it"}, 0),
        ({"cause": "credentials refused"}, 0),
        ({"status": "nonsense"}, 11),
    ],
)
def test_the_pages_are_those_of_what_is_left(
    owner: User, share: Share, chosen: dict[str, str], left: int
) -> None:
    table = asked(owner, share, **chosen)["table"]

    assert table.paginator.count == left
    assert len(table.data.data) == left


def test_what_the_page_has_counted_is_not_counted_again(
    owner: User, share: Share
) -> None:
    with CaptureQueriesContext(connection) as queries:
        asked(owner, share, status="failed")

    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    # How many are hidden from the reader is another number.
    assert len([sql for sql in counts if "tom_share_worker_delivery" in sql]) == 1
