"""The containers of deploy/compose fit the specification, each other and the docs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy import files
from tests.support.processes import ROOT

SCHEMAS = Path(__file__).parent / "schemas"
FOLDER = files.COMPOSE.parent
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


def test_it_fits_the_specification() -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
    schema["properties"]["name"] = {"type": "string"}

    jsonschema.Draft7Validator(schema).validate(files.compose())


def test_a_misspelt_key_would_be_noticed() -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
    wrong = {"services": {"web": {"image": "tom", "comand": ["gunicorn"]}}}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(wrong)


def test_docker_reads_it(tmp_path: Path) -> None:
    program = _compose_program()
    if program is None:
        pytest.skip("docker compose is not installed here")
    shutil.copytree(files.DEPLOY, tmp_path / "deploy")
    place = tmp_path / "deploy" / "compose"
    shutil.copy(place / ".env.example", place / ".env")
    subprocess.run([place / "make-secrets.sh"], check=True)

    done = subprocess.run(
        [*program, "--project-directory", str(place), "config", "--quiet"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def _compose_program() -> list[str] | None:
    for program in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(program[0]):
            asked = [*program, "version"]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return program
    return None


def test_what_a_container_names_is_there() -> None:
    whole = files.compose()

    for name, service in files.services().items():
        assert set(service.get("secrets", [])) <= set(whole["secrets"]), name
        assert set(service["networks"]) <= set(whole["networks"]), name
        assert set(service.get("depends_on", {})) <= set(whole["services"]), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            known = source in whole["volumes"] or (FOLDER / source).exists()
            assert known, f"{name}: {source}"


def test_each_queue_has_its_workers_and_each_service_comes_back() -> None:
    services = files.services()

    assert {"web", "db", "redis", "delivery", "ingest", "beat"} <= set(services)
    for name, service in services.items():
        expected = "no" if name == "migrate" else "unless-stopped"
        assert service["restart"] == expected, name
        assert "healthcheck" in service or name in {"migrate", "beat"}, name


def test_the_tom_waits_for_its_tables() -> None:
    for name in ("web", "delivery", "ingest", "beat"):
        waits = files.services()[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"


def test_database_and_broker_are_reached_by_this_tom_only() -> None:
    whole = files.compose()

    assert whole["networks"]["inside"]["internal"] is True
    for name in ("db", "redis"):
        assert whole["services"][name]["networks"] == ["inside"]
        assert "ports" not in whole["services"][name]


def test_every_variable_is_in_the_example_or_has_a_default() -> None:
    text = "\n".join(
        line
        for line in files.COMPOSE.read_text().splitlines()
        if not line.lstrip().startswith("#")
    )
    example = (FOLDER / ".env.example").read_text()

    for variable in VARIABLE.findall(text):
        assert re.search(rf"^#?{variable}=", example, re.MULTILINE), variable


def test_the_memory_of_the_ingest_worker_holds_what_files_may_take() -> None:
    example = (FOLDER / ".env.example").read_text()
    (given,) = re.findall(r"^TOM_SHARE_WORKER='(.+)'$", example, re.MULTILINE)
    limit = files.services()["ingest"]["mem_limit"]

    assert limit.endswith("m")
    assert_files_fit(json.loads(given), int(limit[:-1]) * 2**20)


def assert_files_fit(settings: dict[str, Any], memory: int) -> None:
    """Check that worker, nursery and files at their limits fit into the memory."""
    at_a_time = settings.get("INGEST_CONCURRENCY", 2)
    worker_and_nursery = 140_000_000 + 230_000_000
    assert worker_and_nursery + at_a_time * settings["INGEST_MEMORY_LIMIT"] <= memory


def test_the_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    script = shutil.copy(FOLDER / "make-secrets.sh", tmp_path)

    subprocess.run([script], check=True, stdout=subprocess.DEVNULL)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True, stdout=subprocess.DEVNULL)

    declared = {
        Path(secret["file"]).name for secret in files.compose()["secrets"].values()
    }
    assert set(made) == declared
    for name, text in made.items():
        assert (tmp_path / "secrets" / name).read_text() == text
    assert len(made["secret_key"]) == len(made["database_password"]) == 50
    assert made["secret_key"] != made["database_password"]
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_no_secret_stands_in_a_file_of_the_project() -> None:
    secret = re.compile("PASSWORD|SECRET|TOKEN|SHARING")
    for name, service in files.services().items():
        for variable in service.get("environment", {}):
            assert not secret.search(variable) or variable.endswith("_FILE"), name
    assert not secret.search((FOLDER / ".env.example").read_text())
    ignored = (FOLDER / ".gitignore").read_text().split()
    assert {"/.env", "/secrets/"} <= set(ignored)


def test_the_overlay_of_the_docs_is_yaml() -> None:
    text = (ROOT / "docs" / "deploying.md").read_text()

    blocks = re.findall(r"```yaml\n(.+?)```", text, re.DOTALL)

    assert blocks
    for block in blocks:
        assert yaml.safe_load(block)
