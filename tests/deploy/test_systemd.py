"""The units of systemd: known keys, programs that exist, signals that suit a worker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy import files
from tests.support.processes import MANAGE

_ANALYZE = shutil.which("systemd-analyze")
SERVICES = sorted(files.UNITS.glob("*.service"))
COMMON = files.UNITS / "tom-.service.d" / "10-common.conf"

KEYS = {
    "Unit": {"Description", "PartOf", "After", "Wants", "StartLimitIntervalSec"},
    "Install": {"WantedBy"},
    "Service": {
        *("Type", "NotifyAccess", "User", "Group", "WorkingDirectory", "Environment"),
        *("EnvironmentFile", "ExecStart", "ExecReload", "Restart", "RestartSec"),
        *("TimeoutStopSec", "KillMode", "KillSignal", "OOMPolicy", "StateDirectory"),
        *("NoNewPrivileges", "CapabilityBoundingSet", "ProtectSystem", "ProtectHome"),
        *("ReadWritePaths", "PrivateTmp", "PrivateDevices", "ProtectClock"),
        *("ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs"),
        *("ProtectKernelModules", "ProtectKernelTunables", "ProtectProc"),
        *("LockPersonality", "RestrictAddressFamilies", "RestrictNamespaces"),
        *("RestrictRealtime", "RestrictSUIDSGID", "RemoveIPC"),
        *("SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber"),
        "UMask",
    },
}


def values(path: Path) -> dict[str, str]:
    return {key: value for _, key, value in files.unit(path)}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units, with the programs where they are on this machine."""
    place = tmp_path / "units"
    shutil.copytree(files.UNITS, place)
    for path in [*place.glob("*.service"), *place.glob("*/*.conf")]:
        text = path.read_text()
        text = text.replace("/srv/tom/venv/bin", str(Path(sys.executable).parent))
        path.write_text(text.replace("/srv/tom", str(MANAGE.parent)))
    return place


def test_each_key_is_known_in_its_section() -> None:
    for path in [*SERVICES, COMMON, files.UNITS / "tom.target"]:
        for section, key, _ in files.unit(path):
            assert key in KEYS[section], f"{path.name}: [{section}] {key}"


def test_systemd_finds_nothing_wrong(here: Path) -> None:
    if _ANALYZE is None:
        pytest.skip("systemd is not installed here")
    units = [str(path) for path in here.glob("tom*") if path.is_file()]
    units = [unit for unit in units if not unit.endswith(".example")]

    done = _analyze(here, "verify", "--man=no", *units)

    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr, done.stderr


def test_systemd_thinks_them_hardened(here: Path) -> None:
    if _ANALYZE is None:
        pytest.skip("systemd is not installed here")

    for service in SERVICES:
        done = _analyze(
            here,
            "security",
            "--offline=yes",
            "--threshold=30",
            str(here / service.name),
        )
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


def _analyze(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # The colon adds systemd's own places, where network-online.target is.
    return subprocess.run(
        [str(_ANALYZE), *words],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{place}:"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_service_belongs_to_the_target_and_starts_a_program_of_the_tom() -> None:
    assert {path.stem for path in SERVICES} == {
        *("tom-web", "tom-share-worker", "tom-delivery", "tom-ingest", "tom-beat")
    }
    for path in SERVICES:
        known = values(path)
        assert known["WantedBy"] == "tom.target"
        program = known["ExecStart"].split()[0]
        assert program.startswith("/srv/tom/venv/bin/")
        assert (Path(sys.executable).parent / Path(program).name).exists()


def test_a_stop_lets_the_worker_hand_back_what_it_has() -> None:
    """SIGTERM to the worker alone: it needs its readers and its broker to the end."""
    common = values(COMMON)
    stops = {path.stem: int(values(path)["TimeoutStopSec"]) for path in SERVICES}

    assert (common["KillMode"], common["KillSignal"]) == ("mixed", "SIGTERM")
    assert common["Restart"] == "always"
    assert common["OOMPolicy"] == "continue"
    assert stops["tom-delivery"] == stops["tom-share-worker"] > 90  # TOTAL_TIMEOUT
    assert stops["tom-web"] > 30  # gunicorn's own patience


def test_the_names_of_the_environment_are_those_that_the_demo_reads() -> None:
    example = (files.UNITS / "tom.env.example").read_text()
    names = [
        line.partition("=")[0]
        for line in example.splitlines()
        if line and not line.startswith("#")
    ]
    read = (MANAGE.parent / "demo_tom" / "settings.py").read_text()

    for name in set(names) - {"DJANGO_SETTINGS_MODULE", "TOM_WSGI"}:
        assert name in read, name
