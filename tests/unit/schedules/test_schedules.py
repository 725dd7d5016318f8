"""Schedules against a fake API server of a few Deployments: temporary scales and their returns, with faults in between."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubedoor.errors import ClusterError, Conflict, InvalidInput, NotFound, StoreError
from kubedoor.identity.audit import Editor
from kubedoor.model.events import Event
from kubedoor.operations import batch
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules import schedules
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.cronjob_client import CronJobs
from kubedoor.schedules.cronjob_sync import CronJobSync
from kubedoor.schedules.missed_runs import missed_runs
from kubedoor.schedules.return_items import ItemState
from kubedoor.schedules.rules import GIVEN_UP_AFTER, ScheduleRequest
from kubedoor.schedules.runs import CLOCK_FALLBACK_AFTER
from kubedoor.schedules.schedules import Schedules
from kubedoor.schedules.temporary_scales import TemporaryScales
from kubedoor.store import schedules as store_of_schedules
from kubedoor.store.connection import Connection
from kubedoor.store.events import EventStore
from kubedoor.store.operations import ActionFilter
from kubedoor.store.records import RecordFilter
from kubedoor.store.schedules import ScheduleStore
from tests.support.accounts import Clock
from tests.toolbox import processes
from tests.unit.operations.test_batch import Deployments
from tests.unit.operations.test_batch import House as ActionHouse

ALICE, BOB = Editor("alice", "session", ""), Editor("bob", "session", "")
AWAY = ClusterError("the API server does not answer")
Refusing = Callable[[str, str, bool], None]


class Cluster(Deployments):
    """`objects`: the CronJobs and Secrets of schedules, by path."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.objects: dict[str, Any] = {}

    def request(self, method: str, path: str, *, body: Any = None, **further: Any) -> Any:
        if "/deployments/nobody" in path:
            raise NotFound("there is none")
        if "/cronjobs/" not in path and "/secrets/" not in path:
            return super().request(method, path, body=body, **further)
        self.before(method, path, False)
        if method == "DELETE":
            return self.objects.pop(path, None)
        self.objects[path] = body
        return body


class House(ActionHouse):
    """One pod of `api`. `cronjobs`: schedules have CronJobs, as in a cluster."""

    def __init__(self, connection: Connection, name: str, *deployments: str, cronjobs: bool = False) -> None:
        super().__init__(connection, name, *deployments)
        self.connection = connection
        self.clock = Clock((datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0))
        self.cluster.__class__ = Cluster
        self.cluster.objects = {}  # type: ignore[attr-defined]
        self.runs = ScheduleStore(connection, name)
        self.schedules = self.pod(cronjobs=cronjobs)

    def pod(self, *, cronjobs: bool = False) -> Schedules:
        options = CronJobOptions("kubedoor", "kubedoor:1", "http://api.test")
        return Schedules(
            store=self.runs,
            actions=self.actions,
            control=self.control,
            records=self.records,
            cronjobs=CronJobs(self.cluster, options) if cronjobs else None,
            now=self.clock,
        )

    def temporary_scale(
        self, name: str, replicas: int, *, minutes: int, back: int, on: tuple[str, ...] = ("web",)
    ) -> dict[str, Any]:
        targets = tuple(Target("shop", one) for one in on)
        request = ActionRequest(Kind.SCALE, targets, replicas=replicas)
        at = (self.clock.now + timedelta(minutes=minutes)).isoformat()
        return self.schedules.create(ScheduleRequest(name, request, "UTC", at=at, return_after_minutes=back), ALICE)

    def go_on(self, minutes: int = 1) -> list[int]:
        """Ticks once a minute; returns the distinct replicas that web had."""
        had, number = [self.replicas()], self.store.newest_number()
        for _ in range(minutes):
            self.clock.advance(minutes=1)
            self.schedules.tick()
            if number != (number := self.store.newest_number()):
                self.settle()
            if self.replicas() != had[-1]:
                had.append(self.replicas())
        return had

    def settle(self) -> None:
        names = []
        for one in self.actions.recent(limit=2):
            self.wait(one["action"])
            names.append(f"action-{one['action']}")
        # What a schedule does when its action has ended is done in the action's thread.
        for thread in threading.enumerate():
            if thread.name in names:
                thread.join(20)

    def replicas(self, name: str = "web") -> int:
        return int(self.cluster.stored[name]["spec"]["replicas"])

    def wait_for_returns(self, count: int) -> list[dict[str, Any]]:
        """What is done leaves its return a moment after its action has ended."""
        processes.wait_until(lambda: len(self.returns()) == count, what=f"{count} returns are left")
        return self.returns()

    def returns(self) -> list[dict[str, Any]]:
        return [one for one in self.schedules.all() if one["parent"]]

    def events(self) -> EventStore:
        missed = missed_runs(ScheduleStore(self.connection, self.name))
        return EventStore(self.connection, self.name, own_username="kubedoor", missed=missed)

    def told(self) -> list[str]:
        store = self.events()
        now = datetime.now(UTC)
        found = store.between(Event.ACTION_FAILED, now - timedelta(hours=1), now + timedelta(hours=1))
        return [f"{one.text} ×{one.count}" for one in found]

    def collect(self, name: str, replicas: int) -> None:
        today = date(2026, 11, 24)
        row = {"cluster": self.name, "run": 1, "namespace": "shop", "deployment": name, "container": "app"}
        days = {"peak_day": today, "memory_peak_day": today, "days": 1, "hpa": False}
        self.connection.insert("collected_rows", [{**row, **days, "replicas": replicas}])
        run = {"cluster": self.name, "run": 1, "sizing_rule": "test", "row_count": 1}
        self.connection.insert("collected_runs", [run])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "POLL_SECONDS", 0.05)


