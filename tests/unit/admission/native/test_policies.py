"""The policies as objects; what they do is tested on the API server."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubedoor.admission.native.policies import NAMES, policies
from kubedoor.admission.rules import HPA_USER, Rules

RULES = Rules(excluded_namespaces=frozenset({"kube-system", "kubedoor"}))


def expressions(policy: dict[str, Any]) -> list[str]:
    spec = policy["spec"]
    found = [one["expression"] for one in (*spec.get("matchConditions", ()), *spec["variables"])]
    return [*found, *(one["jsonPatch"]["expression"] for one in spec["mutations"])]


def test_there_are_three_policies_each_with_its_binding() -> None:
    made = policies(RULES)
    assert [one["metadata"]["name"] for one in made] == list(NAMES) * 2
    assert [one["spec"]["policyName"] for one in made[3:]] == list(NAMES)
    assert {one["apiVersion"] for one in made} == {"admissionregistration.k8s.io/v1"}
    assert {one["apiVersion"] for one in policies(RULES, api_version="v1beta1")} == {
        "admissionregistration.k8s.io/v1beta1"
    }


@pytest.mark.parametrize("policy", policies(RULES)[:3], ids=NAMES)
def test_variables_refer_only_to_those_before_them(policy: dict[str, Any]) -> None:
    """The API server refuses anything else."""
    known: set[str] = set()
    for one in policy["spec"]["variables"]:
        assert set(re.findall(r"variables\.(\w+)", one["expression"])) <= known, one["name"]
        known.add(one["name"])
    assert set(re.findall(r"variables\.(\w+)", expressions(policy)[-1])) <= known


@pytest.mark.parametrize("policy", policies(RULES)[:3], ids=NAMES)
def test_no_variable_goes_unused(policy: dict[str, Any]) -> None:
    used = set(re.findall(r"variables\.(\w+)", " ".join(expressions(policy))))
    assert {one["name"] for one in policy["spec"]["variables"]} <= used


def test_namespaces_are_those_of_the_settings() -> None:
    rules = Rules(excluded_namespaces=frozenset({"b", "a"}), namespaces=frozenset({"shop"}))
    for policy in policies(rules)[:3]:
        assert policy["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"] == [
            {"key": "kubedoor-ignore", "operator": "DoesNotExist"},
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a", "b"]},
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop"]},
            {"key": "control-plane", "operator": "DoesNotExist"},
        ]
    assert len(policies(Rules())[0]["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"]) == 2


@pytest.mark.parametrize("mode", ["keep", "pass", "control"])
def test_the_hpa_is_known_unless_its_workloads_are_controlled_too(mode: str) -> None:
    for policy in policies(Rules(hpa_replicas=mode))[:3]:
        assert (HPA_USER in " ".join(expressions(policy))) is (mode != "control")
