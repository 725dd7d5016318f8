from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubedoor.model.cluster_facts import ClusterFacts, HpaTarget, Quota
from kubedoor.model.collected import CollectedValues
from kubedoor.model.conditions import ConditionType
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import Amount, Resources
from tests.support.builders import DAY, make_usage_day
from tests.support.sizing import MI, condition, days, sized_all, withheld

K = ConditionType


def quota(hard: int, used: int = 3500, name: str = "compute") -> Quota:
    return Quota(name, Amount(hard), Amount(used))


def facts(*quotas: Quota, **others: Any) -> ClusterFacts:
    return ClusterFacts(quotas={"shop": quotas}, **others)


def workload(
    deployment: str, *, now: int, cpu: int, pods: int, limit: int | None = None, **fields: Any
) -> list[UsageDay]:
    return days(3, deployment=deployment, cpu=cpu, pods=pods, found=Resources(now, 256 * MI, limit), **fields)


WEB = workload("web", now=500, cpu=700, pods=4)
"""+800m."""
CART = workload("cart", now=500, cpu=400, pods=2)
"""-200m."""


def with_quota(rows: list[UsageDay], cluster: ClusterFacts, **options: Any) -> dict[str, CollectedValues]:
    return {one.deployment: one for one in sized_all(rows, cluster, **options)}


def quota_of(values: CollectedValues) -> list[str]:
    return (
        withheld(condition(values, K.RESOURCE_QUOTA)) if K.RESOURCE_QUOTA in {c.type for c in values.conditions} else []
    )


def test_raising_is_withheld_where_the_new_sum_exceeds_the_quota() -> None:
    got = with_quota([*WEB, *CART], facts(quota(4000)))
    found = condition(got["web"], K.RESOURCE_QUOTA)
    assert withheld(found) == ["app.cpu_request_millicores"]
    assert found.message == (
        "The namespace would ask for 4.1 of cpu, and the ResourceQuota compute allows 4: nothing is raised."
    )
    assert (found.reason, found.is_acceptable) == ("WouldExceed", True)
    assert found.parameters == {"quota": "compute", "resource": "cpu", "needed": "4.1", "allowed": "4"}
    assert got["cart"].conditions == (), "lowering makes room, and is done all the same"


@pytest.mark.parametrize(
    ("hard", "rows", "want"),
    [
        pytest.param(4100, [*WEB, *CART], [], id="just enough room"),
        pytest.param(4299, WEB, ["app.cpu_request_millicores"], id="nothing makes room"),
        pytest.param(4300, WEB, [], id="enough without"),
        pytest.param(3000, workload("web", now=500, cpu=400, pods=4), [], id="a sum that gets smaller is no trouble"),
        pytest.param(
            4000,
            [*WEB, *workload("cart", now=500, cpu=100, pods=2)],
            [],
            id="one is lowered by as much as another is raised",
        ),
    ],
)
def test_the_sum_over_the_namespace_counts(hard: int, rows: list[UsageDay], want: list[str]) -> None:
    assert quota_of(with_quota(rows, facts(quota(hard)))["web"]) == want


def test_memory_has_a_sum_of_its_own() -> None:
    rows = days(3, memory=512 * MI, found=Resources(200, 256 * MI))
    memory = Quota("memory", Amount(None, 2048 * MI), Amount(None, 1536 * MI))
    got = condition(with_quota(rows, facts(memory))["web"], K.RESOURCE_QUOTA)
    assert withheld(got) == ["app.memory_request_bytes"]
    assert got.parameters == {"quota": "memory", "resource": "memory", "needed": "2.25Gi", "allowed": "2Gi"}


def test_other_namespaces_have_other_quotas() -> None:
    elsewhere = workload("api", now=500, cpu=900, pods=4, namespace="money")
    got = with_quota([*WEB, *elsewhere], facts(quota(4000)))
    assert quota_of(got["web"])
    assert got["api"].conditions == ()


def test_what_nobody_asked_for_is_raised_from_nothing() -> None:
    rows = days(3, found=Resources())
    assert quota_of(with_quota(rows, facts(quota(500, used=0)))["web"]) == ["app.cpu_request_millicores"]


def test_of_a_withheld_field_there_is_no_new_value() -> None:
    """The HPA's condition already leaves 500m: nothing of it is raised."""
    got = with_quota(WEB, facts(quota(4000), hpas={("shop", "web"): HpaTarget(50)}))
    assert quota_of(got["web"]) == []


def test_a_second_quota_sees_what_the_first_withholds() -> None:
    got = with_quota(WEB, facts(quota(4000), quota(3900, name="second")))
    assert condition(got["web"], K.RESOURCE_QUOTA).parameters["quota"] == "compute"


def test_more_replicas_are_withheld_too() -> None:
    """From three to nine pods of 500m."""
    few, many = workload("web", now=500, cpu=500, pods=3), workload("web", now=500, cpu=500, pods=9)
    rows = [few[0], many[1], few[2]]
    assert quota_of(with_quota(rows, facts(quota(4000, used=1500)))["web"]) == ["replicas"]
    assert quota_of(with_quota(rows, facts(quota(4500, used=1500)))["web"]) == []


@pytest.mark.parametrize("fields", [{"hpa": True}, {"is_partial": True}], ids=["of an HPA", "withheld"])
def test_replicas_that_stay_make_no_sum_larger(fields: dict[str, bool]) -> None:
    few, many = workload("web", now=500, cpu=500, pods=3, **fields), workload("web", now=500, cpu=500, pods=9, **fields)
    got = with_quota([few[0], many[1]], facts(quota(4000, used=1500)), hpa_requests="control")
    assert (got["web"].replicas, quota_of(got["web"])) == (9, [])


def test_a_container_that_is_gone_takes_no_room() -> None:
    old = make_usage_day(day=DAY - timedelta(days=9), container="old", cpu=3000, pods=4, found=Resources(100, MI))
    got = with_quota([*WEB, old], facts(quota(4300)))
    assert quota_of(got["web"]) == []
