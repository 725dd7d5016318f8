"""Plans what an action would do to each workload, by a dry run at the API server, so that webhooks and quotas count.

Changes nothing. Refuses a Deployment that is missing, being deleted, opted out, owned by a controller or in an excluded
namespace; a scale of one that an HPA scales; a restart or apply while its rollout is paused; an apply that would set
nothing (control off, mode not enforce, no control values).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any, TypeVar

from kubedoor.admission.comparison import FieldChange, control_mismatch, template_changes
from kubedoor.admission.rules import CONTROL_LABEL, Rules, object_facts, replicas_of
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import IGNORE_LABEL
from kubedoor.control_values import UNKNOWN, compile_rows
from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError, NotFound
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ControlValues, Mode, WorkloadKey
from kubedoor.operations.request import ActionRequest, Kind, RestorePoint, Target, restored_replicas
from kubedoor.operations.rollout import restart_patch
from kubedoor.store.control import ControlStore

Item = TypeVar("Item")

DRY_RUN_AT = "2000-01-01T00:00:00Z"
"""Differs from the time of any real restart, so that the patch always changes the template."""
_DRY_RUNS_AT_ONCE = 4


class Verdict(StrEnum):
    WILL = "will"
    NOTHING = "nothing"
    """Nothing to do; `reason` says why."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Planned:
    """What an action would do to one workload. Replicas None: unknown, or unchanged."""

    target: Target
    verdict: Verdict
    reason: str = ""
    replicas_before: int | None = None
    replicas_after: int | None = None
    restarts: bool = False
    is_forbidden: bool = False
    """Refused by the API server's authorization: worth a retry, since a starting API server forbids everything."""
    is_final: bool = False
    """Refused by a rule of KubeDoor: a retry would be refused too."""
    manual_version: int = 0
    """The version of the manual values that the plan is based on."""
    changes: tuple[FieldChange, ...] = ()
    mismatch: str = ""
    """How the values after a restart would differ from the control values: those of the admission webhook are stale."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanContext:
    """What the plan of every workload needs. `control_on` None: unknown."""

    control_on: bool | None
    autoscaled: frozenset[tuple[str, str]]
    ignored: frozenset[str] = frozenset()
    """Namespaces labelled to bypass the admission webhook."""


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

    def context(self) -> PlanContext:
        """Raises ClusterError when the API server cannot be reached."""
        self._cluster.version()
        autoscaled = _listed(self._cluster.autoscaled_deployments)
        ignored = _listed(lambda: self._cluster.namespaces_labelled(IGNORE_LABEL))
        return PlanContext(self._switch.state().enabled, autoscaled, ignored)

    def plan_all(self, request: ActionRequest, context: PlanContext) -> list[Planned]:
        """In the order of the request's targets. Raises ClusterError when the API server cannot be reached."""
        with ThreadPoolExecutor(_DRY_RUNS_AT_ONCE, thread_name_prefix="plan") as pool:
            return list(pool.map(lambda target: self.plan(request, target, context), request.targets))

    def plan(self, request: ActionRequest, target: Target, context: PlanContext) -> Planned:
        """A refusal is a Planned too. Raises ClusterError when the API server cannot be reached."""
        manifest: dict[str, Any] | None = None
        try:
            manifest = self._manifest(target, context)
            values = self.values_of(target)
            self._check(request, target, manifest, values, context)
            planned = self._dry_run(request, target, manifest, values, context)
        except (Refused, Forbidden, NotFound, Conflict) as error:
            return _refusal(target, error, manifest)
        except ClusterError as error:
            if not 400 <= error.details.get("status", 0) < 500:
                raise
            return _refusal(target, error, manifest)
        return replace(planned, warnings=tuple(_warnings(request, planned, values, context)))

    def values_of(self, target: Target) -> ControlValues:
        """From the store, not from the snapshot of the admission webhook."""
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        return compile_rows(self._cluster_name, self._control.control_rows_of(key)).get(key, UNKNOWN)

    def control_is_on(self) -> bool | None:
        """None: unknown."""
        return self._switch.state().enabled

    def _restored_replicas(self, target: Target, back_to: RestorePoint) -> int:
        rows = self._control.control_rows_of(WorkloadKey(self._cluster_name, target.namespace, target.deployment))
        return restored_replicas(back_to, rows[0] if rows else None, control_on=self.control_is_on())

    def _is_restored(self, target: Target) -> bool:
        """Whether a return has nothing left to do. Raises Refused when the manual value was changed since."""
        if target.back_to is None or target.back_to.temporary is None:
            return False
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        manual = self._control.manual(key).replicas
        if manual not in (target.back_to.temporary, target.back_to.manual):
            raise Refused("somebody has set another number since, so it is left as it is")
        return manual != target.back_to.temporary

    def desired_replicas(self, request: ActionRequest, target: Target, values: ControlValues) -> int:
        """What a scale sets. Raises Refused when neither the request nor the control values have a number."""
        if (back_to := target.back_to) is not None:
            return self._restored_replicas(target, back_to)
        if (number := request.replicas_of(target)) is not None:
            return number
        if values.replicas is None:
            if values.withheld_replicas:
                types = ", ".join(values.withheld_replicas)
                raise Refused(f"its collected replicas are withheld ({types}): accept them, or give a number")
            raise Refused("KubeDoor has no replicas for it: collect first, or give a number")
        return values.replicas.amount

    def _manifest(self, target: Target, context: PlanContext) -> dict[str, Any]:
        if target.namespace in self._rules.excluded_namespaces:
            raise Refused(f"namespace {target.namespace} is excluded from control")
        if target.namespace in context.ignored:
            raise Refused(f"namespace {target.namespace} is labelled {IGNORE_LABEL}")
        manifest = self._cluster.deployment(target.namespace, target.deployment)
        if manifest is None:
            raise Refused(f"gone: the cluster has no Deployment {target}")
        return manifest

    def _check(
        self,
        request: ActionRequest,
        target: Target,
        manifest: Mapping[str, Any],
        values: ControlValues,
        context: PlanContext,
    ) -> None:
        opted_out, owned = object_facts(manifest)
        hpa = (target.namespace, target.deployment) in context.autoscaled or values.hpa
        reasons = {
            "it is being deleted": bool(manifest["metadata"].get("deletionTimestamp")),
            f'it is labelled {CONTROL_LABEL}: "off"': opted_out,
            "a controller owns it, which would undo this": owned,
        }
        if request.kind is Kind.SCALE:
            reasons["an HPA scales it, which would undo this"] = hpa
        else:
            reasons["its rollout is paused, so that new pods would not come"] = bool(manifest["spec"].get("paused"))
        if request.kind is Kind.APPLY:
            reasons["the door is off, so that a restart would set nothing: switch control on first"] = (
                context.control_on is False
            )
            reasons["it is not in the control table: collect first"] = not values.known
            reasons[f"its mode is {values.mode}, so that a restart would set nothing"] = values.mode is not Mode.ENFORCE
        for reason, holds in reasons.items():
            if holds:
                raise Refused(reason)

    def _dry_run(
        self,
        request: ActionRequest,
        target: Target,
        manifest: dict[str, Any],
        values: ControlValues,
        context: PlanContext,
    ) -> Planned:
        before = replicas_of(manifest)
        if request.kind is not Kind.SCALE:
            return self._dry_run_restart(request, target, manifest, values, context)
        if self._is_restored(target):
            return Planned(
                target,
                Verdict.NOTHING,
                "the manual value is already the one before the temporary scale",
                before,
                before,
            )
        desired = self.desired_replicas(request, target, values)
        is_new_value = target.back_to is not None or request.replicas_of(target) is not None
        # The manual value is set only when the action runs; in this dry run the webhook still applies the old one.
        stored = desired
        if values.known or context.control_on is False:
            stored = self._cluster.scale_deployment(target.namespace, target.deployment, desired, dry_run=True)
        after = desired if is_new_value else stored
        verdict = Verdict.NOTHING if before == after and not is_new_value else Verdict.WILL
        reason = "the replicas are already the control value" if verdict is Verdict.NOTHING else ""
        return Planned(target, verdict, reason, before, after, manual_version=self._manual_version(target))

    def _manual_version(self, target: Target) -> int:
        return self._control.manual(WorkloadKey(self._cluster_name, target.namespace, target.deployment)).version

    def _dry_run_restart(
        self,
        request: ActionRequest,
        target: Target,
        manifest: dict[str, Any],
        values: ControlValues,
        context: PlanContext,
    ) -> Planned:
        patch = restart_patch(DRY_RUN_AT)
        after = self._cluster.patch_deployment(target.namespace, target.deployment, patch, dry_run=True)
        changes = tuple(template_changes(manifest, after))
        mismatch = control_mismatch(after, values, self._rules) if context.control_on else ""
        planned = Planned(target, Verdict.WILL, "", replicas_of(manifest), replicas_of(after), mismatch=mismatch)
        if request.kind is Kind.RESTART or changes:
            return replace(planned, restarts=True, changes=changes)
        if planned.replicas_before != planned.replicas_after:
            return replace(planned, reason="only the replicas differ: no restart")
        return replace(planned, verdict=Verdict.NOTHING, reason=mismatch or _nothing_to_set(values))


