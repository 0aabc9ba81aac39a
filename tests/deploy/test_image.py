"""The image: what it copies is there, what it installs is locked, its entry works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.deploy import files
from tests.support.processes import MANAGE, ROOT

ENTRYPOINT = files.DEPLOY / "image" / "entrypoint.sh"
KNOWN = {
    *("FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE"),
    *("ENTRYPOINT", "CMD"),
}


def copies() -> list[tuple[str, list[str], str]]:
    """Return from which stage what is copied, and to where."""
    found = []
    for word, rest in files.instructions():
        if word == "COPY":
            words = shlex.split(rest)
            stage = next((w[7:] for w in words if w.startswith("--from=")), "")
            plain = [w for w in words if not w.startswith("--")]
            found.append((stage, plain[:-1], plain[-1]))
    return found


def test_each_instruction_is_known() -> None:
    words = [word for word, _ in files.instructions()]

    assert set(words) <= KNOWN
    assert words[0] == "FROM"


def test_each_stage_that_is_copied_from_is_there() -> None:
    stages = {
        rest.split(" AS ")[1]
        for word, rest in files.instructions()
        if word == "FROM" and " AS " in rest
    }

    assert {stage for stage, _, _ in copies() if stage} <= stages


def test_what_is_copied_is_in_the_project_and_goes_to_the_builder() -> None:
    ignore = (files.DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sent = [line[1:] for line in ignore if line.startswith("!")]

    for stage, sources, _ in copies():
        for source in sources:
            if stage == "tom":
                assert (MANAGE.parent / source).exists(), source
            elif not stage:
                assert (ROOT / source).exists(), source
                assert any(source == s or source.startswith(f"{s}/") for s in sent)
    assert ignore[1] == "*"


def test_what_a_step_names_was_copied_before() -> None:
    there = {Path(goal).name for _, _, goal in copies()}
    there |= {Path(s).name for _, sources, _ in copies() for s in sources}
    there |= {path.name for path in MANAGE.parent.iterdir()}  # the TOM, as a whole
    there |= {"constraints.txt"}  # made from the lock

    for word, rest in files.instructions():
        if word == "RUN":
            for name in re.findall(r"[\w./-]+\.(?:txt|lock|sh|py)\b", rest):
                assert Path(name).name in there, name


def test_it_runs_as_an_ordinary_user() -> None:
    users = [rest for word, rest in files.instructions() if word == "USER"]

    assert users == ["10001:10001"]


def test_the_lock_becomes_constraints_that_pip_reads() -> None:
    (line,) = (rest for word, rest in files.instructions() if rest.startswith("sed "))
    command = line.partition(" requirements.lock")[0]

    done = subprocess.run(
        [*shlex.split(command), str(files.DEPLOY / "requirements.lock")],
        capture_output=True,
        text=True,
        check=True,
    )

    names = {Requirement(line).name for line in done.stdout.splitlines()}
    assert {"tomtoolkit", "celery", "gunicorn", "psycopg"} <= names
    assert "--hash" not in done.stdout


@pytest.mark.parametrize(
    "path",
    [files.DEPLOY / "image" / "requirements.txt", MANAGE.parent / "requirements.txt"],
    ids=["image", "TOM"],
)
def test_its_requirements_are_some(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line[:1] not in "#"]

    assert lines
    for line in lines:
        Requirement(line)


def entered(
    environment: dict[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ENTRYPOINT), *command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"partner": "a $word with \\"quotes\\" and `ticks`"}\n')

    done = entered({"KEY_FROM_FILE": str(secret)}, "env")

    assert done.stdout.splitlines().count(f"KEY={secret.read_text().strip()}") == 1
    assert "_FROM_FILE" not in done.stdout


def test_files_of_others_stay_what_they_are() -> None:
    """Such as SSL_CERT_FILE, which libraries read by themselves."""
    done = entered({"SSL_CERT_FILE": "/etc/ca.pem"}, "env")

    assert "SSL_CERT_FILE=/etc/ca.pem" in done.stdout


def test_a_secret_that_is_missing_ends_it_with_a_sentence() -> None:
    done = entered({"KEY_FROM_FILE": "/not/there"}, "env")

    assert done.returncode == 1
    assert done.stderr == "KEY_FROM_FILE names /not/there, which cannot be read.\n"


def test_the_command_takes_the_place_of_the_entry_point() -> None:
    """So that it gets the signals of its container."""
    done = entered({}, "sh", "-c", "echo $PPID")

    assert int(done.stdout) == os.getpid()


def test_the_settings_load_without_secrets_where_static_files_are_collected() -> None:
    (step,) = (rest for word, rest in files.instructions() if "collectstatic" in rest)

    assert "TOM_DEBUG=1 python manage.py collectstatic" in step
