"""What real requests teach the door of a Deployment, and what refused ones do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.rules import CONTROL_LABEL
from kubedoor.model.values import WorkloadKey
from tests.contract.admission.later_webhook import LaterWebhook, deny_updates
from tests.contract.doors import leading_to, make_door
from tests.contract.lab import CLUSTER, Lab, amounts, replicas_of
from tests.support.builders import make_deployment, make_request, make_review
from tests.support.clickhouse import ClickHouse
from tests.support.store_relay import StoreRelay
from tests.toolbox.kubeapi import KubeApi
from tests.toolbox.processes import PartFailed

OFF = {CONTROL_LABEL: "off"}
MERGE = "--type=merge"
POLICY = "no-labelled-deployments"


@pytest.fixture
def web(lab: Lab, namespace: str) -> str:
    """A namespace with the Deployment `web`, whose status no controller writes any more."""
    lab.set_values(namespace, app=amounts("120m", "256Mi"))
    lab.create(namespace)
    lab.kubectl(namespace, "rollout", "status", "deployment/web", "--timeout=55s")
    return namespace


def path(namespace: str, name: str = "web") -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def is_controlled(lab: Lab, namespace: str, sent: int = 6) -> bool:
    lab.kubectl(namespace, "scale", "deployment/web", f"--replicas={sent}")
    found = replicas_of(lab.stored(namespace))
    assert found in (3, sent)
    return found == 3


def is_controlled_at(lab: Lab, namespace: str, port: int, ca: Path) -> bool:
    """By a scale of what is stored now, at another door than the lab's."""
    with KubeApi(lab.plane) as api:
        stored = api.get(f"{path(namespace)}/scale")
    request = make_request({**stored, "spec": {"replicas": 9}}, stored, dry_run=True)
    return "patch" in lab.review(port, make_review(request), ca=ca)["response"]


def wait_for_door_at(lab: Lab, namespace: str, port: int, ca: Path, *, is_controlled: bool) -> None:
    lab.plane.wait_for(
        lambda: is_controlled_at(lab, namespace, port, ca) is is_controlled, what="the other door knows it too"
    )


def patch(lab: Lab, namespace: str, body: dict[str, Any]) -> None:
    lab.plane.kubectl("-n", namespace, "patch", "deployment", "web", MERGE, "-p", json.dumps(body))


def patch_invalid(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    patch(lab, namespace, {"metadata": {"labels": {**labels, "team": "not a label!"}}})


def patch_immutable(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    patch(lab, namespace, {"metadata": {"labels": labels}, "spec": {"selector": {"matchLabels": {"app": "other"}}}})


def put_old_version(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    with KubeApi(lab.plane) as api:
        old = api.get(path(namespace))
        lab.kubectl(namespace, "annotate", "deployment", "web", "note=changed", "--overwrite")
        merged = {**old["metadata"]["labels"], **labels}
        old["metadata"]["labels"] = {name: value for name, value in merged.items() if value is not None}
        api.put(path(namespace), old)


def create_again(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    # Of two creations in one second the times do not say which of them was refused.
    created_at = datetime.fromisoformat(lab.stored(namespace)["metadata"]["creationTimestamp"])
    lab.plane.wait_for(lambda: datetime.now(UTC) - created_at > timedelta(seconds=1), what="a second has passed")
    manifest = make_deployment(namespace=namespace, labels={name: value for name, value in labels.items() if value})
    lab.plane.kubectl("create", "-f", "-", input=json.dumps(manifest))


def patch_against_policy(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    with policy(lab, namespace):
        patch(lab, namespace, {"metadata": {"labels": labels}})


@contextmanager
def policy(lab: Lab, namespace: str) -> Iterator[None]:
    """Inside, a ValidatingAdmissionPolicy denies each update of a Deployment in the namespace."""
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false"}]}
    bound = {"policyName": POLICY, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here}}
    version = "admissionregistration.k8s.io/v1"
    for kind, body in (("ValidatingAdmissionPolicy", spec), ("ValidatingAdmissionPolicyBinding", bound)):
        lab.plane.apply({"apiVersion": version, "kind": kind, "metadata": {"name": POLICY}, "spec": body})
    words = ("-n", namespace, "label", "deployment", "web", "probe=x", "--overwrite", "--dry-run=server")
    try:
        lab.plane.wait_for(lambda: lab.plane.kubectl(*words, check=False).returncode != 0, what="the policy denies")
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            lab.plane.kubectl("delete", kind, POLICY, "--ignore-not-found")


def patch_against_webhook(lab: Lab, namespace: str, labels: dict[str, str | None]) -> None:
    with LaterWebhook(lab.plane, namespace, deny_updates):
        patch(lab, namespace, {"metadata": {"labels": labels}})


REFUSED = [
    *(patch_invalid, patch_immutable, patch_against_policy, patch_against_webhook),
    *(put_old_version, create_again),
]


@pytest.mark.parametrize("refuse", REFUSED)
def test_a_refused_request_does_not_opt_out(
    lab: Lab, web: str, refuse: Callable[[Lab, str, dict[str, str | None]], None]
) -> None:
    with pytest.raises(PartFailed):
        refuse(lab, web, {**OFF})
    assert [is_controlled(lab, web, sent) for sent in (6, 7)] == [True, True]


@pytest.mark.parametrize("refuse", REFUSED)
def test_a_refused_request_does_not_end_hands_off(
    lab: Lab, web: str, refuse: Callable[[Lab, str, dict[str, str | None]], None]
) -> None:
    lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}=off")
    with pytest.raises(PartFailed):
        refuse(lab, web, {CONTROL_LABEL: None})
    assert not is_controlled(lab, web, 6)
    lab.kubectl(web, "rollout", "status", "deployment/web", "--timeout=55s")
    assert not is_controlled(lab, web, 7)


def test_labels_count_for_the_next_scale_also_at_another_door(lab: Lab, web: str, tmp_path: Path) -> None:
    child, port, ca = make_door(tmp_path, lab.dsn)
    try:
        assert is_controlled_at(lab, web, port, ca)
        for verb, expected in (("=off", False), ("-", True), ("=off", False)):
            lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}{verb}")
            assert is_controlled(lab, web) is expected, "at once"
            wait_for_door_at(lab, web, port, ca, is_controlled=expected)
    finally:
        child.stop()


@pytest.mark.parametrize(("before", "after"), [(OFF, {}), ({}, OFF)], ids=["off to on", "on to off"])
def test_made_anew_under_the_same_name(lab: Lab, namespace: str, before: dict[str, str], after: dict[str, str]) -> None:
    lab.set_values(namespace, app=amounts("120m", "256Mi"))
    lab.create(namespace, labels=before)
    assert is_controlled(lab, namespace, 4) is (before == {})
    lab.kubectl(namespace, "label", "deployment", "web", "seen=yes")
    lab.kubectl(namespace, "delete", "deployment", "web")
    lab.create(namespace, labels=after)
    for sent in (6, 7):
        assert is_controlled(lab, namespace, sent) is (after == {})
    lab.kubectl(namespace, "label", "deployment", "web", "seen=yes")
    assert is_controlled(lab, namespace, 8) is (after == {})


def test_the_store_keeps_what_was_stored(lab: Lab, web: str) -> None:
    key = WorkloadKey(CLUSTER, web, "web")
    lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}=off")
    metadata = lab.stored(web)["metadata"]
    lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}-")

    def known() -> tuple[str, int, bool] | None:
        stored = lab.control.facts_of_each([key])[key].stored
        return (stored.uid, stored.resource_version, stored.opted_out) if stored else None

    lab.plane.wait_for(
        lambda: known() == (metadata["uid"], int(metadata["resourceVersion"]), True), what="it is in the store"
    )


