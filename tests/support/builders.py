"""Builders for test objects; arguments set the fields that matter to a test, defaults the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from kubedoor.admission.review import AdmissionRequest
from kubedoor.model.conditions import REPLICAS, Condition, ConditionType, Withheld
from kubedoor.model.facts import Observation, ObservationKind
from kubedoor.model.usage import UsageDay
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Resources, Source, Value, WorkloadKey

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_container(
    name: str = "app",
    *,
    requests: Mapping[str, str] | None = None,
    limits: Mapping[str, str] | None = None,
    image: str = "registry.test/app:1",
    **fields: Any,
) -> dict[str, Any]:
    resources = {key: dict(value) for key, value in (("requests", requests), ("limits", limits)) if value is not None}
    return {"name": name, "image": image, **({"resources": resources} if resources else {}), **fields}


def make_deployment(
    name: str = "web",
    *,
    namespace: str = "shop",
    replicas: int | None = 2,
    containers: list[dict[str, Any]] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    owner: str = "",
    **pod_spec: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": {"app": name, **(labels or {})}}
    if owner:
        metadata["ownerReferences"] = [
            {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Revision",
                "name": owner,
                "uid": "7d0e",
                "controller": True,
            }
        ]
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": containers if containers is not None else [make_container()], **pod_spec},
    }
    if annotations:
        template["metadata"]["annotations"] = dict(annotations)
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def make_scale(replicas: int, *, name: str = "web", namespace: str = "shop") -> dict[str, Any]:
    # The API server leaves `replicas` out when it is zero.
    spec = {"replicas": replicas} if replicas else {}
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def at_version(
    manifest: dict[str, Any], version: int, *, uid: str = "7a11", created_at: datetime = NOON
) -> dict[str, Any]:
    """The Deployment or Scale as the API server has stored it."""
    metadata = {
        **manifest["metadata"],
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": f"{created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return {**manifest, "metadata": metadata}


def make_observation(
    key: WorkloadKey, kind: ObservationKind = ObservationKind.STORED, *, seen_at: datetime | None = None, **fields: Any
) -> Observation:
    return Observation(key, kind, seen_at or datetime.now(UTC), **fields)


def make_request(
    changed: dict[str, Any],
    old: dict[str, Any] | None = None,
    *,
    username: str = "alice",
    dry_run: bool = False,
    operation: str = "",
) -> AdmissionRequest:
    """CREATE without an old object, UPDATE with one; a Scale goes to the scale subresource."""
    metadata = changed["metadata"]
    return AdmissionRequest(
        uid="0b5d",
        operation=operation or ("UPDATE" if old is not None else "CREATE"),
        group="apps",
        resource="deployments",
        subresource="scale" if changed["kind"] == "Scale" else "",
        namespace=metadata["namespace"],
        name=metadata["name"],
        username=username,
        dry_run=dry_run,
        object=changed,
        old_object=old or {},
    )


def make_review(request: AdmissionRequest) -> dict[str, Any]:
    """The AdmissionReview v1 that the API server would send for `request`."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": request.uid,
            "kind": {"group": request.group, "version": "v1", "kind": request.object.get("kind", "")},
            "resource": {"group": request.group, "version": "v1", "resource": request.resource},
            **({"subResource": request.subresource} if request.subresource else {}),
            "name": request.name,
            "namespace": request.namespace,
            "operation": request.operation,
            "userInfo": {"username": request.username},
            "object": copy.deepcopy(request.object),
            "oldObject": copy.deepcopy(request.old_object) or None,
            "dryRun": request.dry_run,
        },
    }


def collected(amount: int) -> Value:
    return Value(amount, Source.COLLECTED)


def manual(amount: int) -> Value:
    return Value(amount, Source.MANUAL)


def make_values(
    *,
    replicas: Value | None = None,
    containers: Mapping[str, ControlContainer] | None = None,
    mode: Mode = Mode.ENFORCE,
    **facts: Any,
) -> ControlValues:
    return ControlValues(mode=mode, replicas=replicas, containers=dict(containers or {}), **facts)


def make_condition(
    kind: ConditionType = ConditionType.SHORT_HISTORY, *fields: str, container: str = "app", **changes: Any
) -> Condition:
    """A condition that withholds these fields of one container; `replicas` are of the workload."""
    withholds = tuple(Withheld("" if name == REPLICAS else container, name) for name in fields)
    made = Condition(kind, "TooFewDays", "There is 1 whole day of usage.", {"days": 1}, withholds, since=NOON)
    return replace(made, **changes)


def make_usage_day(
    *,
    day: date = DAY,
    namespace: str = "shop",
    deployment: str = "web",
    container: str = "app",
    pods: int = 3,
    cpu: int = 200,
    memory: int = 256 * 2**20,
    found: Resources | None = None,
    **fields: Any,
) -> UsageDay:
    return UsageDay(
        namespace=namespace,
        deployment=deployment,
        container=container,
        day=day,
        pods=pods,
        cpu_p95_millicores=cpu,
        cpu_p95_hottest_millicores=cpu + 10,
        memory_p95_bytes=memory,
        memory_p95_hottest_bytes=memory + 1024,
        memory_max_bytes=memory + 2048,
        cpu_quantiles_millicores=(cpu // 2,) * 6 + (cpu + 5,),
        memory_quantiles_bytes=(memory // 2,) * 6 + (memory + 2048,),
        found=found or Resources(500, 512 * 2**20, 1000, 2**30),
        **fields,
    )
