"""Figures for Prometheus, reckoned from the rows whenever they are asked for.

Asked by the page `/shares/metrics/`. As the rows are the state, web servers and workers
have nothing to add up among themselves. `prometheus-client` is an extra of this app, so
it is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from importlib.util import find_spec
from itertools import product
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone

from tom_share_worker.delivery import dispatch, gate
from tom_share_worker.ingest.jobs import dispatch as ingest
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    Delivery,
    IngestJob,
    Routine,
    SavedDatum,
    Share,
    Worker,
)
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.operating import backlog

WINDOW = timedelta(hours=1)
"""The attempts of so long are counted, as older ones may have been pruned: a counter
would run backwards."""

STATES = ("open", "backing off", "paused")
"""What a destination may be."""

Samples = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, and the figure."""

FIGURES: dict[str, tuple[tuple[str, ...], str]] = {
    "workers": (("work",), "Workers that gave a sign of life lately, by what they do."),
    "sweep_age_seconds": (
        (),
        "Time since the last sweep ended; +Inf if none ever did.",
    ),
    "destination_state": (
        ("destination", "state"),
        "1 for the state that a destination is in, 0 for the others.",
    ),
    "deliveries": (("destination", "status"), "Deliveries there are."),
    "failed_deliveries": (("destination", "failure"), "Those that failed, by why."),
    "deliveries_due": (("destination",), "Deliveries that may go and wait for a slot."),
    "deliveries_oldest_due_age_seconds": (
        ("destination",),
        "Since how long the oldest of them waits; 0 if there is none.",
    ),
    "attempts_last_hour": (
        ("destination", "outcome"),
        "Attempts that ended within the last hour.",
    ),
    "shares": (("status",), "Shares there are."),
    "ingest_jobs": (("status",), "Incoming files there are."),
    "ingest_jobs_due": ((), "Incoming files that may be processed and wait."),
    "ingest_jobs_oldest_due_age_seconds": (
        (),
        "Since how long the oldest of them waits; 0 if there is none.",
    ),
    "bulk_actions": (("status",), "Bulk actions there are."),
    "saved_data_waiting": ((), "Saved data points not yet gathered into shares."),
}
"""Every figure by its name without `tom_share_`: its labels, and what it tells."""


def is_installed() -> bool:
    """True if the extra `metrics` is there."""
    try:
        return find_spec("prometheus_client") is not None
    except ValueError:  # put out of reach in this process
        return False


def exposition(accept: str) -> tuple[bytes, str]:
    """Return all figures in the format that is asked for, and its content type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry()
    registry.register(_Collector())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    """What prometheus-client asks; it knows the figures only when asked."""

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        for name, samples in figures().items():
            labels, told = FIGURES[name]
            family = GaugeMetricFamily(f"tom_share_{name}", told, labels=labels)
            for values, figure in samples:
                family.add_metric(values, figure)
            yield family

    def describe(self) -> list[Any]:
        """Tell nothing beforehand, so that registering makes no queries."""
        return []


def figures() -> dict[str, Samples]:
    """Return the figures by their names; a fixed number of queries."""
    now = timezone.now()
    queues = backlog.destinations(now)
    keys = [queue.destination.key for queue in queues]
    due = dispatch.due(now).order_by().values_list("destination")
    jobs = ingest.due(now).aggregate(n=Count("pk"), oldest=Min("next_attempt_at"))
    return {
        "workers": _workers(now),
        "sweep_age_seconds": [((), _sweep_age(now))],
        "destination_state": _states(queues, now),
        "deliveries": _filled(
            _by(Delivery.objects, "destination", "status"), keys, Delivery.Status.values
        ),
        "failed_deliveries": _by(
            Delivery.objects.filter(status=Delivery.Status.FAILED),
            *("destination", "failure"),
        ),
        "deliveries_due": _filled(
            [((key,), n) for key, n in due.annotate(n=Count("*"))], keys
        ),
        "deliveries_oldest_due_age_seconds": [
            ((queue.destination.key,), _age(queue.oldest, now)) for queue in queues
        ],
        "attempts_last_hour": _filled(
            _by(
                Attempt.objects.filter(ended__gt=now - WINDOW),
                *("delivery__destination", "outcome"),
            ),
            keys,
            Attempt.Outcome.values,
        ),
        "shares": _filled(_by(Share.objects, "status"), Share.Status.values),
        "ingest_jobs": _filled(
            _by(IngestJob.objects, "status"), IngestJob.Status.values
        ),
        "ingest_jobs_due": [((), jobs["n"])],
        "ingest_jobs_oldest_due_age_seconds": [((), _age(jobs["oldest"], now))],
        "bulk_actions": _filled(
            _by(BulkAction.objects, "status"), BulkAction.Status.values
        ),
        "saved_data_waiting": [((), SavedDatum.objects.count())],
    }


def _by(rows: Any, *columns: str) -> Samples:
    """Count rows by columns."""
    counted = rows.order_by().values_list(*columns).annotate(n=Count("*"))
    return [(tuple(map(str, values)), n) for *values, n in counted]


def _filled(samples: Samples, *values: Iterable[str]) -> Samples:
    """Say 0 of what there is none, so that an alert finds the series from the start."""
    return list({**dict.fromkeys(product(*values), 0.0), **dict(samples)}.items())


def _age(time: Any, now: Any) -> float:
    return 0.0 if time is None else max(0.0, (now - time).total_seconds())


def _sweep_age(now: Any) -> float:
    last = Routine.last_ended(Routine.SWEEP)
    return float("inf") if last is None else _age(last, now)


def _workers(now: Any) -> Samples:
    alive = Worker.objects.filter(seen__gte=now - SEEN_RECENTLY)
    counted = alive.aggregate(
        delivery=Count("pk", filter=Q(delivers=True)),
        ingest=Count("pk", filter=Q(ingests=True)),
    )
    return [((work,), n) for work, n in counted.items()]


def _states(queues: Iterable[backlog.Queue], now: Any) -> Samples:
    found = []
    for queue in queues:
        row = queue.destination
        is_state = "open" if gate.is_open(row, now) else "backing off"
        is_state = "paused" if row.paused else is_state
        found += [((row.key, state), float(state == is_state)) for state in STATES]
    return found
