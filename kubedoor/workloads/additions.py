"""Puts workloads into the control table before they are collected, and takes out what is there by mistake.

What is put there is a manual value like any other; a later collection lays its values under it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubedoor.control_values import compile_workload
from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.kube import names
from kubedoor.model.values import ControlContainer, ControlValues, ManualValues, Mode, Resources, Value, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.store.control import ControlStore
from kubedoor.store.manual import stale
from kubedoor.store.records import RecordStore
from kubedoor.workloads.edits import FIELDS, changed, check_limits, summary

TEMPLATE_CONTAINER = "template_container"
"""The key, beside those of FIELDS, of the template's container whose values a container starts from."""


@dataclass(frozen=True)
class Scope:
    """Where the door controls anything at all."""

    namespaces: Collection[str] = ()
    """Empty: all."""
    excluded_namespaces: Collection[str] = ()

    def check(self, namespace: str) -> None:
        """Raises InvalidInput."""
        if namespace in self.excluded_namespaces:
            raise InvalidInput(sentence("workloads.excluded", namespace=namespace), field="namespace")
        if self.namespaces and namespace not in self.namespaces:
            controlled = ", ".join(self.namespaces)
            message = sentence("workloads.not_controlled", namespace=namespace, namespaces=controlled)
            raise InvalidInput(message, field="namespace")


@dataclass(frozen=True)
class Addition:
    """`changes`: as in an Edit, and TEMPLATE_CONTAINER in a container; each lies over the values of `template`."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    template: WorkloadKey | None = None
    """Its control values at this time are taken; it may be of another cluster."""


class Additions:
    """`control_of`: the control table of a cluster; raises NotFound for an unknown one."""

    def __init__(
        self,
        *,
        cluster: str,
        control: ControlStore,
        control_of: Callable[[str], ControlStore],
        records: RecordStore,
        scope: Scope,
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._control_of = control_of
        self._records = records
        self._scope = scope

    def add(self, key: WorkloadKey, addition: Addition, editor: Editor) -> ManualValues:
        """Nothing is written if it raises: InvalidInput with the field, or Conflict if the workload is there already."""
        if self._control.control_rows_of(key):
            raise Conflict(sentence("workloads.in_table", workload=f"{key.namespace}/{key.deployment}"))
        before = self._control.manual(key)
        after = self.plan(key, before, addition)
        shown = summary(after) | ({"template": str(addition.template)} if addition.template else {})
        with audited(self._records, editor, "workload.add", str(key), before=summary(before), after=shown):
            return self._control.edit(key, after, based_on=before.version, who=editor.who)

    def plan(self, key: WorkloadKey, before: ManualValues, addition: Addition) -> ManualValues:
        """The values that would be written over `before`, which has none. Raises InvalidInput with the field."""
        check_name(key)
        self._scope.check(key.namespace)
        start = self._values_like(addition.template) if addition.template else ManualValues()
        after = changed(*_without_templates(start, addition.changes))
        for container in after.containers:
            if not names.is_label(container):
                message = sentence("workloads.bad_container_name", name=repr(container[:100]))
                raise InvalidInput(message, field=f"containers.{container}")
        check_limits([], after, {"containers": {name: _set_fields(one) for name, one in after.containers.items()}})
        return replace(after, version=before.version, mode=after.mode or Mode.ENFORCE)

    def remove(self, key: WorkloadKey, version: int, editor: Editor) -> None:
        """Take a workload that is not collected out of the control table; `version` is what is to be removed.

        Raises NotFound, or Conflict if it is collected or has been edited since.
        """
        rows = self._control.control_rows_of(key)
        if not rows:
            raise NotFound(sentence("workloads.not_in_table", workload=f"{key.namespace}/{key.deployment}"))
        before = self._control.manual(key)
        if before.version != version:
            raise stale(key, version, before)
        if any(row["collected_replicas"] is not None for row in rows):
            raise Conflict(sentence("workloads.is_collected", workload=f"{key.namespace}/{key.deployment}"))
        after = ManualValues(note="removed")
        with audited(self._records, editor, "workload.remove", str(key), before=summary(before), after=summary(after)):
            self._control.edit(key, after, based_on=version, who=editor.who)

    def _values_like(self, template: WorkloadKey) -> ManualValues:
        try:
            rows = self._control_of(template.cluster).control_rows_of(template)
        except NotFound as error:
            raise InvalidInput(error.message, field="template") from error
        if not rows:
            raise InvalidInput(sentence("workloads.no_template", workload=template), field="template")
        return values_like(compile_workload(rows))


def check_name(key: WorkloadKey) -> None:
    """Raises InvalidInput for a namespace or a Deployment that Kubernetes would refuse."""
    if not names.is_label(key.namespace):
        shown, most = repr(key.namespace[:100]), names.MAX_LABEL_CHARACTERS
        raise InvalidInput(sentence("workloads.bad_namespace_name", name=shown, most=most), field="namespace")
    if not names.is_subdomain(key.deployment):
        shown, most = repr(key.deployment[:100]), names.MAX_SUBDOMAIN_CHARACTERS
        raise InvalidInput(sentence("workloads.bad_deployment_name", name=shown, most=most), field="deployment")


def values_like(values: ControlValues) -> ManualValues:
    """The control values as manual ones: not what is withheld, nor the replicas of a workload that an HPA scales."""
    containers = {name: _resources(container) for name, container in values.containers.items()}
    return ManualValues(
        replicas=None if values.hpa else _amount(values.replicas),
        containers={name: one for name, one in containers.items() if one != Resources()},
    )


def _resources(container: ControlContainer) -> Resources:
    return Resources(**{column: _amount(getattr(container, column)) for column, _ in FIELDS.values()})


def _amount(value: Value | None) -> int | None:
    return None if value is None else value.amount


def _without_templates(start: ManualValues, changes: Mapping[str, Any]) -> tuple[ManualValues, dict[str, Any]]:
    """Containers of `start` under their new names, and the changes without TEMPLATE_CONTAINER."""
    renamed, fields = {}, {}
    for name, wanted in (changes.get("containers") or {}).items():
        fields[name] = {field: value for field, value in (wanted or {}).items() if field != TEMPLATE_CONTAINER}
        if source := (wanted or {}).get(TEMPLATE_CONTAINER):
            if source not in start.containers:
                known = ", ".join(sorted(start.containers)) or "none"
                message = sentence("workloads.no_template_container", container=source, containers=known)
                raise InvalidInput(message, field=f"containers.{name}.{TEMPLATE_CONTAINER}")
            renamed[name] = source
    kept = {name: one for name, one in start.containers.items() if name not in renamed.values()}
    moved = {name: start.containers[source] for name, source in renamed.items()}
    return replace(start, containers=kept | moved), {**changes, "containers": fields}


def _set_fields(values: Resources) -> dict[str, bool]:
    return {name: True for name, (column, _) in FIELDS.items() if getattr(values, column) is not None}
