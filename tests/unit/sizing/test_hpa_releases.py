"""Case 01: an HPA divides usage by the request, so a request that follows usage makes it scale out, and the next one again.

30 days of releases with the HPA's own formula
(https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details), the sizing rules, the store,
and the decision at admission.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jsonpatch
import pytest

from kubedoor import quantities
from kubedoor.admission.decision import Outcome
from kubedoor.admission.rules import Rules, decide
from kubedoor.control_values import compile_rows
from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import REPLICAS, RESOURCE_FIELDS
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import ControlValues, Mode, Resources, WorkloadKey
from kubedoor.store.collected import collected_rows
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.support.builders import DAY, make_container, make_deployment, make_request, make_usage_day
from tests.support.sizing import sized

LOAD = 5000
"""Millicores at peak, constant."""
PERCENT, MIN_PODS, MAX_PODS, TOLERANCE = 50, 2, 1000, 0.1
DAYS, LOOK_BACK = 30, 10
FACTS = ClusterFacts(frozenset({FactKind.HPAS}), hpas={("shop", "web"): HpaTarget(cpu_percent=PERCENT)})


def scaled(pods: int, request: int) -> int:
    """The pods once the HPA has nothing more to do: desired = ceil(current × usage ÷ target)."""
    for _ in range(100):
        ratio = (LOAD / pods) / request / (PERCENT / 100)
        desired = pods if abs(ratio - 1) <= TOLERANCE else math.ceil(round(pods * ratio, 9))
        if (desired := min(max(desired, MIN_PODS), MAX_PODS)) == pods:
            return pods
        pods = desired
    raise AssertionError("the HPA comes to no rest")


def request_of(deployment: dict[str, Any]) -> int:
    return quantities.cpu_millicores(
        deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]
    )


Control = Callable[[CollectedValues, int], ControlValues]
"""What a collection makes of its values: control values. The number counts its runs."""


def compiled(values: CollectedValues, run: int) -> ControlValues:
    """As the view `control` has them: of what is withheld there is no control value."""
    (row,) = collected_rows("c1", run, values)
    names = {entry.partition(":")[0] for entry in row["withheld"]}
    fields = dict.fromkeys(f"manual_{name}" for name in (REPLICAS, *RESOURCE_FIELDS)) | dict.fromkeys(names)
    facts = {"mode": Mode.ENFORCE, "opted_out": False, "owned": False, "version": 0, "withheld_replicas": []}
    return compile_rows("c1", [{**row, **facts, **fields}])[WorkloadKey("c1", "shop", "web")]


class Cluster:
    """One Deployment with an HPA, and KubeDoor beside it."""

    def __init__(self) -> None:
        container = make_container(requests={"cpu": "1", "memory": "512Mi"})
        self.deployment = make_deployment(replicas=10, containers=[container])
        self.pods = scaled(10, 1000)

    def usage(self, day: int) -> UsageDay:
        asked = Resources(request_of(self.deployment), 512 * 2**20)
        cpu = math.ceil(LOAD / self.pods)
        return make_usage_day(day=DAY + timedelta(days=day), pods=self.pods, cpu=cpu, found=asked, hpa=True)

    def release(self, day: int, values: ControlValues) -> None:
        """`kubectl rollout restart`, as the door lets it through; then the HPA scales."""
        restarted = copy.deepcopy(self.deployment)
        restarted["spec"]["replicas"] = self.deployment["spec"]["replicas"] = self.pods
        restarted["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": f"day {day}"}
        decision = decide(make_request(restarted, self.deployment), values, Rules())
        assert decision.outcome in (Outcome.PATCHED, Outcome.UNCHANGED)
        self.deployment = jsonpatch.apply_patch(restarted, list(decision.patch))
        assert self.deployment["spec"]["replicas"] == self.pods, "replicas are the HPA's"
        self.pods = scaled(self.pods, request_of(self.deployment))


def pods_of_days(number: int, control: Control, **options: Any) -> list[int]:
    one = Cluster()
    history: list[UsageDay] = []
    pods: list[int] = []
    for day in range(number):
        history.append(one.usage(day))
        one.release(day, control(sized(history[-LOOK_BACK:], FACTS, **options), day + 1))
        pods.append(one.pods)
    return pods


@pytest.mark.parametrize("setting", ["withhold", "target"])
def test_the_number_of_pods_stays_within_one_of_where_it_began(setting: str) -> None:
    pods = pods_of_days(DAYS, compiled, hpa_requests=setting)
    assert {abs(one - 10) <= 1 for one in pods} == {True}, pods


def test_a_request_that_follows_usage_runs_away() -> None:
    """What the setting `control` means; and that this simulation would show it."""
    pods = pods_of_days(DAYS, compiled, hpa_requests="control")
    assert pods == sorted(pods)
    assert pods[-1] >= 40


def test_the_store_compiles_the_same(embedded: Connection, cluster: str) -> None:
    store, key = ControlStore(embedded, cluster), WorkloadKey(cluster, "shop", "web")

    def stored(values: CollectedValues, run: int) -> ControlValues:
        store.replace_collected([values], run=run, rule="peak-day")
        got = compile_rows(cluster, store.control_rows_of(key))[key]
        assert got.containers == compiled(values, run).containers
        return got

    assert pods_of_days(3, stored, hpa_requests="withhold") == [10, 10, 10]
