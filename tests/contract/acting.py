"""Actions through the API of the lab's KubeDoor, and what a test asks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.lab import Lab
from tests.support.builders import make_deployment
from tests.toolbox.processes import PartFailed


def workloads(namespace: str, *names: str) -> list[dict[str, Any]]:
    return [{"namespace": namespace, "deployment": name} for name in names or ("web",)]


def ask(lab: Lab, kind: str, targets: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = lab.client.call("POST", "/actions", {"kind": kind, "workloads": targets, **fields})
    return found


def refusal(lab: Lab, kind: str, targets: list[dict[str, Any]], **fields: Any) -> str:
    with pytest.raises(PartFailed) as refused:
        ask(lab, kind, targets, **fields)
    return str(refused.value)


def record(lab: Lab, action: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.client.call("GET", f"/actions/{action}")
    return found


def follow(
    lab: Lab,
    action: str,
    until: Callable[[dict[str, Any]], bool] = lambda shown: shown["state"] != "running",
    *,
    timeout_seconds: float = 90,
) -> dict[str, Any]:
    lab.plane.wait_for(
        lambda: until(record(lab, action)), timeout_seconds=timeout_seconds, what=f"action {action} is there"
    )
    return record(lab, action)


def done(lab: Lab, kind: str, targets: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return follow(lab, ask(lab, kind, targets, **fields)["action"])


def listed(lab: Lab, **wanted: str) -> dict[str, dict[str, Any]]:
    rows = lab.client.call("GET", f"/actions?limit=100&{urlencode(wanted)}")
    return {row["action"]: row for row in rows}


def states(shown: dict[str, Any]) -> dict[str, str]:
    return {item["deployment"]: item["state"] for item in shown["items"]}


def running(lab: Lab, namespace: str, *names: str, replicas: int = 1, **fields: Any) -> None:
    """Create Deployments and wait for their first rollout."""
    manifests = [make_deployment(name, namespace=namespace, replicas=replicas, **fields) for name in names or ("web",)]
    lab.plane.apply(*manifests)
    waited = ("wait", "deployment", *(names or ("web",)), "--for=condition=Available", "--timeout=55s")
    lab.plane.kubectl("-n", namespace, *waited)
