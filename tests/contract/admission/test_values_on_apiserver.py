"""Collected values on their whole way to pods: sized with facts of a real API server, set by the door, admitted as pods.

The API server checks LimitRanges and quotas when a pod is created, long after it took the Deployment: only pods that
start show that a value was right.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from kubedoor.collection.cluster_facts.from_api import facts_from_api
from kubedoor.kube.client import Cluster
from kubedoor.model.cluster_facts import ClusterFacts, FactKind
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import ConditionType
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Resources
from kubedoor.quantities import cpu_millicores, memory_bytes
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import collected_values
from tests.contract.collection.test_cluster_facts_on_apiserver import vpa_definition
from tests.contract.lab import Lab, replicas_of, resources_of
from tests.support.builders import make_container, make_usage_day
from tests.support.cluster_objects import make_hpa, make_limit_range, make_quota, make_vpa, on_resource

Amounts = Mapping[str, str]
DAY = date(2026, 11, 20)
PODS = 2


def asked(requests: Amounts, limits: Amounts) -> Resources:
    """Resources as kube-state-metrics reports them."""
    cpu = [cpu_millicores(of["cpu"]) if "cpu" in of else None for of in (requests, limits)]
    memory = [memory_bytes(of["memory"]) if "memory" in of else None for of in (requests, limits)]
    return Resources(cpu[0], memory[0], cpu[1], memory[1])


def usage(namespace: str, cpu: str, memory: str, found: Resources, container: str = "app") -> list[UsageDay]:
    """Three whole days of one container."""
    row = make_usage_day(
        namespace=namespace,
        container=container,
        pods=PODS,
        cpu=cpu_millicores(cpu),
        memory=memory_bytes(memory),
        found=found,
    )
    return [replace(row, day=DAY - timedelta(days=number)) for number in range(3)]


def facts(lab: Lab, namespace: str) -> ClusterFacts:
    found = facts_from_api(Cluster(kubeconfig=str(lab.plane.kubeconfig)), namespaces=[namespace])
    assert found.known == set(FactKind)
    return found


def enforce(
    lab: Lab, rows: list[UsageDay], known: ClusterFacts, options: SizingOptions | None = None
) -> CollectedValues:
    """Size and store them: what the door enforces from now on."""
    values = collected_values(
        rows, rule="peak-day", options=options or SizingOptions(), whole_cluster=False, facts=known
    )
    lab.control.replace_collected(values, run=time.time_ns(), rule="peak-day")
    lab.wait_for_door()
    [one] = values
    return one


def types_of(values: CollectedValues) -> set[ConditionType]:
    return {condition.type for condition in values.conditions}


def create(lab: Lab, namespace: str, requests: Amounts, limits: Amounts, *more: dict[str, Any]) -> Resources:
    """A Deployment `web` as its owner wrote it, with pods that run; gives what it asks for."""
    container = make_container(requests=requests or None, limits=limits or None)
    lab.create(namespace, replicas=PODS, containers=[container, *more])
    assert pods_start(lab, namespace), "the owner's own values are right"
    return asked(requests, limits)


def pods_start(lab: Lab, namespace: str) -> bool:
    done = lab.plane.kubectl(
        "-n", namespace, "rollout", "status", "deployment/web", "--timeout=40s", check=False, timeout_seconds=60
    )
    return done.returncode == 0


def restart(lab: Lab, namespace: str) -> str:
    """What kubectl says of it."""
    said = lab.kubectl(namespace, "rollout", "restart", "deployment/web")
    lab.settle(namespace)
    return said


def has_failed_to_make_pods(lab: Lab, namespace: str) -> bool:
    """Whether the newest ReplicaSet's pods are refused."""
    conditions = lab.stored(namespace)["status"].get("conditions", ())
    return any(one["type"] == "ReplicaFailure" and one["status"] == "True" for one in conditions)