def known_at(lab: Lab, namespace: str) -> datetime:
    """The latest moment of what the store has been told of the Deployment."""
    (row,) = lab.connection.rows(
        "SELECT max(seen_at) AS at FROM workload_observations WHERE namespace = {namespace:String}", namespace=namespace
    )
    at: datetime = row["at"]
    return at


def test_what_a_door_tells_after_an_outage_is_older_whatever_its_clock_says(
    lab: Lab, web: str, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("3600")
    with StoreRelay(clickhouse) as relay:
        child, port, ca = make_door(tmp_path, relay.dsn, clock=clock)
        try:
            with leading_to(lab, port, ca):
                assert is_controlled(lab, web)
                relay.cut()
                lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}=off")
                lab.kubectl(web, "label", "deployment", "web", "seen=yes")
                assert not is_controlled(lab, web), "the door itself has seen it"
            # The lab's door has the store, and a right clock.
            lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}-")
            lab.kubectl(web, "label", "deployment", "web", "seen=again", "--overwrite")
            assert is_controlled(lab, web)
            assert known_at(lab, web) < datetime.now(UTC) + timedelta(minutes=1)
            relay.mend()
            lab.plane.wait_for(lambda: known_at(lab, web) > datetime.now(UTC), what="the other door has written")
            lab.wait_for_door()
            assert is_controlled(lab, web, 7), "what was written last is older"
            wait_for_door_at(lab, web, port, ca, is_controlled=True)
        finally:
            child.stop()


def test_a_clock_that_steps_back_changes_no_order(lab: Lab, web: str, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("3600")
    child, port, ca = make_door(tmp_path, lab.dsn, clock=clock)
    try:
        with leading_to(lab, port, ca):
            ca_of_lab = lab.kubedoor.data_folder / "tls" / "ca.crt"
            for back, (verb, expected) in enumerate((("=off", False), ("-", True), ("=off", False))):
                clock.write_text(str(3600 - 3600 * back))
                lab.kubectl(web, "label", "deployment", "web", f"{CONTROL_LABEL}{verb}")
                assert is_controlled(lab, web) is expected, "at once"
                lab.kubectl(web, "label", "deployment", "web", f"seen={back}", "--overwrite")
                assert is_controlled(lab, web, 7) is expected, "once it is stored"
                wait_for_door_at(lab, web, lab.kubedoor.door_port, ca_of_lab, is_controlled=expected)
    finally:
        child.stop()
