"""Values for Git, merged by the real kustomize and the real helm, and judged by the real API server."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubedoor.admission.deployment_state import state_of
from kubedoor.store.deployments import DeploymentStore
from tests.contract.commands import Command
from tests.contract.lab import CLUSTER, Lab, amounts, resources_of
from tests.support.builders import make_container, make_deployment
from tests.toolbox.helm import helm

APP, PROXY = amounts("120m", "256Mi"), amounts("38m", "96Mi", cpu_limit="2", memory_limit="1Gi")
CONTROLLED = {"cpu", "memory"}


def sidecar(name: str, **fields: Any) -> dict[str, Any]:
    return make_container(name, restartPolicy="Always", **fields)


INIT = [make_container("migrate"), sidecar("istio-proxy", requests={"cpu": "100m"}), make_container("warm-up"), sidecar("logs")]  # fmt: skip
THREE = [make_container("cache"), make_container("app", requests={"ephemeral-storage": "1Gi"}), make_container("aux")]
LIMITED = [make_container("app", limits={"cpu": "100m", "memory": "0.1Gi"}, requests={"cpu": "50m"})]
POD_LEVEL = {"limits": {"cpu": "100m", "memory": "128Mi"}}
BASES: dict[str, dict[str, Any]] = {
    "injected": make_deployment("injected"),
    "native": make_deployment("native", initContainers=INIT),
    "sole.sidecar": make_deployment("sole.sidecar", initContainers=[sidecar("istio-proxy")]),
    "several": make_deployment("several", containers=THREE),
    "limited": make_deployment("limited", containers=LIMITED),
    "pod-level": make_deployment("pod-level", resources=POD_LEVEL),
    "unseen": make_deployment("unseen"),
}
VALUES: dict[str, dict[str, Any]] = {
    "injected": {"app": APP, "istio-proxy": PROXY},
    "native": {"app": APP, "istio-proxy": PROXY, "migrate": APP},
    "sole.sidecar": {"istio-proxy": PROXY},
    "several": {"app": APP, "aux": amounts("5m"), "istio-proxy": PROXY},
    "limited": {"app": APP},
    "pod-level": {"app": APP},
    "unseen": {"app": APP, "istio-proxy": PROXY},
}
HELM_DEPLOYMENT = """\
{{- $values := .Values -}}
{{- $pod := .Values.base.spec.template.spec -}}
{{- range $containers := list $pod.containers ($pod.initContainers | default list) }}
{{- range $containers }}
{{- $own := ternary $values.resources (dig .name "resources" nil $values.AsMap) $values.isAlone }}
{{- if $own }}{{ $_ := set . "resources" (mergeOverwrite (.resources | default dict) $own) }}{{ end }}
{{- end }}
{{- end }}
{{ toYaml .Values.base }}
"""


@pytest.fixture
def bases(lab: Lab, namespace: str) -> dict[str, dict[str, Any]]:
    """Given values that pods with an injected sidecar would have; all but one are applied and seen."""
    found = copy.deepcopy(BASES)
    for manifest in found.values():
        manifest["metadata"]["namespace"] = namespace
    applied = [name for name in found if name != "unseen"]
    lab.plane.apply(*(found[name] for name in applied))
    states = [state_of(lab.stored(namespace, name)) for name in applied]
    DeploymentStore(lab.connection, CLUSTER).record(states, seen_by="look", at=datetime.now(UTC))
    for name, containers in VALUES.items():
        lab.set_values(namespace, name, replicas=3, **containers)
    return found


def containers_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod template's containers without the fields that KubeDoor controls."""
    spec = copy.deepcopy(manifest["spec"]["template"]["spec"])
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        resources = {
            part: {name: text for name, text in found.items() if name not in CONTROLLED}
            for part, found in container.pop("resources", {}).items()
        }
        container["resources"] = {part: found for part, found in resources.items() if found}
    return {kind: spec.get(kind) for kind in ("initContainers", "containers")}


def assert_accepted(lab: Lab, namespace: str, manifests: list[dict[str, Any]]) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": manifests}
    words = ("apply", "--dry-run=server", "-o", "name", "-f", "-")
    said = lab.kubectl(namespace, *words, input=json.dumps(document))
    assert said.count("deployment.apps/") == len(manifests)