def qos_of(lab: Lab, namespace: str) -> set[str]:
    pods = lab.plane.get_all("pod", namespace, selector="app=web")
    return {pod["status"]["qosClass"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}


BOUNDS: dict[str, tuple[list[dict[str, Any]], Amounts, Amounts, tuple[str, str], Amounts]] = {
    "ratio": (
        [{"type": "Container", "maxLimitRequestRatio": {"cpu": "4", "memory": "3"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "2", "memory": "1Gi"},
        ("2m", "4Mi"),
        {"cpu": "500m", "memory": "357913942"},
    ),
    "case 05": (
        [
            {
                "type": "Container",
                "min": {"cpu": "100m", "memory": "64Mi"},
                "maxLimitRequestRatio": {"cpu": "4"},
            }
        ],
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "2", "memory": "1Gi"},
        ("2m", "4Mi"),
        {"cpu": "500m", "memory": "64Mi"},
    ),
    "max": (
        [{"type": "Container", "max": {"cpu": "1", "memory": "1Gi"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {},
        ("3", "3Gi"),
        {"cpu": "1", "memory": "1Gi"},
    ),
    "the default limit": (
        [{"type": "Container", "max": {"cpu": "1", "memory": "1Gi"}, "default": {"cpu": "700m", "memory": "600Mi"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {},
        ("3", "3Gi"),
        {"cpu": "700m", "memory": "600Mi"},
    ),
    "ratio to the default limit": (
        [{"type": "Container", "default": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "2"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {},
        ("2m", "4Mi"),
        {"cpu": "500m", "memory": "4Mi"},
    ),
    "min of the pod": (
        [{"type": "Pod", "min": {"cpu": "300m", "memory": "300Mi"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "2", "memory": "1Gi"},
        ("2m", "4Mi"),
        {"cpu": "300m", "memory": "300Mi"},
    ),
    "ratio of the pod": (
        [{"type": "Pod", "maxLimitRequestRatio": {"cpu": "8"}}],
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "2", "memory": "1Gi"},
        ("2m", "4Mi"),
        {"cpu": "250m", "memory": "4Mi"},
    ),
    "of two the tighter one": (
        [
            {"type": "Container", "min": {"cpu": "50m"}},
            {"type": "Container", "min": {"cpu": "150m"}, "max": {"memory": "2Gi"}},
        ],
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "2", "memory": "1Gi"},
        ("2m", "4Mi"),
        {"cpu": "150m", "memory": "4Mi"},
    ),
}


@pytest.mark.parametrize(("items", "requests", "limits", "used", "want"), BOUNDS.values(), ids=BOUNDS.keys())
def test_values_go_inside_the_limit_range_and_pods_start(
    lab: Lab,
    namespace: str,
    items: list[dict[str, Any]],
    requests: Amounts,
    limits: Amounts,
    used: tuple[str, str],
    want: Amounts,
) -> None:
    lab.plane.apply(*(make_limit_range(f"bounds-{number}", namespace, one) for number, one in enumerate(items)))
    found = create(lab, namespace, requests, limits)
    values = enforce(lab, usage(namespace, *used, found), facts(lab, namespace))
    assert ConditionType.LIMIT_RANGE in types_of(values)
    restart(lab, namespace)
    assert resources_of(lab.stored(namespace))["requests"] == want
    assert pods_start(lab, namespace)


def test_without_the_facts_the_release_would_make_no_pod(lab: Lab, namespace: str) -> None:
    """What the test above is worth."""
    items, requests, limits, used, _ = BOUNDS["case 05"]
    lab.plane.apply(make_limit_range("bounds", namespace, *items))
    found = create(lab, namespace, requests, limits)
    enforce(lab, usage(namespace, *used, found), ClusterFacts())
    restart(lab, namespace)
    lab.plane.wait_for(lambda: has_failed_to_make_pods(lab, namespace), what="the pods are refused")


def test_a_limit_range_that_nothing_satisfies_leaves_the_field(lab: Lab, namespace: str) -> None:
    requests, limits = {"cpu": "500m", "memory": "512Mi"}, {"cpu": "2", "memory": "1Gi"}
    found = create(lab, namespace, requests, limits)
    lab.plane.apply(make_limit_range("later", namespace, {"type": "Container", "min": {"cpu": "3"}}))
    values = enforce(lab, usage(namespace, "2m", "4Mi", found), facts(lab, namespace))
    assert ConditionType.LIMIT_RANGE in types_of(values)
    said = restart(lab, namespace)
    assert "withheld: LimitRange" in said
    assert resources_of(lab.stored(namespace)) == {"requests": {"cpu": "500m", "memory": "4Mi"}, "limits": limits}


def test_a_quota_that_would_be_exceeded_withholds_raising(lab: Lab, namespace: str) -> None:
    lab.plane.apply(make_quota("team", namespace, {"requests.cpu": "1300m", "requests.memory": "4Gi"}))
    requests, limits = {"cpu": "400m", "memory": "512Mi"}, {"cpu": "2", "memory": "1Gi"}
    found = create(lab, namespace, requests, limits)
    lab.plane.wait_for(lambda: used_cpu(lab, namespace) == 800, what="the quota has counted the pods")
    values = enforce(lab, usage(namespace, "700m", "200Mi", found), facts(lab, namespace))
    assert types_of(values) == {ConditionType.RESOURCE_QUOTA}
    said = restart(lab, namespace)
    assert "withheld: ResourceQuota" in said
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "400m", "memory": "200Mi"}
    assert pods_start(lab, namespace)


def used_cpu(lab: Lab, namespace: str) -> int | None:
    quotas = facts(lab, namespace).quotas.get(namespace, ())
    return quotas[0].used_requests.cpu_millicores if quotas else None


def test_a_quota_with_room_lets_values_be_raised(lab: Lab, namespace: str) -> None:
    lab.plane.apply(make_quota("team", namespace, {"requests.cpu": "10"}))
    found = create(lab, namespace, {"cpu": "400m", "memory": "512Mi"}, {"cpu": "2", "memory": "1Gi"})
    lab.plane.wait_for(lambda: used_cpu(lab, namespace) == 800, what="the quota has counted the pods")
    values = enforce(lab, usage(namespace, "700m", "200Mi", found), facts(lab, namespace))
    assert types_of(values) == set()
    restart(lab, namespace)
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "700m", "memory": "200Mi"}
    assert pods_start(lab, namespace)


def test_a_vpa_that_acts_withholds_requests_and_limits(lab: Lab, namespace: str) -> None:
    requests, limits = {"cpu": "100m", "memory": "512Mi"}, {"cpu": "200m", "memory": "1Gi"}
    create(lab, namespace, requests, limits)
    with vpa_definition(lab.plane):
        lab.plane.apply(make_vpa("web", namespace, "Recreate"))
        known = facts(lab, namespace)
    # What is found are the VPA's pods, three times the Deployment's.
    found = asked({"cpu": "300m", "memory": "1536Mi"}, {"cpu": "600m", "memory": "3Gi"})
    values = enforce(lab, usage(namespace, "250m", "200Mi", found), known)
    assert types_of(values) == {ConditionType.VERTICAL_POD_AUTOSCALER}
    said = restart(lab, namespace)
    assert "withheld: VerticalPodAutoscaler" in said
    stored = lab.stored(namespace)
    assert (resources_of(stored), replicas_of(stored)) == ({"requests": requests, "limits": limits}, PODS)
    assert pods_start(lab, namespace)


def test_an_hpa_keeps_the_request_that_it_divides_by(lab: Lab, namespace: str) -> None:
    requests, limits = {"cpu": "1", "memory": "512Mi"}, {"cpu": "2", "memory": "1Gi"}
    found = create(lab, namespace, requests, limits)
    lab.plane.apply(make_hpa("web", namespace, on_resource("cpu", 50)))
    known = facts(lab, namespace)
    rows = [replace(row, hpa=True) for row in usage(namespace, "250m", "200Mi", found)]
    assert types_of(enforce(lab, rows, known)) == {ConditionType.HORIZONTAL_POD_AUTOSCALER}
    restart(lab, namespace)
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "1", "memory": "200Mi"}
    enforce(lab, rows, known, SizingOptions(hpa_requests="target"))
    restart(lab, namespace)
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "500m", "memory": "200Mi"}
    assert pods_start(lab, namespace)


@pytest.mark.parametrize("setting", ["withhold", "keep"])
def test_guaranteed_pods_stay_guaranteed(lab: Lab, namespace: str, setting: str) -> None:
    amounts = {"cpu": "4", "memory": "8Gi"}
    found = create(lab, namespace, amounts, amounts)
    assert qos_of(lab, namespace) == {"Guaranteed"}
    options = SizingOptions(guaranteed_qos=setting)
    values = enforce(lab, usage(namespace, "1730m", "3Gi", found), facts(lab, namespace), options)
    said = restart(lab, namespace)
    resources = resources_of(lab.stored(namespace))
    assert resources["requests"] == resources["limits"]
    assert pods_start(lab, namespace)
    lab.plane.wait_for(lambda: qos_of(lab, namespace) == {"Guaranteed"}, what="all pods are Guaranteed")
    if setting == "withhold":
        assert types_of(values) == {ConditionType.GUARANTEED_QOS}
        assert "withheld: GuaranteedQoS" in said
        assert resources["requests"] == amounts
    else:
        assert types_of(values) == set()
        assert resources["requests"] == {"cpu": "1.735", "memory": "3073Mi"}


@pytest.mark.parametrize(
    ("item", "want"),
    [
        pytest.param({"min": {"cpu": "2"}}, {"cpu": "2", "memory": "3073Mi"}, id="min"),
        pytest.param(
            {"max": {"memory": "8Gi"}, "min": {"memory": "4Gi"}}, {"cpu": "1.735", "memory": "4Gi"}, id="both"
        ),
    ],
)
def test_guaranteed_pods_move_inside_the_limit_range_as_a_whole(
    lab: Lab, namespace: str, item: dict[str, Any], want: Amounts
) -> None:
    amounts = {"cpu": "4", "memory": "8Gi"}
    lab.plane.apply(make_limit_range("bounds", namespace, {"type": "Container", **item}))
    found = create(lab, namespace, amounts, amounts)
    options = SizingOptions(guaranteed_qos="keep")
    enforce(lab, usage(namespace, "1730m", "3Gi", found), facts(lab, namespace), options)
    restart(lab, namespace)
    assert resources_of(lab.stored(namespace)) == {"requests": want, "limits": want}
    assert pods_start(lab, namespace)
    lab.plane.wait_for(lambda: qos_of(lab, namespace) == {"Guaranteed"}, what="all pods are Guaranteed")


def test_two_containers_share_what_the_pod_must_ask_for(lab: Lab, namespace: str) -> None:
    items = ({"type": "Pod", "min": {"cpu": "300m"}}, {"type": "Container", "min": {"cpu": "50m"}})
    lab.plane.apply(make_limit_range("bounds", namespace, *items))
    requests = {"cpu": "250m", "memory": "256Mi"}
    found = create(lab, namespace, requests, {}, make_container("proxy", requests=requests))
    rows = [row for name in ("app", "proxy") for row in usage(namespace, "2m", "4Mi", found, name)]
    enforce(lab, rows, facts(lab, namespace))
    restart(lab, namespace)
    stored = lab.stored(namespace)
    cpu = [cpu_millicores(resources_of(stored, name)["requests"]["cpu"]) for name in ("app", "proxy")]
    assert (sum(cpu), min(cpu) >= 50) == (300, True)
    assert pods_start(lab, namespace)


def test_what_no_node_holds_is_not_set(lab: Lab, namespace: str) -> None:
    requests = {"cpu": "500m", "memory": "512Mi"}
    found = create(lab, namespace, requests, {})
    values = enforce(lab, usage(namespace, "100", "200Mi", found), facts(lab, namespace))
    assert types_of(values) == {ConditionType.NODE_TOO_SMALL}
    said = restart(lab, namespace)
    assert "withheld: NodeTooSmall" in said
    assert resources_of(lab.stored(namespace))["requests"] == {"cpu": "500m", "memory": "200Mi"}
    assert pods_start(lab, namespace)
