"""What values that a person sets do to a workload, beside what it used at its peaks: said before it hurts. Pure.

Only manual values are judged. A collected one comes from the same usage, and a limit that was found is its owner's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from kubedoor.model.conditions import CPU_LIMIT, CPU_REQUEST, MEMORY_LIMIT, MEMORY_REQUEST, REPLICAS
from kubedoor.model.usage import Peak, Peaks
from kubedoor.model.values import ManualValues, Mode, Resources
from kubedoor.sentences import Sentence, sentence
from kubedoor.sizing.assessment import FIELD_WORDS, written
from kubedoor.sizing.options import MEBIBYTE

FAR_BELOW = 0.5
"""Share of the usage at peak below which a request promises far too little."""
FAR_ABOVE = 3
"""Multiple of the most pods seen above which replicas are likely a slip."""
_FIELDS = {CPU_REQUEST: "cpu_request", MEMORY_REQUEST: "memory_request"}


class DangerKind(StrEnum):
    MEMORY_LIMIT_BELOW_PEAK = "memory_limit_below_peak"
    CPU_LIMIT_BELOW_PEAK = "cpu_limit_below_peak"
    REQUEST_FAR_BELOW_PEAK = "request_far_below_peak"
    NO_REPLICAS = "no_replicas"
    MANY_REPLICAS = "many_replicas"


@dataclass(frozen=True)
class Danger:
    """One value, and what comes of it."""

    kind: DangerKind
    field: str
    """As an edit names it: `replicas`, `containers.app.memory_limit`."""
    message: Sentence
    kills: bool = False
    """Pods end by it: whoever sets it should say so once more."""


def dangers(manual: ManualValues, peaks: Peaks, *, hpa: bool = False) -> list[Danger]:
    """Those of all manual values of a workload, replicas first. `hpa`: an HPA has the replicas, whatever is set."""
    if manual.mode is Mode.OFF:
        return []
    found = [] if hpa else list(_of_replicas(manual.replicas, peaks))
    for name in sorted(manual.containers):
        if (peak := peaks.containers.get(name)) is not None:
            found += _of_container(name, manual.containers[name], peak)
    # Nothing is set yet: pods end once it is enforced, and then it is to be said again.
    return [replace(one, kills=False) for one in found] if manual.mode is Mode.OBSERVE else found


def _of_replicas(replicas: int | None, peaks: Peaks) -> Iterator[Danger]:
    if replicas == 0:
        yield Danger(DangerKind.NO_REPLICAS, REPLICAS, sentence("sizing.danger_no_replicas", pods=peaks.pods), True)
    elif replicas and peaks.pods and replicas > FAR_ABOVE * peaks.pods:
        message = sentence(
            "sizing.danger_many_replicas",
            replicas=replicas,
            times=f"{replicas / peaks.pods:.3g}",
            pods=peaks.pods,
            day=peaks.pods_day,
        )
        yield Danger(DangerKind.MANY_REPLICAS, REPLICAS, message)


def _of_container(name: str, values: Resources, peak: Peak) -> Iterator[Danger]:
    limit = values.memory_limit_bytes
    if limit is not None and limit < peak.memory_max_bytes:
        used = written(MEMORY_LIMIT, _whole(peak.memory_max_bytes))
        message = sentence(
            "sizing.danger_memory_limit",
            container=name,
            limit=written(MEMORY_LIMIT, limit),
            used=used,
            day=peak.memory_max_day,
        )
        yield Danger(DangerKind.MEMORY_LIMIT_BELOW_PEAK, f"containers.{name}.memory_limit", message, True)
    limit = values.cpu_limit_millicores
    if limit is not None and limit < peak.cpu_millicores:
        message = sentence(
            "sizing.danger_cpu_limit",
            container=name,
            limit=written(CPU_LIMIT, limit),
            used=written(CPU_LIMIT, peak.cpu_millicores),
            day=peak.cpu_day,
        )
        yield Danger(DangerKind.CPU_LIMIT_BELOW_PEAK, f"containers.{name}.cpu_limit", message)
    for column, request, used_amount, day in (
        (CPU_REQUEST, values.cpu_request_millicores, peak.cpu_millicores, peak.cpu_day),
        (MEMORY_REQUEST, values.memory_request_bytes, peak.memory_bytes, peak.memory_day),
    ):
        if request is not None and request < FAR_BELOW * used_amount:
            message = sentence(
                "sizing.danger_request",
                container=name,
                field=FIELD_WORDS[column],
                request=written(column, request),
                percent=round(request * 100 / used_amount),
                used=written(column, used_amount if column == CPU_REQUEST else _whole(used_amount)),
                day=day,
            )
            yield Danger(DangerKind.REQUEST_FAR_BELOW_PEAK, f"containers.{name}.{_FIELDS[column]}", message)


def _whole(amount: int) -> int:
    """Bytes in whole mebibytes, as people compare them; never less."""
    return -(-amount // MEBIBYTE) * MEBIBYTE
