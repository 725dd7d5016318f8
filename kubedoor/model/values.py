"""Manual values, collected values, and the control values compiled from both.

CPU is in integer millicores and memory in bytes. None means "not known" or "not set", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


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
