"""Conditions: why a collected value is not to be trusted, or not to be enforced now. As Kubernetes has them.

A condition has a type, a status, a reason, one sentence with the numbers, and the instant since which it holds. It may
withhold fields: a withheld field is collected and shown, and not enforced until the condition ends or a person accepts it.
Source of the form: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

REPLICAS = "replicas"
CPU_REQUEST = "cpu_request_millicores"
MEMORY_REQUEST = "memory_request_bytes"
CPU_LIMIT = "cpu_limit_millicores"
MEMORY_LIMIT = "memory_limit_bytes"
REQUESTS = (CPU_REQUEST, MEMORY_REQUEST)
LIMITS = (CPU_LIMIT, MEMORY_LIMIT)
RESOURCE_FIELDS = (*REQUESTS, *LIMITS)
"""The fields of one container, named as the columns of the control table."""


class ConditionType(StrEnum):
    SHORT_HISTORY = "ShortHistory"
    LOW_COVERAGE = "LowCoverage"
    PARTIAL_DATA = "PartialData"
    PODS_NOT_SEEN = "PodsNotSeen"
    IMPLAUSIBLE_USAGE = "ImplausibleUsage"
    OOM_KILLED = "OOMKilled"
    HORIZONTAL_POD_AUTOSCALER = "HorizontalPodAutoscaler"
    VERTICAL_POD_AUTOSCALER = "VerticalPodAutoscaler"
    LIMIT_RANGE = "LimitRange"
    RESOURCE_QUOTA = "ResourceQuota"
    NODE_TOO_SMALL = "NodeTooSmall"
    GUARANTEED_QOS = "GuaranteedQoS"
    IMBALANCED = "Imbalanced"
    LARGE_CHANGE = "LargeChange"


ACCEPTABLE = frozenset(
    {
        ConditionType.SHORT_HISTORY,
        ConditionType.LOW_COVERAGE,
        ConditionType.PARTIAL_DATA,
        ConditionType.PODS_NOT_SEEN,
        ConditionType.OOM_KILLED,
        ConditionType.VERTICAL_POD_AUTOSCALER,
        ConditionType.RESOURCE_QUOTA,
        ConditionType.LARGE_CHANGE,
    }
)
"""What a person may accept; the others end by a setting, or when the cluster is changed."""


@dataclass(frozen=True, order=True)
class Withheld:
    """One field that a condition withholds; `container` is empty for the replicas."""

    container: str
    field: str


@dataclass(frozen=True)
class Condition:
    """`message` is one sentence for people; `reason` and `parameters` are the same for programs and translations."""

    type: ConditionType
    reason: str
    """In CamelCase, one of a fixed set for each type."""
    message: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Strings and numbers only; quantities as Kubernetes writes them."""
    withholds: tuple[Withheld, ...] = ()
    since: datetime | None = None
    """When it began to hold; None: not stored yet."""
    status: str = "True"

    @property
    def is_acceptable(self) -> bool:
        return self.type in ACCEPTABLE and bool(self.withholds)
