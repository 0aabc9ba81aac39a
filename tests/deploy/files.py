"""What the files of deploy/ say: documents, units, command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.support.processes import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
UNITS = DEPLOY / "systemd"
KUBERNETES = DEPLOY / "kubernetes"
DOCKERFILE = DEPLOY / "Dockerfile"


class Command(NamedTuple):
    """A command line, and where it stands."""

    where: str
    words: tuple[str, ...]


def compose() -> dict[str, Any]:
    """Return the description of the containers."""
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def services() -> dict[str, dict[str, Any]]:
    """Return the containers by name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def documents(*folders: str) -> list[dict[str, Any]]:
    """Return the Kubernetes resources of these folders, without the kustomizations."""
    return [
        document
        for folder in folders
        for path in sorted((KUBERNETES / folder).glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text())
    ]


def pods() -> dict[str, dict[str, Any]]:
    """Return what Kubernetes makes pods of, by name."""
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in documents("base")
        if document["kind"] in {"Deployment", "Job"}
    }


def unit(path: Path) -> list[tuple[str, str, str]]:
    """Return section, key and value of each line of a unit of systemd."""
    found, section = [], ""
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
            continue
        key, sign, value = line.partition("=")
        assert sign, f"{path.name}: {line}"
        found.append((section, key, value))
    return found


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its arguments."""
    lines = [
        line for line in DOCKERFILE.read_text().splitlines() if line[:1] not in "#"
    ]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = []
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            found.append((word, " ".join(rest.split())))
    return found


def procfile(path: Path) -> dict[str, str]:
    """Return the processes of a Procfile."""
    lines = path.read_text().splitlines()
    return dict(
        line.split(": ", 1) for line in lines if line and not line.startswith("#")
    )


def commands() -> list[Command]:
    """Return every command of the TOM that the files start."""
    found = [
        Command(where, tuple(words))
        for where, words in _command_lines()
        if words and not words[0].endswith(("valkey-server", "postgres"))
    ]
    assert len(found) > 20
    return found


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    for name in ("Procfile", "deploy/Procfile.queues"):
        for process, line in procfile(ROOT / name).items():
            yield f"{name} {process}", shlex.split(line)
    for process, service in services().items():
        yield f"compose {process}", service.get("command", [])
        check = service.get("healthcheck", {}).get("test", [])
        if check[1:2] == ["python"]:
            yield f"compose {process} healthcheck", check[1:]
    for path in sorted(UNITS.glob("*.service")):
        for _, key, value in unit(path):
            if key == "ExecStart":
                yield path.name, shlex.split(value)
    for name, pod in pods().items():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert "command" not in container, "it would replace the entry point"
            yield f"kubernetes {name} {container['name']}", container["args"]
            probe = container.get("livenessProbe", {}).get("exec", {})
            if probe.get("command", [""])[0] == "python":
                yield f"kubernetes {name} probe", probe["command"]
    (line,) = (rest for word, rest in instructions() if word == "CMD")
    yield "Dockerfile", yaml.safe_load(line)