@pytest.fixture
def house(embedded: Connection, cluster: str) -> House:
    return House(embedded, cluster, "web", "cart")


@pytest.fixture
def in_cluster(embedded: Connection, cluster: str) -> House:
    return House(embedded, cluster, "web", "cart", cronjobs=True)


def away(part: str = "") -> Refusing:
    def before(_method: str, path: str, _dry_run: bool) -> None:
        if part in path:
            raise AWAY

    return before


def nothing(_method: str, _path: str, _dry_run: bool) -> None:
    return None


def tokens(house: House) -> Iterator[tuple[str, str]]:
    for path, found in house.cluster.objects.items():  # type: ignore[attr-defined]
        if "/secrets/" in path:
            yield path.rpartition("-")[2], base64.b64decode(found["data"]["token"]).decode()


def scaled_by_a_ping(house: House) -> tuple[str, str]:
    """Run a temporary scale of ten minutes by a ping; returns its pending return and the token of that."""
    house.temporary_scale("sale", 10, minutes=1, back=10)
    ((schedule, token),) = tokens(house)
    house.clock.advance(minutes=1)
    house.schedules.ping(schedule, token)
    house.settle()
    (found,) = tokens(house)
    return found


# Retries of a return


def test_a_return_is_retried_until_it_has_started(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=10)
    assert house.go_on() == [3, 10]
    house.cluster.before = away()
    house.go_on(13)
    (back,) = house.returns()
    assert (back["state"], back["missed_count"], {run["message"] for run in back["runs"]}) == ("active", 0, {str(AWAY)})
    house.cluster.before = nothing
    assert house.go_on(2) == [10, 3]
    assert house.returns() == []
    assert house.told() == [f"schedule sale: return: {AWAY} ×{len(back['runs'])}"]


@pytest.mark.parametrize("late", [timedelta(minutes=8), timedelta(hours=20), timedelta(days=3)])
def test_a_return_runs_after_a_downtime_of_days(house: House, late: timedelta) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=10)
    house.go_on()
    house.clock.now = house.returns()[0]["at"] + late
    assert house.go_on() == [10, 3]


def test_a_return_is_retried_while_another_action_runs(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=2)
    house.go_on()
    house.cluster.is_seen = False
    restart = house.actions.start(ActionRequest(Kind.RESTART, (Target("shop", "web"),)), BOB)[0]
    house.clock.now = house.returns()[0]["at"]
    house.schedules.tick()
    assert "bob is at work on shop/web" in house.returns()[0]["runs"][0]["message"]
    house.cluster.is_seen = True
    house.wait(restart)
    assert house.go_on(2) == [10, 3]


