"""Schedules on a real control plane and a real store: each run starts once, however many pods and pings there are."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubedoor.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthorized
from kubedoor.model.values import WorkloadKey
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules import cronjob as cronjobs
from kubedoor.schedules.rules import ScheduleRequest
from tests.contract.lab import CLUSTER, Lab, amounts, replicas_of
from tests.contract.schedules.pods import ALICE, OPTIONS, Pod
from tests.support.accounts import Clock
from tests.support.builders import make_deployment
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import NAMESPACE, Client, admit, start_kubedoor


def pod_of(lab: Lab, cluster_name: str, clock: Clock, *, cronjobs: bool = False) -> Pod:
    options = OPTIONS if cronjobs else None
    return Pod(lab.connection, str(admit(lab.plane)), cluster_name, clock, options=options)


@pytest.fixture
def clock() -> Clock:
    """Starts at the next full minute, so that a run due a minute later is due after `changed_at`, by the store's clock."""
    return Clock((datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0))


@pytest.fixture
def pod(lab: Lab, cluster: str, clock: Clock) -> Pod:
    """Without CronJobs: `tick` starts the runs. Its cluster name is the test's own, so the webhook has no values for it."""
    return pod_of(lab, cluster, clock)


def asked(
    clock: Clock, namespace: str, *, replicas: int | None = None, minutes: int = 1, **fields: Any
) -> ScheduleRequest:
    kind = Kind.RESTART if replicas is None else Kind.SCALE
    wish = ActionRequest(kind, (Target(namespace, "web"),), replicas=replicas)
    at = "" if "cron" in fields else (clock.now + timedelta(minutes=minutes)).isoformat()
    return ScheduleRequest(**{"name": "nightly", "action": wish, "time_zone": "Asia/Shanghai", "at": at, **fields})


def finished(lab: Lab, pod: Pod, action: str) -> dict[str, Any]:
    lab.plane.wait_for(
        lambda: pod.actions.progress(action)["state"] not in ("running", "cancelling"), 60, what="the action is over"
    )
    return pod.actions.progress(action)


def wait_for_schedules(lab: Lab, pod: Pod, *schedules: str) -> None:
    """A return that is done is deleted a moment after its action has ended."""
    lab.plane.wait_for(
        lambda: [one["schedule"] for one in pod.schedules.all()] == list(schedules), what="no return is left"
    )


def create_web(lab: Lab, namespace: str, replicas: int = 1) -> None:
    lab.plane.apply(make_deployment(namespace=namespace, replicas=replicas))
    lab.plane.kubectl("-n", namespace, "wait", "deployment/web", "--for=condition=Available", "--timeout=50s")


