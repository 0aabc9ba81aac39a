"""The manifests fit Kubernetes' own schemas, each other, and what was measured."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy import files
from tests.deploy.test_compose import SCHEMAS, assert_files_fit
from tests.support.processes import MANAGE

BASE = files.KUBERNETES / "base"
VERSIONS = ("1.29.0", "1.37.0")
_KUBECTL = shutil.which("kubectl")
OURS = {"tom-web", "tom-delivery", "tom-ingest", "tom-beat", "tom-migrate"}


def kustomization(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return read


def settings() -> dict[str, str]:
    lines = (BASE / "settings.env").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line[:1] not in "#"]
    return {name: value for name, _, value in pairs if name}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_fits_the_schema(version: str) -> None:
    for document in files.documents("base"):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_key_would_be_noticed() -> None:
    pod = next(d for d in files.documents("base") if d["kind"] == "Job")
    pod["spec"]["template"]["spec"]["restartPolicie"] = "Never"

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


def test_what_scales_them_fits_its_schema() -> None:
    schema = json.loads((SCHEMAS / "keda.json").read_text())
    scaled = set()

    for document in files.documents("autoscaling"):
        jsonschema.Draft7Validator(schema).validate(document)
        scaled.add(document["spec"].get("scaleTargetRef", {}).get("name"))

    assert scaled == {"tom-delivery", "tom-ingest", None}


def test_kustomize_builds_them_with_and_without_scaling(tmp_path: Path) -> None:
    if _KUBECTL is None:
        pytest.skip("kubectl is not installed here")
    shutil.copytree(files.DEPLOY, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "kubernetes" / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../autoscaling]\n"
    )

    base, scaled = _built(overlay.parent / "base"), _built(overlay)

    assert base["tom-delivery"]["spec"]["replicas"] == 1
    assert "replicas" not in scaled["tom-delivery"]["spec"]
    assert "replicas" not in scaled["tom-ingest"]["spec"]


def _built(folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(_KUBECTL), "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        document["metadata"]["name"]: document
        for document in yaml.safe_load_all(done.stdout)
        if document["kind"] == "Deployment"
    }


def test_each_file_is_named_and_each_name_is_a_file() -> None:
    for folder, besides in (
        (BASE, {"secret.example.yaml"}),
        (files.KUBERNETES / "autoscaling", set()),
    ):
        named = set(kustomization(folder)["resources"]) - {"../../redis"}
        present = {path.name for path in folder.glob("*.yaml")}
        assert named == present - besides - {"kustomization.yaml"}
    assert kustomization(files.DEPLOY / "redis")["configMapGenerator"]


def test_what_a_pod_names_is_there() -> None:
    made = {"tom-settings", "tom-redis"}  # by the kustomizations
    names = {d["metadata"]["name"] for d in files.documents("base")} | made

    for name, pod in files.pods().items():
        text = json.dumps(pod)
        for kind in ("configMapRef", "secretRef"):
            for used in re.findall(rf'"{kind}": {{"name": "([\w-]+)"', text):
                assert used in names, (name, used)
        for used in re.findall(r'"claimName": "([\w-]+)"', text):
            assert used in names, (name, used)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= volumes, (name, container["name"])


def test_each_selector_finds_the_pods_of_one_deployment() -> None:
    labels = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"]
        for d in files.documents("base")
        if d["kind"] == "Deployment"
    }
    for document in files.documents("base"):
        if document["kind"] not in {"Deployment", "Service", "PodDisruptionBudget"}:
            continue
        wanted = document["spec"]["selector"]
        wanted = wanted.get("matchLabels", wanted)
        found = [name for name, has in labels.items() if wanted.items() <= has.items()]
        assert found == [document["metadata"]["name"]]


def test_no_pod_runs_as_root_or_writes_where_it_need_not() -> None:
    for name, pod in files.pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            allowed = container["securityContext"]
            assert allowed["readOnlyRootFilesystem"] is True, name
            assert allowed["allowPrivilegeEscalation"] is False, name
            assert allowed["capabilities"] == {"drop": ["ALL"]}, name
            assert {"requests", "limits"} == set(container["resources"]), name


def test_the_limits_hold_what_was_measured() -> None:
    pods = files.pods()

    def limit(name: str) -> int:
        (container,) = pods[name]["containers"]
        text = container["resources"]["limits"]["memory"]
        return int(text[:-2]) * {"Mi": 2**20, "Gi": 2**30}[text[-2:]]

    assert limit("tom-delivery") > 200_000_000
    assert limit("tom-web") > 2 * 240_000_000
    assert limit("tom-redis") > 64 * 2**20
    assert_files_fit(json.loads(settings()["TOM_SHARE_WORKER"]), limit("tom-ingest"))


def test_workers_have_the_time_that_a_request_may_take() -> None:
    pods = files.pods()

    assert pods["tom-delivery"]["terminationGracePeriodSeconds"] > 90  # TOTAL_TIMEOUT
    assert pods["tom-web"]["terminationGracePeriodSeconds"] > 30 + 5


def test_the_settings_are_those_that_the_demo_reads() -> None:
    read = (MANAGE.parent / "demo_tom" / "settings.py").read_text()
    secret = next(yaml.safe_load_all((BASE / "secret.example.yaml").read_text()))
    names = {*settings(), *secret["stringData"]}

    for name in names - {"DJANGO_SETTINGS_MODULE", "TOM_WSGI"}:
        assert name in read, name
    assert json.loads(secret["stringData"]["TOM_DATA_SHARING"])


def test_secrets_are_not_among_what_is_applied() -> None:
    assert not [d for d in files.documents("base") if d["kind"] == "Secret"] or (
        "secret.example.yaml" not in kustomization(BASE)["resources"]
    )


def test_every_container_of_the_tom_runs_the_one_image() -> None:
    for name in OURS:
        pod = files.pods()[name]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["image"] == "tom"
    assert [image["name"] for image in kustomization(BASE)["images"]] == ["tom"]
