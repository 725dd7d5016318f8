"""Cluster facts from a real API server: what its controllers and defaults make of the objects, and who may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kubedoor.collection.cluster_facts.from_api import facts_from_api
from kubedoor.kube.client import Cluster
from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget, LimitRange, Quota
from kubedoor.model.values import Amount
from tests.support.builders import make_container, make_deployment
from tests.support.cluster_objects import (
    make_hpa,
    make_limit_range,
    make_node,
    make_quota,
    make_vpa,
    on_container,
    on_resource,
    scoped_to,
)
from tests.toolbox.controlplane import ControlPlane, Manifest

MIB, GIB = 2**20, 2**30
NODE = Amount(64_000, 256 * GIB)
"""Of each of the control plane's own nodes."""
VPA_GROUP = "autoscaling.k8s.io"
DEFINITION: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": f"verticalpodautoscalers.{VPA_GROUP}",
        "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797"},
    },
    "spec": {
        "group": VPA_GROUP,
        "scope": "Namespaced",
        "names": {
            "plural": "verticalpodautoscalers",
            "singular": "verticalpodautoscaler",
            "kind": "VerticalPodAutoscaler",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def admin(control_plane: ControlPlane) -> Cluster:
    return Cluster(kubeconfig=str(control_plane.kubeconfig))


@contextmanager
def vpa_definition(plane: ControlPlane) -> Iterator[None]:
    plane.apply(DEFINITION)
    name = f"crd/{DEFINITION['metadata']['name']}"
    try:
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", name)
        yield
    finally:
        plane.kubectl("delete", name)


def test_limit_ranges_as_the_api_server_completes_them(
    control_plane: ControlPlane, admin: Cluster, namespace: str
) -> None:
    container = {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "64Mi"}, "default": {"memory": "1Gi"}}
    ratio = {"type": "Pod", "maxLimitRequestRatio": {"memory": "1500m"}}
    control_plane.apply(make_limit_range("bounds", namespace, container, ratio))
    facts = facts_from_api(admin, namespaces=[namespace])
    assert set(facts.limit_ranges) == {namespace}
    assert facts.limit_ranges[namespace] == (
        # A maximum without a default is the default.
        LimitRange("bounds", "Container", Amount(None, 64 * MIB), Amount(2000), Amount(2000, GIB)),
        LimitRange("bounds", "Pod", max_memory_ratio=1.5),
    )


def test_quotas_as_their_controller_counts_them(control_plane: ControlPlane, admin: Cluster, namespace: str) -> None:
    control_plane.apply(
        make_quota("team", namespace, {"requests.cpu": "4", "memory": "8Gi", "pods": "20"}),
        make_quota("counts", namespace, {"pods": "20"}),
        make_quota("jobs", namespace, {"cpu": "1"}, scopes=["Terminating"]),
        make_quota("important", namespace, {"cpu": "1"}, scopeSelector=scoped_to("PriorityClass", "In", "high")),
        make_quota("running", namespace, {"requests.cpu": "5"}, scopes=["NotTerminating"]),
    )
    container = make_container(requests={"cpu": "250m", "memory": "1Gi"})
    control_plane.apply(make_deployment(namespace=namespace, replicas=2, containers=[container]))
    asked = Amount(500, 2 * GIB)
    want = {
        Quota("running", Amount(5000), Amount(500)),
        Quota("team", Amount(4000, 8 * GIB), asked),
    }
    control_plane.wait_for(
        lambda: set(facts_from_api(admin).quotas.get(namespace, ())) == want, what="the quotas have counted the pods"
    )


def test_hpas_as_the_api_server_completes_them(control_plane: ControlPlane, admin: Cluster, namespace: str) -> None:
    plain = make_hpa("plain", namespace, target="plain")
    del plain["spec"]["metrics"]
    control_plane.apply(
        make_hpa("web", namespace, on_resource("cpu", 70), on_container("app", "memory", 60)),
        make_hpa("db", namespace, on_resource("cpu", 50), kind="StatefulSet", target="db"),
        plain,
    )
    facts = facts_from_api(admin, namespaces=[namespace])
    assert facts.hpas == {(namespace, "web"): HpaTarget(70, 60), (namespace, "plain"): HpaTarget(80)}


def test_vpas_with_and_without_their_definition(control_plane: ControlPlane, admin: Cluster, namespace: str) -> None:
    facts = facts_from_api(admin)
    assert FactKind.VPAS in facts.known
    assert facts.vpas == {}
    with vpa_definition(control_plane):
        control_plane.apply(
            make_vpa("web", namespace, "InPlaceOrRecreate"),
            make_vpa("cart", namespace, target="cart"),
            make_vpa("only-shown", namespace, "Off", target="pay"),
            make_vpa("db", namespace, "Auto", kind="StatefulSet", target="db"),
        )
        facts = facts_from_api(admin, namespaces=[namespace])
    assert facts.vpas == {(namespace, "web"): "InPlaceOrRecreate", (namespace, "cart"): "Auto"}


def test_the_largest_node_that_is_not_cordoned(control_plane: ControlPlane, admin: Cluster) -> None:
    assert facts_from_api(admin).largest_node == NODE
    control_plane.apply(make_node("many-cores", "95990m", "64Gi"), make_node("leaving", "128", "1Ti", cordoned=True))
    try:
        assert facts_from_api(admin).largest_node == Amount(95_990, 256 * GIB)
    finally:
        control_plane.kubectl("delete", "node", "many-cores", "leaving")


def test_lists_are_read_page_by_page_without_the_excluded_namespaces(
    control_plane: ControlPlane, admin: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubedoor.kube.connection.PAGE_SIZE", 1)
    item = {"type": "Container", "max": {"cpu": "2"}}
    control_plane.apply(*(make_limit_range(f"bounds-{number}", namespace, item) for number in range(3)))
    facts = facts_from_api(admin)
    assert [one.name for one in facts.limit_ranges[namespace]] == ["bounds-0", "bounds-1", "bounds-2"]
    assert facts.largest_node == NODE
    assert namespace not in facts_from_api(admin, excluded_namespaces=[namespace]).limit_ranges


def test_whoever_has_no_rights_is_told_which_are_missing(control_plane: ControlPlane) -> None:
    stranger = Cluster(kubeconfig=str(control_plane.credentials("stranger", user="stranger")))
    facts = facts_from_api(stranger)
    assert facts == ClusterFacts(unknown=facts.unknown)
    assert set(facts.unknown) == set(FactKind)
    assert facts.unknown[FactKind.QUOTAS] == (
        'the cluster does not allow this to KubeDoor: resourcequotas is forbidden: User "stranger" cannot list resource'
        ' "resourcequotas" in API group "" at the cluster scope: add the rule apiGroups [""], resources [resourcequotas],'
        " verbs [list] to its ClusterRole"
    )
    assert 'apiGroups ["autoscaling.k8s.io"]' in facts.unknown[FactKind.VPAS], "even without the definition"


def granted(user: str, rule: dict[str, Any]) -> list[Manifest]:
    api, name = "rbac.authorization.k8s.io", {"name": user}
    return [
        {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": name, "rules": [rule]},
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
        },
    ]


def test_the_rule_that_the_reason_names_is_enough(control_plane: ControlPlane) -> None:
    user = "reads-nodes"
    reader = Cluster(kubeconfig=str(control_plane.credentials(user, user=user)))
    assert facts_from_api(reader).known == frozenset()
    control_plane.apply(*granted(user, {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}))
    control_plane.wait_for(
        lambda: facts_from_api(reader).known == {FactKind.NODES}, what="the API server has noticed the rule"
    )
    assert facts_from_api(reader).largest_node == NODE
