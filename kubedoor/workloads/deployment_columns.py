"""Lays what a Deployment asks for beside the control values of its containers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import Resources

_UNSET = Resources()


def container_columns(state: DeploymentState | None, container: str) -> dict[str, Any]:
    """`asked_*` and `running_*` of one container, None where nothing is known of its Deployment, or it has no such one."""
    found = next((one for one in state.containers if one.name == container), None) if state else None
    asked, runs = (found.asked, found.runs) if found else (_UNSET, _UNSET)
    return {
        "is_observed": state is not None,
        "in_deployment": None if state is None else found is not None,
        "is_sidecar": found is not None and found.is_sidecar,
        **{f"asked_{name}": amount for name, amount in vars(asked).items()},
        **{f"running_{name}": amount for name, amount in vars(runs).items()},
    }


def with_states(
    rows: Iterable[Mapping[str, Any]], states: Mapping[tuple[str, str], DeploymentState]
) -> list[dict[str, Any]]:
    """Rows of the view `control`, each with the columns of its container."""
    return [
        {**row, **container_columns(states.get((row["namespace"], row["deployment"])), row["container"])}
        for row in rows
    ]
