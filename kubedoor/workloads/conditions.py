"""Conditions and withheld fields of a workload, as answers and exports show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from kubedoor.model.conditions import REPLICAS
from kubedoor.store.conditions import Acceptance, conditions_of


def withheld_fields(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """Field -> condition types, of a row of the view `control`; what is set by hand is not withheld."""
    return {name: types for name, types in _by_field(row["withheld"]).items() if row[f"manual_{name}"] is None}


def withheld_replicas(row: Mapping[str, Any]) -> list[str]:
    """The condition types that withhold the replicas of a workload."""
    return _by_field(row["withheld_replicas"]).get(REPLICAS, []) if row["manual_replicas"] is None else []


def condition_types(row: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(condition.type for condition in conditions_of(row)))


def shown_conditions(row: Mapping[str, Any], acceptances: Iterable[Acceptance]) -> list[dict[str, Any]]:
    """The conditions of a workload's row, each with what people have accepted."""
    until = {one.condition: one.until for one in acceptances}
    shown = []
    for condition in conditions_of(row):
        is_accepted = condition.type in row["accepted"]
        shown.append(
            {
                **asdict(condition),
                "is_acceptable": condition.is_acceptable,
                "is_accepted": is_accepted,
                "accepted_until": until.get(condition.type) if is_accepted else None,
            }
        )
    return shown


def _by_field(entries: Iterable[str]) -> dict[str, list[str]]:
    """`field:condition` entries, by field."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        name, _, condition = entry.partition(":")
        found.setdefault(name, []).append(condition)
    return found
