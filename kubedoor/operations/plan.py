"""Plans what an action would do to each workload, by a dry run at the API server, so that webhooks and quotas count.

Changes nothing. A Deployment that must not be changed is refused: `refusals` has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from kubedoor.admission.comparison import control_mismatch, template_changes
from kubedoor.admission.due import replicas_of
from kubedoor.admission.restarts import restarts
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import LEFT_OUT_LABELS
from kubedoor.control_values import UNKNOWN, compile_rows
from kubedoor.errors import ClusterError, Conflict, Forbidden, NotFound
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ControlValues, ManualValues, Mode, WorkloadKey
from kubedoor.operations.planned import PlanContext, Planned, Refused, Verdict, refusal
from kubedoor.operations.refusals import check, check_scope, warnings
from kubedoor.operations.request import ActionRequest, Kind, RestorePoint, Target, restored_replicas
from kubedoor.operations.restore import asked_since, restore_mismatch, restore_patch, restored
from kubedoor.operations.rollout import restart_patch
from kubedoor.sentences import Sentence, joined, sentence
from kubedoor.sizing.dangers import Danger, DangerKind
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.workloads.value_warnings import Name, Wanted

Item = TypeVar("Item")

DRY_RUN_AT = "2000-01-01T00:00:00Z"
"""Differs from the time of any real restart, so that the patch always changes the template."""
_DRY_RUNS_AT_ONCE = 4


class _Tried(NamedTuple):
    """`values`: None where it is refused."""

    planned: Planned
    values: ControlValues | None = None


class Planner:
    def __init__(
        self,
        *,
        cluster: Cluster,
        cluster_name: str,
        control: ControlStore,
        deployments: DeploymentStore,
        switch: Switch,
        rules: Rules,
        dangers: Callable[[Mapping[Name, Wanted]], Mapping[Name, list[Danger]]] = lambda _workloads: {},
    ) -> None:
        self._cluster = cluster
        self._cluster_name = cluster_name
        self._control = control
        self._deployments = deployments
        self._switch = switch
        self._rules = rules
        self._dangers = dangers

    def context(self) -> PlanContext:
        """Raises ClusterError when the API server cannot be reached."""
        self._cluster.version()
        autoscaled = _listed(self._cluster.autoscaled_deployments)
        ignored = {
            namespace: label
            for label in LEFT_OUT_LABELS
            for namespace in _listed(partial(self._cluster.namespaces_labelled, label))
        }
        return PlanContext(self._switch.state().enabled, autoscaled, ignored)

    def plan_all(self, request: ActionRequest, context: PlanContext) -> list[Planned]:
        """In the order of the request's targets. Raises ClusterError when the API server cannot be reached."""
        with ThreadPoolExecutor(_DRY_RUNS_AT_ONCE, thread_name_prefix="plan") as pool:
            tried = list(pool.map(lambda target: self._try(request, target, context), request.targets))
        return self._with_dangers(request, tried, context)

    def plan(self, request: ActionRequest, target: Target, context: PlanContext) -> Planned:
        """A refusal is a Planned too. Raises ClusterError when the API server cannot be reached."""
        return self._with_dangers(request, [self._try(request, target, context)], context)[0]

    def _try(self, request: ActionRequest, target: Target, context: PlanContext) -> _Tried:
        manifest: dict[str, Any] | None = None
        try:
            check_scope(request, target, context, self._rules)
            manifest = self._manifest(target)
            values = self.values_of(target)
            check(request, target, manifest, values, context, self._rules)
            planned = self._dry_run(request, target, manifest, values, context)
        except (Refused, Forbidden, NotFound, Conflict) as error:
            return _Tried(refusal(target, error, manifest))
        except ClusterError as error:
            if not 400 <= error.details.get("status", 0) < 500:
                raise
            return _Tried(refusal(target, error, manifest))
        return _Tried(planned, values)

    def _with_dangers(self, request: ActionRequest, tried: Sequence[_Tried], context: PlanContext) -> list[Planned]:
        """The store is asked about all of them at once."""
        wanted = self._wanted(request, tried, context)
        dangers = self._dangers(wanted) if wanted else {}
        plans = []
        for planned, values in tried:
            if values is None:
                plans.append(planned)
                continue
            found = dangers.get(_name(planned.target), [])
            # That nothing runs then is said in any case.
            said = [one.message for one in found if one.kind is not DangerKind.NO_REPLICAS]
            every = (*warnings(request, planned, values, context), *said)
            plans.append(replace(planned, warnings=every, kills=any(one.kills for one in found)))
        return plans

    def _wanted(self, request: ActionRequest, tried: Sequence[_Tried], context: PlanContext) -> dict[Name, Wanted]:
        """The replicas where they change; what is set by hand where new pods get it."""
        if request.kind is Kind.RESTORE:
            return {}
        changing = [
            (planned, values)
            for planned, values in tried
            if values is not None and planned.verdict is Verdict.WILL and planned.target.back_to is None
        ]
        enforced = {
            WorkloadKey(self._cluster_name, *_name(planned.target))
            for planned, values in changing
            if planned.restarts and context.control_on and values.mode is Mode.ENFORCE
        }
        by_hand = self._control.manual_of_each(enforced) if enforced else {}
        wanted = {}
        for planned, _ in changing:
            name, is_changed = _name(planned.target), planned.replicas_after != planned.replicas_before
            manual = by_hand.get(WorkloadKey(self._cluster_name, *name), ManualValues())
            replicas = planned.replicas_after if is_changed else None
            wanted[name] = Wanted(ManualValues(replicas=replicas, containers=manual.containers))
        return wanted

    def values_of(self, target: Target) -> ControlValues:
        """From the store, not from the snapshot of the admission webhook."""
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        return compile_rows(self._cluster_name, self._control.control_rows_of(key)).get(key, UNKNOWN)

    def control_is_on(self) -> bool | None:
        """None: unknown."""
        return self._switch.state().enabled

    def _restored_replicas(self, target: Target, back_to: RestorePoint, context: PlanContext) -> int:
        rows = self._control.control_rows_of(WorkloadKey(self._cluster_name, target.namespace, target.deployment))
        return restored_replicas(back_to, rows[0] if rows else None, control_on=context.control_on)

    def _is_restored(self, target: Target) -> bool:
        """Whether a return has nothing left to do. Raises Refused when the manual value was changed since."""
        if target.back_to is None or target.back_to.temporary is None:
            return False
        key = WorkloadKey(self._cluster_name, target.namespace, target.deployment)
        manual = self._control.manual(key).replicas
        if manual not in (target.back_to.temporary, target.back_to.manual):
            raise Refused(sentence("operations.set_since"))
        return manual != target.back_to.temporary and not target.back_to.begun

    def desired_replicas(
        self, request: ActionRequest, target: Target, values: ControlValues, context: PlanContext
    ) -> int:
        """What a scale sets. Raises Refused when neither the request nor the control values have a number."""
        if (back_to := target.back_to) is not None:
            return self._restored_replicas(target, back_to, context)
        if (number := request.replicas_of(target)) is not None:
            return number
        if values.replicas is None:
            if values.withheld_replicas:
                types = ", ".join(values.withheld_replicas)
                raise Refused(sentence("operations.replicas_withheld", conditions=types))
            raise Refused(sentence("operations.no_replicas"))
        return values.replicas.amount

    def _manifest(self, target: Target) -> dict[str, Any]:
        manifest = self._cluster.deployment(target.namespace, target.deployment)
        if manifest is None:
            raise Refused(sentence("operations.gone", workload=target))
        return manifest

    def _dry_run(
        self,
        request: ActionRequest,
        target: Target,
        manifest: dict[str, Any],
        values: ControlValues,
        context: PlanContext,
    ) -> Planned:
        if request.kind is Kind.SCALE:
            return self._dry_run_scale(request, target, manifest, values, context)
        if request.kind is Kind.RESTORE:
            return self._dry_run_restore(target, manifest, values, context)
        return self._dry_run_restart(request, target, manifest, values, context)

    def _dry_run_scale(
        self,
        request: ActionRequest,
        target: Target,
        manifest: dict[str, Any],
        values: ControlValues,
        context: PlanContext,
    ) -> Planned:
        before = replicas_of(manifest)
        if self._is_restored(target):
            reason = sentence("operations.already_returned")
            return Planned(target, Verdict.NOTHING, reason, before, before)
        desired = self.desired_replicas(request, target, values, context)
        is_new_value = target.back_to is not None or request.replicas_of(target) is not None
        # The manual value is set only when the action runs; in this dry run the webhook still applies the old one.
        stored = desired
        if values.known or context.control_on is False:
            stored = self._cluster.scale_deployment(target.namespace, target.deployment, desired, dry_run=True)
        after = desired if is_new_value else stored
        verdict = Verdict.NOTHING if before == after and not is_new_value else Verdict.WILL
        reason = sentence("operations.already_control") if verdict is Verdict.NOTHING else Sentence()
        is_enforced = context.control_on is True and values.mode is Mode.ENFORCE
        version = self._manual_version(target)
        return Planned(target, verdict, reason, before, after, is_enforced=is_enforced, manual_version=version)

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
        mismatch = control_mismatch(after, values, self._rules) if context.control_on else Sentence()
        before = replicas_of(manifest)
        planned = Planned(target, Verdict.WILL, Sentence(), before, replicas_of(after), mismatch=mismatch)
        if request.kind is Kind.RESTART or changes:
            return replace(planned, restarts=True, changes=changes)
        if planned.replicas_before != planned.replicas_after:
            return replace(planned, reason=sentence("operations.only_replicas"))
        return replace(planned, verdict=Verdict.NOTHING, reason=mismatch or _nothing_to_set(values))

    def _dry_run_restore(
        self, target: Target, manifest: dict[str, Any], values: ControlValues, context: PlanContext
    ) -> Planned:
        replicas = replicas_of(manifest)
        wanted, kept = self.restored(target, manifest, values)
        if wanted is None:
            return Planned(target, Verdict.NOTHING, sentence("operations.runs_as_asked"), replicas, replicas)
        patch = restore_patch(manifest, wanted)
        after = self._cluster.json_patch_deployment(target.namespace, target.deployment, patch, dry_run=True)
        mismatch = restore_mismatch(wanted, after)
        if mismatch and context.control_on is not False:
            raise Refused(mismatch)
        changes = tuple(template_changes(manifest, wanted))
        planned = Planned(
            target, Verdict.WILL, Sentence(), replicas, replicas, changes=changes, mismatch=mismatch, kept=kept
        )
        if restarts(manifest, wanted):
            return replace(planned, restarts=True)
        return replace(planned, reason=sentence("operations.only_annotation"))

    def restored(
        self, target: Target, manifest: dict[str, Any], values: ControlValues
    ) -> tuple[dict[str, Any] | None, Sentence]:
        """The Deployment as its owner asked for it (None: nothing is left to give back), and what is kept as it runs."""
        if restored(manifest) is None:
            return None, Sentence()
        kept = asked_since(manifest, self._deployments.sized(target.namespace, target.deployment), values)
        names = ", ".join(f"{container} {field}" for container, field in sorted(kept))
        remark = sentence("operations.kept", fields=names) if kept else Sentence()
        return restored(manifest, kept=kept), remark


def _name(target: Target) -> Name:
    return target.namespace, target.deployment


def _nothing_to_set(values: ControlValues) -> Sentence:
    of_containers = (
        types
        for one in values.containers.values()
        for name, types in one.withheld.items()
        if getattr(one, name) is None
    )
    types = dict.fromkeys(chain(() if values.replicas else values.withheld_replicas, *of_containers))
    withheld = sentence("operations.withheld", conditions=", ".join(types)) if types else ""
    return joined(sentence("operations.runs_with_values"), withheld)


def _listed(request: Callable[[], Iterable[Item]]) -> frozenset[Item]:
    """Empty where the cluster forbids the request."""
    try:
        return frozenset(request())
    except Forbidden:
        return frozenset()
