"""What `manage.py shares` tells operators and scripts holds: commands, statuses."""

from __future__ import annotations

import os
import re
import shlex
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.support import rows
from tests.test_shares_command import DAY, failed, shares
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import (
    BulkAction,
    Delivery,
    Destination,
    IngestJob,
    Routine,
    Share,
    Worker,
)
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(settings: Any) -> None:
    """Workers and the sweep are well."""
    settings.DATA_SHARING = {
        "partner": {
            "DISPLAY_NAME": "Partner TOM",
            "BASE_URL": "http://partner.invalid/",
            "API_TOKEN": "not-a-token",
        }
    }
    now = timezone.now()
    Worker.objects.create(name="worker@tom", started=now, seen=now, ingests=True)
    Routine.objects.create(name=Routine.SWEEP, ended=now)


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator")


def named(said: str) -> list[list[str]]:
    """Return the commands that are named, as a shell reads them."""
    found = re.findall(r"`manage\.py shares ([^`]*)`", said)
    return [shlex.split(command) for command in found]


@pytest.mark.parametrize("status", ["failed", "partly delivered"])
@pytest.mark.parametrize("since", ["24h", "2026-03-01 06:00"])
def test_the_commands_that_are_named_show_what_failed(status: str, since: str) -> None:
    share = failed()
    # Asked for long before it failed.
    Share.objects.update(status=status, created=timezone.now() - 3 * DAY)
    delivery = share.deliveries.latest("pk")
    rows.share(None, status="delivered", ended=timezone.now(), planned=True)

    said = shares("status", "--since", since)[1]
    which, why = named(said)

    assert shares(*which)[1].splitlines()[0].startswith(f"{share.pk}  {status}  ")
    assert shares(*which)[1].endswith("1 share, 1 shown.\n")
    of_it = [str(share.pk) if word == "ID" else word for word in why]
    assert f"{delivery.pk}  failed  refused data" in shares(*of_it)[1]
    assert "incoming --status" not in said


def test_the_command_that_is_named_shows_an_incoming_file_that_failed() -> None:
    now = timezone.now()
    old = {"status": "failed", "next_attempt_at": now, "ended": now - 3 * DAY}
    IngestJob.objects.create(file_name="old.csv", **old)
    IngestJob.objects.create(file_name="new.csv", **old | {"ended": now})

    (command,) = named(shares("status")[1])

    said = shares(*command)[1]
    assert "new.csv" in said
    assert "old.csv" not in said


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_who_has_a_shell_is_told_what_to_do_and_not_whom_to_ask(
    form: list[str],
) -> None:
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")

    said = shares("status", *form)[1]

    assert "Correct the account in DATA_SHARING" in said
    assert "ask an administrator" not in said


def test_a_dry_run_spells_names_as_they_are(operator: User) -> None:
    share = failed(1)

    said = shares(
        *("retry", "--destination", "partner", "--by", "McDonald", "--user"),
        *("operator", "--dry-run"),
    )[1]

    assert said.startswith("Deliveries to Partner TOM, asked for by McDonald: 0.")
    one = shares("retry", "--share", str(share.pk), "--user", "operator")[1]
    assert ". 1 delivery matches." in one


@pytest.mark.parametrize("what", ["status", "list", "health"])
def test_who_reads_no_more_is_told_nothing_more(what: str) -> None:
    failed(3)
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as pipe, pytest.raises(SystemExit) as end:
        call_command("shares", what, stdout=pipe)

    assert end.value.code == 141


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("delivered", "status"), [(0, 0), (1, 1), (2, 1)])
def test_a_script_learns_that_not_all_was_done(
    operator: User, delivered: int, status: int
) -> None:
    share = failed(2)
    pks = list(share.deliveries.values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=pks[:delivered]).update(status="delivered")
    ids = [word for pk in pks for word in ("--id", str(pk))]
    worker = threading.Thread(target=_work)
    worker.start()

    found, said = shares("retry", *ids, "--user", "operator", "--wait")
    worker.join()

    assert found == status
    assert ("left alone" in said) is bool(delivered)


def test_health_is_red_only_where_sharing_does_not_work() -> None:
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")

    assert shares("status")[0] == 1
    status, said = shares("health")
    assert status == 0
    assert "something needs a person" in said

    Worker.objects.update(seen=timezone.now() - DAY)
    assert shares("health")[0] == 3


def _work() -> None:
    """Do the bulk action that is asked for, as a worker does."""
    for _ in range(100):
        action = BulkAction.objects.first()
        if action is not None:
            bulk.run(action.pk)
            break
        time.sleep(0.1)
    connection.close()


def of_section(heading: str) -> list[list[str]]:
    """Return the commands of a part of the document for operators."""
    text = (Path(__file__).parent.parent / "docs/operating.md").read_text()
    part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = part.partition("```bash\n")[2].partition("```")[0]
    return [shlex.split(line)[3:] for line in block.splitlines()]


def test_the_commands_to_stop_all_leave_nothing_that_waits() -> None:
    alice = User.objects.create_superuser("alice")
    target = rows.target(alice)
    asked = rows.share(alice, target=target, kind="target")
    planned = rows.share(alice, target=target, status="running", planned=True)
    rows.delivery(planned)
    over = rows.share(alice, target=target, status="cancelled", ended=timezone.now())
    rows.delivery(over)  # retried alone

    for command in of_section("Something must stop at once"):
        if command[0] == "cancel":
            assert Destination.objects.get().paused
            command.remove("--wait")  # no worker runs here
        assert shares(*command)[0] == 0
        for action in BulkAction.objects.exclude(status="done"):
            bulk.run(action.pk)
    planner.plan(asked.pk)

    assert set(Share.objects.values_list("status", flat=True)) == {"cancelled"}
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}
    assert asked.deliveries.count() == 0
    assert not Destination.objects.get().paused
