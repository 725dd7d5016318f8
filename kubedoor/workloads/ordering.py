"""The orders of the list of workloads. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

SORTS: dict[str, tuple[str, ...]] = {
    "name": ("namespace", "deployment"),
    "replicas": ("replicas",),
    "cpu_requested": ("cpu_requested_millicores",),
    "cpu_used": ("cpu_used_millicores",),
    "cpu_waste": ("cpu_requested_millicores", "cpu_used_millicores"),
    "memory_requested": ("memory_requested_bytes",),
    "memory_used": ("memory_used_bytes",),
    "memory_waste": ("memory_requested_bytes", "memory_used_bytes"),
    "oom_kills": ("oom_kills",),
    "edited_at": ("edited_at",),
}
"""The columns of each sort; a *waste* sorts by the first minus the second."""
STATE_SORTS: dict[str, tuple[str, str]] = {
    "cpu_saved": ("cpu_asked_millicores", "cpu_running_millicores"),
    "memory_saved": ("memory_asked_bytes", "memory_running_bytes"),
}
"""Of the state of a Deployment: what its owner asked minus what runs."""


def column_values(sort: str, rows: Sequence[tuple[Any, ...]], index: Mapping[str, int]) -> Callable[[int], Any]:
    """Of one of SORTS: what a position is sorted by; None: it has no value."""
    first, *others = (index[column] for column in SORTS[sort])
    if not others:
        return lambda one: rows[one][first]
    (second,) = others
    if sort == "name":
        return lambda one: (rows[one][first], rows[one][second])
    return lambda one: rows[one][first] - rows[one][second]


def saved(sort: str, state: Mapping[str, Any]) -> int | None:
    """Of one of STATE_SORTS. None: what was asked, or what runs, is not known."""
    asked, runs = (state[column] for column in STATE_SORTS[sort])
    return None if asked is None or runs is None else asked - runs


def ordered(values: Callable[[int], Any], count: int, *, descending: bool) -> list[int]:
    """All positions by their values, equal ones in the order they have; without a value last in both directions."""
    pairs = [(one, values(one)) for one in range(count)]
    known = sorted((pair for pair in pairs if pair[1] is not None), key=lambda pair: pair[1], reverse=descending)
    return [one for one, _ in known] + [one for one, value in pairs if value is None]