def test_what_comes_once_is_run_once_though_two_pods_tick(
    lab: Lab, namespace: str, cluster: str, clock: Clock, pod: Pod
) -> None:
    create_web(lab, namespace)
    other = pod_of(lab, cluster, clock)
    made = pod.schedules.create(asked(clock, namespace), ALICE)
    pod.schedules.tick()
    assert pod.schedules.one(made["schedule"])["runs"] == [], "it is not due yet"
    clock.advance(minutes=1, seconds=30)
    pods = [pod, other, pod_of(lab, cluster, clock)]
    threads = [threading.Thread(target=one.schedules.tick) for one in pods for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = other.schedules.one(made["schedule"])
    (run,) = shown["runs"]
    assert (shown["state"], shown["next_at"], run["begun_by"], run["message"]) == ("over", None, "clock", "")
    assert finished(lab, pod, run["action"])["state"] == "finished"
    assert len(pod.actions.recent(limit=10)) == 1
    assert pod.actions.recent(limit=1)[0]["who"] == "schedule nightly"


def test_a_schedule_outlives_its_pod_and_shows_what_it_missed(
    lab: Lab, namespace: str, cluster: str, clock: Clock, pod: Pod
) -> None:
    create_web(lab, namespace)
    made = pod.schedules.create(asked(clock, namespace, cron="*/10 * * * *"), ALICE)
    clock.advance(minutes=45)
    later = pod_of(lab, cluster, clock)
    shown = later.schedules.one(made["schedule"])
    assert shown["missed_count"] in (3, 4)
    assert shown["next_at"] > clock.now
    clock.now = shown["next_at"] + timedelta(seconds=2)
    later.schedules.tick()
    (run,) = later.schedules.one(made["schedule"])["runs"]
    assert run["due"] == shown["next_at"]
    assert finished(lab, later, run["action"])["done"] == 1


def test_a_paused_schedule_does_nothing_until_it_goes_on(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace)
    made = pod.schedules.create(asked(clock, namespace, cron="* * * * *"), ALICE)
    assert pod.schedules.pause(made["schedule"], ALICE, paused=True)["state"] == "paused"
    clock.advance(minutes=2)
    pod.schedules.tick()
    assert pod.schedules.one(made["schedule"])["runs"] == []
    resumed = pod.schedules.pause(made["schedule"], ALICE, paused=False)
    assert (resumed["state"], resumed["missed"]) == ("active", [])


def test_a_temporary_scale_goes_back_by_itself(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace, replicas=2)
    key = WorkloadKey(pod.actions.cluster_name, namespace, "web")
    made = pod.schedules.create(asked(clock, namespace, replicas=4, return_after_minutes=30), ALICE)
    clock.advance(minutes=1, seconds=5)
    pod.schedules.tick()
    (run,) = pod.schedules.one(made["schedule"])["runs"]
    assert finished(lab, pod, run["action"])["state"] == "finished"
    assert replicas_of(lab.stored(namespace)) == 4
    (back,) = [one for one in pod.schedules.all() if one["parent"] == made["schedule"]]
    assert timedelta(minutes=29) < back["at"] - clock.now <= timedelta(minutes=31)
    clock.now = back["at"] + timedelta(seconds=1)
    pod.schedules.tick()
    newest = pod.actions.recent(limit=1)[0]
    assert newest["note"] == "return of nightly"
    shown = finished(lab, pod, newest["action"])
    assert shown["state"] == "finished", shown["message"]
    assert replicas_of(lab.stored(namespace)) == 2
    assert pod.control.manual(key).replicas is None
    wait_for_schedules(lab, pod, made["schedule"])


def test_after_a_temporary_scale_and_its_return_the_owner_can_apply_again(
    lab: Lab, namespace: str, clock: Clock, pod: Pod
) -> None:
    """By server-side apply, which ends with an error if KubeDoor owned the replicas."""
    lab.apply(namespace, "--server-side", replicas=2)
    lab.settle(namespace)
    made = pod.schedules.create(asked(clock, namespace, replicas=4, return_after_minutes=30), ALICE)
    clock.advance(minutes=1, seconds=5)
    pod.schedules.tick()
    (run,) = pod.schedules.one(made["schedule"])["runs"]
    assert finished(lab, pod, run["action"])["state"] == "finished"
    assert replicas_of(lab.stored(namespace)) == 4
    lab.apply(namespace, "--server-side", replicas=3)
    (back,) = [one for one in pod.schedules.all() if one["parent"] == made["schedule"]]
    clock.now = back["at"] + timedelta(seconds=1)
    pod.schedules.tick()
    assert finished(lab, pod, pod.actions.recent(limit=1)[0]["action"])["state"] == "finished"
    assert replicas_of(lab.stored(namespace)) == 2
    lab.apply(namespace, "--server-side", replicas=5)
    assert replicas_of(lab.stored(namespace)) == 5


def test_a_second_temporary_scale_returns_to_what_was_before_the_first(
    lab: Lab, namespace: str, clock: Clock, pod: Pod
) -> None:
    create_web(lab, namespace, replicas=2)
    made = pod.schedules.create(asked(clock, namespace, replicas=4, minutes=600, return_after_minutes=30), ALICE)
    for _ in range(2):
        clock.advance(minutes=5)
        (run, *_) = pod.schedules.run_now(made["schedule"], ALICE)["runs"]
        finished(lab, pod, run["action"])
    (back,) = [one for one in pod.schedules.all() if one["parent"]]
    assert back["wish"].targets[0].back_to.live == 2


def test_a_run_that_cannot_be_done_says_why(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    made = pod.schedules.create(asked(clock, namespace), ALICE)
    (run,) = pod.schedules.run_now(made["schedule"], ALICE)["runs"]
    assert (run["action"], run["begun_by"]) == (None, "alice")
    assert "gone: the cluster has no Deployment" in run["message"]


def test_run_now_does_not_use_up_what_comes_once(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace)
    made = pod.schedules.create(asked(clock, namespace, minutes=10), ALICE)
    now = pod.schedules.run_now(made["schedule"], ALICE)
    assert (now["state"], now["next_at"]) == ("active", made["at"])
    assert now["last_action_state"] == "running"
    finished(lab, pod, now["runs"][0]["action"])
    clock.advance(minutes=10, seconds=5)
    pod.schedules.tick()
    shown = pod.schedules.one(made["schedule"])
    assert [run["begun_by"] for run in shown["runs"]] == ["clock", "alice"]
    assert shown["state"] == "over"
    finished(lab, pod, shown["runs"][0]["action"])
    assert pod.schedules.one(made["schedule"])["last_action_state"] == "finished"


def test_a_return_that_is_run_now_does_not_come_again(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace, replicas=2)
    made = pod.schedules.create(asked(clock, namespace, replicas=4, cron="0 3 * * *", return_after_minutes=60), ALICE)
    (run,) = pod.schedules.run_now(made["schedule"], ALICE)["runs"]
    finished(lab, pod, run["action"])
    (back,) = [one for one in pod.schedules.all() if one["parent"]]
    (run,) = pod.schedules.run_now(back["schedule"], ALICE)["runs"]
    assert finished(lab, pod, run["action"])["state"] == "finished"
    assert replicas_of(lab.stored(namespace)) == 2
    wait_for_schedules(lab, pod, made["schedule"])


def test_a_return_can_be_put_off_but_goes_back_to_the_same(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace, replicas=2)
    made = pod.schedules.create(asked(clock, namespace, replicas=4, cron="0 3 * * *", return_after_minutes=60), ALICE)
    finished(lab, pod, pod.schedules.run_now(made["schedule"], ALICE)["runs"][0]["action"])
    (back,) = [one for one in pod.schedules.all() if one["parent"]]
    later = asked(clock, namespace, replicas=99, minutes=180, name="a little longer")
    shown = pod.schedules.change(back["schedule"], later, ALICE, based_on=back["version"])
    assert (shown["name"], shown["wish"]) == ("a little longer", back["wish"])
    assert shown["at"] > back["at"]
    again = asked(clock, namespace, cron="0 3 * * *")
    with pytest.raises(InvalidInput, match="runs only once"):
        pod.schedules.change(back["schedule"], again, ALICE, based_on=shown["version"])


def test_what_is_over_is_not_resumed_but_may_come_once_more(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    create_web(lab, namespace)
    made = pod.schedules.create(asked(clock, namespace), ALICE)
    clock.advance(minutes=1, seconds=5)
    pod.schedules.tick()
    shown = pod.schedules.one(made["schedule"])
    finished(lab, pod, shown["runs"][0]["action"])
    with pytest.raises(Conflict, match="is over"):
        pod.schedules.pause(made["schedule"], ALICE, paused=True)
    again = asked(clock, namespace, minutes=5)
    shown = pod.schedules.change(made["schedule"], again, ALICE, based_on=shown["version"])
    assert (shown["state"], shown["next_at"]) == ("active", shown["at"])
    clock.advance(minutes=5, seconds=5)
    pod.schedules.tick()
    shown = pod.schedules.one(made["schedule"])
    assert [run["begun_by"] for run in shown["runs"]] == ["clock", "clock"]
    finished(lab, pod, shown["runs"][0]["action"])


def test_what_is_deleted_is_gone(lab: Lab, namespace: str, clock: Clock, pod: Pod) -> None:
    made = pod.schedules.create(asked(clock, namespace), ALICE)
    pod.schedules.delete(made["schedule"], ALICE)
    assert pod.schedules.all() == []
    for change in (pod.schedules.one, lambda one: pod.schedules.run_now(one, ALICE)):
        with pytest.raises(NotFound):
            change(made["schedule"])


# CronJobs


def cronjob(lab: Lab, schedule: str) -> dict[str, Any]:
    return lab.plane.get("cronjob", cronjobs.name_of(schedule), NAMESPACE)


def wait_until_gone(lab: Lab, schedule: str) -> None:
    """Until the CronJob, whose Jobs are orphaned first, and the Secret are deleted."""

    def is_gone(kind: str) -> bool:
        found = lab.plane.kubectl("get", kind, cronjobs.name_of(schedule), "-n", NAMESPACE, check=False)
        return "NotFound" in found.stderr

    lab.plane.wait_for(lambda: is_gone("cronjob") and is_gone("secret"), what=f"nothing is left of schedule {schedule}")


def token_of(lab: Lab, schedule: str) -> str:
    secret = lab.plane.get("secret", cronjobs.name_of(schedule), NAMESPACE)
    return base64.b64decode(secret["data"]["token"]).decode()


def test_each_schedule_is_a_cronjob_with_a_token_of_its_own(
    lab: Lab, namespace: str, cluster: str, clock: Clock
) -> None:
    create_web(lab, namespace)
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace, cron="0 3 * * 1-5"), ALICE)["schedule"]
    spec = cronjob(lab, made)["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["suspend"]) == ("0 3 * * 1-5", "Asia/Shanghai", False)
    pod.schedules.pause(made, ALICE, paused=True)
    assert cronjob(lab, made)["spec"]["suspend"] is True
    with pytest.raises(Conflict, match="is paused"):
        pod.schedules.ping(made, token_of(lab, made))
    pod.schedules.pause(made, ALICE, paused=False)
    assert cronjob(lab, made)["spec"]["suspend"] is False
    for wrong in ("", "kubedoor_schedule_wrong"):
        with pytest.raises(Unauthorized):
            pod.schedules.ping(made, wrong)
    with pytest.raises(Unauthorized):
        pod.schedules.ping("nobody", token_of(lab, made))
    pod.schedules.delete(made, ALICE)
    wait_until_gone(lab, made)


def test_the_cronjob_of_a_return_comes_late_rather_than_never(
    lab: Lab, namespace: str, cluster: str, clock: Clock
) -> None:
    create_web(lab, namespace)
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace, replicas=2, cron="0 3 * * *", return_after_minutes=60), ALICE)
    finished(lab, pod, pod.schedules.run_now(made["schedule"], ALICE)["runs"][0]["action"])
    (back,) = [one for one in pod.schedules.all() if one["parent"]]
    of_scale, of_return = (cronjob(lab, one["schedule"])["spec"] for one in (made, back))
    assert (of_scale["startingDeadlineSeconds"], of_return["startingDeadlineSeconds"]) == (300, 86_400)
    clock.now = back["at"]
    assert pod.schedules.ping(back["schedule"], token_of(lab, back["schedule"]))
    wait_until_gone(lab, back["schedule"])
    finished(lab, pod, pod.actions.recent(limit=1)[0]["action"])
    assert replicas_of(lab.stored(namespace)) == 1
    pod.schedules.delete(made["schedule"], ALICE)


