"""The admission rules as a table of cases: request and control values in, the patched object out."""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedoor import quantities
from kubedoor.admission.decision import (
    MAX_CONTAINER_WARNINGS,
    MAX_WARNING_CHARACTERS,
    Outcome,
    WithheldField,
    annotations_of,
    withheld_warning,
)
from kubedoor.admission.review import AdmissionRequest, parse_review, review_response
from kubedoor.admission.rules import (
    CONTROL_LABEL,
    CONTROLLER_MANAGER,
    GKE_AUTOSCALER,
    HPA_USER,
    OPENSHIFT_HPA_USER,
    Rules,
    decide,
)
from kubedoor.asked import ANNOTATION, format_asked, requirements
from kubedoor.control_values import UNKNOWN
from kubedoor.errors import BadRequest
from kubedoor.model.conditions import ACCEPTABLE, CPU_REQUEST, MEMORY_REQUEST, REQUESTS
from kubedoor.model.values import ControlContainer, ControlValues, Mode
from tests.support.builders import (
    collected,
    make_container,
    make_deployment,
    make_request,
    make_review,
    make_scale,
    make_values,
    manual,
)

MI = 2**20
APP = ControlContainer(cpu_request_millicores=collected(120), memory_request_bytes=collected(256 * MI))
SIZED = make_values(replicas=collected(3), containers={"app": APP})
RULES = Rules(excluded_namespaces=frozenset({"kube-system", "kubedoor"}))
LIMITED = make_container(requests={"cpu": "500m", "memory": "1Gi"}, limits={"cpu": "1", "memory": "2Gi"})
WITHHELD = make_values(
    containers={"app": ControlContainer(withheld={CPU_REQUEST: ("ShortHistory",), MEMORY_REQUEST: ("ShortHistory",)})},
    withheld_replicas=("ShortHistory",),
)
NEW_IMAGE = make_container(image="registry.test/app:2")


def operator_owned() -> dict[str, Any]:
    """As OLM and Strimzi make Deployments."""
    made = make_deployment(replicas=2)
    made["metadata"]["ownerReferences"] = [{"kind": "Kafka", "name": "events", "uid": "1", "controller": False}]
    return made


NO_CPU = {"cpu": "0", "memory": "512Mi"}


def sized(image: str = "registry.test/app:1", **fields: Any) -> dict[str, Any]:
    return make_container(requests={"cpu": "120m", "memory": "256Mi"}, image=image, **fields)


@dataclass
class Case:
    request: AdmissionRequest
    want: dict[str, Any]
    values: ControlValues = SIZED
    rules: Rules = RULES
    outcome: Outcome = Outcome.PATCHED
    warns: tuple[str, ...] = field(default=())


