"""Exactly what an action would do to one workload, asked of the API server itself by a dry run: its door, its quotas.

What must not be done is said here, before anything is changed: gone, scaled by an HPA, opted out, owned, mode off,
door off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kubedoor import quantities
from kubedoor.admission import CONTROL_LABEL, Rules, object_facts, replicas_of
from kubedoor.cluster import Cluster
from kubedoor.control import UNKNOWN, compile_rows
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError, NotFound
from kubedoor.model import ControlValues, Mode, WorkloadKey
from kubedoor.rollouts import restart_patch
from kubedoor.store.control import ControlStore
from kubedoor.switch import Switch
from kubedoor.wishes import Kind, Target, Wish

DRY_RUN_AT = "2000-01-01T00:00:00Z"
"""Any time that no real restart has."""
_DRY_RUNS_AT_ONCE = 4


class Verdict(StrEnum):
    WILL = "will"
    NOTHING = "nothing"
    """There is nothing to do; `reason` says why."""
    REFUSED = "refused"


@dataclass(frozen=True)
class FieldChange:
    """One request or limit, before and after as Kubernetes writes it; None: not set."""

    container: str
    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Planned:
    """What would be done to one workload. Replicas None: not known, or left as they are."""

    target: Target
    verdict: Verdict
    reason: str = ""
    replicas_before: int | None = None
    replicas_after: int | None = None
    restarts: bool = False
    is_forbidden: bool = False
    """The cluster does not allow it; an API server that is just starting says so of everything."""
    changes: tuple[FieldChange, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all workloads of an action. `door_on` None: the cluster does not say."""

    door_on: bool | None
    autoscaled: frozenset[tuple[str, str]]


class Refused(KubeDoorError):
    """This must not be done; the message says why."""


