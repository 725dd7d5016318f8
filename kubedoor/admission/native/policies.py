"""The MutatingAdmissionPolicies and their bindings: one definition for the switch, the chart and the tests. Pure.

All rules are those of `kubedoor.admission.rules`; what a policy cannot do is to refuse, to warn and to record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.admission.native import cel, creation_policy, deployment_policy, policy_probe, scale_policy, trace
from kubedoor.admission.native.parameters import GROUP, KIND, LABELS, VERSION
from kubedoor.admission.rules import Rules
from kubedoor.admission.webhook_configuration import DOOR, namespace_expressions

CREATIONS = "kubedoor-deployments-create"
DEPLOYMENTS = "kubedoor-deployments"
SCALES = "kubedoor-deployments-scale"
NAMES = (CREATIONS, DEPLOYMENTS, SCALES)
"""Of the policies, and of their bindings."""
API_VERSIONS = ("v1", "v1beta1")
"""Of admissionregistration.k8s.io, the best first: v1 since Kubernetes 1.36, v1beta1 since 1.34."""
Manifest = dict[str, Any]


@dataclass(frozen=True)
class _Part:
    """What a policy does."""

    name: str
    resource: str
    operation: str
    conditions: Mapping[str, str]
    variables: Mapping[str, str]
    mutation: str


def policies(rules: Rules, *, traced: bool = False, api_version: str = "v1") -> tuple[Manifest, ...]:
    """The policies, then their bindings. `traced`: the webhook enforces, too, and is told what arrived."""
    parts = map(_traced, _parts(rules)) if traced else _parts(rules)
    made = [_policy(_answering(one), rules, api_version) for one in parts]
    for one in made:
        one["metadata"]["annotations"] = {DOOR: "both" if traced else "native"}
    return (*made, *(_binding(one["metadata"]["name"], api_version) for one in made))


def _parts(rules: Rules) -> tuple[_Part, ...]:
    creation = _Part(
        CREATIONS,
        "deployments",
        "CREATE",
        # Conditions would cost more than what they spare: they are evaluated on an object that is converted once more.
        {},
        creation_policy.variables(rules),
        creation_policy.mutation(),
    )
    update = _Part(
        DEPLOYMENTS,
        "deployments",
        "UPDATE",
        {
            "is-in-range": _in_range("object.metadata.name"),
            "is-small": deployment_policy.IS_SMALL,
            "matters-to-kubedoor": _matters(),
        },
        deployment_policy.variables(rules),
        deployment_policy.mutation(),
    )
    scale = _Part(
        SCALES,
        "deployments/scale",
        "UPDATE",
        {"is-in-range": _in_range(scale_policy.NAME), **scale_policy.conditions(rules)},
        scale_policy.variables(rules),
        scale_policy.mutation(),
    )
    return creation, update, scale


def _answering(part: _Part) -> _Part:
    return replace(part, mutation=policy_probe.answering(part.mutation)) if part.name == CREATIONS else part


def _traced(part: _Part) -> _Part:
    if part.name == SCALES:
        mutation = trace.traced_scale(part.mutation, scale_policy.FOUND)
    else:
        mutation = trace.traced_deployment(part.mutation)
    return replace(part, mutation=mutation)


def _policy(part: _Part, rules: Rules, api_version: str) -> Manifest:
    return {
        "apiVersion": f"admissionregistration.k8s.io/{api_version}",
        "kind": "MutatingAdmissionPolicy",
        "metadata": _metadata(part.name),
        "spec": {
            "paramKind": {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND},
            "failurePolicy": "Ignore",
            # Otherwise the API server evaluates a policy twice whenever it has changed something, whether anything else has or not.
            # The second time, the annotation that arrived is gone: what an owner has asked for could not be told any more.
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {
                    "matchExpressions": namespace_expressions(rules.excluded_namespaces, rules.namespaces)
                },
                "objectSelector": {},
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": [part.operation],
                        "resources": [part.resource],
                        "scope": "Namespaced",
                    }
                ],
            },
            **({"matchConditions": _named(part.conditions)} if part.conditions else {}),
            "variables": _named(part.variables),
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": part.mutation}}],
        },
    }


def _named(expressions: Mapping[str, str]) -> list[Manifest]:
    return [{"name": one, "expression": text} for one, text in expressions.items()]


def _binding(policy: str, api_version: str) -> Manifest:
    return {
        "apiVersion": f"admissionregistration.k8s.io/{api_version}",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": _metadata(policy),
        "spec": {
            "policyName": policy,
            # In the namespace of the request.
            "paramRef": {"selector": {"matchLabels": dict(LABELS)}, "parameterNotFoundAction": "Allow"},
        },
    }


def _metadata(name: str) -> Manifest:
    return {"name": name, "labels": {"app.kubernetes.io/part-of": "kubedoor"}}


def _in_range(name: str) -> str:
    """Of a namespace's objects, one is for this Deployment."""
    return f"{name} >= params.spec.?from.orValue('') && (!has(params.spec.before) || {name} < params.spec.before)"


def _matters() -> str:
    annotations = " != ".join(cel.annotation(one) for one in ("object", "oldObject"))
    return f"object.spec != oldObject.spec || {annotations}"