CASES = {
    "create sets replicas and requests": Case(
        make_request(make_deployment(replicas=10)),
        make_deployment(replicas=3, containers=[sized()]),
        warns=(
            "KubeDoor: replicas 10 -> 3 (collected)",
            "KubeDoor: app requests: cpu none -> 120m, memory none -> 256Mi (collected)",
        ),
    ),
    "create without replicas gets them": Case(
        make_request(make_deployment(replicas=None)), make_deployment(replicas=3, containers=[sized()])
    ),
    "a warning names a manual value as such": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(5),
        values=make_values(replicas=manual(5)),
        warns=("KubeDoor: replicas 10 -> 5 (set in KubeDoor)",),
    ),
    "a restart keeps what the user changed": Case(
        make_request(make_deployment(containers=[NEW_IMAGE]), make_deployment()),
        make_deployment(replicas=3, containers=[sized("registry.test/app:2")]),
    ),
    "an annotation on the template is a restart": Case(
        make_request(make_deployment(annotations={"restartedAt": "now"}), make_deployment()),
        make_deployment(replicas=3, annotations={"restartedAt": "now"}, containers=[sized()]),
    ),
    "replicas alone never touch the template": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED]), make_deployment(containers=[LIMITED])),
        make_deployment(replicas=3, containers=[LIMITED]),
    ),
    "neither restart nor replicas: nothing, even if values differ": Case(
        make_request(make_deployment(labels={"team": "a"}), make_deployment()),
        make_deployment(labels={"team": "a"}),
        outcome=Outcome.UNCHANGED,
    ),
    "another spelling of the same quantity is no restart": Case(
        make_request(
            make_deployment(containers=[make_container(requests={"cpu": "0.5"})]),
            make_deployment(containers=[make_container(requests={"cpu": "500m"})]),
        ),
        make_deployment(containers=[make_container(requests={"cpu": "0.5"})]),
        outcome=Outcome.UNCHANGED,
    ),
    "scale sets replicas": Case(make_request(make_scale(10), make_scale(2)), make_scale(3)),
    "scale to zero gets the control value": Case(make_request(make_scale(0), make_scale(2)), make_scale(3)),
    "zero set by hand is zero": Case(
        make_request(make_scale(4), make_scale(2)),
        {**make_scale(0), "spec": {"replicas": 0}},
        values=make_values(replicas=manual(0)),
    ),
    "a scale without a spec works": Case(
        make_request({**make_scale(0), "spec": None}, make_scale(2)),
        {**make_scale(0), "spec": {"replicas": 3}},
    ),
    "scale to the control value needs no patch": Case(
        make_request(make_scale(3), make_scale(2)), make_scale(3), outcome=Outcome.UNCHANGED
    ),
    "no control value for replicas: left alone, with a warning": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(10),
        values=make_values(containers={"app": APP}),
        outcome=Outcome.UNCHANGED,
        warns=("KubeDoor: no control value, left alone: replicas",),
    ),
    "a limit of 0 is none, and is taken out": Case(
        make_request(
            make_deployment(replicas=3, containers=[make_container(requests={"memory": "256Mi"}, limits=NO_CPU)])
        ),
        make_deployment(
            replicas=3,
            containers=[make_container(requests={"cpu": "120m", "memory": "256Mi"}, limits={"memory": "512Mi"})],
        ),
        warns=(
            "KubeDoor: app requests: cpu none -> 120m (collected)",
            "KubeDoor: cpu limit 0 of app taken out: it is no limit",
        ),
    ),
    "limits of 0 alone leave no empty part": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"cpu": "0", "memory": "0"})])),
        make_deployment(replicas=3, containers=[sized()]),
    ),
    "a limit that is smaller than any request leaves its numbers alone": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"cpu": "1", "memory": "400m"})])),
        make_deployment(
            replicas=3,
            containers=[make_container(requests={"cpu": "120m"}, limits={"cpu": "1", "memory": "400m"})],
        ),
        warns=(
            "KubeDoor: app requests: cpu none -> 120m (collected)",
            "KubeDoor: memory of app left alone: its limit 400m is below the smallest request",
        ),
    ),
    "a limit of 0 that has a control value becomes that": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"cpu": "0"})])),
        make_deployment(
            replicas=3,
            containers=[make_container(requests={"cpu": "120m", "memory": "256Mi"}, limits={"cpu": "800m"})],
        ),
        values=make_values(
            replicas=collected(3), containers={"app": replace(APP, cpu_limit_millicores=collected(800))}
        ),
    ),
    "quantities beyond 2^63-1 are as good as that": Case(
        make_request(
            make_deployment(replicas=3, containers=[make_container(requests={"cpu": "10E"}, limits={"memory": "1e30"})])
        ),
        make_deployment(
            replicas=3,
            containers=[make_container(requests={"cpu": "120m", "memory": "256Mi"}, limits={"memory": "1e30"})],
        ),
    ),
    "requests and limits are both set": Case(
        make_request(make_deployment(replicas=3, containers=[LIMITED])),
        make_deployment(
            replicas=3,
            containers=[
                make_container(requests={"cpu": "120m", "memory": "256Mi"}, limits={"cpu": "800m", "memory": "1Gi"})
            ],
        ),
        values=make_values(
            replicas=collected(3),
            containers={
                "app": replace(APP, cpu_limit_millicores=collected(800), memory_limit_bytes=manual(1024 * MI)),
            },
        ),
        warns=(
            "KubeDoor: app limits: cpu 1 -> 800m (collected)",
            "KubeDoor: app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (collected)",
            "KubeDoor: app limits: memory 2Gi -> 1Gi (set in KubeDoor)",
        ),
    ),
    "a request above the limit is cut to it": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"cpu": "100m"})])),
        make_deployment(
            replicas=3, containers=[make_container(limits={"cpu": "100m"}, requests={"cpu": "100m", "memory": "256Mi"})]
        ),
        warns=("KubeDoor: app requests: cpu none -> 100m, its limit, memory none -> 256Mi (collected)",),
    ),
    "a request is cut to the whole bytes of its limit": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"memory": "107374182400m"})])),
        make_deployment(
            replicas=3,
            containers=[
                make_container(limits={"memory": "107374182400m"}, requests={"cpu": "120m", "memory": "107374182"})
            ],
        ),
    ),
    "a limit that is a fraction finer than the control value stays": Case(
        make_request(make_deployment(replicas=3, containers=[make_container(limits={"memory": "107374182400m"})])),
        make_deployment(
            replicas=3,
            containers=[make_container(limits={"memory": "107374182400m"}, requests={"memory": "107374182"})],
        ),
        values=make_values(
            replicas=collected(3),
            containers={
                "app": ControlContainer(
                    memory_request_bytes=collected(256 * MI), memory_limit_bytes=collected(107374183)
                )
            },
        ),
    ),
    "a request that is finer than a byte stays below its limit as it is": Case(
        make_request(
            make_deployment(
                replicas=9,
                containers=[make_container(requests={"memory": "107374182400m"}, limits={"memory": "256Mi"})],
            )
        ),
        make_deployment(
            replicas=3, containers=[make_container(requests={"memory": "107374182400m"}, limits={"memory": "128Mi"})]
        ),
        values=make_values(
            replicas=collected(3),
            containers={"app": ControlContainer(memory_limit_bytes=collected(128 * MI))},
        ),
    ),
    "a lowered limit takes the user's request along": Case(
        make_request(make_deployment(replicas=3, containers=[LIMITED])),
        make_deployment(
            replicas=3,
            containers=[
                make_container(requests={"cpu": "200m", "memory": "1Gi"}, limits={"cpu": "200m", "memory": "2Gi"})
            ],
        ),
        values=make_values(
            replicas=collected(3), containers={"app": ControlContainer(cpu_limit_millicores=manual(200))}
        ),
    ),
    "a request below the floor is raised": Case(
        make_request(make_deployment(replicas=3)),
        make_deployment(replicas=3, containers=[make_container(requests={"cpu": "10m", "memory": "1Mi"})]),
        values=make_values(
            replicas=collected(3),
            containers={
                "app": ControlContainer(cpu_request_millicores=collected(1), memory_request_bytes=collected(5))
            },
        ),
    ),
    "null resources work": Case(
        make_request(make_deployment(replicas=3, containers=[{**make_container(), "resources": None}])),
        make_deployment(replicas=3, containers=[sized()]),
    ),
    "null requests work": Case(
        make_request(make_deployment(replicas=3, containers=[{**make_container(), "resources": {"requests": None}}])),
        make_deployment(replicas=3, containers=[sized()]),
    ),
    "extended resources and claims survive": Case(
        make_request(
            make_deployment(
                replicas=3,
                containers=[
                    {
                        **make_container(),
                        "resources": {
                            "limits": {"nvidia.com/gpu": "1"},
                            "requests": {"nvidia.com/gpu": "1"},
                            "claims": [{"name": "x"}],
                        },
                    }
                ],
            )
        ),
        make_deployment(
            replicas=3,
            containers=[
                {
                    **make_container(),
                    "resources": {
                        "limits": {"nvidia.com/gpu": "1"},
                        "requests": {"nvidia.com/gpu": "1", "cpu": "120m", "memory": "256Mi"},
                        "claims": [{"name": "x"}],
                    },
                }
            ],
        ),
    ),
    "containers are matched by name, the unknown one is left alone": Case(
        make_request(make_deployment(replicas=3, containers=[make_container("proxy"), make_container("app")])),
        make_deployment(replicas=3, containers=[make_container("proxy"), sized()]),
        warns=(
            "KubeDoor: app requests: cpu none -> 120m, memory none -> 256Mi (collected)",
            "KubeDoor: no control value, left alone: container proxy",
        ),
    ),
    "native sidecars are set, plain init containers never": Case(
        make_request(
            make_deployment(
                replicas=3,
                initContainers=[make_container("init"), make_container("sidecar", restartPolicy="Always")],
            )
        ),
        make_deployment(
            replicas=3,
            containers=[sized()],
            initContainers=[
                make_container("init"),
                make_container("sidecar", restartPolicy="Always", requests={"cpu": "120m", "memory": "256Mi"}),
            ],
        ),
        values=make_values(replicas=collected(3), containers={"app": APP, "init": APP, "sidecar": APP}),
    ),
    "pod-level resources: requests are left alone, replicas are set": Case(
        make_request(make_deployment(replicas=9, resources={"requests": {"cpu": "1"}})),
        make_deployment(replicas=3, resources={"requests": {"cpu": "1"}}),
        warns=(
            "KubeDoor: replicas 9 -> 3 (collected)",
            "KubeDoor: no control value, left alone: requests and limits (the pod template sets pod-level resources)",
        ),
    ),
    "a withheld request stays as the owner wrote it": Case(
        make_request(make_deployment(replicas=3, containers=[LIMITED])),
        make_deployment(
            replicas=3,
            containers=[
                make_container(requests={"cpu": "500m", "memory": "256Mi"}, limits={"cpu": "1", "memory": "2Gi"})
            ],
        ),
        values=make_values(
            replicas=collected(3),
            containers={"app": replace(APP, cpu_request_millicores=None, withheld={CPU_REQUEST: ("ShortHistory",)})},
        ),
        warns=(
            "KubeDoor: app requests: memory 1Gi -> 256Mi (collected)",
            "KubeDoor: cpu request of app left at 500m (withheld: ShortHistory)",
        ),
    ),
    "one line says all that is withheld": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED])),
        make_deployment(replicas=10, containers=[LIMITED]),
        values=WITHHELD,
        outcome=Outcome.UNCHANGED,
        warns=(
            "KubeDoor: replicas left at 10, cpu request of app at 500m, memory request of app at 1Gi"
            " (withheld: ShortHistory)",
        ),
    ),
    "a withheld field that the owner did not set stays unset": Case(
        make_request(make_deployment(replicas=10, containers=[{**make_container(), "resources": None}])),
        make_deployment(replicas=10, containers=[{**make_container(), "resources": None}]),
        values=replace(WITHHELD, withheld_replicas=("OOMKilled",)),
        outcome=Outcome.UNCHANGED,
        warns=(
            "KubeDoor: replicas left at 10, cpu request of app unset, memory request of app unset"
            " (withheld: OOMKilled, ShortHistory)",
        ),
    ),
    "withheld replicas: a scale passes as it is": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(10),
        values=WITHHELD,
        outcome=Outcome.UNCHANGED,
        warns=("KubeDoor: replicas left at 10 (withheld: ShortHistory)",),
    ),
    "without a restart, withheld requests are nobody's business": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED]), make_deployment(containers=[LIMITED])),
        make_deployment(replicas=10, containers=[LIMITED]),
        values=WITHHELD,
        outcome=Outcome.UNCHANGED,
        warns=("KubeDoor: replicas left at 10 (withheld: ShortHistory)",),
    ),
    "what is set by hand is not withheld": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED])),
        make_deployment(
            replicas=5,
            containers=[
                make_container(requests={"cpu": "200m", "memory": "256Mi"}, limits={"cpu": "1", "memory": "2Gi"})
            ],
        ),
        values=replace(
            WITHHELD,
            replicas=manual(5),
            containers={
                "app": replace(
                    WITHHELD.containers["app"],
                    cpu_request_millicores=manual(200),
                    memory_request_bytes=manual(256 * MI),
                )
            },
        ),
        warns=(
            "KubeDoor: replicas 10 -> 5 (set in KubeDoor)",
            "KubeDoor: app requests: cpu 500m -> 200m, memory 1Gi -> 256Mi (set in KubeDoor)",
        ),
    ),
    "a withheld request above a lower limit is cut to it, and not said to be left": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED])),
        make_deployment(
            replicas=10,
            containers=[
                make_container(requests={"cpu": "200m", "memory": "1Gi"}, limits={"cpu": "200m", "memory": "2Gi"})
            ],
        ),
        values=replace(
            WITHHELD, containers={"app": replace(WITHHELD.containers["app"], cpu_limit_millicores=manual(200))}
        ),
        warns=(
            "KubeDoor: app limits: cpu 1 -> 200m (set in KubeDoor)",
            "KubeDoor: app requests: cpu 500m -> 200m, its limit (set in KubeDoor)",
            "KubeDoor: replicas left at 10, memory request of app at 1Gi (withheld: ShortHistory)",
        ),
    ),
    "an HPA's replicas are its own, withheld or not": Case(
        make_request(make_scale(2), make_scale(10)),
        make_scale(10),
        values=replace(WITHHELD, hpa=True),
        warns=("KubeDoor: replicas 2 -> 10 (an HPA scales it, 0 would switch it off)",),
    ),
    "a release of an HPA's workload keeps the replicas that run": Case(
        make_request(make_deployment(replicas=2, containers=[NEW_IMAGE]), make_deployment(replicas=10)),
        make_deployment(replicas=10, containers=[sized("registry.test/app:2")]),
        values=replace(SIZED, hpa=True),
    ),
    "a manifest without replicas keeps those of an HPA's workload": Case(
        make_request(make_deployment(replicas=None), make_deployment(replicas=10)),
        make_deployment(replicas=10),
        values=replace(SIZED, hpa=True),
    ),
    "zero switches an HPA off": Case(
        make_request(make_scale(0), make_scale(10)),
        make_scale(0),
        values=replace(SIZED, hpa=True),
        outcome=Outcome.UNCHANGED,
    ),
    "from zero a person brings an HPA's workload back": Case(
        make_request(make_scale(4), make_scale(0)),
        make_scale(4),
        values=replace(SIZED, hpa=True),
        outcome=Outcome.UNCHANGED,
    ),
    "pass: what is sent for an HPA's workload is stored": Case(
        make_request(make_deployment(replicas=2, containers=[NEW_IMAGE]), make_deployment(replicas=10)),
        make_deployment(replicas=2, containers=[sized("registry.test/app:2")]),
        values=replace(SIZED, hpa=True),
        rules=replace(RULES, hpa_replicas="pass"),
    ),
    "observe says what would be left": Case(
        make_request(make_deployment(replicas=10, containers=[LIMITED])),
        make_deployment(replicas=10, containers=[LIMITED]),
        values=replace(
            WITHHELD, mode=Mode.OBSERVE, containers={"app": replace(APP, memory_limit_bytes=collected(1024 * MI))}
        ),
        outcome=Outcome.OBSERVED,
        warns=(
            "KubeDoor: would set app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (collected)",
            "KubeDoor: would set app limits: memory 2Gi -> 1Gi (collected)",
            "KubeDoor: replicas left at 10 (withheld: ShortHistory)",
        ),
    ),
    "an HPA's workload keeps its replicas": Case(
        make_request(make_deployment(replicas=7)),
        make_deployment(replicas=7, containers=[sized()]),
        values=replace(SIZED, hpa=True),
    ),
    "the HPA's own scale passes": Case(
        make_request(make_scale(7), make_scale(2), username=HPA_USER),
        make_scale(7),
        outcome=Outcome.UNCHANGED,
    ),
    "the HPA's scale passes where it acts as the controller manager": Case(
        make_request(make_scale(7), make_scale(2), username=CONTROLLER_MANAGER),
        make_scale(7),
        outcome=Outcome.UNCHANGED,
    ),
    "the HPA's scale passes on GKE": Case(
        make_request(make_scale(7), make_scale(2), username=GKE_AUTOSCALER),
        make_scale(7),
        outcome=Outcome.UNCHANGED,
    ),
    "the HPA's scale passes on OpenShift": Case(
        make_request(make_scale(7), make_scale(2), username=OPENSHIFT_HPA_USER),
        make_scale(7),
        outcome=Outcome.UNCHANGED,
    ),
    "the HPA may scale an unknown workload under deny": Case(
        make_request(make_scale(7), make_scale(2), username=HPA_USER),
        make_scale(7),
        values=UNKNOWN,
        rules=replace(RULES, deny_unknown=True),
        outcome=Outcome.UNCHANGED,
    ),
    "a setting denies the HPA an unknown workload": Case(
        make_request(make_scale(7), make_scale(2), username=HPA_USER),
        make_scale(7),
        values=UNKNOWN,
        rules=replace(RULES, deny_unknown=True, hpa_replicas="control"),
        outcome=Outcome.DENIED,
    ),
    "a setting controls an HPA's workload too": Case(
        make_request(make_scale(7), make_scale(2), username=HPA_USER),
        make_scale(3),
        values=replace(SIZED, hpa=True),
        rules=replace(RULES, hpa_replicas="control"),
    ),
    "mode off: nothing": Case(
        make_request(make_deployment()),
        make_deployment(),
        values=replace(SIZED, mode=Mode.OFF),
        outcome=Outcome.IGNORED,
    ),
    "mode observe: nothing is patched, warnings say what would be": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(10),
        values=replace(SIZED, mode=Mode.OBSERVE),
        outcome=Outcome.OBSERVED,
        warns=("KubeDoor: would set replicas 10 -> 3 (collected)",),
    ),
    "excluded namespace": Case(
        make_request(make_deployment(namespace="kube-system")),
        make_deployment(namespace="kube-system"),
        outcome=Outcome.IGNORED,
    ),
    "opted out by label": Case(
        make_request(make_deployment(labels={CONTROL_LABEL: "off"})),
        make_deployment(labels={CONTROL_LABEL: "off"}),
        outcome=Outcome.IGNORED,
    ),
    "a scale of an opted-out workload": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(10),
        values=replace(SIZED, opted_out=True),
        outcome=Outcome.IGNORED,
    ),
    "a namespace that is not one of those that are controlled": Case(
        make_request(make_deployment()),
        make_deployment(),
        values=UNKNOWN,
        rules=replace(RULES, namespaces=frozenset({"elsewhere"}), deny_unknown=True),
        outcome=Outcome.IGNORED,
    ),
    "one of the namespaces that are controlled": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(3),
        rules=replace(RULES, namespaces=frozenset({"shop"})),
    ),
    "owned by a controller": Case(
        make_request(make_deployment(owner="rev-1")), make_deployment(owner="rev-1"), outcome=Outcome.IGNORED
    ),
    "owned by an operator that does not say that it is the controller": Case(
        make_request(operator_owned()), operator_owned(), outcome=Outcome.IGNORED
    ),
    "a scale of an owned workload": Case(
        make_request(make_scale(10), make_scale(2)),
        make_scale(10),
        values=replace(SIZED, owned=True),
        outcome=Outcome.IGNORED,
    ),
    "the object's own label overrides the recorded fact": Case(
        make_request(make_deployment(replicas=3)),
        make_deployment(replicas=3, containers=[sized()]),
        values=replace(SIZED, opted_out=True),
    ),
    "unknown workload: allowed unchanged, with a warning": Case(
        make_request(make_deployment()),
        make_deployment(),
        values=UNKNOWN,
        outcome=Outcome.UNKNOWN,
        warns=("KubeDoor: shop/web is not in the control table, left as it is",),
    ),
    "unknown workload under deny": Case(
        make_request(make_deployment()),
        make_deployment(),
        values=UNKNOWN,
        rules=replace(RULES, deny_unknown=True),
        outcome=Outcome.DENIED,
    ),
    "a label edit of an unknown workload under deny": Case(
        make_request(make_deployment(labels={"a": "b"}), make_deployment()),
        make_deployment(labels={"a": "b"}),
        values=UNKNOWN,
        rules=replace(RULES, deny_unknown=True),
        outcome=Outcome.UNCHANGED,
    ),
    "an opted-out unknown workload may be scaled under deny": Case(
        make_request(make_scale(9), make_scale(1)),
        make_scale(9),
        values=replace(UNKNOWN, opted_out=True),
        rules=replace(RULES, deny_unknown=True),
        outcome=Outcome.IGNORED,
    ),
    "another operation": Case(
        make_request(make_deployment(), make_deployment(), operation="DELETE"),
        make_deployment(),
        outcome=Outcome.IGNORED,
    ),
    "another kind": Case(
        make_request(make_deployment())._replace(resource="statefulsets"), make_deployment(), outcome=Outcome.IGNORED
    ),
    "another subresource": Case(
        make_request(make_deployment(), make_deployment(replicas=9))._replace(subresource="status"),
        make_deployment(),
        outcome=Outcome.IGNORED,
    ),
}


