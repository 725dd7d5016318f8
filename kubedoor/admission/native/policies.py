"""The MutatingAdmissionPolicies and their bindings: one definition for the switch, the chart and the tests. Pure.

All rules are those of `kubedoor.admission.rules`; what a policy cannot do is to refuse, to warn and to record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubedoor.admission.native import cel, deployment_policy, scale_policy
from kubedoor.admission.native.parameters import GROUP, KIND, LABELS, VERSION
from kubedoor.admission.rules import Rules
from kubedoor.admission.webhook_configuration import IGNORE_LABEL, NAMESPACE_LABEL

DEPLOYMENTS = "kubedoor-deployments"
SCALES = "kubedoor-deployments-scale"
API_VERSIONS = ("v1", "v1beta1")
"""Of admissionregistration.k8s.io, the best first: v1 since Kubernetes 1.36, v1beta1 since 1.34."""
MAX_CONTAINERS = 100
"""Of a Deployment: with many more, a policy costs more than the API server allows, and the request passes unchanged."""
Manifest = dict[str, Any]


def policies(rules: Rules, *, api_version: str = "v1") -> tuple[Manifest, ...]:
    """The two policies, then their bindings."""
    made = (
        _policy(DEPLOYMENTS, rules, api_version, resource="deployments", operations=("CREATE", "UPDATE")),
        _policy(SCALES, rules, api_version, resource="deployments/scale", operations=("UPDATE",)),
    )
    return (*made, *(_binding(one["metadata"]["name"], api_version) for one in made))


def _policy(name: str, rules: Rules, api_version: str, *, resource: str, operations: tuple[str, ...]) -> Manifest:
    is_scale = name == SCALES
    variables = scale_policy.variables(rules) if is_scale else deployment_policy.variables(rules)
    mutation = scale_policy.mutation() if is_scale else deployment_policy.mutation()
    conditions = {"is-in-range": _in_range(scale_policy.NAME if is_scale else "object.metadata.?name.orValue('')")}
    conditions |= scale_policy.conditions(rules) if is_scale else {"matters-to-kubedoor": _matters()}
    return {
        "apiVersion": f"admissionregistration.k8s.io/{api_version}",
        "kind": "MutatingAdmissionPolicy",
        "metadata": _metadata(name),
        "spec": {
            "paramKind": {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND},
            "failurePolicy": "Ignore",
            # Webhooks that run later may add containers. The rules are idempotent.
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {"matchExpressions": _namespace_expressions(rules)},
                "objectSelector": {},
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": list(operations),
                        "resources": [resource],
                        "scope": "Namespaced",
                    }
                ],
            },
            "matchConditions": [{"name": one, "expression": text} for one, text in conditions.items()],
            "variables": [{"name": one, "expression": text} for one, text in variables.items()],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": mutation}}],
        },
    }


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
    return f"request.operation == 'CREATE' || object.spec != oldObject.spec || {annotations}"


def _namespace_expressions(rules: Rules) -> list[Mapping[str, Any]]:
    expressions: list[Mapping[str, Any]] = [{"key": IGNORE_LABEL, "operator": "DoesNotExist"}]
    if rules.excluded_namespaces:
        excluded = sorted(rules.excluded_namespaces)
        expressions.append({"key": NAMESPACE_LABEL, "operator": "NotIn", "values": excluded})
    if rules.namespaces:
        expressions.append({"key": NAMESPACE_LABEL, "operator": "In", "values": sorted(rules.namespaces)})
    return expressions
