"""What rules and conditions may be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

MEBIBYTE = 2**20


@dataclass(frozen=True)
class SizingOptions:
    """CPU in millicores, memory in bytes. `cluster_*_peak_day` makes every workload use that day where it has data for it."""

    min_cpu_millicores: int = 10
    min_memory_bytes: int = MEBIBYTE
    max_cpu_millicores: int = 4_096_000
    """Of one container, where nobody knows how large the largest node is."""
    max_memory_bytes: int = 2**46
    min_coverage: float = 0.8
    """Share of steps and of pods below which a usage day is thin."""
    hpa_requests: str = "withhold"
    """Of a resource that an HPA targets by utilisation: `withhold`, `target` (usage divided by the target), `control`."""
    guaranteed_qos: str = "withhold"
    """Of Guaranteed pods: `withhold`, or `keep` (request and limit move together)."""
    large_change_percent: int = 0
    """A change beyond this share of what is asked is withheld; 0: none is."""
    cluster_cpu_peak_day: date | None = None
    cluster_memory_peak_day: date | None = None
