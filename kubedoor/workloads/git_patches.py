"""Control values as YAML for Git: one Kustomize strategic-merge patch or Helm values document per workload. Pure.

Omits what the admission webhook does not patch: workloads that are off, opted out or owned by a controller, the
replicas of a workload with an HPA, and containers that are in pods but not in the Deployment (injected sidecars), which
a patch would add to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from kubedoor import quantities
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Resources, Value, WorkloadKey

Requirements = dict[str, dict[str, str]]
"""`requests` and `limits` -> resource -> quantity, as in a manifest."""


@dataclass(frozen=True)
class GitValues:
    """What the manifest of one workload shall say."""

    key: WorkloadKey
    replicas: int | None = None
    requirements: Mapping[str, Requirements] = field(default_factory=dict)
    """Of each container that the manifest has, in its order; empty: the container keeps its own."""
    containers: tuple[str, ...] = ()
    init_containers: tuple[str, ...] = ()
    """In the order of the manifest, with those that only run at the start."""
    remarks: tuple[str, ...] = ()
    """Which values are not here, and why."""
    left_out: str = ""
    """Why there is nothing to write about the workload at all."""


def git_values(
    key: WorkloadKey, values: ControlValues, state: DeploymentState | None, *, keeps_hpa_replicas: bool = True
) -> GitValues:
    """`state`: the Deployment as it was last seen; None: never, and then only a single container is known to be its own."""
    if not is_enforced(values):
        return GitValues(key)
    replicas = None if values.hpa and keeps_hpa_replicas else values.replicas
    amount = replicas.amount if replicas else None
    if state is None:
        return _of_unseen(key, values, amount)
    if state.has_pod_resources:
        return GitValues(key, amount, remarks=("requests and limits: the pod template sets pod-level resources",))
    wanted = {
        one.name: _requirements(values.containers.get(one.name, ControlContainer()), one.asked)
        for one in state.containers
    }
    return GitValues(
        key,
        amount,
        wanted,
        containers=tuple(one.name for one in state.containers if not one.is_sidecar),
        init_containers=state.init_containers,
        remarks=tuple(
            f"{name}: not in the Deployment's pod template" for name in values.containers if name not in wanted
        ),
    )


def is_enforced(values: ControlValues) -> bool:
    return values.mode is not Mode.OFF and not values.opted_out and not values.owned


def kustomize_patch(wanted: GitValues) -> dict[str, Any]:
    """A strategic-merge patch (containers merge by name); empty if there is nothing to patch."""
    spec: dict[str, Any] = {}
    if wanted.replicas is not None:
        spec["replicas"] = wanted.replicas
    lists = {"initContainers": wanted.init_containers, "containers": wanted.containers}
    patched = {name: entries for name, order in lists.items() if (entries := _entries(order, wanted.requirements))}
    if patched:
        spec["template"] = {"spec": patched}
    if not spec:
        return {}
    metadata = {"name": wanted.key.deployment, "namespace": wanted.key.namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def helm_values(wanted: GitValues) -> dict[str, Any]:
    """`replicaCount` and `resources` of a chart made by `helm create`; several containers each under their name."""
    chart_values: dict[str, Any] = {}
    if wanted.replicas is not None:
        chart_values["replicaCount"] = wanted.replicas
    is_alone = len(wanted.requirements) == 1
    for name, resources in wanted.requirements.items():
        if resources:
            chart_values |= {"resources": resources} if is_alone else {name: {"resources": resources}}
    return chart_values


def yaml_documents(workloads: Iterable[GitValues], render: Callable[[GitValues], Mapping[str, Any]]) -> Iterator[str]:
    """Comments about workloads that are left out, then one YAML document per workload with something to say.

    The first line of a document is a comment with the workload's name.
    """
    workloads = list(workloads)
    yield from (f"# {_name(one)} is left out: {one.left_out}\n" for one in workloads if one.left_out)
    for one in workloads:
        if document := render(one):
            remarks = "".join(f"# left out: {remark}\n" for remark in one.remarks)
            text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
            yield f"---\n# {_name(one)}\n{remarks}{text}"


def _name(wanted: GitValues) -> str:
    return f"{wanted.key.namespace}/{wanted.key.deployment}"


def _of_unseen(key: WorkloadKey, values: ControlValues, replicas: int | None) -> GitValues:
    count = len(values.containers)
    if count > 1:
        reason = f"its Deployment has not been seen yet, so which of the {count} containers are its own is not known"
        return GitValues(key, left_out=reason)
    wanted = {name: _requirements(one, Resources()) for name, one in values.containers.items()}
    return GitValues(key, replicas, wanted, containers=tuple(wanted))


def _entries(order: tuple[str, ...], requirements: Mapping[str, Requirements]) -> list[dict[str, Any]]:
    """The containers up to the last one with values.

    NB: Kustomize puts the containers of a patch before all others, so one that is skipped would change its place; a
    native sidecar would then start before the init containers that it comes after.
    """
    entries = [
        {"name": name, "resources": requirements[name]} if requirements.get(name) else {"name": name} for name in order
    ]
    while entries and "resources" not in entries[-1]:
        entries.pop()
    return entries


def _requirements(wanted: ControlContainer, asked: Resources) -> Requirements:
    """`asked`: what the manifest says without the patch, rounded up."""
    cpu_request, cpu_limit = _valid(
        wanted.cpu_request_millicores,
        wanted.cpu_limit_millicores,
        asked.cpu_request_millicores,
        asked.cpu_limit_millicores,
    )
    memory_request, memory_limit = _valid(
        wanted.memory_request_bytes,
        wanted.memory_limit_bytes,
        asked.memory_request_bytes,
        asked.memory_limit_bytes,
        written=_written_bytes,
    )
    kinds = {"requests": _amounts(cpu_request, memory_request), "limits": _amounts(cpu_limit, memory_limit)}
    return {kind: amounts for kind, amounts in kinds.items() if amounts}


def _valid(
    request: Value | None,
    limit: Value | None,
    asked_request: int | None,
    asked_limit: int | None,
    *,
    written: Callable[[int], int] = lambda amount: amount,
) -> tuple[int | None, int | None]:
    """Request and limit to write, so that with the manifest's own the request does not exceed the limit.

    `written`: an amount as it is written, perhaps rounded up.
    """
    if request is None and limit is None:
        return None, None
    new_request = written(request.amount) if request else asked_request
    new_limit = written(limit.amount) if limit else asked_limit
    if new_request is not None and new_limit is not None:
        # The manifest's own limit may be a fraction of a unit below the rounded one, and is then written too.
        is_rounded = request is not None and limit is None and new_request == new_limit
        if new_request > new_limit or is_rounded:
            amount = limit.amount if limit else new_limit
            return amount, amount
    return request.amount if request else None, limit.amount if limit else None


def _written_bytes(amount: int) -> int:
    return quantities.memory_bytes(quantities.whole_memory(amount))


def _amounts(cpu: int | None, memory: int | None) -> dict[str, str]:
    amounts = {}
    if cpu is not None:
        amounts["cpu"] = quantities.format_cpu(cpu)
    if memory is not None:
        amounts["memory"] = quantities.whole_memory(memory)
    return amounts
