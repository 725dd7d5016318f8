"""What requests cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kubedoor.errors import ClusterError
from kubedoor.sentences import sentence
from kubedoor.workloads.prices import NODES_AGAIN, NODES_KEPT, ClusterPrice, Price, blended, money_of
from tests.support.accounts import Clock

GI = 2**30
DEFAULT = Price(0.04, 0.005)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def node(cpu: str, memory: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels}, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def test_a_month_has_730_hours() -> None:
    assert DEFAULT.per_month(2000, 4 * GI) == round((2 * 0.04 + 4 * 0.005) * 730, 2)
    assert DEFAULT.per_month(-2000, 0) == -58.4, "the door has given more than was asked"


def test_the_price_of_a_cluster_is_the_mean_over_its_nodes_by_size() -> None:
    by_label = {"pool=spot": (0.01, 0.001), "pool=gpu": (1.0, 0.1)}
    nodes = [node("6", "8Gi", pool="spot"), node("2", "24Gi")]
    price = blended(DEFAULT, by_label, nodes)
    assert price == Price((6 * 0.01 + 2 * 0.04) / 8, (8 * 0.001 + 24 * 0.005) / 32)
    assert blended(DEFAULT, by_label, []) == DEFAULT
    assert blended(DEFAULT, {"pool": (1, 1)}, [node("1", "1Gi", pool="a")]) == DEFAULT, "a label needs its value"


def test_without_a_price_there_is_no_money() -> None:
    clock = Clock(NOON)
    assert ClusterPrice(Price(0, 0), {}, list, now=clock).current() is None
    assert ClusterPrice(DEFAULT, {}, list, now=clock).current() == DEFAULT


def test_nodes_are_listed_now_and_then_and_may_fail() -> None:
    clock, answers = Clock(NOON), [[node("1", "1Gi", pool="spot")]]

    def nodes() -> list[dict[str, Any]]:
        if not answers:
            raise ClusterError(sentence("cluster.no_answer"))
        return answers.pop()

    price = ClusterPrice(DEFAULT, {"pool=spot": (0.01, 0.001)}, nodes, now=clock)
    assert price.current() == price.current() == Price(0.01, 0.001)
    clock.now += NODES_KEPT + timedelta(seconds=1)
    assert price.current() == Price(0.01, 0.001), "as it was known last"
    answers.append([node("1", "1Gi", pool="large")])
    clock.now += NODES_AGAIN - timedelta(seconds=1)
    assert price.current() == Price(0.01, 0.001)
    clock.now += timedelta(seconds=1)
    assert price.current() == DEFAULT, "it is tried again soon"
    assert ClusterPrice(DEFAULT, {"pool=spot": (0.01, 0.001)}, nodes, now=clock).current() == DEFAULT


def test_costs_add_up_by_namespace_and_day() -> None:
    row = {"cpu_asked_millicores": 4000, "memory_asked_bytes": 8 * GI, "cpu_millicores": 1000, "memory_bytes": 2 * GI}
    grown = {**row, "cpu_millicores": -1000, "memory_bytes": 0, "namespace": "data"}
    savings = {
        **row,
        "namespaces": [grown, {**row, "namespace": "shop"}],
        "days": [{"day": NOON.date(), "cpu_millicores": 1000, "memory_bytes": 2 * GI}],
    }
    days = [{"day": NOON.date(), "cpu_asked_millicores": 4000, "memory_asked_bytes": 8 * GI}]
    money = money_of(Price(0.04, 0.005), "EUR", savings, days, (2000, 4 * GI))
    assert (money["currency"], money["asked"], money["saved"], money["enforced"]) == ("EUR", 146.0, 36.5, 109.5)
    assert money["would_be"] == 73.0
    assert [(one["namespace"], one["saved"]) for one in money["namespaces"]] == [("shop", 36.5), ("data", -29.2)]
    assert money["days"] == [{"day": NOON.date(), "asked": 146.0, "enforced": 109.5, "saved": 36.5}]
    assert money_of(DEFAULT, "EUR", savings, days, (None, None))["would_be"] is None