def test_a_change_is_in_the_cronjob_and_what_was_over_has_a_new_token(
    lab: Lab, namespace: str, cluster: str, clock: Clock
) -> None:
    create_web(lab, namespace)
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace, cron="0 3 * * 1-5"), ALICE)
    schedule, token = made["schedule"], token_of(lab, made["schedule"])
    once = asked(clock, namespace, minutes=20, name="once", time_zone="UTC")
    changed = pod.schedules.change(schedule, once, ALICE, based_on=made["version"])
    found = cronjob(lab, schedule)
    assert (found["spec"]["schedule"].split()[2:], found["spec"]["timeZone"]) != (["*", "*", "1-5"], "Asia/Shanghai")
    assert found["metadata"]["annotations"]["kubedoor.io/schedule"] == "once"
    with pytest.raises(Conflict, match="alice has changed"):
        pod.schedules.change(schedule, once, ALICE, based_on=made["version"])
    clock.advance(minutes=20, seconds=3)
    assert pod.schedules.ping(schedule, token), "the token is still good"
    wait_until_gone(lab, schedule)
    finished(lab, pod, pod.schedules.one(schedule)["runs"][0]["action"])
    again = asked(clock, namespace, minutes=30)
    pod.schedules.change(schedule, again, ALICE, based_on=changed["version"])
    assert token_of(lab, schedule) != token
    with pytest.raises(Unauthorized):
        pod.schedules.ping(schedule, token)
    clock.advance(minutes=30, seconds=3)
    assert pod.schedules.ping(schedule, token_of(lab, schedule))
    finished(lab, pod, pod.schedules.one(schedule)["runs"][0]["action"])


