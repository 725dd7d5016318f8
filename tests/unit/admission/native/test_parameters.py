"""Control values as parameters of the policies: what is written for whom, how it is spelled and divided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedoor import quantities
from kubedoor.admission.native import parameters
from kubedoor.admission.native.custom_resource import NAME, custom_resource_definition
from kubedoor.admission.native.parameters import (
    MAX_CONTAINERS,
    object_name,
    parameter_objects,
    spelled_cpu,
    spelled_memory,
    workload_entry,
)
from kubedoor.admission.resources import Floors
from kubedoor.control_values import UNKNOWN
from kubedoor.model.conditions import CPU_REQUEST
from kubedoor.model.values import ControlContainer, ControlValues, Mode, WorkloadKey
from tests.support.builders import collected, make_values, manual

FLOORS = Floors(10, 2**20)
APP = ControlContainer(cpu_request_millicores=collected(120), memory_request_bytes=collected(256 * 2**20))
SIZED = make_values(replicas=collected(3), containers={"app": APP})


def key(name: str, namespace: str = "shop") -> WorkloadKey:
    return WorkloadKey("default", namespace, name)


def test_a_workload_has_its_values_as_kubernetes_writes_them() -> None:
    limited = replace(APP, cpu_limit_millicores=manual(2000), memory_limit_bytes=manual(2**30))
    assert workload_entry(make_values(replicas=manual(0), containers={"app": limited}), FLOORS) == {
        "replicas": 0,
        "containers": {
            "app": {"requests": {"cpu": "120m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
        },
    }


def test_a_workload_that_is_too_large_has_no_entry() -> None:
    names = [f"c{number}" for number in range(MAX_CONTAINERS + 1)]
    large, largest = (make_values(containers=dict.fromkeys(some, APP)) for some in (names, names[1:]))
    (made,) = parameter_objects({key("large"): large, key("largest"): largest}, FLOORS)["shop"]
    assert list(made["spec"]["deployments"]) == ["largest"]


def test_floors_are_applied_to_requests_only() -> None:
    low = ControlContainer(collected(1), collected(5), collected(2), collected(7))
    assert workload_entry(make_values(containers={"app": low}), FLOORS)["containers"]["app"] == {
        "requests": {"cpu": "10m", "memory": "1Mi"},
        "limits": {"cpu": "2m", "memory": "7"},
    }


def test_what_is_withheld_is_absent() -> None:
    withheld = replace(APP, cpu_request_millicores=None, withheld={CPU_REQUEST: ("ShortHistory",)})
    values = make_values(containers={"app": withheld, "proxy": ControlContainer()}, withheld_replicas=("OOMKilled",))
    assert workload_entry(values, FLOORS) == {"containers": {"app": {"requests": {"memory": "256Mi"}}}}


@pytest.mark.parametrize(
    ("fields", "entry"),
    [
        ({}, {}),
        ({"mode": Mode.OFF}, {"mode": "off"}),
        ({"mode": Mode.OBSERVE}, {"mode": "observe"}),
        ({"hpa": True}, {"hpa": True}),
        ({"opted_out": True}, {"exempt": True}),
        ({"owned": True}, {"exempt": True}),
    ],
)
def test_facts_are_written_where_they_matter(fields: dict[str, Any], entry: dict[str, Any]) -> None:
    assert workload_entry(ControlValues(**fields), FLOORS) == entry


def test_a_namespace_has_one_object() -> None:
    values = {key("web"): SIZED, key("api"): SIZED, key("db", "data"): SIZED, key("new"): replace(UNKNOWN, hpa=True)}
    made = parameter_objects(values, FLOORS)
    assert sorted(made) == ["data", "shop"]
    (shop,) = made["shop"]
    assert shop["metadata"]["name"] == "control"
    assert (shop["spec"]["count"], list(shop["spec"]["deployments"])) == (2, ["api", "web"])
    assert not {"from", "before"} & set(shop["spec"])


def test_a_large_namespace_is_divided_by_ranges_of_names_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "MAX_BYTES", 1000)
    values = {key(f"web-{number:03d}"): SIZED for number in range(40)}
    objects = parameter_objects(values, FLOORS)["shop"]
    assert [one["metadata"]["name"] for one in objects] == [object_name(number) for number in range(len(objects))]
    assert len(objects) > 3
    assert sum(one["spec"]["count"] for one in objects) == 40
    assert [one["spec"].get("before") for one in objects] == [one["spec"].get("from") for one in objects[1:]] + [None]
    for one in objects:
        names = sorted(one["spec"]["deployments"])
        assert one["spec"].get("from", "") <= names[0]
        assert names[-1] < one["spec"].get("before", "x")


def test_a_workload_that_is_larger_than_an_object_may_be_has_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "MAX_BYTES", 10)
    assert len(parameter_objects({key("a"): SIZED, key("b"): SIZED}, FLOORS)["shop"]) == 2


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1023, "1023"), (1024, "1Ki"), (1536 * 2**20, "1536Mi"), (128_000_001, "128000001"), (1000, "1k")],
)
def test_memory_is_spelled_as_the_api_server_spells_it(amount: int, text: str) -> None:
    assert spelled_memory(amount) == text


@given(st.integers(0, 2**62))
def test_spelling_keeps_the_number(amount: int) -> None:
    assert quantities.memory_bytes(spelled_memory(amount)) == amount
    if amount < 2**40:
        assert quantities.cpu_millicores(spelled_cpu(amount)) == amount


def test_the_definition_is_of_the_objects_that_are_written() -> None:
    definition = custom_resource_definition()
    (made,) = parameter_objects({key("web"): SIZED}, FLOORS)["shop"]
    (version,) = definition["spec"]["versions"]
    assert made["apiVersion"] == f"{definition['spec']['group']}/{version['name']}"
    assert made["kind"] == definition["spec"]["names"]["kind"]
    assert definition["metadata"]["name"] == NAME == "controlvalues.kubedoor.io"
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert set(made["spec"]) <= set(spec)
    assert {"mode", "replicas", "hpa", "exempt", "containers"} == set(
        spec["deployments"]["additionalProperties"]["properties"]
    )
