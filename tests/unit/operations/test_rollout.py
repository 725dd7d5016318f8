"""The state of a rollout, and the validation of requests."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.admission.comparison import template_changes
from kubedoor.errors import InvalidInput
from kubedoor.operations.request import ActionRequest, RestorePoint, Target, parse
from kubedoor.operations.rollout import DEADLINE_EXCEEDED, rollout_of
from tests.support.builders import make_container, make_deployment


def deployment(
    replicas: int | None,
    *,
    total: int,
    updated: int,
    available: int,
    generation: int = 4,
    observed: int = 4,
    **status: Any,
) -> dict[str, Any]:
    manifest = make_deployment(replicas=replicas)
    manifest["metadata"]["generation"] = generation
    counts = {"replicas": total, "updatedReplicas": updated, "availableReplicas": available}
    # The API server leaves counts of zero out.
    shown = {name: count for name, count in counts.items() if count}
    return {**manifest, "status": {"observedGeneration": observed, **shown, **status}}


STUCK: dict[str, Any] = {
    "conditions": [{"type": "Progressing", "status": "False", "reason": DEADLINE_EXCEEDED, "message": "too slow"}]
}
QUOTA: dict[str, Any] = {
    "conditions": [*STUCK["conditions"], {"type": "ReplicaFailure", "status": "True", "message": "quota"}]
}
ROLLOUTS = {
    "all are new and available": (deployment(3, total=3, updated=3, available=3), "healthy", "3 of 3 pods"),
    "replicas absent means one": (deployment(None, total=1, updated=1, available=1), "healthy", "1 of 1"),
    "scaled to zero": (deployment(0, total=0, updated=0, available=0), "healthy", "0 of 0"),
    "not seen yet": (deployment(3, total=3, updated=3, available=3, observed=3), "waiting", "has not seen"),
    "an older answer": (
        deployment(3, total=3, updated=3, available=3, generation=3, observed=3),
        "waiting",
        "not seen",
    ),
    "some are old": (deployment(3, total=3, updated=1, available=3), "waiting", "1 of 3 pods are new"),
    "old ones still end": (deployment(3, total=4, updated=3, available=3), "waiting", "1 pod has yet to end"),
    "surplus after a scale-down": (deployment(1, total=3, updated=3, available=3), "waiting", "2 pods have yet to end"),
    "not available yet": (deployment(3, total=3, updated=3, available=1), "waiting", "1 of 3 pods are available"),
    "given up": (deployment(3, total=4, updated=1, available=3, **STUCK), "failed", "1 of 3 pods are new; too slow"),
    "given up for a quota": (deployment(3, total=3, updated=0, available=3, **QUOTA), "failed", "too slow: quota"),
    "given up once, whole now": (deployment(3, total=3, updated=3, available=3, **STUCK), "healthy", "3 of 3"),
}


@pytest.mark.parametrize(("manifest", "state", "words"), ROLLOUTS.values(), ids=ROLLOUTS.keys())
def test_the_state_of_a_rollout_follows_from_its_status(manifest: dict[str, Any], state: str, words: str) -> None:
    rollout = rollout_of(manifest, generation=4)
    assert rollout.state == state
    assert words in rollout.message


WEB = {"namespace": "shop", "deployment": "web"}
BAD_REQUESTS = {
    "no kind": ({"kind": "stop", "targets": [WEB]}, "kind"),
    "no workloads": ({"kind": "restart", "targets": []}, "workloads"),
    "too many": ({"kind": "restart", "targets": [{**WEB, "deployment": f"w{n}"} for n in range(501)]}, "workloads"),
    "one twice": ({"kind": "restart", "targets": [WEB, WEB]}, "workloads.1"),
    "no name": ({"kind": "restart", "targets": [{"namespace": "shop", "deployment": ""}]}, "workloads.0.deployment"),
    "replicas for a restart": ({"kind": "restart", "targets": [WEB], "replicas": 2}, "replicas"),
    "its own replicas for apply": ({"kind": "apply", "targets": [{**WEB, "replicas": 2}]}, "replicas"),
    "below zero": ({"kind": "scale", "targets": [WEB], "replicas": -1}, "replicas"),
    "a truth": ({"kind": "scale", "targets": [{**WEB, "replicas": True}]}, "workloads.0.replicas"),
    "none at once": ({"kind": "restart", "targets": [WEB], "at_once": 0}, "at_once"),
    "a long pause": ({"kind": "restart", "targets": [WEB], "interval_seconds": 3601}, "interval_seconds"),
    "no time": ({"kind": "restart", "targets": [WEB], "deadline_seconds": 1}, "deadline_seconds"),
    "an unknown order": ({"kind": "restart", "targets": [WEB], "order": "random"}, "order"),
}


@pytest.mark.parametrize(("body", "field"), BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_an_invalid_request_names_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body)
    assert refused.value.details["field"] == field


def test_parse_is_the_inverse_of_as_json() -> None:
    targets = (Target("shop", "web", 3), Target("shop", "cart", back_to=RestorePoint(None, 2)))
    request = ActionRequest(
        kind=parse({"kind": "scale", "targets": [WEB]}).kind, targets=targets, at_once=2, note="sale"
    )
    assert parse(request.as_json()) == request


def test_only_requests_and_limits_with_another_amount_are_changes() -> None:
    before = make_deployment(containers=[make_container(requests={"cpu": "1000m", "memory": "1Gi"})])
    after = make_deployment(
        containers=[make_container(requests={"cpu": "1", "memory": "512Mi"}, limits={"cpu": "2"})],
        annotations={"kubectl.kubernetes.io/restartedAt": "now"},
    )
    changes = [(one.container, one.field, one.before, one.after) for one in template_changes(before, after)]
    assert changes == [("app", "cpu limit", None, "2"), ("app", "memory request", "1Gi", "512Mi")]
