"""Actions against a fake API server of a few Deployments, whose rollouts end at once unless a test says otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.rules import Rules
from kubedoor.admission.switch import Switch
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Forbidden, InvalidInput, KubeDoorError, NotFound, StoreError
from kubedoor.identity.audit import Editor
from kubedoor.kube.client import Cluster
from kubedoor.model.values import Resources, WorkloadKey
from kubedoor.operations import batch
from kubedoor.operations.actions import Actions
from kubedoor.operations.batch import ActionDependencies
from kubedoor.operations.plan import Planner
from kubedoor.operations.request import ActionRequest, Kind, RestorePoint, Target
from kubedoor.sentences import sentence
from kubedoor.sizing.dangers import Danger, DangerKind
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.operations import ActionEvent, ActionFilter, OperationStore
from kubedoor.store.records import RecordFilter, RecordStore
from kubedoor.workloads import manual_replicas
from kubedoor.workloads.value_warnings import Name, Wanted
from tests.support.builders import make_container, make_deployment
from tests.support.clock import utc_now
from tests.toolbox.processes import wait_until

ALICE, BOB = Editor("alice", "session", ""), "bob"
HOOK = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{webhook_configuration.NAME}"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments/"
HPAS = "/apis/autoscaling/v2/horizontalpodautoscalers"


class Deployments(Cluster):
    """A fake cluster. `webhook_cpu`: the CPU request its admission sets; None: control is off. `before` may refuse a request."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.stored = {name: make_deployment(name, replicas=3) for name in names}
        self.webhook_cpu: str | None = None
        self.autoscaled: list[str] = []
        self.labelled: dict[str, list[str]] = {}
        """Label -> the namespaces that have it."""
        self.before: Callable[[str, str, bool], None] = lambda _method, _path, _dry_run: None
        self.is_seen = True

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        dry_run = "dryRun" in (query or {})
        self.before(method, path, dry_run)
        if path.startswith(DEPLOYMENTS):
            name, _, part = path.removeprefix(DEPLOYMENTS).partition("/")
            return self._patch(name, part, body, dry_run=dry_run) if method == "PATCH" else self._shown(name)
        if path == HOOK and self.webhook_cpu is None:
            raise NotFound(path)
        targets = [{"kind": "Deployment", "name": name} for name in self.autoscaled]
        found = {
            HPAS: [{"metadata": {"namespace": "shop"}, "spec": {"scaleTargetRef": one}} for one in targets],
            "/api/v1/namespaces": [
                {"metadata": {"name": name}} for name in self.labelled.get((query or {}).get("labelSelector", ""), ())
            ],
        }
        return {"gitVersion": "v1", "items": found.get(path, [])}

    def _shown(self, name: str) -> dict[str, Any]:
        pods = self.stored[name]["spec"]["replicas"]
        generation = self.stored[name]["metadata"].get("generation", 1)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), pods)
        status = {"observedGeneration": generation if self.is_seen else 0, **counts}
        return {
            **self.stored[name],
            "metadata": {**self.stored[name]["metadata"], "generation": generation},
            "status": status,
        }

    def _patch(self, name: str, part: str, body: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        shown = self._shown(name)
        replicas = body["spec"].get("replicas", shown["spec"]["replicas"])
        changed = {**shown, "spec": {**shown["spec"], "replicas": replicas}}
        changed["metadata"] = {**shown["metadata"], "generation": shown["metadata"]["generation"] + 1}
        if self.webhook_cpu and not part:
            pods = {"containers": [make_container(requests={"cpu": self.webhook_cpu})]}
            changed["spec"] = {**changed["spec"], "template": {**changed["spec"]["template"], "spec": pods}}
        if not dry_run:
            self.stored[name] = changed
        return {"spec": {"replicas": replicas}} if part else changed

    def cpu(self, name: str) -> str | None:
        container = self.stored[name]["spec"]["template"]["spec"]["containers"][0]
        cpu: str | None = container.get("resources", {}).get("requests", {}).get("cpu")
        return cpu


class House:
    """One pod: its Actions, their stores and a fake cluster. Each test has a cluster name of its own."""

    def __init__(self, connection: Connection, name: str, *deployments: str) -> None:
        self.name = name
        self.cluster = Deployments(*deployments)
        self.control = ControlStore(connection, name)
        self.records = RecordStore(connection, name)
        self.store = OperationStore(connection, name)
        options = WebhookOptions("kubedoor", "kubedoor-mutate", 443, 2, "Ignore", ())
        switch = Switch(cluster=self.cluster, look=lambda: None, options=lambda: options)
        self.judged: list[Mapping[Name, Wanted]] = []
        planner = Planner(
            cluster=self.cluster,
            cluster_name=name,
            control=self.control,
            deployments=DeploymentStore(connection, name),
            switch=switch,
            rules=Rules(),
            dangers=self._judge,
        )
        dependencies = ActionDependencies(self.cluster, name, self.control, self.store, self.records, planner, utc_now)
        self.actions = Actions(dependencies=dependencies, publish=lambda: None)

    def _judge(self, workloads: Mapping[Name, Wanted]) -> dict[Name, list[Danger]]:
        self.judged.append(workloads)
        danger = Danger(DangerKind.MANY_REPLICAS, "replicas", sentence("door.nothing_due"), kills=True)
        return {name: [danger] if one.manual.replicas == 77 else [] for name, one in workloads.items()}

    def key(self, name: str = "web") -> WorkloadKey:
        return WorkloadKey(self.name, "shop", name)

    def edit(self, who: str, name: str = "web", **fields: Any) -> None:
        before = self.control.manual(self.key(name))
        self.control.edit(self.key(name), replace(before, **fields), based_on=before.version, who=who)

    def start(self, request: ActionRequest) -> str:
        return self.actions.start(request, ALICE)[0]

    def wait(self, action: str) -> dict[str, Any]:
        for _ in range(600):
            if (shown := self.actions.progress(action))["state"] not in ("running", "cancelling"):
                return shown
            time.sleep(0.05)
        raise AssertionError(shown)

    def done(self, request: ActionRequest) -> dict[str, Any]:
        return self.wait(self.start(request))


@pytest.fixture
def house(embedded: Connection, cluster: str, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(batch, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(manual_replicas, "RETRY_SECONDS", 0.01)
    return House(embedded, cluster, "web", "cart")


def make_request(kind: Kind, *names: str, **fields: Any) -> ActionRequest:
    return ActionRequest(kind, tuple(Target("shop", name) for name in names or ("web",)), **fields)


def refusing(
    part: str, error: KubeDoorError, then: Callable[[], None] = lambda: None
) -> Callable[[str, str, bool], None]:
    def before(method: str, path: str, dry_run: bool) -> None:
        if method == "PATCH" and path.endswith(part) and not dry_run:
            then()
            raise error

    return before


def test_dangers_of_all_workloads_of_a_plan_are_asked_for_at_once(house: House) -> None:
    house.cluster.autoscaled = ["cart"]
    planned = house.actions.plan(make_request(Kind.SCALE, "web", "cart", replicas=77))
    house.cluster.autoscaled = []
    assert [(one.target.deployment, one.kills) for one in planned] == [("web", True), ("cart", False)]
    house.judged.clear()
    house.actions.plan(make_request(Kind.SCALE, "web", "cart", replicas=77))
    assert [set(asked) for asked in house.judged] == [{("shop", "web"), ("shop", "cart")}]


QUOTA = ClusterError("the quota forbids it", status=422)


@pytest.mark.parametrize("there_was", [None, 4])
def test_a_failed_scale_restores_the_manual_value(house: House, there_was: int | None) -> None:
    house.edit(BOB, replicas=there_was, note="for the sale", containers={"app": Resources(cpu_request_millicores=5)})
    house.cluster.before = refusing("/scale", QUOTA)
    shown = house.done(make_request(Kind.SCALE, replicas=50))
    (item,) = shown["items"]
    word = "none" if there_was is None else there_was
    assert (item["state"], item["was_changed"]) == ("failed", False)
    assert item["message"] == f"the quota forbids it; the manual value is {word} again"
    now = house.control.manual(house.key())
    assert (now.replicas, now.note, list(now.containers)) == (there_was, "for the sale", ["app"])
    (line,) = house.records.find_audit(RecordFilter(action="workload.scale", target=str(house.key())), limit=5)
    assert (line["outcome"], line["after"]["error"]) == ("failed", item["message"])


def test_a_manual_value_edited_since_is_not_restored_and_the_message_says_so(house: House) -> None:
    house.cluster.before = refusing("/scale", QUOTA, lambda: house.edit(BOB, note="mine now"))
    (item,) = house.done(make_request(Kind.SCALE, replicas=50))["items"]
    assert (item["state"], item["was_changed"]) == ("failed", True)
    assert item["message"] == "the quota forbids it; the manual value is 50 now"
    assert house.control.manual(house.key()).note == "mine now"


def test_a_plan_asks_once_whether_control_is_on(house: House) -> None:
    """The state of webhook and policies is about nine requests."""
    asked: list[str] = []
    house.cluster.before = lambda _method, path, _dry_run: asked.append(path)
    targets = tuple(Target("shop", name, back_to=RestorePoint(None, 2)) for name in ("web", "cart"))
    planned = house.actions.plan(ActionRequest(Kind.SCALE, targets))
    assert [one.replicas_after for one in planned] == [2, 2]
    assert asked.count(HOOK) == 1


def test_the_message_names_an_edit_since_the_plan_that_was_overwritten(house: House) -> None:
    action = house.start(make_request(Kind.SCALE, "cart", "web", replicas=9, interval_seconds=0.5))
    house.edit(BOB, replicas=15, note="do not touch")
    message = house.wait(action)["items"][1]["message"]
    assert message == "9 of 9 pods are available; bob had edited it meanwhile: the manual value was 15"
    now = house.control.manual(house.key())
    assert (now.replicas, now.note, now.edited_by) == (9, "do not touch", "alice")


def test_the_message_names_neither_own_edits_nor_those_before_the_plan(house: House) -> None:
    house.edit(BOB, replicas=15, note="old")
    for number in (9, 10):
        assert (
            house.done(make_request(Kind.SCALE, replicas=number))["items"][0]["message"]
            == f"{number} of {number} pods are available"
        )
    assert house.control.manual(house.key()).note == ""


def sized(house: House, *names: str, cpu: int = 100) -> None:
    for name in names:
        house.edit(BOB, name, replicas=3, containers={"app": Resources(cpu_request_millicores=cpu)})


def test_an_apply_fails_its_items_once_control_is_off(house: House) -> None:
    sized(house, "web", "cart")
    house.cluster.webhook_cpu = "100m"
    action = house.start(make_request(Kind.APPLY, "web", "cart", interval_seconds=1.5))
    while not house.actions.progress(action)["done"]:
        time.sleep(0.05)
    house.cluster.webhook_cpu = None
    web, cart = house.wait(action)["items"]
    assert (web["state"], house.cluster.cpu("web")) == ("done", "100m")
    assert (cart["state"], cart["was_changed"]) == ("failed", False)
    assert cart["message"].startswith("not touched: enforcement is off")


def test_a_scale_fails_its_items_once_an_hpa_scales_them(house: House) -> None:
    action = house.start(make_request(Kind.SCALE, "web", "cart", replicas=5, interval_seconds=1.5))
    while not house.actions.progress(action)["done"]:
        time.sleep(0.05)
    house.cluster.autoscaled = ["cart"]
    assert "an HPA scales it" in house.wait(action)["items"][1]["message"]


UNLIKE = "a restart would not give the control values: app cpu request 50m -> 100m"


@pytest.mark.parametrize("kind", [Kind.RESTART, Kind.APPLY])
def test_a_restart_waits_while_the_webhook_has_stale_values(house: House, kind: Kind) -> None:
    sized(house, "web")
    house.cluster.webhook_cpu = "50m"
    (planned,) = house.actions.plan(make_request(kind))
    assert planned.warnings == (UNLIKE,)
    action = house.start(make_request(kind))
    time.sleep(0.5)
    house.cluster.webhook_cpu = "100m"
    shown = house.wait(action)
    assert (shown["items"][0]["message"], house.cluster.cpu("web")) == ("3 of 3 pods are available", "100m")
    assert house.cluster.stored["web"]["metadata"]["generation"] == 2, "one restart"


def test_an_item_that_waits_for_the_webhook_is_not_touched_after_a_cancel(house: House) -> None:
    sized(house, "web")
    house.cluster.webhook_cpu = "50m"
    action = house.start(make_request(Kind.RESTART))
    time.sleep(0.3)
    house.actions.cancel(action, ALICE)
    shown = house.wait(action)
    assert shown["state"] == "cancelled"
    assert shown["items"][0]["message"] == "not touched: cancelled while the door still remembered older values"
    assert "generation" not in house.cluster.stored["web"]["metadata"]


def test_the_message_names_values_that_a_restart_did_not_set(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.operations.replan.ATTEMPTS", 1)
    sized(house, "web")
    house.cluster.webhook_cpu = "50m"
    assert house.done(make_request(Kind.RESTART))["items"][0]["message"] == f"3 of 3 pods are available; {UNLIKE}"
    (planned,) = house.actions.plan(make_request(Kind.APPLY))
    assert (planned.verdict, planned.reason) == ("nothing", UNLIKE)


@pytest.mark.parametrize("label", ["kubedoor-ignore", "control-plane"])
@pytest.mark.parametrize("kind", [Kind.SCALE, Kind.RESTART, Kind.APPLY])
def test_a_namespace_labelled_to_bypass_the_webhook_is_refused(house: House, kind: Kind, label: str) -> None:
    house.cluster.labelled = {label: ["shop"]}
    with pytest.raises(InvalidInput, match=f"namespace shop is labelled {label}"):
        house.start(make_request(kind))


def test_a_scale_goes_on_without_permission_to_list_hpas_and_namespaces(house: House) -> None:
    def before(_method: str, path: str, _dry_run: bool) -> None:
        if path in (HPAS, "/api/v1/namespaces"):
            raise Forbidden("the cluster does not allow this to KubeDoor: list")

    house.cluster.before = before
    assert house.done(make_request(Kind.SCALE, replicas=4))["state"] == "finished"


def test_a_cancelled_action_records_its_results_despite_a_short_outage_of_the_store(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.cluster.is_seen = False
    action = house.start(make_request(Kind.RESTART))
    while not house.actions.progress(action)["items"][0]["was_changed"]:
        time.sleep(0.05)
    away_until = time.monotonic() + 1.5
    record = house.store.record

    def away(*events: ActionEvent) -> None:
        if time.monotonic() < away_until and events[0].event != "cancel_asked":
            raise StoreError("ClickHouse cannot be reached")
        record(*events)

    monkeypatch.setattr(house.store, "record", away)
    house.actions.cancel(action, ALICE)
    shown = house.wait(action)
    assert shown["state"] == "cancelled"
    assert shown["items"][0]["message"].startswith("changed; its rollout was not waited for")


def test_the_list_agrees_with_the_detail_of_an_action(house: House) -> None:
    house.cluster.before = refusing("cart/scale", QUOTA)
    ended = house.done(make_request(Kind.SCALE, "web", "cart", replicas=5))
    house.cluster.before = lambda _method, _path, _dry_run: None
    house.cluster.is_seen = False
    running = house.start(make_request(Kind.RESTART, "web", "cart"))
    while not house.actions.progress(running)["items"][0]["was_changed"]:
        time.sleep(0.05)
    progress = [ActionEvent(running, "item_progress", "shop", "web", {"message": f"{n} of 9"}) for n in range(50)]
    house.store.record(*progress)
    newest, oldest = house.actions.recent(limit=2)
    shown = house.actions.progress(running)
    for row, detail in ((newest, shown), (oldest, house.actions.progress(ended["action"]))):
        assert row == {name: value for name, value in detail.items() if name not in ("items",)} | {
            "last_at": row["last_at"]
        }
    assert (oldest["done"], oldest["failed"], newest["running"], newest["untouched"]) == (1, 1, 1, 1)
    assert oldest["message"].startswith("shop/cart: the quota forbids it")
    assert len(house.store.events([running])[running]) == 4, "of its progress only the newest"
    assert [row["detail"] for row in house.store.latest_events([running])[running]] == [{}, {}]
    house.actions.cancel(running, ALICE)
    assert house.wait(running)["cancelled_by"] == house.actions.recent(limit=1)[0]["cancelled_by"] == "alice"


def test_actions_are_found_by_workload_and_person_and_name_their_workloads(house: House) -> None:
    both = house.start(make_request(Kind.RESTART, "web", "cart"))
    house.wait(both)
    alone = house.actions.start(make_request(Kind.SCALE, "cart", replicas=4), replace(ALICE, who=BOB))[0]
    house.wait(alone)

    def found(**wanted: str) -> list[str]:
        return [one["action"] for one in house.actions.recent(limit=9, wanted=ActionFilter(**wanted))]

    assert found() == [alone, both]
    assert found(who=BOB) == [alone]
    assert found(namespace="shop", deployment="web") == [both]
    assert found(target="SHOP/CA") == [alone, both]
    assert found(target="op/web", who=BOB) == []
    assert found(namespace="sho") == found(deployment="we") == []
    names = [[one["deployment"] for one in row["workloads"]] for row in house.actions.recent(limit=9)]
    assert names == [["cart"], ["web", "cart"]]


def test_a_pause_says_when_it_ends_and_what_is_busy_is_said_before(house: House) -> None:
    action = house.start(make_request(Kind.RESTART, "web", "cart", interval_seconds=30))
    wait_until(lambda: house.actions.progress(action)["next_at"] is not None, what="the pause begins")
    left = house.actions.progress(action)["next_at"] - utc_now()
    assert 20 < left.total_seconds() <= 30
    web, cart = house.actions.preview(make_request(Kind.SCALE, "web", "cart", replicas=5))
    assert (web.verdict, web.busy_with) == ("will", "")
    assert (cart.verdict, cart.busy_with) == ("refused", action)
    assert cart.reason == "alice is at work on shop/cart (restart): wait for it, or cancel it"
    assert not cart.is_final
    house.actions.cancel(action, ALICE)
    assert house.wait(action)["next_at"] is None
    assert [one.busy_with for one in house.actions.preview(make_request(Kind.RESTART, "web", "cart"))] == ["", ""]
