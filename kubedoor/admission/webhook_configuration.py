"""The MutatingWebhookConfiguration: one definition for the switch, the chart and the tests. Pure.

It keeps the API server from calling the webhook in vain: for namespaces that are excluded or labelled
`kubedoor-ignore`, and for updates that change neither the spec nor labels, owners or what was asked. All other rules are
in `rules`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAME = "kubedoor-webhook-configuration"
WEBHOOK_NAME = "deployments.kubedoor.io"
IGNORE_LABEL = "kubedoor-ignore"
PATH = "/mutate"

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
"""


@dataclass(frozen=True)
class WebhookOptions:
    """How the API server reaches the webhook. `ca` is PEM; empty: cert-manager injects it."""

    namespace: str
    service: str
    port: int
    timeout_seconds: int
    failure_policy: str
    excluded_namespaces: Sequence[str]
    ca: str = ""
    inject_ca_from: str = ""


def configuration(options: WebhookOptions) -> dict[str, Any]:
    client: dict[str, Any] = {
        "service": {"namespace": options.namespace, "name": options.service, "path": PATH, "port": options.port}
    }
    if options.ca:
        client["caBundle"] = base64.b64encode(options.ca.encode()).decode()
    metadata: dict[str, Any] = {"name": NAME, "labels": {"app.kubernetes.io/part-of": "kubedoor"}}
    if options.inject_ca_from:
        metadata["annotations"] = {"cert-manager.io/inject-ca-from": options.inject_ca_from}
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
                    "matchExpressions": [
                        {"key": IGNORE_LABEL, "operator": "DoesNotExist"},
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "NotIn",
                            "values": sorted(options.excluded_namespaces),
                        },
                    ]
                },
                "matchConditions": [{"name": "matters-to-kubedoor", "expression": " ".join(_MATCH_CONDITION.split())}],
            }
        ],
    }
