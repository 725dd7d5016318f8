"""Which workloads of the list somebody wants to see. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Filter:
    """Which workloads. Empty and None match all. `asked`: over, under or none (a request is missing).

    `withheld`: whether a field is withheld; `waiting`: whether one waits for a person. `sized`: whether the Deployment
    has been given other requests or limits than its owner asked. `state`: how it stands to its control values, of
    kubedoor.live.standing. `collected`: whether a collection has found it.
    `oom_killed`: whether a container of it was OOM-killed in the look-back. `dangerous`: whether a value that is set by
    hand is warned of.
    """

    search: str = ""
    namespace: str = ""
    mode: str = ""
    asked: str = ""
    has_manual: bool | None = None
    hpa: bool | None = None
    condition: str = ""
    withheld: bool | None = None
    waiting: bool | None = None
    state: str = ""
    sized: bool | None = None
    collected: bool | None = None
    oom_killed: bool | None = None
    dangerous: bool | None = None


def row_tests(wanted: Filter, rows: Sequence[tuple[Any, ...]], index: Mapping[str, int]) -> list[Callable[[int], bool]]:
    """What the position of a matching row passes, apart from its name and what is not in a row; none: all match."""
    tests: list[Callable[[int], bool]] = []
    same = {
        "namespace": wanted.namespace or None,
        "mode": wanted.mode or None,
        "has_manual": wanted.has_manual,
        "hpa": wanted.hpa,
        "is_withheld": wanted.withheld,
        "is_waiting": wanted.waiting,
    }
    tests += [_equals(rows, index[column], value) for column, value in same.items() if value is not None]
    if wanted.asked:
        flag = index[{"over": "is_over_asked", "under": "is_under_asked", "none": "unasked"}[wanted.asked]]
        tests.append(lambda one: bool(rows[one][flag]))
    if condition := wanted.condition:
        types = index["condition_types"]
        tests.append(lambda one: condition in rows[one][types])
    if wanted.collected is not None:
        collected = index["collected_replicas"]
        tests.append(lambda one: (rows[one][collected] is not None) is wanted.collected)
    if wanted.oom_killed is not None:
        kills = index["oom_kills"]
        tests.append(lambda one: (rows[one][kills] > 0) is wanted.oom_killed)
    return tests


def _equals(rows: Sequence[tuple[Any, ...]], column: int, value: object) -> Callable[[int], bool]:
    return lambda one: bool(rows[one][column] == value)
