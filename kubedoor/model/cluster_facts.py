"""What sizing has to know of the cluster besides usage: nodes, LimitRanges, quotas, autoscalers.

CPU is in integer millicores and memory in bytes. What nobody could read is not in `known`: absent is not "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kubedoor.model.values import Amount

WorkloadName = tuple[str, str]
"""(namespace, deployment)"""


class FactKind(StrEnum):
    NODES = "nodes"
    LIMIT_RANGES = "limit ranges"
    QUOTAS = "resource quotas"
    HPAS = "horizontal pod autoscalers"
    VPAS = "vertical pod autoscalers"


@dataclass(frozen=True)
class LimitRange:
    """One item of a LimitRange of type Container or Pod."""

    name: str
    kind: str
    """`Container` or `Pod`."""
    min: Amount = Amount()
    max: Amount = Amount()
    default_limit: Amount = Amount()
    max_cpu_ratio: float | None = None
    """Largest limit divided by request."""
    max_memory_ratio: float | None = None


@dataclass(frozen=True)
class Quota:
    """What a ResourceQuota leaves of requests and limits; None: it does not bound that."""

    name: str
    hard_requests: Amount = Amount()
    used_requests: Amount = Amount()


@dataclass(frozen=True)
class HpaTarget:
    """Utilisation in percent of the request that an HPA aims at; None: it does not scale on that resource.

    `is_known` False: the workload has an HPA, and nobody could say what it scales on.
    """

    cpu_percent: int | None = None
    memory_percent: int | None = None
    is_known: bool = True


@dataclass(frozen=True)
class ClusterFacts:
    """Everything that was read of one cluster at one moment."""

    known: frozenset[FactKind] = frozenset()
    largest_node: Amount = Amount()
    """The largest allocatable of any node, CPU and memory each for itself."""
    limit_ranges: Mapping[str, tuple[LimitRange, ...]] = field(default_factory=dict)
    """By namespace."""
    quotas: Mapping[str, tuple[Quota, ...]] = field(default_factory=dict)
    """By namespace."""
    hpas: Mapping[WorkloadName, HpaTarget] = field(default_factory=dict)
    vpas: Mapping[WorkloadName, str] = field(default_factory=dict)
    """The update mode of each VPA that acts on a Deployment: Auto, Recreate, Initial, InPlaceOrRecreate."""
    unknown: Mapping[FactKind, str] = field(default_factory=dict)
    """Why a kind of fact is not known, in words for people."""


class FactsSource(Protocol):
    """Where cluster facts come from: the API server, Prometheus, or neither (sample data)."""

    def read_facts(self) -> ClusterFacts:
        """Reads them anew. Never raises: what cannot be read is in `unknown`, with the reason."""
        ...
