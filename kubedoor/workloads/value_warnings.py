"""What the manual values of workloads would do to them, judged by what was used in the look-back."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubedoor.model.conditions import RESOURCE_FIELDS
from kubedoor.model.usage import Peaks
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.sizing.dangers import Danger, dangers
from kubedoor.store.usage import UsageStore

Name = tuple[str, str]
"""(namespace, deployment)"""
MOST_KEPT = 20_000
"""Peaks of so many workloads at most are in memory: a kilobyte each."""


@dataclass(frozen=True)
class Wanted:
    """The manual values of a workload, set or about to be; `hpa`: an HPA scales it."""

    manual: ManualValues
    hpa: bool = False

    @property
    def is_any(self) -> bool:
        return self.manual.replicas is not None or bool(self.manual.containers)


class ValueWarnings:
    """Thread-safe. Peaks are kept until the next collected day: the store goes through a look-back of all workloads for them."""

    def __init__(self, *, usage: UsageStore, look_back_days: int, hpa_replicas: str = "keep") -> None:
        """`hpa_replicas`: as kubedoor.admission.rules has it."""
        self._usage = usage
        self._look_back_days = look_back_days
        self._sets_hpas = hpa_replicas == "control"
        self._lock = threading.Lock()
        self._peaks: dict[Name, Peaks] = {}
        self._peaks_of: object = None

    def of(self, key: WorkloadKey, wanted: Wanted) -> list[Danger]:
        name = (key.namespace, key.deployment)
        return self.of_each({name: wanted})[name]

    def of_each(self, workloads: Mapping[Name, Wanted]) -> dict[Name, list[Danger]]:
        """At most two questions to the store, and none where nothing is set by hand. Raises StoreError."""
        asked = [name for name, wanted in workloads.items() if wanted.is_any]
        peaks = self._peaks_of_each(asked) if asked else {}
        return {
            name: dangers(wanted.manual, peaks.get(name, Peaks()), hpa=wanted.hpa and not self._sets_hpas)
            for name, wanted in workloads.items()
        }

    def _peaks_of_each(self, names: Sequence[Name]) -> dict[Name, Peaks]:
        # Read before the peaks: a day that is collected in between causes one more read later.
        revision = self._usage.revision()
        with self._lock:
            if self._peaks_of != revision or len(self._peaks) > MOST_KEPT:
                self._peaks, self._peaks_of = {}, revision
            kept = self._peaks
            known = {name: kept[name] for name in names if name in kept}
        if missing := [name for name in names if name not in known]:
            # The days over which OOM kills are counted, too.
            found = self._usage.peaks(missing, days=self._look_back_days)
            known |= {name: found.get(name, Peaks()) for name in missing}
            with self._lock:
                # `kept` is nobody's any more once another revision is there.
                kept |= {name: known[name] for name in missing}
        return known


def wanted_of(rows: Sequence[Mapping[str, Any]]) -> Wanted:
    """The manual values that stand in the rows of one workload, as the view `control` has them."""
    first = rows[0]
    containers = {
        row["container"]: Resources(**{name: row[f"manual_{name}"] for name in RESOURCE_FIELDS})
        for row in rows
        if row["container"]
    }
    manual = ManualValues(
        mode=Mode(first["mode"]),
        replicas=first["manual_replicas"],
        containers={name: values for name, values in containers.items() if values != Resources()},
    )
    return Wanted(manual, bool(first["hpa"]))
