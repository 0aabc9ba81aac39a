"""What went through over time: each row in its bin, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import plotly.graph_objects as go
import pytest
from django.test import Client

from tests.status.operations.conftest import text
from tests.support import rows
from tom_share_worker.models import Attempt, Share
from tom_share_worker.status.operations import charts, history

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 15, 30, tzinfo=UTC)
HOUR, DAY, WEEK = history.PERIODS


def ended(share: Share, time: datetime, status: str = "delivered") -> None:
    rows.delivery(share, status=status, ended=time)


@pytest.mark.parametrize("over", history.PERIODS)
def test_a_row_is_in_the_bin_in_which_it_ended(
    share: Share, over: history.Period
) -> None:
    times = [NOW, NOW - over.bin, NOW - over.bin, NOW - over.length + over.bin]
    for time in times:
        ended(share, time)

    found = history.deliveries(over, NOW)

    line = found.counts["delivered"]
    assert len(line) == len(found.starts) == over.length / over.bin
    assert sum(line) == 4
    for time in times:
        place = next(n for n, s in enumerate(found.starts) if s <= time < s + over.bin)
        assert line[place] == times.count(time)


def test_the_edge_of_a_bin_belongs_to_the_bin_that_begins_there(share: Share) -> None:
    edge = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    ended(share, edge)
    ended(share, edge - timedelta(microseconds=1))

    found = history.deliveries(DAY, NOW)

    line = found.counts["delivered"]
    at = found.starts.index(edge)
    assert (line[at - 1], line[at]) == (1, 1)


def test_what_is_older_or_has_not_ended_is_left_out(share: Share) -> None:
    ended(share, NOW - timedelta(hours=25))
    rows.delivery(share)

    assert history.deliveries(DAY, NOW).is_empty
    assert history.deliveries(WEEK, NOW).totals()["delivered"] == 1


def test_deliveries_are_counted_by_how_they_ended(share: Share) -> None:
    for status in ("delivered", "failed", "failed", "cancelled"):
        ended(share, NOW, status)

    totals = history.deliveries(HOUR, NOW).totals()

    assert totals == {"delivered": 1, "failed": 2, "cancelled": 1}


def test_attempts_that_failed_are_counted_by_cause_the_most_frequent_first(
    share: Share,
) -> None:
    delivery = rows.delivery(share)
    causes = ["refused data", "destination down", "destination down", ""]
    for number, cause in enumerate(causes):
        Attempt.objects.create(
            delivery=delivery, number=number, started=NOW, ended=NOW, failure=cause
        )

    totals = history.failures(DAY, NOW).totals()

    assert list(totals.items()) == [("destination down", 2), ("refused data", 1)]


def test_a_figure_is_one_that_plotly_takes_and_shows_all_rows(share: Share) -> None:
    for status in ("delivered", "failed", "failed"):
        ended(share, NOW, status)

    made = charts.figure(history.deliveries(DAY, NOW), DAY)

    drawn = go.Figure(made)  # refuses what plotly.js does not know
    assert [(bar.name, sum(bar.y)) for bar in drawn.data] == [
        ("Delivered", 1),
        ("Failed", 2),
    ]
    # Failures are told apart without any colour.
    assert [bar.marker.pattern.shape for bar in drawn.data] == [None, "/"]


def test_each_chart_says_the_same_in_words_and_as_a_table(
    client: Client, share: Share
) -> None:
    now = datetime.now(UTC)
    for status in ("delivered", "failed"):
        ended(share, now - timedelta(minutes=40), status)

    shown = text(client, period="day")

    assert "1 delivered, 1 failed." in shown
    assert "From (UTC), for 30 minutes Delivered Failed Cancelled" in shown
    start = history.deliveries(DAY, now).starts
    at = max(s for s in start if s <= now - timedelta(minutes=40))
    assert f"{at:%Y-%m-%d %H:%M} 1 1 0" in shown
    assert shown.count("Nothing in this time.") == 2
