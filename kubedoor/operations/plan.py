"""Exactly what an action would do to one workload, asked of the API server itself by a dry run: its door, its quotas.

What must not be done is said here, before anything is changed: gone, scaled by an HPA, opted out, owned, mode off,
door off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from kubedoor.admission.comparison import FieldChange, template_changes, unlike_control
from kubedoor.admission.rules import CONTROL_LABEL, Rules, object_facts, replicas_of
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import IGNORE_LABEL
from kubedoor.control_values import UNKNOWN, compile_rows
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError, NotFound
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ControlValues, Mode, WorkloadKey
from kubedoor.operations.request import BackTo, Kind, Target, Wish, number_there_was
from kubedoor.operations.rollout import restart_patch
from kubedoor.store.control import ControlStore

Item = TypeVar("Item")

DRY_RUN_AT = "2000-01-01T00:00:00Z"
"""Any time that no real restart has."""
_DRY_RUNS_AT_ONCE = 4


class Verdict(StrEnum):
    WILL = "will"
    NOTHING = "nothing"
    """There is nothing to do; `reason` says why."""
    REFUSED = "refused"


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
    is_final: bool = False
    """Refused by a rule of KubeDoor's: it would be later, too."""
    manual_version: int = 0
    """Of the manual values that a scale changes."""
    changes: tuple[FieldChange, ...] = ()
    unlike: str = ""
    """Where a restart would give other than the control values in the store, since the door remembers older ones."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all workloads of an action. `door_on` None: the cluster does not say."""

    door_on: bool | None
    autoscaled: frozenset[tuple[str, str]]
    ignored: frozenset[str] = frozenset()
    """Namespaces whose label keeps the door out."""


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
        autoscaled = _seen(self._cluster.autoscaled_deployments)
        ignored = _seen(lambda: self._cluster.namespaces_labelled(IGNORE_LABEL))
        return Surroundings(self._switch.state().enabled, autoscaled, ignored)

    def plan_all(self, wish: Wish, around: Surroundings) -> list[Planned]:
        """In the order of the wish's targets. Raises ClusterError when the API server is away."""
        with ThreadPoolExecutor(_DRY_RUNS_AT_ONCE, thread_name_prefix="plan") as pool:
            return list(pool.map(lambda target: self.plan(wish, target, around), wish.targets))

    def plan(self, wish: Wish, target: Target, around: Surroundings) -> Planned:
        """What would become of one workload now. Raises ClusterError when the API server is away."""
        manifest: dict[str, Any] | None = None
        try:
            manifest = self._manifest(target, around)
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

    def door_is_on(self) -> bool | None:
        """None: the cluster does not say."""
        return self._switch.state().enabled

    def _number_there_was(self, target: Target, back_to: BackTo) -> int:
        rows = self._control.control_rows_of(WorkloadKey(self._cluster_name, target.namespace, target.deployment))
        return number_there_was(back_to, rows[0] if rows else None, door_on=self.door_is_on())

    def _is_back(self, target: Target) -> bool:
        """Whether a return finds the manual value there was. Raises Refused when it must leave the workload as it is."""
        if target.back_to is None or target.back_to.temporary is None:
            return False
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        manual = self._control.manual(key).replicas
        if manual not in (target.back_to.temporary, target.back_to.manual):
            raise Refused("somebody has set another number since, so it is left as it is")
        return manual != target.back_to.temporary

    def goal(self, wish: Wish, target: Target, values: ControlValues) -> int:
        """How many replicas a scale asks for. Raises Refused when there is no such number."""
        if (back_to := target.back_to) is not None:
            return self._number_there_was(target, back_to)
        if (number := wish.replicas_of(target)) is not None:
            return number
        if values.replicas is None:
            raise Refused("KubeDoor has no replicas for it: collect first, or give a number")
        return values.replicas.amount

    def _manifest(self, target: Target, around: Surroundings) -> dict[str, Any]:
        if target.namespace in self._rules.excluded_namespaces:
            raise Refused(f"namespace {target.namespace} is excluded from control")
        if target.namespace in around.ignored:
            raise Refused(f"namespace {target.namespace} is labelled {IGNORE_LABEL}")
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
            return self._expect_restart(wish, target, manifest, values, around)
        if self._is_back(target):
            return Planned(target, Verdict.NOTHING, "it has the manual value that there was", before, before)
        goal = self.goal(wish, target, values)
        is_new_value = target.back_to is not None or wish.replicas_of(target) is not None
        # The door still answers with the old manual value here, and the new one when it comes to it.
        stored = goal
        if values.known or around.door_on is False:
            stored = self._cluster.scale_deployment(target.namespace, target.deployment, goal, dry_run=True)
        after = goal if is_new_value else stored
        verdict = Verdict.NOTHING if before == after and not is_new_value else Verdict.WILL
        reason = "the replicas are already the control value" if verdict is Verdict.NOTHING else ""
        return Planned(target, verdict, reason, before, after, manual_version=self._manual_version(target))

    def _manual_version(self, target: Target) -> int:
        return self._control.manual(WorkloadKey(self._cluster_name, target.namespace, target.deployment)).version

    def _expect_restart(
        self, wish: Wish, target: Target, manifest: dict[str, Any], values: ControlValues, around: Surroundings
    ) -> Planned:
        patch = restart_patch(DRY_RUN_AT)
        after = self._cluster.patch_deployment(target.namespace, target.deployment, patch, dry_run=True)
        changes = tuple(template_changes(manifest, after))
        unlike = unlike_control(after, values, self._rules) if around.door_on else ""
        planned = Planned(target, Verdict.WILL, "", replicas_of(manifest), replicas_of(after), unlike=unlike)
        if wish.kind is Kind.RESTART or changes:
            return replace(planned, restarts=True, changes=changes)
        if planned.replicas_before != planned.replicas_after:
            return replace(planned, reason="only the replicas differ: no restart")
        return replace(planned, verdict=Verdict.NOTHING, reason=unlike or "it already runs with the control values")


