"""What an action would do to one workload: value types of the plan, and the order in which items are started. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kubedoor.admission.comparison import FieldChange
from kubedoor.admission.due import replicas_of
from kubedoor.errors import Forbidden, KubeDoorError
from kubedoor.operations.request import ActionRequest, Target
from kubedoor.sentences import Sentence


class Refused(KubeDoorError):
    """This must not be done; the message says why."""


class Verdict(StrEnum):
    WILL = "will"
    NOTHING = "nothing"
    """Nothing to do; `reason` says why."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Planned:
    """What an action would do to one workload. Replicas None: unknown, or unchanged."""

    target: Target
    verdict: Verdict
    reason: Sentence = Sentence()
    replicas_before: int | None = None
    replicas_after: int | None = None
    restarts: bool = False
    is_forbidden: bool = False
    """Refused by the API server's authorization: worth a retry, since a starting API server forbids everything."""
    is_final: bool = False
    """Refused by a rule of KubeDoor: a retry would be refused too."""
    is_enforced: bool = False
    """The admission webhook sets the workload's control values."""
    manual_version: int = 0
    """The version of the manual values that the plan is based on."""
    changes: tuple[FieldChange, ...] = ()
    mismatch: Sentence = Sentence()
    """How the dry run differs from what the action wants: the admission webhook decides from stale values."""
    kept: Sentence = Sentence()
    """What a restore leaves as it runs, and why."""
    warnings: tuple[Sentence, ...] = ()
    kills: bool = False
    """Pods end, or would be killed, by what is set: whoever starts it should say so once more."""
    busy_with: str = ""
    """The action that is at work on it, and why it is refused; empty: none."""

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, deployment)"""
        return self.target.namespace, self.target.deployment


@dataclass(frozen=True)
class PlanContext:
    """What the plan of every workload needs. `control_on` None: unknown."""

    control_on: bool | None
    autoscaled: frozenset[tuple[str, str]]
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that neither webhook nor policies look at, and the label that says so."""


def refusal(target: Target, error: KubeDoorError, manifest: Mapping[str, Any] | None) -> Planned:
    """The plan of a workload that `error` stops; `manifest` None: it could not be read."""
    before = replicas_of(manifest) if manifest else None
    return Planned(
        target,
        Verdict.REFUSED,
        error.message,
        before,
        is_forbidden=isinstance(error, Forbidden),
        is_final=isinstance(error, Refused),
    )


def ordered(request: ActionRequest, planned: Sequence[Planned]) -> list[Planned]:
    """In the order in which the items are started."""
    keys: Mapping[str, Callable[[Planned], Any]] = {
        "name": lambda one: (one.target.namespace, one.target.deployment),
        "fewest_pods_first": lambda one: one.replicas_before or 0,
        "most_pods_first": lambda one: -(one.replicas_before or 0),
    }
    key = keys.get(request.order)
    return sorted(planned, key=key) if key else list(planned)
