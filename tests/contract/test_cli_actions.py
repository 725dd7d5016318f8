"""Actions and schedules from the command line, on the real control plane: rollouts really finish, or do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.lab import Lab, amounts, replicas_of
from tests.contract.test_cli import Done, run
from tests.support.builders import make_deployment

Command = Callable[..., Done]


@pytest.fixture(scope="module")
def token(lab: Lab) -> str:
    body = {"name": "cli-actions", "role": "operator", "expires_in_days": 1}
    return str(lab.client.call("POST", "/tokens", body)["token"])


@pytest.fixture
def kubedoor(lab: Lab, token: str, tmp_path: Path) -> Command:
    leading = {"KUBEDOOR_API_URL": lab.kubedoor.url, "KUBEDOOR_API_TOKEN": token}
    return lambda *words: run(tmp_path, *words, environment=leading)


@pytest.fixture
def two(lab: Lab, namespace: str) -> str:
    """A namespace with the Deployments `web` and `api`, rolled out, one pod each."""
    names = ("web", "api")
    lab.plane.apply(*(make_deployment(name, namespace=namespace, replicas=1) for name in names))
    lab.plane.kubectl("-n", namespace, "wait", "deployment", *names, "--for=condition=Available", "--timeout=55s")
    for name in names:
        lab.set_values(namespace, name, replicas=1, app=amounts("120m", "256Mi"))
    return namespace


def test_a_dry_run_says_what_would_happen_and_changes_nothing(kubedoor: Command, lab: Lab, two: str) -> None:
    shown = kubedoor("act", "scale", f"{two}/web=4", f"{two}/nobody", "--dry-run")
    assert "nothing has changed" in shown.stdout
    assert "1 -> 4" in shown.stdout
    assert "refused" in shown.stdout
    plan = json.loads(kubedoor("act", "restart", f"{two}/web", "--dry-run", "--format", "json").stdout)
    assert [one["restarts"] for one in plan] == [True]
    assert replicas_of(lab.stored(two, "web")) == 1


def test_workloads_are_scaled_and_restarted_until_their_pods_are_there(kubedoor: Command, lab: Lab, two: str) -> None:
    scaled = kubedoor(
        "act", "scale", f"{two}/web=3", f"{two}/api", "--replicas", "2", "--at-once", "2", "--note", "sale"
    )
    assert (scaled.returncode, scaled.stderr.count("kubedoor actions cancel")) == (0, 1), scaled.stderr
    assert [replicas_of(lab.stored(two, name)) for name in ("web", "api")] == [3, 2]
    restarted = json.loads(kubedoor("act", "restart", f"{two}/web", "--format", "json").stdout)
    assert (restarted["state"], restarted["who"], restarted["via"]) == ("finished", "cli-actions", "token")
    assert lab.replicaset_count(two) == 2
    assert restarted["action"] in kubedoor("actions", "list").stdout
    assert f"{two}/web" in kubedoor("actions", "show", restarted["action"]).stdout


def test_what_fails_stops_the_rest_and_is_the_exit_code(kubedoor: Command, lab: Lab, two: str) -> None:
    patch = {"spec": {"progressDeadlineSeconds": 2, "template": {"spec": {"nodeSelector": {"no": "such-node"}}}}}
    lab.plane.kubectl("-n", two, "patch", "deployment", "web", "-p", json.dumps(patch))
    done = kubedoor("act", "restart", f"{two}/web", f"{two}/api", "--deadline", "20")
    assert done.returncode == 1
    assert "0 of 2 workloads done" in done.stderr
    assert "untouched" in done.stdout
    assert lab.replicaset_count(two, "api") == 1


@pytest.mark.parametrize(
    "words",
    [("scale", "web"), ("scale", "shop/web=many"), ("restart", "shop/web=3"), ("explode", "shop/web")],
    ids=" ".join,
)
def test_wrong_arguments_are_said_and_exit_with_2(kubedoor: Command, words: tuple[str, ...]) -> None:
    assert kubedoor("act", *words).returncode == 2


def test_cancelling_what_is_over_changes_nothing_and_what_is_not_there_is_said(
    kubedoor: Command, lab: Lab, two: str
) -> None:
    action = json.loads(kubedoor("act", "restart", f"{two}/web", "--format", "json").stdout)["action"]
    assert kubedoor("actions", "cancel", action).stdout == "finished: 1 of 1 workloads are done\n"
    for word in ("show", "cancel"):
        assert kubedoor("actions", word, "none").returncode == 1


def test_schedules_are_listed_paused_run_and_deleted(kubedoor: Command, lab: Lab, two: str) -> None:
    name = f"nightly {two}"
    body = {
        "name": name,
        "kind": "restart",
        "workloads": [{"namespace": two, "deployment": "web"}],
        "cron": "30 3 * * *",
        "time_zone": "Asia/Shanghai",
    }
    schedule = lab.client.call("POST", "/schedules", body)["schedule"]
    assert name in kubedoor("schedules", "list").stdout
    assert "is paused" in kubedoor("schedules", "pause", schedule).stdout
    (listed,) = (
        one
        for one in json.loads(kubedoor("schedules", "list", "--format", "json").stdout)
        if one["schedule"] == schedule
    )
    assert listed["state"] == "paused"
    assert "is active, next at 20" in kubedoor("schedules", "resume", schedule).stdout
    assert "runs now" in kubedoor("schedules", "run", schedule).stdout
    lab.plane.wait_for(
        lambda: lab.replicaset_count(two) == 2, what="the schedule has restarted web", timeout_seconds=60
    )
    assert kubedoor("schedules", "delete", schedule).returncode == 0
    assert kubedoor("schedules", "pause", schedule).returncode == 1