def remembered(arrives: dict[str, Any], after: dict[str, Any]) -> dict[str, str] | None:
    """The annotation of a workload that the door has not set before."""
    asked = requirements(arrives)
    return None if asked == requirements(after) else {ANNOTATION: format_asked(asked)}


def without_annotations(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in manifest.get("metadata", {}).items() if name != "annotations"}
    return {**manifest, "metadata": metadata}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_patch_gives_the_expected_object(case: Case) -> None:
    before = copy.deepcopy(case.request.object)
    decision = decide(case.request, case.values, case.rules)
    after = jsonpatch.apply_patch(case.request.object, list(decision.patch))
    assert after.get("metadata", {}).get("annotations") == remembered(case.request.object, after)
    assert without_annotations(after) == case.want
    assert decision.outcome is case.outcome
    assert case.request.object == before, "the request itself must not be changed"
    assert decision.allowed is (case.outcome is not Outcome.DENIED)
    if case.warns:
        assert decision.warnings == case.warns


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_rules_are_idempotent(case: Case) -> None:
    patch = list(decide(case.request, case.values, case.rules).patch)
    again = case.request._replace(object=jsonpatch.apply_patch(case.request.object, patch))
    assert decide(again, case.values, case.rules).patch == ()


amounts = st.one_of(st.none(), st.integers(min_value=1, max_value=8000))
tenths = st.one_of(st.none(), st.integers(min_value=1, max_value=80000))