def test_several_pods_start_a_return_once(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=10)
    house.go_on()
    house.clock.now = house.returns()[0]["at"]
    pods = [house.schedules, house.pod(), house.pod()]
    threads = [threading.Thread(target=pod.tick) for pod in pods for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.settle()
    assert [one["note"] for one in house.actions.recent(limit=9)] == ["return of sale", ""]
    assert house.replicas() == 3


def test_a_return_that_cannot_start_for_a_day_is_given_up_and_reported(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=10)
    house.go_on()
    house.cluster.before = away()
    house.go_on(11)
    house.clock.now += GIVEN_UP_AFTER + timedelta(minutes=5)
    house.go_on(3)
    (back,) = house.returns()
    told = "given up after a day, and not brought back: shop/web"
    assert (back["state"], back["runs"][0]["message"]) == ("over", told)
    assert any("given up" in one for one in house.told())
    house.cluster.before = nothing
    assert house.go_on(3) == [10]


def test_a_return_refused_for_good_is_not_retried(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=5)
    house.go_on()
    house.cluster.autoscaled = ["web"]
    house.go_on(9)
    (back,) = house.returns()
    assert (back["state"], len(back["runs"])) == ("over", 2)
    assert "an HPA scales it" in back["runs"][1]["message"]


def test_a_new_return_ignores_the_restore_points_of_one_given_up(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=5)
    house.go_on()
    house.cluster.autoscaled = ["web"]
    house.go_on(9)
    house.cluster.autoscaled = []
    again = next(one for one in house.schedules.all() if not one["parent"])
    house.actions.start(ActionRequest(Kind.SCALE, (Target("shop", "web"),), replicas=6), BOB)
    house.settle()
    house.schedules.run_now(again["schedule"], ALICE)
    house.settle()
    newest = next(one for one in house.returns() if one["state"] == "active")
    assert newest["returns_to"] == {("shop", "web"): 6}, "not the number from before it was given up"


# The return is stored before the scale starts


def test_a_scale_whose_return_cannot_be_stored_does_not_start(in_cluster: House) -> None:
    house = in_cluster
    made = house.temporary_scale("sale", 20, minutes=1, back=60)
    ((schedule, token),) = tokens(house)
    house.cluster.before = away("/cronjobs/")
    house.clock.advance(minutes=1)
    assert house.schedules.ping(schedule, token)
    house.settle()
    (run,) = house.schedules.one(made["schedule"])["runs"]
    assert (house.replicas(), run["action"], run["message"]) == (3, None, str(AWAY))
    assert house.returns() == []
    assert len(house.connection.rows("SELECT 1 FROM schedule_results WHERE cluster = {c:String}", c=house.name)) == 1


def test_a_scale_that_cannot_start_leaves_no_return(house: House) -> None:
    house.temporary_scale("sale", 20, minutes=1, back=60)
    house.cluster.is_seen = False
    house.actions.start(ActionRequest(Kind.RESTART, (Target("shop", "web"),)), BOB)
    house.clock.advance(minutes=1)
    house.schedules.tick()
    assert (house.replicas(), house.returns()) == (3, [])
    house.cluster.is_seen = True
    house.settle()


# The replicas that a return restores


@pytest.mark.parametrize(
    ("back_of_first", "numbers"),
    [(6, [3, 10, 20, 3]), (15, [3, 10, 20, 10, 3])],
    ids=["the first ends first", "the second ends first"],
)
def test_stacked_temporary_scales_restore_the_first_state(house: House, back_of_first: int, numbers: list[int]) -> None:
    house.temporary_scale("first", 10, minutes=1, back=back_of_first)
    house.temporary_scale("second", 20, minutes=3, back=8)
    assert house.go_on(18) == numbers
    assert (house.control.manual(house.key()).replicas, house.returns()) == (None, [])


def test_stacked_temporary_scales_that_end_together_restore_the_first_state(house: House) -> None:
    """Also if the return on top runs first."""
    house.temporary_scale("b first", 10, minutes=1, back=6)
    house.temporary_scale("a second", 20, minutes=3, back=4)
    house.go_on(3)
    assert len({one["at"] for one in house.returns()}) == 1
    assert house.go_on(8) == [20, 3]
    assert (house.control.manual(house.key()).replicas, house.returns()) == (None, [])


def test_of_three_stacked_temporary_scales_the_middle_one_may_end_first(house: House) -> None:
    house.temporary_scale("first", 10, minutes=1, back=9)
    house.temporary_scale("second", 20, minutes=2, back=3)
    house.temporary_scale("third", 30, minutes=3, back=9)
    assert house.go_on(16) == [3, 10, 20, 30, 3]
    assert (house.control.manual(house.key()).replicas, house.returns()) == (None, [])


def test_overdue_returns_restore_the_first_state(house: House) -> None:
    house.temporary_scale("first", 10, minutes=1, back=4)
    house.temporary_scale("second", 20, minutes=3, back=8)
    house.go_on(3)
    house.clock.advance(hours=2)
    assert house.go_on(3) == [20, 3]
    assert (house.control.manual(house.key()).replicas, house.returns()) == (None, [])


def test_of_two_temporary_scales_to_the_same_number_the_later_return_counts(house: House) -> None:
    house.temporary_scale("first", 10, minutes=1, back=4)
    house.temporary_scale("second", 10, minutes=3, back=8)
    assert house.go_on(9) == [3, 10]
    assert house.go_on(4) == [10, 3]


def test_a_temporary_scale_that_crashed_before_it_started_blocks_no_return(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.temporary_scale("first", 10, minutes=1, back=4)
    house.temporary_scale("second", 20, minutes=3, back=8)
    house.go_on(2)

    def killed(*_request: Any, **_how: Any) -> Any:
        raise RuntimeError("the pod is killed")

    with monkeypatch.context() as patch:
        patch.setattr(house.actions, "start", killed)
        with pytest.raises(RuntimeError):
            house.go_on()
    assert len(house.returns()) == 2, "the second's was written before it began"
    assert house.go_on(4) == [10, 3]
    assert house.go_on(8) == [3]


def test_the_expected_replicas_of_stacked_returns(house: House) -> None:
    house.temporary_scale("first", 10, minutes=1, back=10)
    house.temporary_scale("second", 20, minutes=5, back=20)
    house.go_on(6)
    assert [one["returns_to"] for one in house.returns()] == [{("shop", "web"): 3}] * 2


def test_a_return_skips_a_workload_whose_manual_value_was_changed_since(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=5, on=("web", "cart"))
    house.go_on()
    house.wait(house.actions.start(ActionRequest(Kind.SCALE, (Target("shop", "web"),), replicas=15), BOB)[0])
    house.go_on(8)
    assert (house.replicas("web"), house.control.manual(house.key()).replicas) == (15, 15)
    assert (house.replicas("cart"), house.control.manual(house.key("cart")).replicas) == (3, None)
    items = {
        one["deployment"]: one for one in house.actions.progress(house.actions.recent(limit=1)[0]["action"])["items"]
    }
    assert items["web"]["state"] == "skipped"
    assert "somebody has set another number" in items["web"]["message"]


@pytest.mark.parametrize(("webhook_cpu", "expected"), [(None, 7), ("100m", 3)])
def test_a_return_restores_the_collected_value_only_while_control_is_on(
    house: House, webhook_cpu: str | None, expected: int
) -> None:
    house.cluster.stored["web"]["spec"]["replicas"] = 7
    house.collect("web", 3)
    house.temporary_scale("sale", 10, minutes=1, back=3)
    house.cluster.webhook_cpu = webhook_cpu
    house.go_on()
    assert house.returns()[0]["returns_to"] == {("shop", "web"): expected}
    assert house.go_on(5) == [10, expected]


def test_a_return_does_not_touch_a_workload_that_was_not_scaled(house: House) -> None:
    for name in ("web", "cart"):
        house.cluster.stored[name]["spec"]["replicas"] = 7
        house.collect(name, 3)

    def quota(method: str, path: str, dry_run: bool) -> None:
        if method == "PATCH" and "/web/scale" in path and not dry_run:
            raise ClusterError("exceeded quota", status=422)

    house.cluster.before = quota
    house.temporary_scale("sale", 20, minutes=1, back=3, on=("web", "cart"))
    house.go_on()
    house.cluster.before = nothing
    house.go_on(6)
    assert (house.replicas("web"), house.replicas("cart")) == (7, 7)


def test_a_workload_that_cannot_be_brought_back_is_tried_again_and_told(house: House) -> None:
    house.edit("alice", replicas=3)
    house.temporary_scale("sale", 10, minutes=1, back=3, on=("web", "cart"))
    house.go_on()

    def quota(method: str, path: str, dry_run: bool) -> None:
        if method == "PATCH" and "/web/scale" in path and not dry_run:
            raise ClusterError("exceeded quota", status=422)

    house.cluster.before = quota
    house.go_on(6)
    assert (house.replicas("web"), house.replicas("cart")) == (10, 3), "one keeps no other from going back"
    assert house.control.manual(house.key()).replicas == 3, "the door has it at the next change"
    (back,) = house.returns()
    ((workload, item),) = back["items"].items()
    assert (workload, item.state, item.message) == (("shop", "web"), ItemState.FAILED, "exceeded quota")
    assert any(one.startswith("scale shop/web") and "failed" in one for one in house.told())
    house.cluster.before = nothing
    house.go_on(3)
    assert (house.replicas("web"), house.wait_for_returns(0)) == (3, [])


def test_a_busy_workload_holds_back_no_other(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=2, on=("web", "cart"))
    house.go_on()
    house.cluster.is_seen = False
    restart = house.actions.start(ActionRequest(Kind.RESTART, (Target("shop", "web"),)), BOB)[0]
    house.clock.now = house.returns()[0]["at"]
    house.schedules.tick()
    newest = house.actions.recent(limit=1)[0]["action"]
    processes.wait_until(lambda: house.replicas("cart") == 3, what="cart is back")
    assert house.replicas("web") == 10
    items = {one["deployment"]: one for one in house.actions.progress(newest)["items"]}
    assert (items["web"]["state"], items["web"]["is_final"]) == ("skipped", False)
    assert "bob is at work on shop/web" in items["web"]["message"]
    house.cluster.is_seen = True
    house.wait(restart)
    house.settle()
    house.go_on(3)
    assert (house.replicas("web"), house.wait_for_returns(0)) == (3, [])


def test_who_cancels_an_attempt_pauses_the_return(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=2)
    house.go_on()
    house.cluster.before = scale_refused("web")
    house.cluster.is_seen = False
    house.clock.now = house.returns()[0]["at"]
    house.schedules.tick()
    attempt = house.actions.recent(limit=1)[0]["action"]
    house.actions.cancel(attempt, BOB)
    house.wait(attempt)
    house.clock.advance(minutes=2)
    house.schedules.tick()
    state = house.actions.progress(attempt)["state"]
    (back,) = house.returns()
    assert (back["state"], back["changed_by"]) == (("paused", "bob") if state == "cancelled" else ("active", "alice"))
    house.cluster.before, house.cluster.is_seen = nothing, True
    if state == "cancelled":
        house.schedules.pause(back["schedule"], ALICE, paused=False)
    house.go_on(3)
    assert house.replicas() == 3


def scale_refused(name: str) -> Refusing:
    def before(method: str, path: str, dry_run: bool) -> None:
        if method == "PATCH" and f"/{name}/scale" in path and not dry_run:
            raise AWAY

    return before


def test_a_run_that_does_nothing_is_skipped_and_told(house: House) -> None:
    """As that of `apply` where everything runs with its values, or a return of what is restored already."""
    house.temporary_scale("sale", 10, minutes=1, back=2)
    house.go_on()
    house.edit("bob", replicas=None)
    house.go_on(4)
    newest = house.actions.recent(limit=1)[0]
    assert (newest["state"], newest["skipped"]) == ("skipped", 1)
    assert any(one.startswith("scale shop/web (schedule sale: return): skipped") for one in house.told())
    assert house.actions.recent(limit=9, wanted=ActionFilter(state="skipped")) == [newest]
    assert house.wait_for_returns(0) == []


def test_a_schedule_for_what_does_not_exist_says_so(house: House) -> None:
    targets = (Target("shop", "web"), Target("shop", "nobody"))
    request = ScheduleRequest("nightly", ActionRequest(Kind.RESTART, targets), "UTC", cron="0 3 * * *")
    made = house.schedules.create(request, ALICE)
    assert made["warnings"] == ["shop/nobody: gone: the cluster has no Deployment shop/nobody"]
    changed = house.schedules.change(made["schedule"], request, ALICE, based_on=made["version"])
    assert changed["warnings"] == made["warnings"]
    assert house.schedules.one(made["schedule"])["warnings"] == []


def test_the_clock_takes_over_what_had_cronjobs(in_cluster: House) -> None:
    """After an upgrade with `schedules.enabled: false`."""
    house = in_cluster
    house.temporary_scale("sale", 10, minutes=1, back=2)
    house.schedules = house.pod(cronjobs=False)
    assert [one["runs_in"] for one in house.schedules.all()] == ["process"]
    assert house.go_on(4) == [3, 10, 3]


def test_a_return_says_how_far_each_workload_is(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=5, on=("web", "cart"))
    house.go_on()
    (back,) = house.returns()
    assert {item.state for item in back["items"].values()} == {ItemState.WAITING}
    assert {item.due_at for item in back["items"].values()} == {back["at"]}


# In a cluster


def test_tick_starts_an_overdue_return_that_has_a_cronjob(in_cluster: House) -> None:
    house = in_cluster
    scaled_by_a_ping(house)
    (back,) = house.returns()
    deadlines = {
        path.rpartition("-")[2]: found["spec"]["startingDeadlineSeconds"]
        for path, found in house.cluster.objects.items()  # type: ignore[attr-defined]
        if "/cronjobs/" in path
    }
    assert deadlines == {back["schedule"]: 86_400}
    house.clock.now = back["at"] + CLOCK_FALLBACK_AFTER - timedelta(minutes=1)
    assert house.go_on(1) == [10, 3], "its time has come"
    house.wait_for_returns(0)
    objects = house.cluster.objects  # type: ignore[attr-defined]
    processes.wait_until(lambda: objects == {}, what="nothing of the return is left in the cluster")


def test_a_return_whose_cronjob_could_not_be_deleted_is_deleted_later(in_cluster: House) -> None:
    house = in_cluster
    back, token = scaled_by_a_ping(house)
    house.clock.now = house.returns()[0]["at"]
    house.cluster.before = away("/cronjobs/")
    house.schedules.ping(back, token)
    house.settle()
    assert (house.replicas(), len(house.returns())) == (3, 1)
    house.cluster.before = nothing
    house.go_on(2)
    assert (house.returns(), house.cluster.objects, house.store.newest_number()) == ([], {}, 2)  # type: ignore[attr-defined]


def test_the_ping_of_a_return_that_could_not_start_fails_so_that_it_is_retried(in_cluster: House) -> None:
    house = in_cluster
    back, token = scaled_by_a_ping(house)
    with pytest.raises(Conflict, match="not due"):
        house.schedules.ping(back, token)
    house.clock.now = house.returns()[0]["at"]
    house.cluster.before = away("/version")
    with pytest.raises(ClusterError, match="is tried again"):
        house.schedules.ping(back, token)
    house.cluster.before = nothing
    house.clock.advance(minutes=2)
    assert house.schedules.ping(back, token)
    house.settle()
    assert house.replicas() == 3


def test_the_ping_of_a_return_claimed_by_another_pod_fails_so_that_it_is_retried(in_cluster: House) -> None:
    house = in_cluster
    back, token = scaled_by_a_ping(house)
    house.clock.now = house.returns()[0]["at"]
    assert house.runs.claim(back, house.clock.now, begun_by="a pod that dies")
    with pytest.raises(ClusterError, match="is tried again"):
        house.schedules.ping(back, token)


def test_a_ping_for_a_run_due_before_the_change_starts_nothing(in_cluster: House) -> None:
    house = in_cluster
    request = ActionRequest(Kind.RESTART, (Target("shop", "web"),))
    made = house.schedules.create(ScheduleRequest("nightly", request, "UTC", cron="* * * * *"), ALICE)
    ((schedule, token),) = tokens(house)
    house.clock.now = made["changed_at"].replace(second=0, microsecond=0) + timedelta(seconds=5)
    assert house.schedules.ping(schedule, token) is False
    house.clock.advance(minutes=1)
    assert house.schedules.ping(schedule, token) is True
    house.settle()


def test_a_delete_that_conflicts_with_a_change_keeps_the_cronjob(
    in_cluster: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = in_cluster
    made = house.temporary_scale("sale", 10, minutes=60, back=10)["schedule"]
    (seen,) = house.runs.all()
    monkeypatch.setattr(house.runs, "one", lambda _schedule: seen)
    house.runs.save(replace(seen, name="changed by bob"))
    before = dict(house.cluster.objects)  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="changed by somebody else"):
        house.schedules.delete(made, ALICE)
    assert house.cluster.objects == before  # type: ignore[attr-defined]


def test_a_schedule_stays_if_its_cronjob_cannot_be_deleted(in_cluster: House) -> None:
    house = in_cluster
    made = house.temporary_scale("sale", 10, minutes=60, back=10)["schedule"]
    before = dict(house.cluster.objects)  # type: ignore[attr-defined]
    house.cluster.before = away("/secrets/")
    with pytest.raises(ClusterError):
        house.schedules.delete(made, ALICE)
    assert [one["schedule"] for one in house.schedules.all()] == [made]
    assert house.cluster.objects == before  # type: ignore[attr-defined]


# Runs


def test_a_claim_whose_response_was_lost_still_counts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=0)
    insert = house.connection.insert

    def lost_answer(table: str, rows: Any, *, token: str = "") -> None:
        insert(table, rows, token=token)
        if table == "schedule_runs":
            raise StoreError("ClickHouse cannot be reached")

    monkeypatch.setattr(house.connection, "insert", lost_answer)
    assert house.go_on() == [3, 10]


def test_a_run_without_a_result_is_interrupted_and_reported(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.temporary_scale("sale", 10, minutes=1, back=0)["schedule"]
    house.runs.claim(made, made_at := house.clock.now + timedelta(minutes=1), begun_by="clock")
    assert house.runs.runs([made], since=made_at)[made][0]["message"] is None
    monkeypatch.setattr(store_of_schedules, "RUN_TIMEOUT_SECONDS", 0)
    (run,) = house.schedules.one(made)["runs"]
    assert (run["action"], run["message"]) == (None, store_of_schedules.INTERRUPTED)
    assert house.told() == [f"schedule sale: {store_of_schedules.INTERRUPTED} ×1"]
    house.clock.advance(minutes=2)
    house.schedules.tick()
    assert house.replicas() == 3, "perhaps it was done: it is not done twice"


def test_missed_runs_are_reported_once_they_cannot_start_any_more(house: House) -> None:
    request = ActionRequest(Kind.RESTART, (Target("shop", "web"),))
    made = house.schedules.create(ScheduleRequest("nightly", request, "UTC", cron="*/10 * * * *"), ALICE)
    due = house.clock.now.replace(minute=0) + timedelta(hours=2)
    store, later = house.events(), due + timedelta(minutes=15)

    def told(since: datetime, until: datetime) -> list[tuple[str, int]]:
        return [(one.text, one.count) for one in store.between(Event.ACTION_FAILED, since, until)]

    assert told(later, later + timedelta(seconds=50)) == []
    assert told(later, later + timedelta(minutes=1)) == [("schedule nightly: missed, nobody began it", 1)]
    assert told(later, later + timedelta(minutes=31)) == [("schedule nightly: missed, nobody began it", 4)]
    house.runs.claim(made["schedule"], due, begun_by="clock")
    assert told(later, later + timedelta(minutes=1)) == []


def test_the_newest_missed_runs_are_listed_and_all_are_counted(house: House) -> None:
    request = ActionRequest(Kind.RESTART, (Target("shop", "web"),))
    made = house.schedules.create(ScheduleRequest("each minute", request, "Asia/Shanghai", cron="* * * * *"), ALICE)
    house.clock.advance(days=5)
    due = house.clock.now - timedelta(minutes=10)
    house.runs.claim(made["schedule"], due, begun_by="clock")
    (found,) = house.schedules.all()
    assert (len(found["missed"]), found["missed"][0]) == (20, house.clock.now - timedelta(minutes=6))
    assert due not in found["missed"]
    assert found["missed_count"] == 3 * 1440 - 6 - 1


# End now, and keep


def test_a_temporary_scale_is_ended_now_and_its_return_is_gone(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=60, on=("web", "cart"))
    house.go_on()
    (back,) = house.returns()
    action = house.schedules.end(back["schedule"], BOB)
    house.wait(action)
    assert (house.replicas(), house.replicas("cart"), house.control.manual(house.key()).replicas) == (3, 3, None)
    house.wait_for_returns(0)
    (line,) = house.records.find_audit(RecordFilter(action="schedule.end"), limit=5)
    assert (line["who"], line["target"]) == ("bob", "sale: return")
    with pytest.raises(NotFound):
        house.schedules.end(back["schedule"], BOB)


def test_a_kept_number_stays_and_nothing_brings_it_back(house: House) -> None:
    made = house.temporary_scale("sale", 10, minutes=1, back=5)
    house.go_on()
    (back,) = house.returns()
    house.schedules.keep(back["schedule"], BOB)
    assert house.go_on(9) == [10]
    assert (house.returns(), house.control.manual(house.key()).replicas) == ([], 10)
    (line,) = house.records.find_audit(RecordFilter(action="schedule.keep"), limit=5)
    assert line["who"] == "bob"
    for change in (house.schedules.end, house.schedules.keep):
        with pytest.raises(Conflict, match="does not end a temporary scale"):
            change(made["schedule"], BOB)


@pytest.mark.parametrize(
    ("ended", "numbers"), [("first", [20, 3]), ("second", [20, 10, 3])], ids=["the lower one", "the one on top"]
)
def test_of_two_temporary_scales_either_may_be_ended_now(house: House, ended: str, numbers: list[int]) -> None:
    house.temporary_scale("first", 10, minutes=1, back=12)
    house.temporary_scale("second", 20, minutes=3, back=8)
    house.go_on(3)
    back = next(one for one in house.returns() if one["name"].startswith(ended))
    action = house.schedules.end(back["schedule"], ALICE)
    assert bool(action) == (ended == "second"), "the lower one leaves its number to the one on top"
    house.settle()
    had = [20, *([house.replicas()] if house.replicas() != 20 else [])]
    had += [number for number in house.go_on(16) if number != had[-1]]
    assert had == numbers
    assert (house.control.manual(house.key()).replicas, house.returns()) == (None, [])


def test_the_number_of_the_lower_of_two_may_be_kept(house: House) -> None:
    house.temporary_scale("first", 10, minutes=1, back=6)
    house.temporary_scale("second", 20, minutes=3, back=8)
    house.go_on(3)
    lower = next(one for one in house.returns() if one["name"].startswith("first"))
    house.schedules.keep(lower["schedule"], ALICE)
    assert house.go_on(14) == [20, 10]
    assert house.control.manual(house.key()).replicas == 10


def test_a_return_that_is_under_way_is_not_kept(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=60)
    house.go_on()
    (back,) = house.returns()
    house.cluster.is_seen = False
    action = house.schedules.end(back["schedule"], ALICE)
    with pytest.raises(Conflict, match="is being ended at this moment"):
        house.schedules.keep(back["schedule"], BOB)
    house.cluster.is_seen = True
    house.wait(action)


def test_a_return_that_has_just_begun_is_not_kept(house: House) -> None:
    """Its run is claimed, and its action is planned before it is in the store."""
    house.temporary_scale("sale", 10, minutes=1, back=60)
    house.go_on()
    (back,) = house.returns()
    assert house.runs.claim(back["schedule"], back["at"], begun_by="cronjob")
    with pytest.raises(Conflict, match="is being ended at this moment"):
        house.schedules.keep(back["schedule"], BOB)
    assert len(house.returns()) == 1


def test_a_return_that_is_kept_while_it_begins_brings_nothing_back(house: House) -> None:
    house.temporary_scale("sale", 10, minutes=1, back=60)
    house.go_on()
    (back,) = house.returns()
    scales = TemporaryScales(
        store=house.runs,
        sync=CronJobSync(store=house.runs, records=house.records, cronjobs=None),
        actions=house.actions,
        control=house.control,
        now=house.clock,
    )
    progress = scales.settled(back["schedule"], all_at_once=True)
    assert progress is not None
    house.schedules.keep(back["schedule"], BOB)
    number = house.store.newest_number()
    assert not scales.restore(progress, ALICE, action=uuid.uuid4().hex, all_at_once=True)
    assert house.store.newest_number() == number


def test_a_scale_for_a_while_needs_no_schedule(house: House) -> None:
    request = ActionRequest(Kind.SCALE, (Target("shop", "web"), Target("shop", "cart")), replicas=6)
    until = house.clock.now + timedelta(minutes=90)
    action, planned = house.schedules.scale_for_a_while(request, until, "Asia/Shanghai", ALICE, skips=False)
    assert [one.replicas_after for one in planned] == [6, 6]
    assert house.wait(action)["who"] == "alice"
    (back,) = house.schedules.all(namespace="shop", deployment="cart")
    assert (back["name"], back["at"], back["parent"]) == ("shop/web, +1 = 6: return", until, action)
    assert back["returns_to"] == {("shop", "web"): 3, ("shop", "cart"): 3}
    assert house.schedules.all(deployment="nobody") == house.schedules.all(namespace="shopping") == []
    house.clock.now = until
    assert house.go_on() == [6, 3]
    house.wait_for_returns(0)


def test_there_are_so_many_returns_at_most(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "MAX_SCHEDULES", 0)
    request = ActionRequest(Kind.SCALE, (Target("shop", "web"),), replicas=6)
    with pytest.raises(Conflict, match="0 schedules"):
        house.schedules.scale_for_a_while(request, house.clock.now + timedelta(minutes=9), "UTC", ALICE, skips=False)
    assert house.replicas() == 3


def test_a_scale_for_a_while_of_what_is_refused_is_no_schedule(house: House) -> None:
    house.cluster.autoscaled = ["cart"]
    request = ActionRequest(Kind.SCALE, (Target("shop", "web"), Target("shop", "cart")), replicas=6)
    until = house.clock.now + timedelta(minutes=90)
    with pytest.raises(InvalidInput, match="an HPA scales it"):
        house.schedules.scale_for_a_while(request, until, "UTC", ALICE, skips=False)
    assert (house.schedules.all(), house.replicas()) == ([], 3)
    action, _ = house.schedules.scale_for_a_while(request, until, "UTC", ALICE, skips=True)
    house.wait(action)
    assert [one.deployment for one in house.returns()[0]["wish"].targets] == ["web"]
