"""The CustomResourceDefinition of ControlValues. Pure.

Its schema is narrow, because the API server refuses a request, whatever the failure policy, whose object a policy has
made invalid: nobody can write a number there that no Deployment may have.
"""

from __future__ import annotations

from typing import Any

from kubedoor.admission.native.parameters import GROUP, KIND, PLURAL, VERSION
from kubedoor.model.values import Mode

NAME = f"{PLURAL}.{GROUP}"
Schema = dict[str, Any]
_QUANTITY = {"type": "string", "maxLength": 24, "pattern": "^[0-9]{1,19}(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"}
_DEPLOYMENT_NAME = {"type": "string", "maxLength": 253}


def custom_resource_definition() -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/part-of": "kubedoor"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": PLURAL,
                "shortNames": ["cv"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _schema()},
                    "additionalPrinterColumns": _columns(),
                }
            ],
        },
    }


def _schema() -> Schema:
    return _object(
        {
            "spec": _object(
                {
                    "count": {"type": "integer", "minimum": 0, "description": "Number of Deployments in this object."},
                    "from": {
                        **_DEPLOYMENT_NAME,
                        "description": "Smallest name of a Deployment in this object; absent: any.",
                    },
                    "before": {
                        **_DEPLOYMENT_NAME,
                        "description": "Names of Deployments in this object are smaller; absent: any.",
                    },
                    # Atomic: the owners of single fields would take twice the room of the values.
                    "deployments": {
                        **_map(_deployment(), "Control values by the name of the Deployment."),
                        "x-kubernetes-map-type": "atomic",
                    },
                },
                required=["deployments"],
            )
        },
        required=["spec"],
        description="Control values of a namespace's workloads, written by KubeDoor for its admission policies. Edit them in KubeDoor: changes made here are put back.",
    )


def _deployment() -> Schema:
    modes = [str(mode) for mode in Mode]
    return _object(
        {
            "mode": {"type": "string", "enum": modes, "description": "What is done with the values; absent: enforce."},
            "replicas": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1},
            "hpa": {"type": "boolean", "description": "A HorizontalPodAutoscaler scales the Deployment."},
            "exempt": {
                "type": "boolean",
                "description": "Its label or an owner exempts the Deployment from being scaled.",
            },
            "containers": _map(
                _object({"requests": _amounts(), "limits": _amounts()}), "Requests and limits by the container's name."
            ),
        }
    )


def _amounts() -> Schema:
    return _object({"cpu": dict(_QUANTITY), "memory": dict(_QUANTITY)})


def _object(properties: Schema, *, required: list[str] | None = None, description: str = "") -> Schema:
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        **({"description": description} if description else {}),
    }


def _map(values: Schema, description: str) -> Schema:
    return {"type": "object", "additionalProperties": values, "description": description}


def _columns() -> list[dict[str, Any]]:
    return [
        {"name": "Deployments", "type": "integer", "jsonPath": ".spec.count"},
        {"name": "From", "type": "string", "jsonPath": ".spec.from", "priority": 1},
        {"name": "Before", "type": "string", "jsonPath": ".spec.before", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
