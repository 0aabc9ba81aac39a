"""Pages of the admin's lists: the right rows in the right order, however many."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from tests.operating.test_bulk import failed
from tests.status.admin.conftest import changelist
from tests.status.conftest import browser, permitted
from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, Share
from tom_share_worker.status.admin.paging import Counted

pytestmark = pytest.mark.django_db


def shown(client: Client, **query: Any) -> list[int]:
    """Return the ids of the rows on a page, in their order."""
    answer: Any = client.get(changelist("delivery", **query))
    return [row.pk for row in answer.context["cl"].result_list]


def test_pages_hold_each_row_once_and_in_order(client: Client, share: Share) -> None:
    failed(share, 120)
    newest_first = sorted(Delivery.objects.values_list("pk", flat=True), reverse=True)

    pages = [shown(client, p=number) for number in (1, 2, 3)]

    assert [len(page) for page in pages] == [50, 50, 20]
    assert [pk for page in pages for pk in page] == newest_first
    assert shown(client, o="9") == newest_first[::-1][:50]  # by creation
    assert len(shown(client, all="")) == 120
    assert shown(client, status="queued") == []


def test_a_page_takes_as_many_queries_wherever_it_is(
    client: Client, share: Share
) -> None:
    def queries(**query: Any) -> int:
        with CaptureQueriesContext(connection) as asked:
            shown(client, **query)
        return len(asked)

    failed(share, 20)
    queries()
    few = queries()
    failed(share, 200)

    # The count, and the keys of another page than the first.
    assert [queries(p=number) for number in (1, 2, 5)] == [few + 1, few + 2, few + 2]


def test_what_fits_on_a_page_is_looked_for_once(client: Client, share: Share) -> None:
    failed(share, 60)
    rows.delivery(share, target_name="Sought", status="failed")

    with CaptureQueriesContext(connection) as asked:
        assert len(shown(client, q="Sought")) == 1

    looks = [query for query in asked if "LIKE" in query["sql"].upper()]
    by_keys = [query for query in looks if " IN (" in query["sql"]]
    assert len(looks) - len(by_keys) == 1


def test_more_than_are_counted_is_said(
    client: Client, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "most", 100)
    failed(share, 130)

    text = client.get(changelist("delivery", status="failed")).content.decode()

    assert "Retry all that match, more than 100" in text
    assert "There are more of them than are counted" in text


@pytest.mark.parametrize("of", [2, 40])
def test_pages_of_attempts_hold_what_the_reader_sees(share: Share, of: int) -> None:
    """Of two attempts, or of forty, the reader sees one."""
    operator = permitted("operator", "operate", is_staff=True)
    open_, secret = (rows.target(rows.person("owner"), name) for name in ("A", "B"))
    assign_perm("tom_targets.view_target", operator, open_)
    seen, unseen = (
        rows.delivery(share, target_id=target.pk) for target in (open_, secret)
    )
    Attempt.objects.bulk_create(
        Attempt(
            delivery=seen if n % of == 0 else unseen,
            number=n,
            started=share.created,
        )
        for n in range(3000)
    )
    newest_first = list(seen.attempts.order_by("-pk").values_list("pk", flat=True))

    def page(number: int, **query: Any) -> list[int]:
        address = changelist("attempt", p=number, **query)
        answer: Any = browser(operator).get(address)
        return [row.pk for row in answer.context["cl"].result_list]

    for number in (1, 2):
        begin = 50 * (number - 1)
        assert page(number) == newest_first[begin : begin + 50]
        assert page(number, o="0") == newest_first[::-1][begin : begin + 50]
