"""The MutatingWebhookConfiguration: one definition for the switch, the chart and the tests. Pure.

It keeps the API server from calling the webhook in vain: for namespaces that are not controlled or labelled
`kubedoor-ignore` or `control-plane`, and for updates that change neither the spec nor labels, owners or what was asked, unless policies of the
API server have changed them (`arrived`). All other rules are in `rules`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAME = "kubedoor-webhook-configuration"
WEBHOOK_NAME = "deployments.kubedoor.io"
IGNORE_LABEL = "kubedoor-ignore"
PLATFORM_LABEL = "control-plane"
"""Of namespaces of the platform and of operators. AKS keeps every webhook from them, and no policy: so both are kept."""
LEFT_OUT_LABELS = (PLATFORM_LABEL, IGNORE_LABEL)
"""With any value."""
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Kubernetes sets it on every namespace to its name."""
PATH = "/mutate"
DOOR = "kubedoor.io/door"
"""An annotation: the setting KUBEDOOR_DOOR for which the configuration, or a policy, was made."""

# NB: an absent field is an error in CEL, and with failurePolicy Ignore an error skips the webhook, hence every has().
_MATCH_CONDITION = """
request.operation == 'CREATE' || has(request.subResource) || object.spec != oldObject.spec
|| has(object.metadata.labels) != has(oldObject.metadata.labels)
|| (has(object.metadata.labels) && object.metadata.labels != oldObject.metadata.labels)
|| has(object.metadata.ownerReferences) != has(oldObject.metadata.ownerReferences)
|| (has(object.metadata.ownerReferences) && object.metadata.ownerReferences != oldObject.metadata.ownerReferences)
|| (has(object.metadata.annotations) && 'kubedoor.io/asked' in object.metadata.annotations
    ? object.metadata.annotations['kubedoor.io/asked'] : '')
!= (has(oldObject.metadata.annotations) && 'kubedoor.io/asked' in oldObject.metadata.annotations
    ? oldObject.metadata.annotations['kubedoor.io/asked'] : '')
|| (has(object.status) && has(object.status.conditions)
    && object.status.conditions.exists(c, c.type == 'kubedoor.io/arrived'))
"""


@dataclass(frozen=True)
class WebhookOptions:
    """How the API server reaches the webhook. `ca` is PEM; empty: cert-manager injects it.

    `namespaces`: only these are controlled; empty: all but the excluded ones.
    """

    namespace: str
    service: str
    port: int
    timeout_seconds: int
    failure_policy: str
    excluded_namespaces: Sequence[str]
    ca: str = ""
    inject_ca_from: str = ""
    namespaces: Sequence[str] = ()
    door: str = ""
    """The setting KUBEDOOR_DOOR; empty: made for any."""


def configuration(options: WebhookOptions) -> dict[str, Any]:
    client: dict[str, Any] = {
        "service": {"namespace": options.namespace, "name": options.service, "path": PATH, "port": options.port}
    }
    if options.ca:
        client["caBundle"] = base64.b64encode(options.ca.encode()).decode()
    metadata: dict[str, Any] = {"name": NAME, "labels": {"app.kubernetes.io/part-of": "kubedoor"}}
    annotations = {"cert-manager.io/inject-ca-from": options.inject_ca_from, DOOR: options.door}
    if kept := {name: text for name, text in annotations.items() if text}:
        metadata["annotations"] = kept
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata,
        "webhooks": [
            {
                "name": WEBHOOK_NAME,
                "admissionReviewVersions": ["v1"],
                "sideEffects": "NoneOnDryRun",
                "failurePolicy": options.failure_policy,
                "timeoutSeconds": options.timeout_seconds,
                # Webhooks that run later may add containers. The rules are idempotent.
                "reinvocationPolicy": "IfNeeded",
                "matchPolicy": "Equivalent",
                "clientConfig": client,
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["deployments", "deployments/scale"],
                        "scope": "Namespaced",
                    }
                ],
                "namespaceSelector": {
                    "matchExpressions": namespace_expressions(options.excluded_namespaces, options.namespaces)
                },
                "matchConditions": [{"name": "matters-to-kubedoor", "expression": " ".join(_MATCH_CONDITION.split())}],
            }
        ],
    }


def namespace_expressions(excluded: Iterable[str], included: Iterable[str]) -> list[dict[str, Any]]:
    """Of the namespaces that are controlled: the webhook and the policies select the same.

    Both are needed where only some namespaces are controlled: one of them may be excluded, or KubeDoor's own.
    """
    expressions: list[dict[str, Any]] = [{"key": IGNORE_LABEL, "operator": "DoesNotExist"}]
    if names := sorted(excluded):
        expressions.append({"key": NAMESPACE_LABEL, "operator": "NotIn", "values": names})
    if names := sorted(included):
        expressions.append({"key": NAMESPACE_LABEL, "operator": "In", "values": names})
    return [*expressions, {"key": PLATFORM_LABEL, "operator": "DoesNotExist"}]


def leads_to(found: Mapping[str, Any], options: WebhookOptions) -> bool:
    """Whether the configuration `found` in a cluster calls the Service of `options`."""
    wanted = configuration(options)["webhooks"][0]["clientConfig"]["service"]
    return [hook.get("clientConfig", {}).get("service") for hook in found.get("webhooks") or []] == [wanted]


_COMPARED = ("rules", "matchConditions", "failurePolicy", "timeoutSeconds", "sideEffects")


def is_current(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the configuration `found` in a cluster does what `wanted`, made by `configuration`, would do."""
    hooks = found.get("webhooks") or []
    if len(hooks) != 1:
        return False
    (hook,), (wanted_hook,) = hooks, wanted["webhooks"]
    return (
        _leads_to(hook.get("clientConfig") or {}, wanted_hook["clientConfig"])
        and _narrows(hook.get("namespaceSelector") or {}, wanted_hook["namespaceSelector"])
        and all(hook.get(name) == wanted_hook[name] for name in _COMPARED)
    )


def _leads_to(client: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Any CA is right if cert-manager injects it: `wanted` has none then."""
    is_same_ca = "caBundle" not in wanted or client.get("caBundle") == wanted["caBundle"]
    return is_same_ca and client.get("service") == wanted["service"] and not client.get("url")


def _narrows(selector: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Further expressions are no difference: AKS and GKE add theirs to every webhook, and put them back."""
    found = selector.get("matchExpressions") or []
    return all(one in found for one in wanted["matchExpressions"])
