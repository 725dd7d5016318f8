"""The state of a Deployment's rollout, from its status. Pure.

The algorithm of `kubectl rollout status`; in addition, the surplus pods of a scale-down have to be gone.
https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kubedoor.sentences import Sentence, joined, sentence

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The pod template's annotation that `kubectl rollout restart` sets."""
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


class RolloutState(StrEnum):
    WAITING = "waiting"
    HEALTHY = "healthy"
    FAILED = "failed"


@dataclass(frozen=True)
class Rollout:
    """`message`: the progress, or why it failed."""

    state: RolloutState
    message: Sentence


def restart_patch(at: str) -> dict[str, Any]:
    """A merge patch that starts a rollout. Idempotent for the same `at`."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}


def rollout_of(manifest: Mapping[str, Any], *, generation: int = 0) -> Rollout:
    """`generation`: of the change to wait for; WAITING until the controller has observed it."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    current = int((manifest.get("metadata") or {}).get("generation") or 0)
    if current < generation or int(status.get("observedGeneration") or 0) < current:
        return Rollout(RolloutState.WAITING, sentence("operations.not_seen"))
    wanted = int(spec["replicas"]) if spec.get("replicas") is not None else 1
    missing = _missing(status, wanted)
    if not missing:
        return Rollout(RolloutState.HEALTHY, sentence("operations.pods_available", available=wanted, pods=wanted))
    condition = _condition(status, "Progressing")
    if condition and condition.get("reason") == DEADLINE_EXCEEDED:
        return Rollout(RolloutState.FAILED, joined(missing, _failure_message(condition, status)))
    return Rollout(RolloutState.WAITING, missing)


def _missing(status: Mapping[str, Any], wanted: int) -> Sentence:
    """Empty: nothing is missing."""
    total, updated, available = (
        int(status.get(name) or 0) for name in ("replicas", "updatedReplicas", "availableReplicas")
    )
    if updated < wanted:
        return sentence("operations.pods_new", new=updated, pods=wanted)
    if total > wanted:
        return sentence("operations.pods_ending", pods=total - wanted)
    if available < wanted:
        return sentence("operations.pods_available", available=available, pods=wanted)
    return Sentence()


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), None)


def _failure_message(condition: Mapping[str, Any], status: Mapping[str, Any]) -> Sentence:
    """The controller's message, and why it could not create pods (a quota, for example)."""
    told = str(condition.get("message") or "")
    message = sentence("operations.timed_out", message=told) if told else sentence("operations.deadline_passed")
    failure = _condition(status, "ReplicaFailure")
    if not failure or not failure.get("message"):
        return message
    return sentence("common.about", subject=message, words=str(failure["message"]))