@given(amounts, amounts, tenths, tenths)
def test_a_request_never_exceeds_its_limit_when_kubedoor_set_either(
    request: int | None, limit: int | None, found_request: int | None, found_limit: int | None
) -> None:
    if found_request and found_limit:
        found_request = min(found_request, found_limit)
    container = make_container(
        requests={"cpu": f"{found_request}00u"} if found_request else None,
        limits={"cpu": f"{found_limit}00u"} if found_limit else None,
    )
    wanted = ControlContainer(
        cpu_request_millicores=collected(request) if request else None,
        cpu_limit_millicores=manual(limit) if limit else None,
    )
    asked = make_request(make_deployment(containers=[container]))
    decision = decide(asked, make_values(containers={"app": wanted}), RULES)
    after = jsonpatch.apply_patch(asked.object, list(decision.patch))
    resources = after["spec"]["template"]["spec"]["containers"][0].get("resources", {})
    got_request = quantities.parse(resources.get("requests", {}).get("cpu", 0))
    got_limit = quantities.parse(resources.get("limits", {}).get("cpu", "1000"))
    assert got_request <= got_limit or "cpu" not in resources.get("limits", {})
    if limit:
        assert abs(got_limit * 1000 - limit) < 1


def test_the_number_of_container_warnings_is_limited() -> None:
    names = [f"c{number:02d}" for number in range(12)]
    asked = make_request(make_deployment(replicas=3, containers=[make_container(name) for name in names]))
    decision = decide(asked, make_values(replicas=collected(3), containers=dict.fromkeys(names, APP)), RULES)
    assert len(decision.warnings) == MAX_CONTAINER_WARNINGS + 1
    assert decision.warnings[-1] == "KubeDoor: 4 more such lines left out"
    assert all(len(line) <= MAX_WARNING_CHARACTERS for line in decision.warnings)


