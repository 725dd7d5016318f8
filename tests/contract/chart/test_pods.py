"""The pods of the chart: where they run, as whom, and in which network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kubedoor.config import parsers
from tests.contract.chart.test_chart import LEAST, MATRIX, merged
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import NAMESPACE, render
from tests.toolbox.running import admit

KINDS = ("Deployment", "StatefulSet", "Job", "CronJob", "Pod")


def accept(plane: ControlPlane, manifests: list[dict[str, Any]]) -> None:
    """Raises PartFailed if the API server refuses a pod, but for those of Knative, which has features for these fields."""
    admit(plane)
    items = [one for one in manifests if one["kind"] in KINDS]
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    plane.kubectl("create", "--dry-run=server", "--validate=strict", "-n", NAMESPACE, "-f", "-", input=document)


def pods_of(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod templates by kind and name."""
    found: dict[str, dict[str, Any]] = {}
    for one in manifests:
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {"spec": spec})["spec"].get("template")
        if template or one["kind"] == "Pod":
            found[f"{one['kind']}/{one['metadata']['name']}"] = template or one
    return found


def test_every_pod_goes_where_the_values_say(control_plane: ControlPlane, tmp_path: Path) -> None:
    values = {
        "nodeSelector": {"pool": "tools"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}],
        "podLabels": {"team": "platform"},
        "podAnnotations": {"sidecar.istio.io/inject": "false"},
        "mutate": {"mode": "deployment"},
        "tls": {"mode": "generated"},
        "clickhouse": {"existingSecret": {"name": ""}, "builtin": {"enabled": True}},
    }
    manifests = render(tmp_path, merged(LEAST, values))
    pods = pods_of(manifests)
    assert {name.partition("/")[0] for name in pods} == {
        "Service",
        "Deployment",
        "StatefulSet",
        "Job",
        "CronJob",
        "Pod",
    }
    for name, pod in pods.items():
        for field in ("nodeSelector", "tolerations", "imagePullSecrets"):
            assert pod["spec"].get(field) == values[field], (name, field)
        assert pod["metadata"]["labels"]["team"] == "platform", name
    accept(control_plane, manifests)
    environment = {one["name"]: one.get("value", "") for one in pods["Service/api"]["spec"]["containers"][0]["env"]}
    assert environment["KUBEDOOR_SCHEDULE_PULL_SECRET"] == "registry,mirror"
    assert parsers.pod_fields(environment["KUBEDOOR_SCHEDULE_POD"]) == {
        "labels": values["podLabels"],
        "annotations": values["podAnnotations"],
        "nodeSelector": values["nodeSelector"],
        "tolerations": values["tolerations"],
    }


def test_no_pod_has_a_fixed_user_where_the_platform_chooses_it(tmp_path: Path) -> None:
    manifests = render(tmp_path, merged(LEAST, MATRIX["users that the platform chooses"]))
    text = json.dumps(list(pods_of(manifests).values()))
    assert "runAsUser" not in text
    assert "runAsGroup" not in text
    assert "fsGroup" not in text
    assert text.count('"runAsNonRoot": true') >= len(pods_of(manifests))


def test_a_door_in_the_network_of_the_nodes(control_plane: ControlPlane, tmp_path: Path) -> None:
    mutate = {"mode": "deployment", "hostNetwork": True, "port": 10443}
    manifests = render(tmp_path, merged(LEAST, {"mutate": mutate, "networkPolicy": {"enabled": True}}))
    accept(control_plane, manifests)
    spec = pods_of(manifests)["Deployment/mutate"]["spec"]
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    (door,) = spec["containers"]
    ports = {
        door["ports"][0]["containerPort"],
        door["livenessProbe"]["httpGet"]["port"],
        door["readinessProbe"]["httpGet"]["port"],
    }
    (service,) = [one for one in manifests if one["metadata"]["name"] == "kubedoor-mutate" and one["kind"] == "Service"]
    assert ports | {service["spec"]["ports"][0]["targetPort"]} == {10443}
    assert {"name": "KUBEDOOR_DOOR_PORT", "value": "10443"} in door["env"]
    (deployment,) = [one for one in manifests if one["kind"] == "Deployment"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
