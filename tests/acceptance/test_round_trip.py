"""Whatever a TOM holds arrives in another one unchanged, and from there in a third.

All three are real TOM Toolkits: ours with a real worker, and two unmodified ones whose
databases are compared with ours, field by field, because their API does not show all.
The second one gets this app later, as a TOM that joins in, and shares what it received.
Hypothesis makes up the rows; a failure prints the line that repeats it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import Target

from sample_data.accounts import PARTNER
from tests.support import brokers, generated, rows
from tests.support.processes import Process, manage, run_manage
from tests.support.stock_tom import StockTom
from tests.support.toms import Tom
from tests.support.waiting import wait_until
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.models import Share

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
    # A failure prints all rows of the example, and the line that repeats it.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]

MODELS: dict[str, Any] = {
    "photometry": PhotometryReducedDatum,
    "spectroscopy": SpectroscopyReducedDatum,
    "astrometry": AstrometryReducedDatum,
    "generic": ReducedDatum,
}
OF_ONE_TOM = {"id", "target_id", "data_product_id"}
OF_ONE_TOM |= {"created", "modified", "permissions", "shared_by", "shared_from"}
HOME = "https://survey.example.org"

quietly = settings(
    max_examples=10,
    deadline=None,
    # Each example is a share between processes: looking for a smaller one takes hours.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    database=None,
)


@pytest.fixture(scope="module")
def stocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[StockTom]]:
    """Two running TOM Toolkits without this app."""
    made = [StockTom(tmp_path_factory.mktemp(f"stock-{n}")) for n in range(2)]
    try:
        for stock in made:
            stock.start()
        yield made
    finally:
        for stock in made:
            stock.close()


@pytest.fixture
def survey(tom: Tom, stocks: list[StockTom]) -> Tom:
    """Our TOM, which knows the first of the others, and its worker."""
    tom.knows(stock=stocks[0].entry())
    tom.hurry(PUBLIC_URL=HOME, READ_TIMEOUT=20, TOTAL_TIMEOUT=30)
    tom.start_worker()
    return tom


def make(owner: User, number: int, row: generated.Row) -> Target:
    """Put a generated target with all its data into our database."""
    target = Target(name=f"Round trip {number}{row['name']}"[:100], **row["fields"])
    aliases = [
        f"Alias {number}-{n}{alias}"[:100].rstrip()
        for n, alias in enumerate(row["aliases"])
    ]
    target.save(names=aliases, extras=row["extras"])
    target.give_user_access(owner)
    for kind, data in row["data"].items():
        MODELS[kind].objects.bulk_create(
            MODELS[kind](target=target, **fields) for fields in data
        )
    return target


def normal(value: Any) -> Any:
    """Return a value of either database in one form that shows every bit."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()
    if isinstance(value, dict | list) and connection.vendor == "sqlite":
        # PostgreSQL keeps what a number is, not how it was written.
        return json.dumps(value, sort_keys=True)
    if isinstance(value, float):
        # A column of SQLite does not keep the sign of a zero.
        return (value + 0.0).hex()
    return int(value) if isinstance(value, bool) else value


def ours(model: Any, targets: list[Target]) -> list[dict[str, Any]]:
    """Return our rows of a model, as they are to arrive."""
    found = []
    for row in model.objects.filter(target__in=targets).order_by("timestamp"):
        fields = {f.attname: getattr(row, f.attname) for f in model._meta.fields}
        if not row.source_name:
            fields["source_name"] = "Survey TOM"
            fields["source_location"] = (
                row.source_location or f"{HOME}/api/reduceddatums/{row.pk}/"
            )
        found.append(_comparable(fields) | {"of": row.target.name})
    return found


def theirs(stock: StockTom, model: Any, targets: list[Target]) -> list[dict[str, Any]]:
    """Return the rows of a model that another TOM holds of these targets."""
    names = {t["id"]: t["name"] for t in stock.rows("tom_targets_basetarget")}
    wanted = {target.name for target in targets}
    found = []
    for row in stock.rows(model._meta.db_table, order="timestamp"):
        if names[row["target_id"]] in wanted:
            read = {f.attname: _read(f, row[f.attname]) for f in model._meta.fields}
            found.append(_comparable(read) | {"of": names[row["target_id"]]})
    return found


def _read(field: Any, value: Any) -> Any:
    """Return what is in a column of an SQLite database, as Django would."""
    kind = field.get_internal_type()
    if value is None:
        return None
    if kind == "DateTimeField":
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if kind == "JSONField":
        return json.loads(value)
    return value


