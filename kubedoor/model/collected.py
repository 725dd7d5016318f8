"""What a collection finds for one workload.

CPU is in integer millicores and memory in bytes. None means "not known" or "not set", never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kubedoor.model.conditions import Condition
from kubedoor.model.values import Amount, Resources
from kubedoor.sentences import Sentence


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
