"""Manual values, collected values, and the control values compiled from both.

CPU is in integer millicores and memory in bytes. None means "not known" or "not set", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from kubedoor.model.conditions import Condition
from kubedoor.sentences import Sentence


class Mode(StrEnum):
    """What the door does for one workload."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    OFF = "off"


class Source(StrEnum):
    """Where a value that the door sets comes from."""

    MANUAL = "manual"
    COLLECTED = "collected"
    RUNNING = "running"
    """What runs is kept: the replicas of a workload that an HPA scales."""


@dataclass(frozen=True, order=True)
class WorkloadKey:
    """One Deployment."""

    cluster: str
    namespace: str
    deployment: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.namespace}/{self.deployment}"


@dataclass(frozen=True)
class Resources:
    """Requests and limits of one container. None: not set."""

    cpu_request_millicores: int | None = None
    memory_request_bytes: int | None = None
    cpu_limit_millicores: int | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True)
class Amount:
    """CPU and memory together. None: not set, or not known."""

    cpu_millicores: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class ManualValues:
    """Values that a person set for one workload, each independent; None: not set. `version` 0: never edited."""

    version: int = 0
    mode: Mode | None = None
    replicas: int | None = None
    containers: Mapping[str, Resources] = field(default_factory=dict)
    note: str = ""
    edited_by: str = ""
    edited_at: datetime | None = None


@dataclass(frozen=True)
class CollectedContainer:
    """Requests of one container computed from the peak day, and the limits found."""

    container: str
    values: Resources
    cpu_usage_millicores: int = 0
    memory_usage_bytes: int = 0
    reasons: tuple[Sentence, ...] = ()
    """One sentence per number: day, measured value, clamps."""


@dataclass(frozen=True)
class CollectedValues:
    """Values of one workload computed from its peak days. The peak days of CPU and memory may differ."""

    namespace: str
    deployment: str
    replicas: int
    peak_day: date
    memory_peak_day: date
    containers: tuple[CollectedContainer, ...]
    days: int
    """Number of usage days in the look-back."""
    hpa: bool | None = None
    """From the newest day on which it is known; None: no such day."""
    reasons: tuple[Sentence, ...] = ()
    memory_pods: int | None = None
    """Pods on the memory peak day; None: as many as `replicas`."""
    largest_node: Amount = Amount()
    """The largest node at the time, as far as it was known."""
    conditions: tuple[Condition, ...] = ()
    """Why values are not to be trusted, or not to be enforced now."""


@dataclass(frozen=True)
class Value:
    """One control value and where it comes from."""

    amount: int
    source: Source


@dataclass(frozen=True)
class ControlContainer:
    """Control values of one container. None: no control value, so the field is left unchanged."""

    cpu_request_millicores: Value | None = None
    memory_request_bytes: Value | None = None
    cpu_limit_millicores: Value | None = None
    memory_limit_bytes: Value | None = None
    withheld: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field -> the types of the conditions that withhold its collected value, without what is accepted."""


@dataclass(frozen=True)
class ControlValues:
    """All the door needs to know about one workload: manual values override collected values, field by field."""

    mode: Mode = Mode.ENFORCE
    replicas: Value | None = None
    withheld_replicas: tuple[str, ...] = ()
    """The types of the conditions that withhold the collected replicas."""
    containers: Mapping[str, ControlContainer] = field(default_factory=dict)
    hpa: bool = False
    opted_out: bool = False
    """The Deployment has the label `kubedoor.io/control: "off"`; stored because a Scale does not show labels."""
    owned: bool = False
    """A controller owns the Deployment; stored for the same reason."""
    known: bool = True
    """False: the workload is not in the control table."""
    version: int = 0
    peak_day: date | None = None
