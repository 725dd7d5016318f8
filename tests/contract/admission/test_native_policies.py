"""The native door against the webhook's rules, on the real API server: the same stored object for the same request."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kubedoor.admission.arrived import TRACE, as_arrived
from kubedoor.admission.native.parameters import MAX_CONTAINERS
from kubedoor.admission.review import AdmissionRequest, parse_review
from kubedoor.admission.rules import Rules
from kubedoor.model.values import ControlContainer
from tests.contract.admission.later_webhook import LaterWebhook
from tests.contract.lab import replicas_of, resources_of
from tests.contract.native_door import Api, NativeDoor, Sent
from tests.support.builders import collected, make_container, make_deployment, make_scale, make_values
from tests.support.native_cases import as_sent, random_case
from tests.support.recorded_requests import Asked, requests_of
from tests.toolbox.controlplane import ControlPlane
from tests.unit.admission import test_asked
from tests.unit.admission.test_rules import CASES

SEEDS = range(10_000, 10_200)
OTHERWISE = {
    "excluded namespace": "the policies of a test are for its namespace only",
    "a namespace that is not one of those that are controlled": "the same",
    "one of the namespaces that are controlled": "the same",
    "another kind": "no policy is called",
    "another operation": "no policy is called",
    "another subresource": "no policy is called",
    "unknown workload under deny": "a mutating policy cannot refuse",
    "a setting denies the HPA an unknown workload": "a mutating policy cannot refuse",
    "null requests work": "the API server sends no null",
    "null resources work": "the API server sends no null",
}
"""Cases of the table that are none of the policies, and why."""


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    made = Api(control_plane)
    yield made
    made.close()


def differences(api: Api, name: str, asked: Iterable[Asked]) -> list[str]:
    """Where the policies store something else than the rules decide."""
    groups: dict[Rules, list[Sent]] = defaultdict(list)
    for number, (label, request, values, rules) in enumerate(asked):
        # What a mutating policy cannot do, and the namespaces, which a test has of its own.
        alike = replace(rules, deny_unknown=False, namespaces=frozenset(), excluded_namespaces=frozenset())
        manifest, old = as_sent(request, f"web-{number}")
        groups[alike].append(Sent(manifest, old, values, request.username, f"{number} {label}"))
    found: list[str] = []
    for number, (rules, requests) in enumerate(groups.items()):
        door = NativeDoor(api, rules, f"{name}-{number}")
        door.install()
        found += [str(one) for one in door.differences(requests)]
        door.remove()
    return found


def test_the_table_of_cases_is_stored_as_the_rules_decide(api: Api) -> None:
    asked = [(name, case.request, case.values, case.rules) for name, case in CASES.items() if name not in OTHERWISE]
    assert len(asked) > 60
    assert not differences(api, "table", asked)


def test_unchanged_manifests_and_new_wishes_are_stored_as_the_rules_decide(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [one for one in requests_of(test_asked, monkeypatch) if not one[3].deny_unknown]
    assert len(asked) > 100
    assert not differences(api, "asked", asked)


def test_random_requests_are_stored_as_the_rules_decide(api: Api) -> None:
    cases = ((f"seed {seed}", *random_case(seed)) for seed in SEEDS)
    asked = [one for one in cases if is_for_policies(one)]
    assert len(asked) >= 150
    assert not differences(api, "random", asked)


def is_for_policies(asked: Asked) -> bool:
    request = asked[1]
    is_workload = request.resource == "deployments" and request.subresource in ("", "scale")
    return is_workload and request.operation in ("CREATE", "UPDATE") and request.namespace == "shop"


@pytest.mark.parametrize(("containers", "workloads"), [(20, 1000), (MAX_CONTAINERS, 0)])
def test_many_containers_and_workloads_stay_inside_the_budget(api: Api, containers: int, workloads: int) -> None:
    names = [f"container-{number:03d}" for number in range(containers)]
    app = ControlContainer(cpu_request_millicores=collected(120), memory_limit_bytes=collected(2**30))
    values = make_values(replicas=collected(3), containers=dict.fromkeys(names, app))
    # With a trace, which costs more.
    door = NativeDoor(api, Rules(), f"many-{containers}", traced=True)
    door.install()
    sent = Sent(of_many(names, "registry.test/app:2"), of_many(names, "registry.test/app:1"), values)
    assert not door.differences([sent], others={f"other-{number}": values for number in range(workloads)})
    door.remove()


def test_a_manifest_with_more_containers_is_left_to_the_webhook(api: Api) -> None:
    """However few of them have control values. Its replicas are controlled where it is scaled."""
    names = [f"container-{number:03d}" for number in range(MAX_CONTAINERS + 1)]
    app = ControlContainer(cpu_request_millicores=collected(120))
    values = make_values(replicas=collected(3), containers={names[0]: app})
    door = NativeDoor(api, Rules(), "too-many")
    door.install()
    old, new = of_many(names, "registry.test/app:1"), of_many(names, "registry.test/app:2")
    scale = make_scale(9)
    update = Sent(new, old, values)
    # Stores the old one, and waits until policies and values are in force.
    door.differences([update])
    stored = door.enforced(Sent(new, old, values))
    assert not isinstance(stored, str)
    assert (replicas_of(stored), resources_of(stored, names[0])["requests"]["cpu"]) == (2, "500m")
    created = door.enforced(Sent({**new, "metadata": {**new["metadata"], "name": "other"}}, None, values))
    assert not isinstance(created, str)
    assert replicas_of(created) == 2
    scaled = door.enforced(Sent(scale, old, values))
    assert not isinstance(scaled, str)
    assert replicas_of(scaled) == 3
    door.remove()


def of_many(names: list[str], image: str) -> dict[str, Any]:
    requests, limits = {"cpu": "500m", "memory": "2Gi"}, {"cpu": "2", "memory": "2Gi"}
    return make_deployment(
        containers=[make_container(name, image=image, requests=requests, limits=limits) for name in names]
    )


def test_a_trace_tells_a_webhook_what_arrived_and_is_never_stored(api: Api, control_plane: ControlPlane) -> None:
    door = NativeDoor(api, Rules(), "traced", traced=True)
    door.install()
    asked: dict[str, Any] = {"requests": {"cpu": "500m"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    sized = {"requests": {"cpu": "120m"}, "limits": {"cpu": "2", "memory": "1Gi"}}
    app = ControlContainer(cpu_request_millicores=collected(120), memory_limit_bytes=collected(2**30))
    door.set_values({"web": make_values(replicas=collected(3), containers={"app": app})})
    manifest = make_deployment(namespace=door.controlled, replicas=10, containers=[make_container(**asked)])
    manifest["spec"]["paused"] = True
    seen: list[AdmissionRequest] = []

    def see(request: dict[str, Any]) -> dict[str, Any]:
        if request["name"] == "web":
            seen.append(
                parse_review({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
            )
        return {"uid": request["uid"], "allowed": True}

    resources = ("deployments", "deployments/scale")
    path = f"/apis/apps/v1/namespaces/{door.controlled}/deployments"
    with LaterWebhook(control_plane, door.controlled, see, resources=resources):
        control_plane.wait_for(
            lambda: replicas_of(api.send("POST", path, manifest, dryRun="All")) == 3, what="the policies are in force"
        )
        release = copy.deepcopy(manifest)
        release["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:2"
        scale = make_scale(10, namespace=door.controlled)
        for method, tail, sent in (("POST", "", manifest), ("PUT", "/web", release), ("PUT", "/web/scale", scale)):
            seen.clear()
            answer = api.send(method, path + tail, sent)
            # Controllers write, too; where one has written in between, the API server tries the update again.
            received = [one for one in seen if one.username == "admin"][-1]
            assert (replicas_of(received.object), replicas_of(as_arrived(received).object)) == (3, 10)
            stored = api.send("GET", f"{path}/web")
            assert TRACE not in str((answer, stored))
            assert (replicas_of(stored), resources_of(stored)) == (3, sized)
            if sent is not scale:
                assert resources_of(received.object) == sized
                assert resources_of(as_arrived(received).object) == asked
    door.remove()