def test_a_long_warning_is_cut() -> None:
    name = "n" * 63
    asked = make_request(make_deployment(replicas=3, containers=[make_container(name)], namespace="s" * 63))
    decision = decide(asked, make_values(replicas=collected(3), containers={name: APP}), RULES)
    assert len(decision.warnings[0]) == MAX_WARNING_CHARACTERS
    assert decision.warnings[0].endswith("…")


def test_the_reason_says_what_is_withheld() -> None:
    assert decide(make_request(make_scale(10), make_scale(2)), WITHHELD, RULES).reason == "withheld: ShortHistory"
    kept = decide(make_request(make_scale(10), make_scale(2)), replace(WITHHELD, hpa=True), RULES)
    assert (kept.reason, kept.outcome) == ("replicas are the HPA's", Outcome.PATCHED)
    of_hpa = decide(make_request(make_scale(10), make_scale(2), username=HPA_USER), WITHHELD, RULES)
    assert (of_hpa.reason, of_hpa.warnings) == ("replicas are the HPA's", ())


@given(
    st.lists(st.tuples(st.text("a-", min_size=1, max_size=63), st.sampled_from(REQUESTS)), min_size=1, unique=True),
    st.lists(st.sampled_from(sorted(ACCEPTABLE)), min_size=1, max_size=2, unique=True),
)
def test_the_line_about_withheld_fields_is_never_too_long_and_names_the_conditions(
    fields: list[tuple[str, str]], types: list[str]
) -> None:
    line = withheld_warning(tuple(WithheldField(name, container, "500m", tuple(types)) for container, name in fields))
    assert len(line) <= MAX_WARNING_CHARACTERS
    assert line.endswith(f"(withheld: {', '.join(types)})")


