"""How a Deployment stands to its control values: what the door would change if it were restarted now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from kubedoor.admission.decision import Change, Outcome
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules, decide
from kubedoor.model.values import ControlValues

_RESTARTED = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}


class State(StrEnum):
    APPLIED = "applied"
    """It runs as its control values say."""
    PENDING = "pending"
    """Its next release brings the control values."""
    DRIFTED = "drifted"
    """It ran as its control values say, and has been changed past KubeDoor since."""
    WITHHELD = "withheld"
    """What may be enforced runs; conditions withhold the rest."""
    NOT_ENFORCED = "not_enforced"
    """It differs, and KubeDoor leaves it alone: its mode, its label, its owner, its namespace."""
    ABSENT = "absent"
    """It is not in the cluster."""
    UNKNOWN = "unknown"
    """Nobody has seen it."""


class Standing(NamedTuple):
    """`changes`: what the next restart would bring. `drifted`: the ones that ran already, as (container, field)."""

    state: State
    changes: tuple[Change, ...] = ()
    drifted: frozenset[tuple[str, str]] = frozenset()


REPLICAS = ("", "replicas")
ABSENT, UNKNOWN, LEFT_ALONE = Standing(State.ABSENT), Standing(State.UNKNOWN), Standing(State.NOT_ENFORCED)


def standing_of(manifest: Mapping[str, Any], values: ControlValues, rules: Rules) -> Standing:
    """Of a Deployment as `LiveDeployment.manifest` gives it; never DRIFTED, which needs to know what ran before."""
    decision = decide(_restart(dict(manifest)), values, rules)
    if decision.outcome is Outcome.PATCHED:
        return Standing(State.PENDING, decision.changes)
    if decision.outcome is Outcome.UNCHANGED:
        return Standing(State.WITHHELD if decision.reason.code == "door.withheld" else State.APPLIED)
    return Standing(State.NOT_ENFORCED, decision.changes)


def with_past(standing: Standing, past: Mapping[str, Any], values: ControlValues, rules: Rules) -> Standing:
    """`standing` of a PENDING Deployment; DRIFTED if what is to be changed was not in `past`, the last admitted manifest."""
    lacked = {_place(change) for change in standing_of(past, values, rules).changes}
    known = {"", *(one["name"] for kind in _kinds(past) for one in kind)}
    drifted = frozenset(
        _place(change) for change in standing.changes if change.container in known and _place(change) not in lacked
    )
    return standing._replace(state=State.DRIFTED, drifted=drifted) if drifted else standing


def without_drift(standing: Standing, place: tuple[str, str]) -> Standing:
    """`standing`, with what a rule of the door has let through at this (container, field)."""
    drifted = standing.drifted - {place}
    return standing._replace(state=standing.state if drifted else State.PENDING, drifted=drifted)


def _place(change: Change) -> tuple[str, str]:
    return change.container, change.field


def _kinds(manifest: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    pod = manifest["spec"]["template"]["spec"]
    return pod.get("containers") or [], pod.get("initContainers") or []


def _restart(manifest: dict[str, Any]) -> AdmissionRequest:
    """As `kubectl rollout restart` sends it."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    restarted = {**spec, "template": {**spec["template"], "metadata": _RESTARTED}}
    return AdmissionRequest(
        uid="standing",
        operation="UPDATE",
        group="apps",
        resource="deployments",
        subresource="",
        namespace=metadata["namespace"],
        name=metadata["name"],
        username="standing",
        dry_run=True,
        object={**manifest, "spec": restarted},
        old_object=manifest,
    )