def test_a_change_that_the_cluster_refuses_leaves_it_as_it_was(
    lab: Lab, namespace: str, cluster: str, clock: Clock
) -> None:
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace, cron="0 3 * * *"), ALICE)
    lab.plane.kubectl("delete", "rolebinding", "kubedoor", "-n", NAMESPACE)
    other = asked(clock, namespace, cron="0 4 * * *")
    try:
        with pytest.raises(Forbidden):
            pod.schedules.change(made["schedule"], other, ALICE, based_on=made["version"])
    finally:
        admit(lab.plane)
    shown = pod.schedules.one(made["schedule"])
    assert (shown["cron"], cronjob(lab, made["schedule"])["spec"]["schedule"]) == ("0 3 * * *", "0 3 * * *")
    pod.schedules.delete(made["schedule"], ALICE)


def test_the_token_is_not_in_the_store(lab: Lab, namespace: str, cluster: str, clock: Clock) -> None:
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace), ALICE)["schedule"]
    token = token_of(lab, made)
    for table in ("schedule_versions", "audit"):
        assert token not in str(lab.connection.rows(f"SELECT * FROM {table}"))
    pod.schedules.delete(made, ALICE)


def test_a_ping_runs_what_is_due_once_and_cleans_up(lab: Lab, namespace: str, cluster: str, clock: Clock) -> None:
    create_web(lab, namespace)
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    made = pod.schedules.create(asked(clock, namespace, minutes=20), ALICE)["schedule"]
    token = token_of(lab, made)
    with pytest.raises(Conflict, match="not due"):
        pod.schedules.ping(made, token)
    clock.advance(minutes=20, seconds=3)
    assert [pod.schedules.ping(made, token), pod.schedules.ping(made, token)] == [True, False]
    wait_until_gone(lab, made)
    assert finished(lab, pod, pod.schedules.one(made)["runs"][0]["action"])["state"] == "finished"