def test_fields_that_do_not_fit_are_counted() -> None:
    names = [f"container-{number:02d}" for number in range(9)]
    fields = [WithheldField("cpu request", name, "500m", ("ShortHistory",)) for name in names]
    assert withheld_warning(tuple(fields)) == (
        "KubeDoor: cpu request of container-00 left at 500m, cpu request of container-01 at 500m, 7 more"
        " (withheld: ShortHistory)"
    )
    long = [one._replace(container="c" * 63, conditions=tuple(sorted(ACCEPTABLE))) for one in fields]
    assert withheld_warning(tuple(long)).startswith(
        "KubeDoor: 9 fields left as they are (withheld: LargeChange, LowCoverage,"
    )


def test_a_review_is_parsed() -> None:
    asked = make_request(make_scale(10), make_scale(2), dry_run=True)
    assert parse_review(make_review(asked)) == asked


def test_a_generated_name_may_be_missing() -> None:
    review = make_review(make_request(make_deployment()))
    del review["request"]["name"], review["request"]["object"]["metadata"]["name"]
    assert parse_review(review).name == ""
    assert parse_review(review).shown_name == ""


def test_a_generated_name_is_shown_by_its_prefix() -> None:
    review = make_review(make_request(make_deployment()))
    metadata = review["request"]["object"]["metadata"]
    del review["request"]["name"], metadata["name"]
    metadata["generateName"] = "web-"
    asked = parse_review(review)
    assert (asked.name, asked.shown_name) == ("", "web-*")
    decision = decide(asked, UNKNOWN, replace(RULES, deny_unknown=True))
    assert decision.reason.startswith("KubeDoor: shop/web-* is not in the control table: add it there first")