def test_patches_change_numbers_only_and_are_accepted(
    lab: Lab, namespace: str, bases: dict[str, dict[str, Any]], kubedoor_at_lab: Command, tmp_path: Path
) -> None:
    patches = tmp_path / "patches"
    words = ("--format", "kustomize", "--namespace", namespace, "--output", str(patches))
    done = kubedoor_at_lab("export", *words)
    assert done.returncode == 0, done.stderr
    assert f"{namespace}/unseen is left out: its Deployment has not been seen yet" in done.stderr
    assert "6 files below" in done.stderr
    for name, manifest in bases.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(manifest))
    kustomization = {"resources": [f"{name}.yaml" for name in bases], "components": ["patches"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    merged = list(yaml.safe_load_all(lab.plane.kubectl("kustomize", tmp_path).stdout))
    by_name = {one["metadata"]["name"]: one for one in merged}

    assert {name: containers_of(one) for name, one in by_name.items()} == {
        name: containers_of(one) for name, one in bases.items()
    }
    assert by_name["unseen"] == bases["unseen"]
    assert resources_of(by_name["native"], "istio-proxy", kind="initContainers")["requests"]["cpu"] == "38m"
    assert resources_of(by_name["limited"])["requests"]["cpu"] == "100m"
    assert {one["spec"]["replicas"] for name, one in by_name.items() if name != "unseen"} == {3}
    assert_accepted(lab, namespace, merged)
    lab.client.switch(enabled=False)
    try:
        assert_accepted(lab, namespace, merged)
    finally:
        lab.client.switch(enabled=True)
    assert "istio-proxy: not in" in (patches / namespace / "injected.yaml").read_text()


def test_helm_values_are_those_of_the_own_containers(
    lab: Lab, namespace: str, bases: dict[str, dict[str, Any]], kubedoor_at_lab: Command, tmp_path: Path
) -> None:
    folder, chart = tmp_path / "values", tmp_path / "chart"
    words = ("--format", "helm", "--namespace", namespace, "--output", str(folder))
    assert kubedoor_at_lab("export", *words).returncode == 0
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
    (chart / "templates" / "deployment.yaml").write_text(HELM_DEPLOYMENT)

    files = {path.stem: yaml.safe_load(path.read_text()) for path in (folder / namespace).iterdir()}
    own = {name: set(found) - {"replicaCount"} for name, found in files.items()}
    assert own == {
        "injected": {"resources"},
        "native": {"app", "istio-proxy"},
        "sole.sidecar": {"istio-proxy"},
        "several": {"app", "aux"},
        "limited": {"resources"},
        "pod-level": set(),
    }
    rendered = []
    for name, found in files.items():
        values = {**found, "base": bases[name], "isAlone": "resources" in found}
        rendered.append(yaml.safe_load(helm(tmp_path, "template", name, chart, values=values).stdout))
        rendered[-1]["spec"]["replicas"] = found["replicaCount"]
    assert {one["metadata"]["name"]: containers_of(one) for one in rendered} == {
        name: containers_of(bases[name]) for name in files
    }
    native = next(one for one in rendered if one["metadata"]["name"] == "native")
    assert resources_of(native, "istio-proxy", kind="initContainers")["requests"] == {"cpu": "38m", "memory": "96Mi"}
    assert_accepted(lab, namespace, rendered)


def unpacked(lab: Lab, namespace: str, form: str, folder: Path) -> Path:
    """What the page hands out: a ZIP."""
    content = lab.client.download(f"/values/export?format={form}&namespace={namespace}&archive=true")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        packed.extractall(folder)
    assert f"{namespace}/unseen: its Deployment has not been seen yet" in (folder / "README.txt").read_text()
    return folder


def kustomized(folder: Path, manifest: dict[str, Any], **fields: Any) -> Path:
    folder.mkdir()
    (folder / "base.yaml").write_text(yaml.safe_dump(manifest))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["base.yaml"], **fields}))
    return folder


def test_each_patch_of_the_archive_is_accepted_by_itself(
    lab: Lab, namespace: str, bases: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Each application's kustomization lists the whole namespace, and each manifest may leave the namespace out."""
    patches = unpacked(lab, namespace, "kustomize", tmp_path / "patches")
    files = sorted(path for path in (patches / namespace).iterdir() if path.name != "kustomization.yaml")
    assert {path.stem for path in files} == set(bases) - {"unseen"}
    for file in files:
        said = lab.kubectl(namespace, "patch", "deployment", file.stem, "--patch-file", str(file), "--dry-run=server")
        assert "patched" in said
        words = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-o", "name", "-f", str(file))
        assert "deployment.apps" in lab.kubectl(namespace, *words)
        manifest = copy.deepcopy(bases[file.stem])
        components = [f"../patches/{namespace}"]
        del manifest["metadata"]["namespace"]
        folder = kustomized(tmp_path / file.stem, manifest, namespace=namespace, components=components)
        assert "deployment.apps" in lab.kubectl(namespace, "apply", "-k", str(folder), "--dry-run=server", "-o", "name")
        (merged,) = yaml.safe_load_all(lab.plane.kubectl("kustomize", folder).stdout)
        assert containers_of(merged) == containers_of(bases[file.stem])
        assert merged["spec"]["replicas"] == 3


def test_each_file_of_helm_values_fits_a_chart_of_helm_create(
    lab: Lab, namespace: str, bases: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    values = unpacked(lab, namespace, "helm", tmp_path / "values")
    helm(tmp_path, "create", tmp_path / "chart")
    files = sorted((values / namespace).iterdir())
    assert {path.stem for path in files} == set(bases) - {"unseen"}
    rendered = []
    for file in files:
        found = yaml.safe_load(file.read_text())
        shown = helm(tmp_path, "template", file.stem.replace(".", "-"), tmp_path / "chart", "--values", file, "--show-only", "templates/deployment.yaml")  # fmt: skip
        rendered.append(yaml.safe_load(shown.stdout))
        assert rendered[-1]["spec"]["replicas"] == found["replicaCount"] == 3
        assert rendered[-1]["spec"]["template"]["spec"]["containers"][0].get("resources") == found.get("resources")
    assert_accepted(lab, namespace, rendered)