def _comparable(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: normal(v) for k, v in fields.items() if k not in OF_ONE_TOM}


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda row: (row["of"], str(row["timestamp"]), repr(row)))


def assert_arrived(stock: StockTom, targets: list[Target]) -> None:
    """Compare all that another TOM holds of these targets with what we hold."""
    for model in MODELS.values():
        assert in_order(theirs(stock, model, targets)) == in_order(ours(model, targets))
    copies = {row["name"]: row for row in stock.rows("tom_targets_basetarget")}
    for target in targets:
        copy = copies[target.name]
        for field in Target._meta.concrete_fields:
            if field.name not in OF_ONE_TOM:
                sent = normal(getattr(target, field.attname))
                assert normal(copy[field.attname]) == sent, field.name
        assert_parts_arrived(stock, target, copy["id"])


def assert_parts_arrived(stock: StockTom, target: Target, pk: int) -> None:
    """Compare the aliases and the extras of a target, in all their types."""
    names = stock.rows("tom_targets_targetname")
    aliases = {row["name"] for row in names if row["target_id"] == pk}
    assert aliases == {alias.name for alias in target.aliases.all()}
    columns = ("value", "float_value", "bool_value", "time_value")
    extras = {
        row["key"]: [normal(row[name]) for name in columns]
        for row in stock.rows("tom_targets_targetextra")
        if row["target_id"] == pk
    }
    sent = {}
    for extra in target.targetextra_set.all():
        sent[extra.key] = [normal(getattr(extra, name)) for name in columns]
        if extra.time_value:
            sent[extra.key][-1] = sent[extra.key][-1].replace("T", " ")
    assert extras == sent


def await_end(tom: Tom, share: Share) -> Share:
    """Wait until a share has ended, well or not."""
    wait_until(
        lambda: Share.objects.filter(pk=share.pk, status__in=Share.ENDED).exists(),
        120,
        f"'{share}' to end",
        tom.tell,
    )
    share.refresh_from_db()
    return share


def share_on(stocks: list[StockTom], logs: Path) -> None:
    """Let the second TOM get this app and share all it received with the third."""
    second, third = stocks
    with brokers.running(logs) as broker:
        environment = second.environment | {
            "TOM_WITH_SHARE_WORKER": "1",
            "TOM_DATA_SHARING": json.dumps({"third": third.entry()}),
            "REDIS_URL": broker.url,
        }
        run_manage(environment, "migrate", "--verbosity", "0")
        ask = (
            "from django.contrib.auth.models import User\n"
            "from tom_targets.models import TargetList\n"
            "from tom_share_worker.delivery.asking import outbox\n"
            f"person = User.objects.get(username={PARTNER.username!r})\n"
            "lists = TargetList.objects.get(name='Imported From Survey TOM')\n"
            "outbox.share_target_list(person, 'third', lists, None, True)"
        )
        run_manage(environment, "shell", "--verbosity", "0", "-c", ask)
        command = manage("share_worker", "--skip-checks")
        worker = Process("second-worker", command, environment, logs)
        try:
            wait_until(
                lambda: second.rows("tom_share_worker_share")[-1]["ended"],
                300,
                "the second TOM to have shared",
                worker.tell,
            )
        finally:
            worker.kill()
    [share] = second.rows("tom_share_worker_share")
    deliveries = second.rows("tom_share_worker_delivery")
    assert share["status"] == "delivered", [row["note"] for row in deliveries]


def test_whatever_a_tom_holds_arrives_unchanged_in_a_second_and_a_third(
    survey: Tom, stocks: list[StockTom], tmp_path: Path
) -> None:
    owner = rows.person()
    made: list[Target] = []

    @quietly
    @given(generated.sky)
    def arrives(described: generated.Sky) -> None:
        some = [
            make(owner, number, row)
            for number, row in enumerate(described.targets, len(made))
        ]
        made.extend(some)
        night = rows.target_list(f"Night {len(made)}", *some)

        share = outbox.share_target_list(owner, "stock", night, None, True)

        await_end(survey, share)
        assert share.status == Share.Status.DELIVERED, survey.tell()
        assert_arrived(stocks[0], some)

    arrives()
    share_on(stocks, tmp_path)
    assert_arrived(stocks[1], made)
    assert sum(model.objects.count() for model in MODELS.values()) > 30
