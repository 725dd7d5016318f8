"""Previews a decision on a Deployment or an AdmissionReview, by the same rules as the webhook. Writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import jsonpatch

from kubedoor.admission.decision import Decision
from kubedoor.admission.facts import exemptions_at_scale
from kubedoor.admission.review import AdmissionRequest, is_valid_unicode, parse_review
from kubedoor.admission.rules import Rules, decide
from kubedoor.asked import controllable
from kubedoor.errors import BadRequest, InvalidInput
from kubedoor.model.values import ControlValues, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.store.control import ControlStore

MAX_DEPTH = 100
"""Deployments have about fifteen levels. Copying and encoding recurse several calls deep for each level."""


@dataclass(frozen=True)
class PreviewResult:
    decision: Decision
    before: dict[str, Any]
    after: dict[str, Any]


class Preview:
    def __init__(self, *, cluster_name: str, control: ControlStore, rules: Rules) -> None:
        self._cluster_name = cluster_name
        self._control = control
        self._rules = rules

    def show(self, body: Any, values_of: Callable[[WorkloadKey], ControlValues] | None = None) -> PreviewResult:
        """Preview an AdmissionReview, or the creation of a Deployment. `values_of`: other control values than those stored.

        Raises BadRequest for any other body, InvalidInput if a field cannot be read.
        """
        _refuse_unstorable(body)
        request = parse_review(body) if _kind(body) == "AdmissionReview" else _create_request(body)
        key = WorkloadKey(self._cluster_name, request.namespace, request.name)
        values = (values_of or self._control.values_of)(key)
        try:
            if request.is_scale:
                opted_out, owned = exemptions_at_scale(request, self._control.facts_of_each([key])[key])
                values = replace(values, opted_out=opted_out, owned=owned)
            decision = decide(request, values, self._rules)
        except (TypeError, AttributeError, KeyError, ValueError, ArithmeticError) as error:
            raise InvalidInput(sentence("requests.not_a_deployment"), field="object") from error
        after = jsonpatch.apply_patch(copy.deepcopy(request.object), list(decision.patch))
        return PreviewResult(decision, request.object, after)


def missing_containers(manifest: Mapping[str, Any], edited: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Containers of an edit, with a value, that a Deployment does not have. Of a Scale, which shows none: empty."""
    template = (manifest.get("spec") or {}).get("template")
    if template is None:
        return []
    there = {container.get("name") for container in controllable(template)}
    return sorted(name for name, fields in edited.items() if name not in there and any(fields.values()))


def _refuse_unstorable(body: Any) -> None:
    """Raises BadRequest for what is parsed but could not be sent back: NaN, lone surrogates, deep nesting."""
    pending = [(body, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise BadRequest(sentence("requests.too_deep"), field="object")
        if isinstance(value, float) and not isfinite(value):
            raise BadRequest(sentence("requests.not_finite"), field="object")
        if isinstance(value, str) and not is_valid_unicode(value):
            raise BadRequest(sentence("requests.not_unicode"), field="object")
        if isinstance(value, Mapping):
            pending += [(part, depth + 1) for entry in value.items() for part in entry]
        elif isinstance(value, list):
            pending += [(part, depth + 1) for part in value]


def _kind(body: Any) -> str:
    return str(body.get("kind")) if isinstance(body, Mapping) else ""


def _create_request(body: Any) -> AdmissionRequest:
    if _kind(body) != "Deployment" or body.get("apiVersion") != "apps/v1":
        raise BadRequest(sentence("requests.send_a_deployment"), field="kind")
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise InvalidInput(sentence("requests.missing", field="metadata.name"), field="metadata.name")
    if not isinstance(body.get("spec"), Mapping):
        raise InvalidInput(sentence("requests.missing", field="spec"), field="spec")
    return AdmissionRequest(
        uid="preview",
        operation="CREATE",
        group="apps",
        resource="deployments",
        subresource="",
        namespace=str(metadata.get("namespace") or "default"),
        name=str(metadata["name"]),
        username="preview",
        dry_run=True,
        object=dict(body),
        old_object={},
    )
