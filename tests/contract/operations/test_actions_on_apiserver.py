"""Actions on a real control plane: rollouts finish or fail for real, and the stored events say which."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, InvalidInput
from kubedoor.identity.audit import Editor
from kubedoor.kube.client import Cluster
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import CPU_REQUEST, REPLICAS, ConditionType
from kubedoor.model.values import Mode, WorkloadKey
from kubedoor.operations.actions import Actions
from kubedoor.operations.batch import ActionDependencies
from kubedoor.operations.plan import Planner
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.operations.rollout import RESTARTED_AT
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.operations import OperationStore
from tests.contract.acting import ask, done, follow, listed, record, refusal, running, states, workloads
from tests.contract.lab import CLUSTER, Lab, amounts, asks, replicas_of, resources_of
from tests.support.builders import DAY, make_condition, make_deployment
from tests.support.clock import utc_now
from tests.toolbox.running import Client, start_kubedoor

APP = amounts("120m", "256Mi")
TESTER = Editor("tester", "session", "127.0.0.1")
_serial = itertools.count(1)


def stuck(namespace: str, name: str) -> dict[str, Any]:
    """A Deployment whose pods cannot be scheduled; its progress deadline is two seconds."""
    manifest = make_deployment(name, namespace=namespace, replicas=1, nodeSelector={"no": "such-node"})
    manifest["spec"]["progressDeadlineSeconds"] = 2
    return manifest


def test_scale_to_a_number_becomes_the_manual_value_and_waits_for_the_pods(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, replicas=2, app=APP)
    running(lab, namespace)
    shown = done(lab, "scale", workloads(namespace), replicas=5, note="sale")
    assert (shown["state"], shown["done"], shown["who"]) == ("finished", 1, "kubedoor")
    assert shown["items"][0]["message"] == "5 of 5 pods are available"
    assert (shown["items"][0]["replicas_before"], shown["items"][0]["manual_replicas_before"]) == (2, 2)
    stored = lab.stored(namespace)
    assert (replicas_of(stored), stored["status"]["availableReplicas"]) == (5, 5)
    manual = lab.control.manual(WorkloadKey(CLUSTER, namespace, "web"))
    assert (manual.replicas, manual.note, manual.edited_by) == (5, "sale", "kubedoor")
    assert manual.containers == {"app": APP}, "the other values stay"
    assert lab.replicaset_count(namespace) == 1


def test_each_workload_may_have_a_number_of_its_own(lab: Lab, namespace: str) -> None:
    running(lab, namespace, "a", "b")
    targets = [{**one, "replicas": number} for number, one in enumerate(workloads(namespace, "a", "b"), start=2)]
    assert done(lab, "scale", targets)["state"] == "finished"
    assert [replicas_of(lab.stored(namespace, name)) for name in "ab"] == [2, 3]


def test_what_is_withheld_is_the_reason_why_an_action_does_nothing(lab: Lab, namespace: str) -> None:
    app = CollectedContainer("app", amounts("120m"))
    short = make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, REPLICAS)
    lab.add_collected(CollectedValues(namespace, "web", 3, DAY, DAY, (app,), days=1, conditions=(short,)))
    running(lab, namespace)
    (scaled,) = ask(lab, "scale", workloads(namespace), dry_run=True)["planned"]
    assert scaled["reason"] == ("its collected replicas are withheld (ShortHistory): accept them, or give a number")
    (applied,) = ask(lab, "apply", workloads(namespace), dry_run=True)["planned"]
    assert (applied["verdict"], applied["reason"]) == (
        "nothing",
        "it already runs with the control values; withheld: ShortHistory",
    )


def test_scale_to_the_control_value(lab: Lab, namespace: str) -> None:
    running(lab, namespace)
    lab.set_values(namespace, replicas=4, app=APP)
    assert done(lab, "scale", workloads(namespace))["items"][0]["replicas_after"] == 4
    assert replicas_of(lab.stored(namespace)) == 4


def test_restart_makes_one_new_replicaset_and_is_audited(lab: Lab, namespace: str) -> None:
    running(lab, namespace)
    shown = done(lab, "restart", workloads(namespace))
    assert states(shown) == {"web": "done"}
    assert RESTARTED_AT in lab.stored(namespace)["spec"]["template"]["metadata"]["annotations"]
    assert lab.replicaset_count(namespace) == 2
    lines = lab.client.call("GET", "/audit?limit=20")
    lines = lines["items"] if isinstance(lines, dict) else lines
    line = next(one for one in lines if one["target"] == f"{CLUSTER}/{namespace}/web")
    assert (line["who"], line["action"], line["after"]["action"]) == ("kubedoor", "workload.restart", shown["action"])


def test_apply_restarts_only_what_differs(lab: Lab, namespace: str) -> None:
    running(lab, namespace, "as-it-should-be", containers=[asks("120m", "256Mi")])
    running(lab, namespace, "other", containers=[asks("500m", "1Gi")])
    running(lab, namespace, "other-number", containers=[asks("120m", "256Mi")])
    for name, replicas in (("as-it-should-be", 1), ("other", 1), ("other-number", 2)):
        lab.set_values(namespace, name, replicas=replicas, app=APP)
    targets = workloads(namespace, "as-it-should-be", "other", "other-number")
    planned = ask(lab, "apply", targets, dry_run=True)["planned"]
    assert [(one["verdict"], one["restarts"]) for one in planned] == [
        ("nothing", False),
        ("will", True),
        ("will", False),
    ]
    assert planned[1]["changes"] == [
        {"container": "app", "field": "cpu request", "before": "500m", "after": "120m"},
        {"container": "app", "field": "memory request", "before": "1Gi", "after": "256Mi"},
    ]
    shown = done(lab, "apply", targets)
    assert states(shown) == {"as-it-should-be": "skipped", "other": "done", "other-number": "done"}
    assert [lab.replicaset_count(namespace, one["deployment"]) for one in targets] == [1, 2, 1]
    assert resources_of(lab.stored(namespace, "other"))["requests"] == {"cpu": "120m", "memory": "256Mi"}
    assert replicas_of(lab.stored(namespace, "other-number")) == 2


@pytest.mark.parametrize("kind", ["scale", "restart", "apply"])
def test_a_dry_run_changes_nothing(lab: Lab, namespace: str, kind: str) -> None:
    running(lab, namespace, containers=[asks("500m", "1Gi")])
    lab.set_values(namespace, replicas=3, app=APP)
    before, seen = lab.stored(namespace), len(lab.wait_for_admissions(namespace, 1))
    newest = lab.client.call("GET", "/actions?limit=1")
    answer = ask(lab, kind, workloads(namespace), dry_run=True, **({"replicas": 7} if kind == "scale" else {}))
    (planned,) = answer["planned"]
    expected = ("will", 1, 7) if kind == "scale" else ("will", 1, 3)
    assert (planned["verdict"], planned["replicas_before"], planned["replicas_after"]) == expected
    assert answer["action"] is None
    assert lab.stored(namespace)["metadata"]["generation"] == before["metadata"]["generation"]
    assert lab.control.manual(WorkloadKey(CLUSTER, namespace, "web")).replicas == 3
    assert lab.client.call("GET", "/actions?limit=1") == newest
    assert len(lab.admissions(namespace)) == seen


def _hpa(lab: Lab, namespace: str) -> None:
    lab.kubectl(namespace, "autoscale", "deployment/web", "--min=1", "--max=9", "--cpu=50%")


def _label(lab: Lab, namespace: str) -> None:
    lab.kubectl(namespace, "label", "deployment/web", "kubedoor.io/control=off")


def _own(lab: Lab, namespace: str) -> None:
    lab.plane.apply(make_deployment(namespace=namespace, replicas=1, owner="web-00001"))


def _off(lab: Lab, namespace: str) -> None:
    lab.set_values(namespace, mode=Mode.OFF, app=APP)


def _pause(lab: Lab, namespace: str) -> None:
    lab.kubectl(namespace, "rollout", "pause", "deployment/web")


def _delete(lab: Lab, namespace: str) -> None:
    lab.kubectl(namespace, "delete", "deployment", "web")


def _ignore(lab: Lab, namespace: str) -> None:
    lab.plane.kubectl("label", "namespace", namespace, "kubedoor-ignore=true")


def _nothing(_lab: Lab, _namespace: str) -> None:
    return


REFUSALS: dict[str, tuple[Callable[[Lab, str], None], str, str]] = {
    "scale, gone": (_delete, "scale", "gone"),
    "restart, gone": (_delete, "restart", "gone"),
    "scale, HPA": (_hpa, "scale", "an HPA scales it"),
    "restart, opted out": (_label, "restart", "kubedoor.io/control"),
    "scale, owned": (_own, "scale", "a controller owns it"),
    "apply, mode off": (_off, "apply", "its mode is off"),
    "restart, ignored namespace": (_ignore, "restart", "is labelled kubedoor-ignore"),
    "apply, unknown": (_nothing, "apply", "not in the control table"),
    "restart, paused": (_pause, "restart", "paused"),
    "scale to control values, none": (_nothing, "scale-to-control", "no replicas for it"),
}


@pytest.mark.parametrize(("prepare", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_must_not_be_done_is_said_before(
    lab: Lab, namespace: str, prepare: Callable[[Lab, str], None], kind: str, words: str
) -> None:
    running(lab, namespace)
    prepare(lab, namespace)
    fields = {"replicas": 3} if kind == "scale" else {}
    kind = kind.removesuffix("-to-control")
    (planned,) = ask(lab, kind, workloads(namespace), dry_run=True, **fields)["planned"]
    assert planned["verdict"] == "refused"
    assert words in planned["reason"]
    told = refusal(lab, kind, workloads(namespace), **fields)
    assert "422" in told
    assert words in told


def test_refused_workloads_can_be_left_out(lab: Lab, namespace: str) -> None:
    running(lab, namespace)
    shown = done(lab, "restart", workloads(namespace, "nobody", "web"), skip_refused=True)
    assert states(shown) == {"nobody": "skipped", "web": "done"}


def test_with_the_door_off_apply_is_refused_and_scale_warns(lab: Lab, namespace: str) -> None:
    running(lab, namespace)
    lab.set_values(namespace, replicas=3, app=APP)
    lab.client.switch(enabled=False)
    try:
        assert "enforcement is off" in refusal(lab, "apply", workloads(namespace))
        (planned,) = ask(lab, "scale", workloads(namespace), dry_run=True)["planned"]
        assert planned["warnings"] == ["enforcement is off: nothing keeps this number when others change it"]
        assert done(lab, "scale", workloads(namespace))["state"] == "finished"
        assert replicas_of(lab.stored(namespace)) == 3
    finally:
        lab.client.switch(enabled=True)


def test_the_first_failure_stops_the_rest(lab: Lab, namespace: str) -> None:
    lab.plane.apply(stuck(namespace, "b"))
    running(lab, namespace, "a", "c")
    shown = done(lab, "restart", workloads(namespace, "a", "b", "c"), deadline_seconds=60)
    assert shown["state"] == "failed"
    assert states(shown) == {"a": "done", "b": "failed", "c": "untouched"}
    assert "progress" in shown["message"]
    assert shown["message"].startswith(f"{namespace}/b: changed, but its rollout failed")
    assert lab.replicaset_count(namespace, "c") == 1


def test_the_rest_can_go_on_after_a_failure(lab: Lab, namespace: str) -> None:
    lab.plane.apply(stuck(namespace, "b"))
    running(lab, namespace, "a", "c")
    shown = done(lab, "restart", workloads(namespace, "a", "b", "c"), stop_on_failure=False)
    assert states(shown) == {"a": "done", "b": "failed", "c": "done"}


def test_a_rollout_that_hangs_fails_at_the_deadline(lab: Lab, namespace: str) -> None:
    manifest = stuck(namespace, "web")
    manifest["spec"]["progressDeadlineSeconds"] = 600
    lab.plane.apply(manifest)
    shown = done(lab, "restart", workloads(namespace), deadline_seconds=5)
    assert "not healthy within 5 s" in shown["items"][0]["message"]


def test_of_two_operators_on_one_workload_the_second_is_told(lab: Lab, namespace: str) -> None:
    running(lab, namespace, "a", "b", "c")
    action = ask(lab, "restart", workloads(namespace, "a", "b"), interval_seconds=600)["action"]
    told = refusal(lab, "scale", workloads(namespace, "b", "c"), replicas=2)
    assert "409" in told
    assert f"kubedoor is at work on {namespace}/b (restart)" in told
    assert done(lab, "restart", workloads(namespace, "c"))["state"] == "finished", "another one is free"
    lab.client.call("POST", f"/actions/{action}/cancel")
    follow(lab, action, lambda shown: shown["state"] == "cancelled")
    assert done(lab, "scale", workloads(namespace, "b"), replicas=2)["state"] == "finished"


def test_cancel_begins_nothing_more_and_says_what_was_not_waited_for(lab: Lab, namespace: str) -> None:
    manifest = stuck(namespace, "a")
    manifest["spec"]["progressDeadlineSeconds"] = 600
    lab.plane.apply(manifest)
    running(lab, namespace, "b")
    action = ask(lab, "restart", workloads(namespace, "a", "b"))["action"]
    follow(lab, action, lambda shown: bool(shown["items"][0]["was_changed"]))
    assert action in listed(lab, state="running")
    lab.client.call("POST", f"/actions/{action}/cancel")
    shown = follow(lab, action, lambda shown: shown["state"] == "cancelled")
    assert states(shown) == {"a": "interrupted", "b": "untouched"}
    assert shown["cancelled_by"] == "kubedoor"
    lines = lab.records.audit(limit=100)
    assert action in {line["target"] for line in lines if line["action"] == "action.cancel"}
    for wanted in ({"state": "cancelled"}, {"kind": "restart"}, {"state": "cancelled", "kind": "restart"}):
        assert action in listed(lab, **wanted)
    for wanted in ({"state": "running"}, {"state": "interrupted"}, {"kind": "scale"}):
        assert action not in listed(lab, **wanted)
    lab.client.call("POST", f"/actions/{action}/cancel")
    assert record(lab, action) == shown, "what is over stays as it is"
    assert "its rollout was not waited for" in shown["items"][0]["message"]


def test_as_many_as_wished_are_under_way_at_once(lab: Lab, namespace: str) -> None:
    names = [f"web-{number}" for number in range(6)]
    lab.plane.apply(*(stuck(namespace, name) for name in names))
    action = ask(lab, "restart", workloads(namespace, *names), at_once=3, stop_on_failure=False)["action"]
    shown = follow(lab, action, lambda shown: shown["running"] == 3)
    assert (shown["running"], shown["untouched"]) == (3, 3)
    assert follow(lab, action)["failed"] == 6


def test_fewest_pods_first(lab: Lab, namespace: str) -> None:
    running(lab, namespace, "big", replicas=3)
    running(lab, namespace, "small", replicas=1)
    shown = done(lab, "restart", workloads(namespace, "big", "small"), order="fewest_pods_first")
    started = {item["deployment"]: item["started_at"] for item in shown["items"]}
    assert started["small"] < started["big"]


def test_an_action_outlives_an_api_server_that_goes_away(lab: Lab, namespace: str) -> None:
    running(lab, namespace, "a", "b")
    action = ask(lab, "restart", workloads(namespace, "a", "b"), interval_seconds=1)["action"]
    follow(lab, action, lambda shown: shown["done"] + shown["running"] > 0)
    lab.plane.stop_apiserver()
    lab.plane.start_apiserver()
    shown = follow(lab, action)
    assert states(shown)["a"] == "done", shown["message"]
    assert shown["state"] == "finished", shown["message"]


def test_fifty_restarts_killed_half_way_tell_what_was_done(lab: Lab, namespace: str, tmp_path: Path) -> None:
    names = [f"web-{number:02d}" for number in range(50)]
    running(lab, namespace, *names)
    settings = {"KUBEDOOR_STORE_DSN": lab.dsn, "KUBEDOOR_CLUSTER": CLUSTER}
    doomed = start_kubedoor(lab.plane, None, folder=tmp_path, settings=settings)
    try:
        with closing(Client(doomed.url)) as client:
            client.log_in()
            body = {"kind": "restart", "workloads": workloads(namespace, *names), "interval_seconds": 0.2, "at_once": 4}
            action = client.call("POST", "/actions", body)["action"]
            follow(lab, action, lambda shown: shown["done"] >= 20)
    finally:
        doomed.child.kill()
    shown = follow(lab, action, lambda shown: shown["state"] == "interrupted")
    assert listed(lab, state="interrupted")[action] == {
        name: value for name, value in shown.items() if name not in {"items", "next_at"}
    }, "the list says the same"
    assert action not in listed(lab, state="running")
    assert shown["running"] == 0
    assert shown["done"] + shown["interrupted"] + shown["untouched"] == 50
    assert 20 <= shown["done"] < 50
    restarted = {
        one["metadata"]["name"]
        for one in lab.plane.get_all("deployment", namespace)
        if RESTARTED_AT in one["spec"]["template"]["metadata"].get("annotations", {})
    }
    said = states(shown)
    assert {name for name in names if said[name] == "done"} <= restarted
    assert {name for name in names if said[name] == "untouched"}.isdisjoint(restarted)
    rest = [name for name in names if said[name] in ("untouched", "interrupted")]
    assert done(lab, "restart", workloads(namespace, *rest[:2]))["state"] == "finished", "nobody holds the rest"


@pytest.fixture
def actions_as(lab: Lab) -> Callable[[Path | str], Actions]:
    """Actions with the permissions of a kubeconfig."""

    def build(kubeconfig: Path | str) -> Actions:
        cluster = Cluster(kubeconfig=str(kubeconfig), timeout_seconds=2)
        options = WebhookOptions("kubedoor", "kubedoor-mutate", 443, 2, "Ignore", ())
        switch = Switch(cluster=cluster, look=lambda: None, options=lambda: options)
        planner = Planner(
            cluster=cluster,
            cluster_name=CLUSTER,
            control=lab.control,
            deployments=DeploymentStore(lab.connection, CLUSTER),
            switch=switch,
            rules=Rules(),
        )
        store = OperationStore(lab.connection, CLUSTER)
        dependencies = ActionDependencies(cluster, CLUSTER, lab.control, store, lab.records, planner, utc_now)
        return Actions(dependencies=dependencies, publish=lambda: None)

    return build


def test_what_the_cluster_forbids_is_said_before(
    lab: Lab, namespace: str, actions_as: Callable[[Path | str], Actions]
) -> None:
    running(lab, namespace)
    user = f"reader-{next(_serial)}"
    lab.plane.kubectl("create", "clusterrolebinding", f"{namespace}-view", "--clusterrole=view", f"--user={user}")
    actions = actions_as(lab.plane.credentials(user, user=user, groups=("system:authenticated",)))
    wish = ActionRequest(Kind.RESTART, (Target(namespace, "web"),))
    (planned,) = actions.plan(wish)
    assert "does not allow this to KubeDoor" in planned.reason
    with pytest.raises(InvalidInput, match="does not allow"):
        actions.start(wish, TESTER)
    assert lab.replicaset_count(namespace) == 1


def test_without_a_cluster_nothing_is_started(namespace: str, actions_as: Callable[[Path | str], Actions]) -> None:
    with pytest.raises(ClusterError, match="no cluster is configured"):
        actions_as("none").start(ActionRequest(Kind.RESTART, (Target(namespace, "web"),)), TESTER)