def _seen(look: Callable[[], Iterable[Item]]) -> frozenset[Item]:
    """Nothing where the cluster does not let KubeDoor look."""
    try:
        return frozenset(look())
    except Forbidden:
        return frozenset()


def ordered(wish: Wish, planned: Sequence[Planned]) -> list[Planned]:
    """The items in the order in which they are begun."""
    keys: Mapping[str, Callable[[Planned], Any]] = {
        "name": lambda one: (one.target.namespace, one.target.deployment),
        "fewest_pods_first": lambda one: one.replicas_before or 0,
        "most_pods_first": lambda one: -(one.replicas_before or 0),
    }
    key = keys.get(wish.order)
    return sorted(planned, key=key) if key else list(planned)


def _refusal(target: Target, error: KubeDoorError, manifest: Mapping[str, Any] | None) -> Planned:
    before = replicas_of(manifest) if manifest else None
    return Planned(
        target,
        Verdict.REFUSED,
        error.message,
        before,
        is_forbidden=isinstance(error, Forbidden),
        is_final=isinstance(error, Refused),
    )


def _warnings(wish: Wish, planned: Planned, values: ControlValues, around: Surroundings) -> Iterator[str]:
    if around.door_on is None:
        yield "the cluster does not say whether the door is on"
    if planned.unlike and planned.verdict is Verdict.WILL:
        yield planned.unlike
    if wish.kind is Kind.SCALE:
        if around.door_on is False:
            yield "the door is off: nothing keeps this number when others change it"
        if values.mode is not Mode.ENFORCE:
            yield f"its mode is {values.mode}: the door does not keep this number"
    if planned.replicas_after == 0 and planned.verdict is Verdict.WILL:
        yield "there will be no pods at all"