def _nothing_to_set(values: ControlValues) -> str:
    of_containers = (
        types
        for one in values.containers.values()
        for name, types in one.withheld.items()
        if getattr(one, name) is None
    )
    types = dict.fromkeys(chain(() if values.replicas else values.withheld_replicas, *of_containers))
    rest = f"; withheld: {', '.join(types)}" if types else ""
    return f"it already runs with the control values{rest}"


def _listed(request: Callable[[], Iterable[Item]]) -> frozenset[Item]:
    """Empty where the cluster forbids the request."""
    try:
        return frozenset(request())
    except Forbidden:
        return frozenset()


def ordered(request: ActionRequest, planned: Sequence[Planned]) -> list[Planned]:
    """In the order in which the items are started."""
    keys: Mapping[str, Callable[[Planned], Any]] = {
        "name": lambda one: (one.target.namespace, one.target.deployment),
        "fewest_pods_first": lambda one: one.replicas_before or 0,
        "most_pods_first": lambda one: -(one.replicas_before or 0),
    }
    key = keys.get(request.order)
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


def _warnings(request: ActionRequest, planned: Planned, values: ControlValues, context: PlanContext) -> Iterator[str]:
    if context.control_on is None:
        yield "the cluster does not say whether the door is on"
    if planned.mismatch and planned.verdict is Verdict.WILL:
        yield planned.mismatch
    if request.kind is Kind.SCALE:
        if context.control_on is False:
            yield "the door is off: nothing keeps this number when others change it"
        if values.mode is not Mode.ENFORCE:
            yield f"its mode is {values.mode}: the door does not keep this number"
    if planned.replicas_after == 0 and planned.verdict is Verdict.WILL:
        yield "there will be no pods at all"
