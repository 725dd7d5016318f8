"""A pod of `api` is killed with SIGKILL at each step, on a real API server and a real store: nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.identity.authentication import token_hash
from kubedoor.model.values import WorkloadKey
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules.rules import ScheduleRequest
from kubedoor.store import operations, schedules
from kubedoor.store.schedules import ScheduleStore
from tests.contract.lab import Lab, replicas_of
from tests.contract.schedules.pods import ALICE, OPTIONS, Doomed, Pod, decoded_token, exit_codes, name_of
from tests.support.accounts import Clock
from tests.support.builders import make_deployment
from tests.toolbox.running import NAMESPACE, admit

STEPS, CRONJOB_STEPS = 13, 6
"""More than there are writes in one run: the last pods are not killed."""
KILLED = -9
SELECTOR = "app.kubernetes.io/component=schedule"


@dataclass
class Scene:
    """A schedule on a workload of its own, in a cluster of its own, for each step at which a pod is killed."""

    lab: Lab
    namespace: str
    clusters: list[str]
    clock: Clock
    pods: list[Pod]

    def names(self) -> list[str]:
        return [f"web-{number}" for number in range(len(self.clusters))]

    def doomed(self, what: str, schedules: list[str]) -> list[int]:
        """The exit codes of pods that are killed at the first write, the second, and so on."""
        return exit_codes(
            [
                Doomed(
                    dsn=self.lab.dsn,
                    kubeconfig=str(admit(self.lab.plane)),
                    cluster=cluster,
                    namespace=self.namespace,
                    deployment=name,
                    now=self.clock.now,
                    what=what,
                    kill_at=number + 1,
                    schedule=schedule,
                )
                for number, (cluster, name, schedule) in enumerate(
                    zip(self.clusters, self.names(), schedules, strict=True)
                )
            ]
        )

    def replicas(self) -> list[int]:
        return [replicas_of(one) for one in self.lab.plane.get_all("deployment", self.namespace)]

    def tokens(self) -> dict[str, str]:
        """By name of the Secret."""
        secrets = self.lab.plane.get_all("secret", NAMESPACE, selector=SELECTOR)
        return {one["metadata"]["name"]: decoded_token(one) for one in secrets}

    def with_returns(self) -> list[Pod]:
        stores = (ScheduleStore(self.lab.connection, cluster) for cluster in self.clusters)
        return [pod for pod, store in zip(self.pods, stores, strict=True) if any(one.parent for one in store.all())]

    def tick(self, pods: list[Pod]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda pod: pod.schedules.tick(), pods))

    def go_on(self, until: Callable[[], bool]) -> None:
        """Ticks of pods that live, a minute each."""
        for _ in range(30):
            self.clock.advance(minutes=1)
            self.tick(self.with_returns())
            time.sleep(0.5)
            if until():
                return
        raise AssertionError((self.replicas(), [pod.schedules.all() for pod in self.with_returns()]))

    def is_brought_back(self) -> bool:
        return not self.with_returns() and set(self.replicas()) == {1}

    def manual_replicas(self) -> set[int | None]:
        keys = zip(self.clusters, self.pods, self.names(), strict=True)
        return {pod.control.manual(WorkloadKey(cluster, self.namespace, name)).replicas for cluster, pod, name in keys}

    def temporary_scales(self) -> list[str]:
        """For in a minute; their ids."""
        at = (self.clock.now + timedelta(minutes=1)).isoformat()
        made = []
        for pod, name in zip(self.pods, self.names(), strict=True):
            wish = ActionRequest(Kind.SCALE, (Target(self.namespace, name),), replicas=3)
            request = ScheduleRequest("sale", wish, "UTC", at=at, return_after_minutes=30)
            made.append(str(pod.schedules.create(request, ALICE)["schedule"]))
        self.clock.advance(minutes=1, seconds=2)
        return made

    def leftovers(self) -> tuple[set[str], set[str]]:
        """Schedules that have a CronJob with a token that is theirs, and names of CronJobs and Secrets of no schedule."""
        wanted = {
            name_of(one.schedule): one
            for cluster in self.clusters
            for one in ScheduleStore(self.lab.connection, cluster).all()
        }
        cronjobs = {one["metadata"]["name"] for one in self.lab.plane.get_all("cronjob", NAMESPACE, selector=SELECTOR)}
        secrets = self.tokens()
        complete = {
            one.schedule
            for name, one in wanted.items()
            if name in cronjobs and name in secrets and token_hash(secrets[name]) == one.token_hash
        }
        return complete, (cronjobs | secrets.keys()) - wanted.keys()


def token_of(lab: Lab, schedule: str) -> str:
    return decoded_token(lab.plane.get("secret", name_of(schedule), NAMESPACE))


@pytest.fixture
def scene(
    lab: Lab, namespace: str, cluster: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Scene:
    # Those that live wait for those that are dead no longer than a test takes.
    monkeypatch.setattr(schedules, "RUN_TIMEOUT_SECONDS", 2)
    monkeypatch.setattr(operations, "HEARTBEAT_TIMEOUT_SECONDS", 6)
    clock = Clock((datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0))
    steps, options = request.param
    clusters = [f"{cluster}-{number}" for number in range(steps)]
    kubeconfig = str(admit(lab.plane))
    pods = [Pod(lab.connection, kubeconfig, name, clock, options=options) for name in clusters]
    found = Scene(lab, namespace, clusters, clock, pods)
    lab.plane.apply(*(make_deployment(name, namespace=namespace, replicas=1) for name in found.names()))
    return found


@pytest.mark.parametrize("scene", [(STEPS, None)], indirect=True)
def test_a_temporary_scale_whose_pod_is_killed_is_brought_back(scene: Scene) -> None:
    codes = scene.doomed("tick", scene.temporary_scales())
    assert codes[0] == KILLED
    assert codes[-1] == 0, f"more writes than steps: {codes}"
    assert 3 in scene.replicas(), "some were scaled"
    scene.clock.advance(minutes=32)
    scene.go_on(scene.is_brought_back)
    assert scene.manual_replicas() == {None}


@pytest.mark.parametrize("scene", [(STEPS, None)], indirect=True)
def test_a_return_whose_pod_is_killed_is_done_by_the_next(scene: Scene) -> None:
    made = scene.temporary_scales()
    scene.tick(scene.pods)
    scene.lab.plane.wait_for(
        lambda: all(pod.actions.recent(limit=1)[0]["state"] == "finished" for pod in scene.pods),
        90,
        what="all are scaled",
    )
    assert set(scene.replicas()) == {3}
    scene.clock.advance(minutes=31)
    codes = scene.doomed("tick", made)
    assert codes[0] == KILLED
    assert codes[-1] == 0, f"more writes than steps: {codes}"
    scene.go_on(scene.is_brought_back)
    assert scene.manual_replicas() == {None}


@pytest.mark.parametrize("scene", [(CRONJOB_STEPS, OPTIONS)], indirect=True)
def test_cronjobs_are_as_the_schedules_after_a_pod_was_killed(scene: Scene) -> None:
    """While it created a schedule, and while it deleted one."""
    codes = scene.doomed("create", [""] * len(scene.clusters))
    assert (codes[0], codes[-1]) == (KILLED, 0), codes
    for pod in scene.pods:
        pod.schedules.reconcile()
    made = [one["schedule"] for pod in scene.pods for one in pod.schedules.all()]
    assert made
    assert scene.leftovers() == (set(made), set())
    for pod in scene.pods:
        if not pod.schedules.all():
            scene.clock.advance(seconds=1)
            wish = ActionRequest(Kind.RESTART, (Target(scene.namespace, "web-0"),))
            pod.schedules.create(ScheduleRequest("nightly", wish, "UTC", cron="0 3 * * *"), ALICE)
    codes = scene.doomed("delete", [pod.schedules.all()[0]["schedule"] for pod in scene.pods])
    assert (codes[0], codes[-1]) == (KILLED, 0), codes
    for pod in scene.pods:
        pod.schedules.reconcile()
    kept = {one["schedule"] for pod in scene.pods for one in pod.schedules.all()}
    scene.lab.plane.wait_for(lambda: scene.leftovers() == (kept, set()), what="nothing is left of deleted ones")


@pytest.mark.parametrize("scene", [(1, OPTIONS)], indirect=True)
def test_cronjobs_are_made_again_as_they_should_be(scene: Scene) -> None:
    """With the image of a new version, after somebody has deleted or changed them, and with a token that is known."""
    (pod,) = scene.pods
    wish = ActionRequest(Kind.RESTART, (Target(scene.namespace, "web-0"),))
    made = pod.schedules.create(ScheduleRequest("nightly", wish, "UTC", cron="0 3 * * *"), ALICE)["schedule"]
    token = token_of(scene.lab, made)
    upgraded = Pod(
        scene.lab.connection,
        str(admit(scene.lab.plane)),
        scene.clusters[0],
        scene.clock,
        options=type(OPTIONS)(NAMESPACE, "kubedoor:next", OPTIONS.api_url),
    )
    kubectl = scene.lab.plane.kubectl
    kubectl("patch", "cronjob", name_of(made), "-n", NAMESPACE, "-p", '{"spec": {"schedule": "0 9 * * *"}}')
    upgraded.schedules.reconcile()
    spec = scene.lab.plane.get("cronjob", name_of(made), NAMESPACE)["spec"]
    image = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert (image, spec["schedule"], token_of(scene.lab, made)) == ("kubedoor:next", "0 3 * * *", token)
    kubectl("delete", "secret,cronjob", name_of(made), "-n", NAMESPACE)
    upgraded.schedules.reconcile()
    assert scene.leftovers()[0] == {made}
    assert token_of(scene.lab, made) != token
    pod.schedules.delete(made, ALICE)
    other = Pod(
        scene.lab.connection, str(admit(scene.lab.plane)), f"{scene.clusters[0]}-b", scene.clock, options=OPTIONS
    )
    theirs = other.schedules.create(ScheduleRequest("nightly", wish, "UTC", cron="0 3 * * *"), ALICE)["schedule"]
    pod.schedules.reconcile()
    assert scene.lab.plane.get("cronjob", name_of(theirs), NAMESPACE), "those of another cluster stay"
    other.schedules.delete(theirs, ALICE)
