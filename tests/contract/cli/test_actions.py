"""Actions from the command line, with real rollouts on a real control plane."""

from __future__ import annotations

import json

import pytest

from tests.contract.commands import Command
from tests.contract.lab import Lab, new_image, replicas_of, resources_of


def test_a_dry_run_says_what_would_happen_and_changes_nothing(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    shown = kubedoor_at_lab("act", "scale", f"{two}/web=4", f"{two}/nobody", "--dry-run")
    assert "nothing has changed" in shown.stdout
    assert "1 -> 4" in shown.stdout
    assert "refused" in shown.stdout
    plan = json.loads(kubedoor_at_lab("act", "restart", f"{two}/web", "--dry-run", "--format", "json").stdout)
    assert [one["restarts"] for one in plan] == [True]
    assert replicas_of(lab.stored(two, "web")) == 1


def test_workloads_are_scaled_and_restarted_until_their_pods_are_there(
    kubedoor_at_lab: Command, lab: Lab, two: str
) -> None:
    scaled = kubedoor_at_lab(
        "act", "scale", f"{two}/web=3", f"{two}/api", "--replicas", "2", "--at-once", "2", "--note", "sale"
    )
    assert (scaled.returncode, scaled.stderr.count("kubedoor actions cancel")) == (0, 1), scaled.stderr
    assert [replicas_of(lab.stored(two, name)) for name in ("web", "api")] == [3, 2]
    restarted = json.loads(kubedoor_at_lab("act", "restart", f"{two}/web", "--format", "json").stdout)
    assert (restarted["state"], restarted["who"], restarted["via"]) == ("finished", "cli-actions", "token")
    assert lab.replicaset_count(two) == 2
    assert restarted["action"] in kubedoor_at_lab("actions", "list").stdout
    assert f"{two}/web" in kubedoor_at_lab("actions", "show", restarted["action"]).stdout


def test_what_fails_stops_the_rest_and_is_the_exit_code(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    patch = {"spec": {"progressDeadlineSeconds": 2, "template": {"spec": {"nodeSelector": {"no": "such-node"}}}}}
    lab.plane.kubectl("-n", two, "patch", "deployment", "web", "-p", json.dumps(patch))
    done = kubedoor_at_lab("act", "restart", f"{two}/web", f"{two}/api", "--deadline", "20")
    assert done.returncode == 1
    assert "0 of 2 workloads done" in done.stderr
    assert "untouched" in done.stdout
    assert lab.replicaset_count(two, "api") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "web"),
        ("scale", "shop/web=many"),
        ("restart", "shop/web=3"),
        ("explode", "shop/web"),
        ("restore",),
        ("restore", "--all", "shop/web"),
        ("restart", "--all"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_said_and_exit_with_2(kubedoor_at_lab: Command, words: tuple[str, ...]) -> None:
    assert kubedoor_at_lab("act", *words).returncode == 2


def test_cancelling_what_is_over_changes_nothing_and_what_is_not_there_is_said(
    kubedoor_at_lab: Command, lab: Lab, two: str
) -> None:
    action = json.loads(kubedoor_at_lab("act", "restart", f"{two}/web", "--format", "json").stdout)["action"]
    assert kubedoor_at_lab("actions", "cancel", action).stdout == "finished: 1 of 1 workloads are done\n"
    for word in ("show", "cancel"):
        assert kubedoor_at_lab("actions", word, "none").returncode == 1


def test_all_that_the_door_has_sized_is_given_back_at_once(kubedoor_at_lab: Command, lab: Lab, two: str) -> None:
    for name in ("web", "api"):
        lab.kubectl(two, "set", "image", f"deployment/{name}", f"app={new_image()}")
        assert resources_of(lab.stored(two, name))["requests"] == {"cpu": "120m", "memory": "256Mi"}
    wait_until_restorable(lab, two, {"web", "api"})
    lab.client.switch(enabled=False)
    try:
        plan = json.loads(kubedoor_at_lab("act", "restore", "--all", "--dry-run", "--format", "json").stdout)
        assert {"web", "api"} <= {one["deployment"] for one in plan if one["namespace"] == two}
        restored = kubedoor_at_lab("act", "restore", "--all", "--skip-refused", "--at-once", "20")
        assert f"{two}/web" in restored.stdout
        assert [resources_of(lab.stored(two, name)) for name in ("web", "api")] == [{}, {}]
    finally:
        lab.client.switch(enabled=True)


def wait_until_restorable(lab: Lab, namespace: str, names: set[str]) -> None:
    """States of Deployments are written some seconds after their admissions."""

    def is_known() -> bool:
        found = lab.client.call("GET", "/actions/restorable")
        return names <= {one["deployment"] for one in found if one["namespace"] == namespace}

    lab.plane.wait_for(is_known, what=f"states of {sorted(names)} are stored")
