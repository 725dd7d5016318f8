"""What the door must make of each request, from the control values that were in force when it was decided.

Written down once more here, without the rules of KubeDoor: an answer is judged by the object that it leads to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from kubedoor.model.values import WorkloadKey

CPU_LIMIT, MEMORY_LIMIT = "1", "2Gi"
Json = dict[str, Any]


@dataclass(frozen=True)
class Sizing:
    """Control values of both containers of one workload. `memory_mi` is no multiple of 1024, `cpu_millicores` below 1000."""

    replicas: int
    cpu_millicores: int
    memory_mi: int

    @property
    def resources(self) -> Json:
        requests = {"cpu": f"{self.cpu_millicores}m", "memory": f"{self.memory_mi}Mi"}
        return {"requests": requests, "limits": {"cpu": CPU_LIMIT, "memory": MEMORY_LIMIT}}


Expect = Callable[[Json, Sizing], Json]
"""The object that is stored in the end, from the one that was sent and the values in force."""


def as_sent(manifest: Json, _: Sizing) -> Json:
    return manifest


def scaled(manifest: Json, sizing: Sizing) -> Json:
    return {**manifest, "spec": {**manifest["spec"], "replicas": sizing.replicas}}


def sized(manifest: Json, sizing: Sizing) -> Json:
    """Replicas, requests and limits; the owner's numbers are in the annotation already."""
    found = with_resources(manifest, sizing.resources)
    return scaled(found, sizing)


def with_resources(manifest: Json, resources: Json) -> Json:
    found = deepcopy(manifest)
    for container in found["spec"]["template"]["spec"]["containers"]:
        container["resources"] = deepcopy(resources)
    return found


@dataclass
class _Period:
    """Perhaps in force since `began`, for certain since `settled`; instants of one monotonic clock."""

    sizing: Sizing
    began: float
    settled: float


@dataclass
class InForce:
    """Which values were in force when, of each workload. Thread-safe: one thread changes, others ask."""

    _periods: dict[WorkloadKey, list[_Period]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, values: Mapping[WorkloadKey, Sizing], *, began: float, settled: float = float("inf")) -> None:
        """From `began` on others may be in force. Call `settle` as soon as they are."""
        with self._lock:
            for key, sizing in values.items():
                self._periods.setdefault(key, []).append(_Period(sizing, began, settled))

    def settle(self, keys: Iterable[WorkloadKey], at: float) -> None:
        with self._lock:
            for key in keys:
                self._periods[key][-1].settled = at

    def between(self, key: WorkloadKey, since: float, until: float) -> list[Sizing]:
        """All values that may have been in force at some moment of this time, the newest first."""
        found = []
        with self._lock:
            ended = float("inf")
            for period in reversed(self._periods[key]):
                if period.began <= until:
                    found.append(period.sizing)
                ended = period.settled
                if ended < since:
                    break
        return found