class Planner:
    def __init__(
        self, *, cluster: Cluster, cluster_name: str, control: ControlStore, switch: Switch, rules: Rules
    ) -> None:
        self._cluster = cluster
        self._cluster_name = cluster_name
        self._control = control
        self._switch = switch
        self._rules = rules

    def look(self) -> Surroundings:
        """Raises ClusterError when there is no cluster to act on."""
        self._cluster.version()
        try:
            autoscaled = frozenset(self._cluster.autoscaled_deployments())
        except Forbidden:
            autoscaled = frozenset()
        return Surroundings(self._switch.state().enabled, autoscaled)

    def plan_all(self, wish: Wish, around: Surroundings) -> list[Planned]:
        """In the order of the wish's targets. Raises ClusterError when the API server is away."""
        with ThreadPoolExecutor(_DRY_RUNS_AT_ONCE, thread_name_prefix="plan") as pool:
            return list(pool.map(lambda target: self.plan(wish, target, around), wish.targets))

    def plan(self, wish: Wish, target: Target, around: Surroundings) -> Planned:
        """What would become of one workload now. Raises ClusterError when the API server is away."""
        manifest: dict[str, Any] | None = None
        try:
            manifest = self._manifest(target)
            values = self.values_of(target)
            self._check(wish, target, manifest, values, around)
            planned = self._expect(wish, target, manifest, values, around)
        except (Refused, Forbidden, NotFound, Conflict) as error:
            return _refusal(target, error, manifest)
        except ClusterError as error:
            if not 400 <= error.details.get("status", 0) < 500:
                raise
            return _refusal(target, error, manifest)
        return replace(planned, warnings=tuple(_warnings(wish, planned, values, around)))

    def values_of(self, target: Target) -> ControlValues:
        """The control values of a target as the store has them now."""
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        return compile_rows(self._cluster_name, self._control.control_rows_of(key)).get(key, UNKNOWN)

    def _collected_replicas(self, target: Target) -> int | None:
        rows = self._control.control_rows_of(WorkloadKey(self._cluster_name, target.namespace, target.deployment))
        return rows[0]["collected_replicas"] if rows else None

    def goal(self, wish: Wish, target: Target, values: ControlValues) -> int:
        """How many replicas a scale asks for. Raises Refused when there is no such number."""
        if (back_to := target.back_to) is not None:
            there_was = (back_to.manual, self._collected_replicas(target), back_to.live)
            return next(number for number in there_was if number is not None)
        if (number := wish.replicas_of(target)) is not None:
            return number
        if values.replicas is None:
            raise Refused("KubeDoor has no replicas for it: collect first, or give a number")
        return values.replicas.amount

    def _manifest(self, target: Target) -> dict[str, Any]:
        if target.namespace in self._rules.excluded_namespaces:
            raise Refused(f"namespace {target.namespace} is excluded from control")
        manifest = self._cluster.deployment(target.namespace, target.deployment)
        if manifest is None:
            raise Refused(f"gone: the cluster has no Deployment {target}")
        return manifest

    def _check(
        self,
        wish: Wish,
        target: Target,
        manifest: Mapping[str, Any],
        values: ControlValues,
        around: Surroundings,
    ) -> None:
        opted_out, owned = object_facts(manifest)
        hpa = (target.namespace, target.deployment) in around.autoscaled or values.hpa
        reasons = {
            "it is being deleted": bool(manifest["metadata"].get("deletionTimestamp")),
            f'it is labelled {CONTROL_LABEL}: "off"': opted_out,
            "a controller owns it, which would undo this": owned,
        }
        if wish.kind is Kind.SCALE:
            reasons["an HPA scales it, which would undo this"] = hpa
        else:
            reasons["its rollout is paused, so that new pods would not come"] = bool(manifest["spec"].get("paused"))
        if wish.kind is Kind.APPLY:
            reasons["the door is off, so that a restart would set nothing: switch control on first"] = (
                around.door_on is False
            )
            reasons["it is not in the control table: collect first"] = not values.known
            reasons[f"its mode is {values.mode}, so that a restart would set nothing"] = values.mode is not Mode.ENFORCE
        for reason, holds in reasons.items():
            if holds:
                raise Refused(reason)

    def _expect(
        self, wish: Wish, target: Target, manifest: dict[str, Any], values: ControlValues, around: Surroundings
    ) -> Planned:
        before = replicas_of(manifest)
        if wish.kind is not Kind.SCALE:
            return self._expect_restart(wish, target, manifest)
        goal = self.goal(wish, target, values)
        is_new_value = target.back_to is not None or wish.replicas_of(target) is not None
        # The door still answers with the old manual value here, and the new one when it comes to it.
        stored = goal
        if values.known or around.door_on is False:
            stored = self._cluster.scale_deployment(target.namespace, target.deployment, goal, dry_run=True)
        after = goal if is_new_value else stored
        verdict = Verdict.NOTHING if before == after and not is_new_value else Verdict.WILL
        reason = "the replicas are already the control value" if verdict is Verdict.NOTHING else ""
        return Planned(target, verdict, reason, before, after)

    def _expect_restart(self, wish: Wish, target: Target, manifest: dict[str, Any]) -> Planned:
        patch = restart_patch(DRY_RUN_AT)
        after = self._cluster.patch_deployment(target.namespace, target.deployment, patch, dry_run=True)
        changes = tuple(template_changes(manifest, after))
        before, goal = replicas_of(manifest), replicas_of(after)
        if wish.kind is Kind.RESTART or changes:
            return Planned(target, Verdict.WILL, "", before, goal, restarts=True, changes=changes)
        if before != goal:
            return Planned(target, Verdict.WILL, "only the replicas differ: no restart", before, goal)
        return Planned(target, Verdict.NOTHING, "it already runs with the control values", before, goal)


def _refusal(target: Target, error: KubeDoorError, manifest: Mapping[str, Any] | None) -> Planned:
    before = replicas_of(manifest) if manifest else None
    return Planned(target, Verdict.REFUSED, error.message, before, is_forbidden=isinstance(error, Forbidden))


def _warnings(wish: Wish, planned: Planned, values: ControlValues, around: Surroundings) -> Iterator[str]:
    if around.door_on is None:
        yield "the cluster does not say whether the door is on"
    if wish.kind is Kind.SCALE:
        if around.door_on is False:
            yield "the door is off: nothing keeps this number when others change it"
        if values.mode is not Mode.ENFORCE:
            yield f"its mode is {values.mode}: the door does not keep this number"
    if planned.replicas_after == 0 and planned.verdict is Verdict.WILL:
        yield "there will be no pods at all"


def template_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Requests and limits that differ between two Deployments' templates, by more than their spelling."""
    old, new = _resources(before), _resources(after)
    for name, field in sorted({*old, *new}):
        was, becomes = old.get((name, field)), new.get((name, field))
        if was is None or becomes is None or quantities.parse(was) != quantities.parse(becomes):
            yield FieldChange(name, field, was, becomes)


def _resources(manifest: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    spec = manifest["spec"]["template"]["spec"]
    found = {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for part in ("requests", "limits"):
            for resource, quantity in ((container.get("resources") or {}).get(part) or {}).items():
                found[(str(container["name"]), f"{resource} {part.removesuffix('s')}")] = str(quantity)
    return found
