"""What the door would do to a Deployment or a review, by the door's own code, leaving no trace."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import jsonpatch

from kubedoor.admission import review
from kubedoor.admission import rules as admission
from kubedoor.admission.decision import Decision
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules
from kubedoor.errors import BadRequest, InvalidInput
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import ControlStore

MAX_DEPTH = 100
"""Deployments are some fifteen deep; copying and answering take several calls for each level."""


@dataclass(frozen=True)
class Previewed:
    decision: Decision
    before: dict[str, Any]
    after: dict[str, Any]


class Preview:
    def __init__(self, *, cluster_name: str, control: ControlStore, rules: Rules) -> None:
        self._cluster_name = cluster_name
        self._control = control
        self._rules = rules

    def show(self, body: Any) -> Previewed:
        """Preview an AdmissionReview, or a Deployment as if it were created.

        Raises BadRequest for what is neither, InvalidInput when a field of it cannot be read.
        """
        _refuse_unspeakable(body)
        request = review.parse_review(body) if _kind(body) == "AdmissionReview" else _creation(body)
        key = WorkloadKey(self._cluster_name, request.namespace, request.name)
        values = self._control.values_of(key)
        try:
            decision = admission.decide(request, values, self._rules)
        except (TypeError, AttributeError, KeyError, ValueError, ArithmeticError) as error:
            raise InvalidInput("the object is not shaped like a Deployment", field="object") from error
        after = jsonpatch.apply_patch(copy.deepcopy(request.object), list(decision.patch))
        return Previewed(decision, request.object, after)


def _refuse_unspeakable(body: Any) -> None:
    """Refuse what JSON can spell and no API server stores: the answer could not repeat it. Raises BadRequest."""
    pending = [(body, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise BadRequest("the object is nested too deeply", field="object")
        if isinstance(value, float) and not isfinite(value):
            raise BadRequest("the object holds a number that is none", field="object")
        if isinstance(value, str) and not review.is_text(value):
            raise BadRequest("the object holds text that is not Unicode", field="object")
        if isinstance(value, Mapping):
            pending += [(part, depth + 1) for entry in value.items() for part in entry]
        elif isinstance(value, list):
            pending += [(part, depth + 1) for part in value]


def _kind(body: Any) -> str:
    return str(body.get("kind")) if isinstance(body, Mapping) else ""


def _creation(body: Any) -> AdmissionRequest:
    if _kind(body) != "Deployment" or body.get("apiVersion") != "apps/v1":
        raise BadRequest("send a Deployment (apps/v1) or an AdmissionReview (admission.k8s.io/v1)", field="kind")
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise InvalidInput("metadata.name is missing", field="metadata.name")
    if not isinstance(body.get("spec"), Mapping):
        raise InvalidInput("spec is missing", field="spec")
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
