"""`manage.py shares`: sees and operates from a shell, and tells scripts how it went."""

from __future__ import annotations

import json
import re
import socket
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support import rows
from tom_share_worker.management.shares import options
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

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = {
        "partner": {
            "DISPLAY_NAME": "Partner TOM",
            "BASE_URL": "http://partner.invalid/",
            "API_TOKEN": "not-a-token",
        },
        "hermes": {
            "DISPLAY_NAME": "Hermes",
            "BASE_URL": "http://hermes.invalid/",
            "HERMES_API_KEY": "not-a-key",
            "USER_TOPICS": ["a.topic", "b.topic"],
        },
    }


@pytest.fixture
def _well() -> None:
    now = timezone.now()
    name = f"share_worker.1@{socket.gethostname()}"
    Worker.objects.create(name=name, started=now, seen=now, ingests=True)
    Routine.objects.create(name=Routine.SWEEP, ended=now)


@pytest.fixture
def operator() -> User:
    person = rows.person("operator")
    person.is_superuser = True
    person.save()
    return person


def shares(*given: str) -> tuple[int, str]:
    """Run the command as a script does; return the exit status and what it says."""
    out = StringIO()
    try:
        call_command("shares", *given, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def failed(count: int = 3, ended: timedelta = timedelta(0), **columns: Any) -> Share:
    """Return a share of which so many deliveries failed."""
    when = timezone.now() - ended
    share = rows.share(None, subject="M31", planned=True, status="failed", ended=when)
    for _ in range(count):
        more = {"failure": "refused data", "note": "Its band is unknown.", **columns}
        rows.delivery(share, status="failed", ended=when, **more)
    return share


@pytest.mark.usefixtures("_well")
def test_all_is_well() -> None:
    status, said = shares("status")

    assert status == 0
    assert "Sharing works." in said
    assert "1 worker sends deliveries." in said


def test_nobody_works() -> None:
    status, said = shares("status")

    assert status == 3
    assert "Sharing does not work." in said
    assert "manage.py share_worker" in said


@pytest.mark.usefixtures("_well")
def test_a_paused_destination_needs_a_person() -> None:
    Destination.objects.create(key="partner", paused=True, note="Refused.")

    status, said = shares("status")

    assert status == 1
    assert "partner: paused" in said


@pytest.mark.usefixtures("_well")
def test_what_failed_lately_needs_a_person_and_what_failed_long_ago_does_not() -> None:
    failed(ended=2 * DAY)

    assert shares("status")[0] == 0
    status, said = shares("status", "--since", "7d")

    assert status == 1
    assert "1 share failed" in said


@pytest.mark.usefixtures("_well")
def test_an_incoming_file_that_failed_needs_a_person() -> None:
    now = timezone.now()
    IngestJob.objects.create(status="failed", ended=now, next_attempt_at=now)

    assert shares("status")[0] == 1


@pytest.mark.usefixtures("_well")
def test_programs_read_how_it_stands() -> None:
    Destination.objects.create(key="partner", answered=timezone.now())
    failed()

    status, said = shares("status", "--json")
    told = json.loads(said)

    assert status == 1
    assert told["status"] == "ok"
    assert told["workers"] == {"delivery": 1, "ingest": 1}
    assert told["failed"]["shares"] == 1
    assert told["shares"]["failed"] == 1
    (partner,) = told["destinations"]
    assert (partner["destination"], partner["state"]) == ("partner", "open")
    assert partner["deliveries"]["failed"] == 3
    assert {check["status"] for check in told["checks"]} == {"ok"}


@pytest.mark.usefixtures("_well")
def test_status_takes_as_many_queries_for_many_rows_as_for_one() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            shares("status", "--json")
        return len(made)

    Destination.objects.create(key="partner")
    failed(1)
    before = queries()
    Destination.objects.create(key="hermes:a.topic")
    for _ in range(5):
        failed(5)

    assert queries() == before


def test_a_wrong_time_is_refused() -> None:
    status, said = shares("status", "--since", "lately")

    assert status == 2
    assert "--since: This must be a time" in said


@pytest.mark.usefixtures("_well")
def test_health_is_short_where_all_is_well() -> None:
    assert shares("health") == (0, "Sharing works.\n")


def test_health_says_what_is_wrong() -> None:
    status, said = shares("health", "--json")

    assert status == 3
    assert json.loads(said)["status"] == "down"


@pytest.mark.usefixtures("_well")
def test_a_probe_asks_for_the_worker_of_its_own_host() -> None:
    status, said = shares("health", "--worker")

    assert status == 0
    assert f"The worker on {socket.gethostname()} gave its last sign" in said


@pytest.mark.usefixtures("_well")
def test_a_probe_learns_that_the_worker_gives_no_sign() -> None:
    now = timezone.now()
    gone = now - timedelta(minutes=2)
    Worker.objects.create(name="celery@other", started=gone, seen=gone)

    assert shares("health", "--worker", "other")[0] == 3
    # The end of another host's name is not this host.
    assert shares("health", "--worker", "ther")[0] == 3


def test_rows_are_listed_by_a_filter() -> None:
    failed(3)
    failed(1, failure="destination down")

    status, said = shares("list", "--failure", "refused data", "--limit", "2")

    assert status == 0
    assert len(said.splitlines()) == 3
    assert "Its band is unknown." in said
    assert said.endswith("3 deliveries, 2 shown.\n")


def test_shares_are_listed_by_what_they_are_called() -> None:
    """Whoever has a shell reads all of them."""
    person = rows.person()
    rows.share(person, kind="targets", subject="Targets M31 and M32 without data")
    rows.share(person, kind="targets", subject="Target M33 without data")

    status, said = shares("list", "shares", "--search", "m31 astronomer")

    assert status == 0
    assert "M31 and M32" in said
    assert "1 share, 1 shown." in said


def test_rows_are_listed_for_programs() -> None:
    share = failed()

    said = shares("list", "shares", "--json")[1]

    assert [json.loads(line)["id"] for line in said.splitlines()] == [share.pk]


@pytest.mark.parametrize("kind", ["shares", "deliveries", "incoming"])
def test_each_kind_of_rows_can_be_listed(kind: str) -> None:
    now = timezone.now()
    failed()
    IngestJob.objects.create(status="failed", ended=now, next_attempt_at=now)

    status, said = shares("list", kind, "--status", "failed")

    assert status == 0
    assert "  failed  " in said


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    failed(1, note="\x1b]0;owned\x07\nSecond line")

    said = shares("list")[1]

    assert "\x1b" not in said
    assert len(said.splitlines()) == 2


def test_a_wrong_filter_is_refused_by_its_option() -> None:
    status, said = shares("list", "--status", "broken")

    assert status == 2
    assert "--status: There is no “broken”; known are queued" in said


def test_all_that_matches_is_retried_in_the_background(operator: User) -> None:
    failed(3)
    failed(2, failure="destination down")

    status, said = shares(
        *("retry", "--failure", "destination down", "--user", "operator")
    )

    assert status == 0
    action = BulkAction.objects.get()
    assert (action.verb, action.rows, action.total) == ("retry", "deliveries", 2)
    assert action.asked_by == operator
    assert "2 deliveries match." in said
    assert "No worker has ever been seen." in said
    bulk.run(action.pk)
    assert Delivery.objects.filter(status="queued").count() == 2


def test_a_dry_run_counts_and_does_nothing(operator: User) -> None:
    failed(3)

    status, said = shares("retry", "--all", "--user", "operator", "--dry-run")

    assert status == 0
    assert "Deliveries: 3 failed.\nNothing was done." in said
    assert not BulkAction.objects.exists()


@pytest.mark.parametrize("empty", [[], ["--since", ""], ["--search", " "]])
def test_without_a_filter_nothing_is_done(operator: User, empty: list[str]) -> None:
    failed(3)

    status, said = shares("cancel", *empty, "--user", "operator")

    assert status == 2
    assert "give --all" in said
    assert not BulkAction.objects.exists()


def test_a_person_acts_on_what_they_may_act_on_only() -> None:
    failed(3)
    rows.person("somebody")

    said = shares("retry", "--all", "--user", "somebody")[1]

    assert "0 deliveries match." in said


def test_an_unknown_account_is_refused() -> None:
    status, said = shares("retry", "--all", "--user", "nobody")

    assert status == 2
    assert "There is no account 'nobody' in this TOM." in said


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_the_time_that_was_given(operator: User) -> None:
    failed(3)

    status, said = shares(
        *("retry", "--all", "--user", "operator", "--timeout", "0.01")
    )

    assert status == 3
    assert "0 of 3." in said
    assert "It is still under way" in said


def test_incoming_files_are_processed_again(operator: User) -> None:
    now = timezone.now()
    product = rows.product(rows.target(operator))
    IngestJob.objects.create(
        status="failed", ended=now, next_attempt_at=now, data_product=product
    )

    shares("reprocess", "--status", "failed", "--user", "operator")

    bulk.run(BulkAction.objects.get().pk)
    assert IngestJob.objects.get().status == "queued"


def test_a_destination_is_paused_and_resumed_on_record(operator: User) -> None:
    assert shares(
        *("pause", "partner", "--reason", "They move house.", "--user", "operator")
    ) == (0, "Deliveries to Partner TOM wait until somebody resumes them.\n")
    row = Destination.objects.get(key="partner")
    assert (row.paused, row.paused_by) == (True, operator)
    assert row.note == "They move house."
    assert LogEntry.objects.get().user == operator

    again = shares("pause", "partner", "--user", "operator")
    assert again == (0, "Partner TOM is paused already.\n")

    assert shares("resume", "partner") == (0, "Deliveries go to Partner TOM again.\n")
    assert not Destination.objects.get(key="partner").paused
    assert shares("resume", "partner") == (0, "Partner TOM is open already.\n")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_who_may_not_steer_destinations_does_not_do_so_by_command(verb: str) -> None:
    Destination.objects.create(key="partner", paused=verb == "resume")
    rows.person("astronomer")

    status, said = shares(verb, "partner", "--user", "astronomer")

    assert status == 2
    assert "astronomer may not pause or resume destinations" in said
    assert Destination.objects.get().paused == (verb == "resume")


def test_an_entry_with_topics_is_paused_whole(operator: User) -> None:
    shares("pause", "hermes", "--user", "operator")

    paused = Destination.objects.filter(paused=True).values_list("key", flat=True)
    assert sorted(paused) == ["hermes:a.topic", "hermes:b.topic"]


@pytest.mark.parametrize("verb", [["pause", "--user", "operator"], ["resume"]])
def test_an_unknown_destination_is_refused(operator: User, verb: list[str]) -> None:
    status, said = shares(*verb, "partnr")

    assert status == 2
    assert "Known are: partner, hermes:a.topic, hermes:b.topic." in said


def test_what_ended_long_ago_is_deleted() -> None:
    failed(2, ended=100 * DAY)
    young = failed(1, ended=80 * DAY)

    status, said = shares("prune", "--older-than", "90d", "--dry-run")
    assert status == 0
    assert "Nothing was deleted; it would be 2 deliveries, 1 share," in said

    status, said = shares("prune", "--older-than", "90d")
    assert status == 0
    assert "Deleted: 2 deliveries, 1 share," in said
    assert list(Share.objects.all()) == [young]


def test_what_is_kept_for_ever_is_deleted_on_demand_only(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"RETENTION": None}

    status, said = shares("prune")

    assert status == 2
    assert "--older-than" in said


@pytest.mark.parametrize("length", ["90", "6d", "-90d", "90 d", "soon", "0d"])
def test_a_length_of_time_is_days_weeks_or_hours_and_a_week_at_least(
    length: str,
) -> None:
    status, said = shares("prune", f"--older-than={length}")

    assert "such as 90d, and 7d or more" in said
    assert status != 0


def test_a_length_beyond_the_calendar_deletes_nothing() -> None:
    made = failed(ended=DAY)

    assert shares("prune", "--older-than", "999999w")[0] == 0
    assert list(Share.objects.all()) == [made]


def test_the_document_tells_all_subcommands_and_exit_statuses() -> None:
    text = (Path(__file__).parent.parent / "docs/commands.md").read_text()
    table = dict(re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.MULTILINE))

    told = dict(re.findall(r"(\d) ([^;.]+)", options.EPILOG))

    assert {status: meaning.strip() for status, meaning in table.items()} == told
    for what in ("status", "list", "retry", "cancel", "reprocess", "pause", "resume"):
        assert f"manage.py shares {what}" in text
    for what in ("prune", "health"):
        assert f"manage.py shares {what}" in text