def test_a_cronjob_that_may_not_be_made_leaves_no_schedule(
    lab: Lab, namespace: str, cluster: str, clock: Clock
) -> None:
    pod = pod_of(lab, cluster, clock, cronjobs=True)
    lab.plane.kubectl("delete", "rolebinding", "kubedoor", "-n", NAMESPACE)
    try:
        with pytest.raises(Forbidden):
            pod.schedules.create(asked(clock, namespace), ALICE)
        assert pod.schedules.all() == []
    finally:
        admit(lab.plane)


@pytest.fixture
def two_apis(lab: Lab, tmp_path: Path) -> Iterator[list[str]]:
    """The URLs of two pods of `api` on the lab's store, whose schedules have CronJobs."""
    running = []
    try:
        for number in (1, 2):
            folder = tmp_path / f"api-{number}"
            folder.mkdir()
            settings = {
                "KUBEDOOR_STORE_DSN": lab.dsn,
                "KUBEDOOR_CLUSTER": CLUSTER,
                "KUBEDOOR_SCHEDULE_IMAGE": "kubedoor:test",
                "KUBEDOOR_SCHEDULE_API_URL": "http://api.test",
            }
            running.append(start_kubedoor(lab.plane, None, folder=folder, settings=settings))
        yield [one.url for one in running]
    finally:
        for one in running:
            one.child.stop()


def ping_as(command: list[str], api: str, token_file: Path) -> subprocess.Popen[str]:
    """Run the command of a CronJob's pod against one of the APIs."""
    url = command[3].replace("http://api.test", api)
    return subprocess.Popen(
        [sys.executable, *command[1:3], url, str(token_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(600)
def test_the_cronjob_controllers_pods_run_it_once_though_there_are_two_apis(
    lab: Lab, namespace: str, two_apis: list[str], tmp_path: Path
) -> None:
    lab.set_values(namespace, replicas=1, app=amounts("120m", "256Mi"))
    create_web(lab, namespace)
    with closing(Client(two_apis[0])) as client:
        client.log_in()
        body = {"name": "each minute", "kind": "scale", "replicas": 3, "cron": "* * * * *", "time_zone": "UTC"}
        made = client.call("POST", "/schedules", {**body, "workloads": [{"namespace": namespace, "deployment": "web"}]})
        schedule = made["schedule"]
        assert made["runs_in"] == "cluster"

        def pods() -> list[dict[str, Any]]:
            found = lab.plane.get_all("pod", NAMESPACE, selector="app.kubernetes.io/component=schedule")
            return [one for one in found if schedule in one["metadata"]["name"]]

        # The real controller makes a Job at the next minute, and the Job a pod.
        lab.plane.wait_for(lambda: bool(pods()), 90, what="the CronJob has made a pod")
        command = pods()[0]["spec"]["containers"][0]["command"]
        token_file = tmp_path / "token"
        token_file.write_text(token_of(lab, schedule))

        def said_to_pings() -> list[bool]:
            pings = [ping_as(command, api, token_file) for api in two_apis * 2]
            return sorted(json.loads(ping.communicate(timeout=60)[0])["started"] for ping in pings)

        started = said_to_pings()
        for head_start_seconds in (0.0, 1.5, 3.0):
            if any(started):
                break
            # The lab's own KubeDoor has no CronJobs, and its clock was first with what was due: the next minute counts. The
            # clock looks at the same seconds of each, and a ping starts slowly where much else runs.
            time.sleep(60 - (time.time() + head_start_seconds) % 60)
            started = said_to_pings()
        assert started == [False, False, False, True]
        (run, *_) = client.call("GET", f"/schedules/{schedule}")["runs"]
        assert run["begun_by"] == "cronjob"
        lab.plane.wait_for(
            lambda: client.call("GET", f"/actions/{run['action']}")["state"] == "finished", 60, what="it is done"
        )
        assert replicas_of(lab.stored(namespace)) == 3
        client.call("DELETE", f"/schedules/{schedule}")
        with pytest.raises(PartFailed, match="404"):
            client.call("GET", f"/schedules/{schedule}")