@pytest.mark.parametrize(
    ("review", "field"),
    [
        ([], "kind"),
        ({"kind": "Pod"}, "kind"),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1"}, "apiVersion"),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}, "request.uid"),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": []}, "request"),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": 3}}, "request.uid"),
        (
            {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "a"}},
            "request.operation",
        ),
        (
            {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "a", "object": "x"}},
            "request.operation",
        ),
        (
            {
                "kind": "AdmissionReview",
                "apiVersion": "admission.k8s.io/v1",
                "request": {"uid": "a", "operation": "CREATE", "object": "x"},
            },
            "object",
        ),
    ],
)
def test_an_invalid_review_is_rejected_with_its_field(review: Any, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_review(review)
    assert caught.value.details["field"] == field


def answer(case: Case) -> dict[str, Any]:
    decision = decide(case.request, case.values, case.rules)
    review = review_response(
        case.request,
        allowed=decision.allowed,
        reason=decision.reason,
        patch=decision.patch,
        warnings=decision.warnings,
        annotations=annotations_of(decision),
    )
    assert review["apiVersion"] == "admission.k8s.io/v1"
    assert review["kind"] == "AdmissionReview"
    response: dict[str, Any] = review["response"]
    assert response["uid"] == case.request.uid
    return response


def test_an_answer_carries_patch_warnings_and_audit_annotations() -> None:
    response = answer(CASES["scale sets replicas"])
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(response["patch"])) == [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    assert response["warnings"] == ["KubeDoor: replicas 10 -> 3 (collected)"]
    assert response["auditAnnotations"] == {
        "decision": "patched",
        "reason": "control values were set",
        "changes": "deployment replicas 10 -> 3",
    }


def test_an_answer_without_changes_only_allows() -> None:
    case = CASES["mode off: nothing"]
    assert answer(case) == {"uid": case.request.uid, "allowed": True}


def test_a_refusal_says_what_to_do() -> None:
    response = answer(CASES["unknown workload under deny"])
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    message = response["status"]["message"]
    assert "add it there first (`kubedoor add shop/web`)" in message
    assert 'label it kubedoor.io/control: "off"' in message
    assert "patch" not in response


def test_an_unknown_workload_with_the_opt_out_label_is_not_denied() -> None:
    labelled = make_request(make_deployment(labels={CONTROL_LABEL: "off"}))
    assert decide(labelled, UNKNOWN, Rules(deny_unknown=True)).outcome is Outcome.IGNORED
