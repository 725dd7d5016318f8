"""Compares two Deployments, and a Deployment with its control values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubedoor import quantities
from kubedoor.admission.decision import Outcome
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules, decide
from kubedoor.model.values import ControlValues
from kubedoor.sentences import Sentence, sentence


@dataclass(frozen=True)
class FieldChange:
    """A request or limit, before and after, as Kubernetes writes it. None: not set."""

    container: str
    field: str
    before: str | None
    after: str | None


def template_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Requests and limits that differ, as numbers, between the pod templates of two Deployments."""
    old, new = _resources(before), _resources(after)
    for name, field in sorted({*old, *new}):
        was, becomes = old.get((name, field)), new.get((name, field))
        if was is None or becomes is None or quantities.parse(was) != quantities.parse(becomes):
            yield FieldChange(name, field, was, becomes)


def _resources(manifest: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    spec = manifest["spec"]["template"]["spec"]
    quantity_of = {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for part in ("requests", "limits"):
            for resource, quantity in ((container.get("resources") or {}).get(part) or {}).items():
                quantity_of[(str(container["name"]), f"{resource} {part.removesuffix('s')}")] = str(quantity)
    return quantity_of


def control_mismatch(manifest: dict[str, Any], values: ControlValues, rules: Rules) -> Sentence:
    """Why a dry-run restart that gave `manifest` does not give the control values; empty if it does.

    Decides on the manifest again, as on a CREATE: whatever the rules would still change is a mismatch.
    """
    request = AdmissionRequest(
        uid="",
        operation="CREATE",
        group="apps",
        resource="deployments",
        subresource="",
        namespace=str(manifest["metadata"]["namespace"]),
        name=str(manifest["metadata"]["name"]),
        username="",
        dry_run=True,
        object=manifest,
        old_object={},
    )
    decision = decide(request, values, rules)
    if decision.outcome is not Outcome.PATCHED:
        return Sentence()
    changes = (f"{one.container} {one.field} {one.before} -> {one.after}".strip() for one in decision.changes)
    return sentence("operations.not_control_values", changes=", ".join(changes))
