"""`manage.py share --wait` as scripts use it: a real worker delivers what it asks."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.support import rows
from tests.support.processes import Process, manage
from tests.support.remote_tom import RemoteTom
from tests.support.toms import WAIT, Tom
from tests.support.waiting import wait_until
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db(transaction=True)

ASK = ("share", "--skip-checks", "--user", "astronomer", "--to", "partner", "--wait")


def run(tom: Tom, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, as a script does."""
    return subprocess.run(
        manage(*ASK, *arguments),
        env=os.environ | tom.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_it_waits_until_all_has_arrived(tom: Tom, partner: RemoteTom) -> None:
    target = rows.target(rows.person(), "SN 2026abc, the second")
    rows.photometry(target, 30)
    tom.start_worker()

    done = run(tom, "--target", "SN 2026abc, the second", "--with-data")

    assert done.returncode == 0, done.stdout + done.stderr + tom.tell()
    assert partner.store.magnitudes(target.name) == rows.magnitudes(30)
    assert "goes to Partner TOM" in done.stdout
    assert "100 %, delivered." in done.stdout
    assert "30 delivered" in done.stdout


def test_it_tells_by_its_exit_status_what_did_not_arrive(
    tom: Tom, partner: RemoteTom
) -> None:
    points = rows.photometry(rows.target(rows.person(), "SN 2026abc"), 1)
    tom.start_worker()

    done = run(tom, "--photometry", str(points[0]))

    assert done.returncode == 1, done.stdout + done.stderr + tom.tell()
    assert "The share is failed." in done.stderr
    assert "No matching target (1 delivery): The other TOM has no target" in done.stderr


def test_an_interrupt_ends_the_command_and_not_the_share(
    tom: Tom, partner: RemoteTom
) -> None:
    rows.target(rows.person(), "SN 2026abc")
    command = Process(
        "share",
        manage(*ASK, "--target", "SN 2026abc"),
        tom.environment,
        tom.directory,
    )
    wait_until(lambda: "0 %" in command.log(), WAIT, "it to follow", command.tell)

    command.popen.send_signal(signal.SIGINT)

    assert command.await_end() == 130
    assert "It goes on in the background" in command.log()
    assert "Traceback" not in command.log()
    tom.start_worker()
    tom.await_delivered(Share.objects.get())
    assert "SN 2026abc" in [target["name"] for target in partner.store.targets]
