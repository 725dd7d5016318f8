"""Notifications by apprise to a real HTTP receiver: grouped, rate limited, sent once, and without blocking others."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor
from kubedoor.model.conditions import REPLICAS, ConditionType
from kubedoor.model.events import Event
from kubedoor.model.schedules import Schedule
from kubedoor.notifications.channel import NotDelivered
from kubedoor.notifications.notifications import RESULT_AFTER, Notifications
from kubedoor.notifications.targets import Targets
from kubedoor.operations.request import ActionRequest, Kind, Target
from kubedoor.schedules.missed_runs import missed_runs
from kubedoor.sentences import Sentence
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.channels import Channel, ChannelStore, SentMessage
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.events import EventStore
from kubedoor.store.operations import ActionEvent, ActionRecord, OperationStore
from kubedoor.store.records import AuditRecord, RecordFilter, RecordStore
from kubedoor.store.schedules import ScheduleStore
from kubedoor.store.usage import CollectionEvent, UsageStore
from tests.contract.store.test_store import make_collected
from tests.support.accounts import Clock
from tests.support.builders import make_condition
from tests.support.clickhouse import ClickHouse
from tests.support.receiver import Receiver, running_receiver

ALICE = Editor("alice", "session", "192.0.2.7")
OWN = "system:serviceaccount:kubedoor:kubedoor-api"
ALL = tuple(str(event) for event in Event)
RESTART = ActionRequest(Kind.RESTART, (Target("shop", "web"), Target("shop", "cart")))


def events_of(connection: Connection, cluster: str) -> EventStore:
    missed = missed_runs(ScheduleStore(connection, cluster))
    return EventStore(connection, cluster, own_username=OWN, missed=missed)


class House:
    """One pod: its Notifications, and the stores of the records that events are read from."""

    def __init__(self, connection: Connection, cluster: str, clock: Clock, *further: str) -> None:
        self.clock = clock
        self.connection = connection
        self.cluster = cluster
        self.dsn = ""
        self.days_left: int | None = None
        self.records = RecordStore(connection, cluster)
        self.store = ChannelStore(connection, cluster)
        self.notifications = Notifications(
            cluster_name=cluster,
            store=self.store,
            events={one: events_of(connection, one) for one in (cluster, *further)},
            records=self.records,
            certificate_days=lambda: self.days_left,
            now=clock,
            targets=Targets(("127.0.0.1",)),
        )

    def channel(self, receiver: Receiver, *events: str, **fields: Any) -> Channel:
        body = {"name": "ops", "url": receiver.url, "events": list(events or ALL), "min_minutes": 10, **fields}
        made = self.notifications.create(body, ALICE)
        # The store's clock dates the channel; move ours past it, so that later events are newer than the channel.
        self.clock.now = max(self.clock.now, (made.changed_at or self.clock.now) + timedelta(milliseconds=1))
        return made

    def admit(self, name: str = "web", *, outcome: str = "patched", times: int = 1, **fields: Any) -> None:
        record = AdmissionRecord(
            at=self.clock(),
            cluster=self.cluster,
            namespace="shop",
            deployment=name,
            uid="u",
            operation="UPDATE",
            subresource="",
            username="alice",
            outcome=outcome,
            reason="control values were set",
            before={"replicas": "10"},
            after={"replicas": "3"},
            warnings=(),
            version=1,
            snapshot_age_seconds=0.1,
        )
        self.records.add_admissions([record._replace(**fields)] * times)

    def tick(self, **later: float) -> None:
        self.clock.advance(**(later or {"seconds": 30}))
        self.notifications.tick()

    def killed_sender(self, *, after_sending: bool) -> int:
        """The exit code of a process that ticks once and is killed while it sends."""
        settings = {"cluster": self.cluster, "now": self.clock.now.isoformat(), "after": after_sending, "dsn": self.dsn}
        script = [sys.executable, "-m", "tests.contract.notifications.killed_sender", json.dumps(settings)]
        return subprocess.run(script, check=False, timeout=60).returncode

    def messages(self) -> list[dict[str, Any]]:
        return self.notifications.messages(limit=100)

    def wait_until_told(self, count: int) -> list[dict[str, Any]]:
        """Until `count` messages have a result."""
        for _ in range(600):
            if sum(row["ok"] is not None for row in self.messages()) >= count:
                return self.messages()
            threading.Event().wait(0.05)
        raise AssertionError(self.messages())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def house(clickhouse: ClickHouse, served: Connection, cluster: str) -> House:
    found = House(served, cluster, Clock())
    found.dsn = clickhouse.dsn
    return found


def test_a_bad_day_is_a_few_messages_and_not_a_thousand(house: House, receiver: Receiver) -> None:
    house.channel(receiver)
    for number in range(30):
        house.admit(f"web-{number}", times=40 if number == 7 else 1)
    house.tick()
    body = receiver.wait()
    assert body["title"] == f"KubeDoor {house.cluster}: the door set control values (69)"
    lines = body["message"].splitlines()
    assert lines[0] == "The door set control values (69)"
    assert lines[1] == "- shop/web-7: replicas 10 -> 3 (×40)"
    assert lines[-3] == "… and 25 more"
    assert lines[-1].startswith("Message ")
    house.wait_until_told(1)
    for _ in range(24 * 2):
        house.admit(times=3)
        house.tick(minutes=30)
        told = len(house.messages())
        house.wait_until_told(told)
    assert 5 <= len(house.messages()) <= 10
    assert sum(row["notices"] for row in house.messages()) > 69 + 24 * 2


def test_what_a_door_could_write_only_later_is_told(house: House, receiver: Receiver) -> None:
    """After an outage of its store, during which the channel had read an empty window."""
    house.channel(receiver)
    at = house.clock.now + timedelta(seconds=1)
    for _ in range(4):
        house.tick(minutes=1)
    assert house.messages() == []
    house.admit(at=at)
    house.tick(minutes=1)
    assert "shop/web" in receiver.wait()["message"]


def test_a_switch_that_failed_is_not_told_as_used(house: House) -> None:
    """Unless its use was reported before it failed: then the failure is reported too."""
    begun = AuditRecord("root", "session", "", "control.on", house.cluster, {}, {})
    house.records.add_audit(begun)
    (line,) = house.records.find_audit(
        RecordFilter(who="root", of_cluster=house.cluster, target=house.cluster), limit=1
    )
    store = events_of(house.connection, house.cluster)
    before, later = line["at"] - timedelta(seconds=1), line["at"] + timedelta(hours=1)
    assert [one.text for one in store.between(Event.SWITCH_USED, before, later)] == ["root: control on"]
    threading.Event().wait(0.01)
    house.records.add_audit(replace(begun, outcome="failed", after={"error": "there is no Service"}))
    assert store.between(Event.SWITCH_USED, before, later) == []
    assert [one.text for one in store.between(Event.SWITCH_USED, line["at"], later)] == ["root: control on failed"]


def test_every_event_is_told_by_its_own_kind(house: House, receiver: Receiver) -> None:
    house.channel(receiver)
    house.days_left = 9
    house.admit(warnings=("KubeDoor: app requests: cpu 2 -> 1, its limit (collected)",))
    house.admit("nobody", outcome="unknown")
    house.admit("broken", outcome="failed", reason="KubeDoor: internal error, nothing was set")
    usage, actions = UsageStore(house.connection, house.cluster), OperationStore(house.connection, house.cluster)
    usage.record(CollectionEvent("c1", "failed", Sentence("Prometheus is away")))
    house.connection.insert("usage_days", [_incomplete_day(house.cluster)])
    for number, end in enumerate(("finished", "failed"), start=1):
        asked = ActionRecord(uuid.uuid4().hex, number, f"operator-{number}", "session", "", RESTART.as_json())
        assert actions.add(asked)
        actions.record(ActionEvent(asked.action, end))
    _failing_schedule(house)
    _collect_waiting(house, "web", "cart")
    house.records.add_audit(AuditRecord("root", "session", "", "control.off", house.cluster, {}, {}))
    house.tick()
    for _ in range(3):
        receiver.wait()
    said = "\n".join(f"{body['title']}\n{body['message']}" for body in receiver.bodies)
    for expected in (
        "Requests were cut to their limits (1)\n- shop/web: replicas 10 -> 3",
        "Workloads that are not in the control table (1)\n- shop/nobody",
        "The door failed and set nothing itself (1)\n- shop/broken: KubeDoor: internal error, nothing was set",
        "Collections failed (1)\n- Prometheus is away",
        "Days were collected incompletely (1)\n- 2026-11-20: 50% of the samples: a gap",
        "Workloads wait for you to accept their values (2)\n- shop: cart, web (×2)",
        "Actions are done (1)\n- restart shop/web +1 (operator-1)",
        "- restart shop/web +1 (operator-2): failed",
        "- schedule nightly: no cluster",
        "Enforcement was switched (1)\n- root: control off",
        "The door's certificate ends soon\n- 9 d",
    ):
        assert expected in said


def _collect_waiting(house: House, *names: str) -> None:
    condition = make_condition(ConditionType.SHORT_HISTORY, REPLICAS)
    control = ControlStore(house.connection, house.cluster)
    values = [make_collected(name, conditions=(condition,)) for name in names]
    control.replace_collected(values, run=control.revision().collected_run + 1, rule="peak-day")


def _incomplete_day(cluster: str) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "day": Clock().now.date().replace(year=2026, month=11, day=20),
        "run": 1,
        "windows": "",
        "row_count": 1,
        "coverage": 0.5,
        "is_partial": True,
        "warnings": ["a gap"],
        "seconds": 1.0,
    }


def _failing_schedule(house: House) -> None:
    schedules = ScheduleStore(house.connection, house.cluster)
    schedules.save(Schedule("s1", "nightly", RESTART.as_json(), "UTC", "alice", cron="@daily"))
    run = schedules.claim("s1", house.clock().replace(microsecond=0), begun_by="clock")
    assert run
    schedules.record_result(run, message=Sentence("no cluster"))


def test_an_interrupted_action_is_told_once(house: House, receiver: Receiver) -> None:
    house.channel(receiver, "action_failed", min_minutes=1)
    actions = OperationStore(house.connection, house.cluster)
    assert actions.add(ActionRecord("a1", 1, "alice", "session", "", RESTART.as_json()))
    house.tick(seconds=20)
    assert house.messages() == [], "it may still be alive"
    house.tick(seconds=30)
    assert "restart shop/web +1 (alice): interrupted" in receiver.wait()["message"]
    house.wait_until_told(1)
    house.tick(minutes=5)
    assert len(house.messages()) == 1


def test_a_channel_is_told_of_every_cluster_by_its_name(served: Connection, cluster: str, receiver: Receiver) -> None:
    house = House(served, cluster, Clock(), f"{cluster}-west")
    house.channel(receiver, "door_overrode")
    house.admit(cluster=f"{cluster}-west")
    house.tick()
    body = receiver.wait()
    assert body["title"] == f"KubeDoor {cluster}-west: the door set control values (1)", (
        "where it happened, and not where KubeDoor is"
    )
    assert f"- {cluster}-west: shop/web: replicas 10 -> 3" in body["message"]
    house.wait_until_told(1)
    house.admit()
    house.admit(cluster=f"{cluster}-west")
    house.tick(minutes=15)
    assert receiver.wait()["title"] == f"KubeDoor {cluster}, {cluster}-west: the door set control values (2)"


def test_what_kubedoor_asks_for_itself_is_no_override(house: House, receiver: Receiver) -> None:
    house.channel(receiver)
    house.admit(username=OWN)
    house.admit(outcome="unchanged")
    house.tick()
    assert house.messages() == []


def test_a_channel_gets_only_what_it_asked_for_in_its_language(house: House, receiver: Receiver) -> None:
    house.channel(receiver, "unknown_workload", language="zh-CN")
    house.admit()
    house.admit("nobody", outcome="denied")
    house.tick()
    body = receiver.wait()
    assert body["title"] == f"KubeDoor {house.cluster}：不在管控表中的工作负载（1）"
    told, _, mark = body["message"].partition("\n\n")
    assert told == "不在管控表中的工作负载（1）\n- shop/nobody"
    assert mark.startswith("消息编号 ")


def test_who_waits_is_told_in_the_channels_language(house: House, receiver: Receiver) -> None:
    house.channel(receiver, "values_waiting", language="zh-CN")
    _collect_waiting(house, "web", "cart")
    house.tick()
    assert receiver.wait()["message"].startswith("有数值等待您决定的工作负载（2）\n- shop: cart, web（×2）\n\n")


def test_what_was_before_the_channel_is_not_told(house: House, receiver: Receiver) -> None:
    house.admit(at=house.clock() - timedelta(hours=1))
    house.channel(receiver)
    house.tick()
    assert house.messages() == []


def test_two_pods_send_a_message_once(house: House, receiver: Receiver, served: Connection, cluster: str) -> None:
    house.channel(receiver, "door_overrode")
    house.admit()
    house.clock.advance(seconds=30)
    pods = [house, *(House(served, cluster, house.clock) for _ in range(3))]
    threads = [threading.Thread(target=pod.notifications.tick) for pod in pods]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receiver.wait()
    assert house.wait_until_told(1)[0]["ok"] is True
    assert len(receiver.bodies) == 1


def test_what_a_channel_did_not_take_is_in_its_next_message(house: House, receiver: Receiver) -> None:
    house.channel(receiver, "door_overrode")
    receiver.status = 500
    house.admit("lost")
    house.tick()
    (told,) = house.wait_until_told(1)
    assert told["ok"] is False
    assert "did not take the message" in told["detail"]
    receiver.status = 200
    house.admit("later")
    house.tick(minutes=10)
    house.wait_until_told(2)
    assert {"shop/lost", "shop/later"} <= {
        line[2:].partition(":")[0] for line in receiver.bodies[-1]["message"].splitlines()
    }


def test_a_channel_that_hangs_keeps_nobody_waiting(house: House, receiver: Receiver) -> None:
    receiver.gate.clear()
    with running_receiver() as lively:
        house.channel(receiver, "door_overrode", name="hangs", min_minutes=1)
        house.channel(lively, "door_overrode", name="lively", min_minutes=1)
        house.admit()
        house.tick()
        lively.wait()
        receiver.wait()
        # Only then the next tick sends it another one.
        house.wait_until_told(1)
        house.admit("web-2")
        house.tick(minutes=3)
        lively.wait()
        assert len(receiver.bodies) == 1, "one message under way is enough"
        receiver.gate.set()


def test_many_channels_that_hang_keep_no_other_waiting(house: House, receiver: Receiver) -> None:
    receiver.gate.clear()
    with running_receiver() as lively:
        for number in range(8):
            house.channel(receiver, "door_overrode", name=f"a hanging one, {number}")
        house.channel(lively, "door_overrode", name="lively")
        house.admit()
        house.tick()
        assert "shop/web" in lively.wait()["message"]
        receiver.gate.set()
        house.wait_until_told(9)


@pytest.mark.parametrize("after_sending", [False, True], ids=["before it was sent", "after it was sent"])
def test_a_message_whose_sender_was_killed_is_sent_again_with_the_same_mark(
    house: House, receiver: Receiver, after_sending: bool
) -> None:
    """Killed with SIGKILL between the claim of a message and its result."""
    channel = house.channel(receiver, "door_overrode", min_minutes=600)
    house.admit("first")
    house.clock.advance(seconds=30)
    killed = house.killed_sender(after_sending=after_sending)
    assert killed == -signal.SIGKILL
    assert [row["ok"] for row in house.messages()] == [None]
    house.admit("later")
    house.tick(seconds=30)
    assert len(house.messages()) == 1, "another pod may still be sending it"
    house.tick(seconds=RESULT_AFTER.total_seconds())
    house.wait_until_told(1)
    marks = {body["message"].rpartition("\n")[2] for body in receiver.bodies}
    assert (len(receiver.bodies), len(marks)) == (2 if after_sending else 1, 1)
    assert "shop/first" in receiver.bodies[-1]["message"]
    assert "shop/later" not in receiver.bodies[-1]["message"], "the same message"
    house.notifications.change(channel.channel, {"min_minutes": 1}, ALICE)
    house.tick(minutes=30)
    house.wait_until_told(2)
    assert "shop/later" in receiver.bodies[-1]["message"]
    assert "shop/first" not in receiver.bodies[-1]["message"]


def test_a_message_that_tells_nothing_any_more_is_settled(house: House, receiver: Receiver) -> None:
    channel = house.channel(receiver, "door_overrode", min_minutes=1)
    since, until = house.clock.now, house.clock.now + timedelta(seconds=10)
    lost = SentMessage(channel.channel, "door", 1, uuid.uuid4(), since, until, 1, "lost", until)
    assert house.store.claim(lost)
    house.tick(minutes=5)
    assert [(row["ok"], row["detail"]) for row in house.messages()] == [(False, "nobody knows whether it arrived")]
    house.admit("later")
    house.tick(minutes=5)
    assert "shop/later" in receiver.wait()["message"]


def test_a_keyword_is_in_every_message(house: House, receiver: Receiver) -> None:
    """As robots of DingTalk may ask for."""
    channel = house.channel(receiver, "door_overrode", keyword=" 告警 ")
    assert channel.keyword == "告警"
    house.notifications.test(channel.channel)
    assert receiver.wait()["title"].startswith("告警 KubeDoor ")
    house.admit()
    house.tick()
    assert receiver.wait()["title"].startswith("告警 KubeDoor ")
    with pytest.raises(InvalidInput, match="at most 50"):
        house.notifications.change(channel.channel, {"keyword": "x" * 51}, ALICE)


def test_the_test_button_says_whether_it_works(house: House, receiver: Receiver) -> None:
    channel = house.channel(receiver).channel
    house.notifications.test(channel)
    assert receiver.wait()["title"] == f"KubeDoor {house.cluster}: a test, nothing has happened"
    receiver.status = 403
    with pytest.raises(NotDelivered, match="JSON did not take the message"):
        house.notifications.test(channel)
    with pytest.raises(NotFound):
        house.notifications.test("nobody")


def test_an_address_is_never_shown_or_logged(
    house: House, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = house.channel(receiver)
    house.notifications.change(channel.channel, {"name": "night shift"}, ALICE)
    receiver.status = 500
    house.clock.advance(seconds=5)
    house.admit()
    house.tick()
    (told,) = house.wait_until_told(1)
    audit = house.connection.rows("SELECT * FROM audit WHERE action LIKE 'channel.%'")
    for seen in (caplog.text.replace('"POST /hook/s3cret HTTP', ""), str(told), str(audit), repr(channel)):
        assert "s3cret" not in seen
    assert house.store.one(channel.channel) is not None
    house.notifications.delete(channel.channel, ALICE)
    newest = house.connection.rows("SELECT url FROM channels WHERE deleted AND cluster = {c:String}", c=house.cluster)
    assert newest == [{"url": ""}]


def test_an_address_changes_only_when_a_new_one_is_given(house: House, receiver: Receiver) -> None:
    channel = house.channel(receiver)
    changed = house.notifications.change(channel.channel, {"min_minutes": 30, "enabled": False}, ALICE)
    assert (changed.url, changed.min_minutes, changed.enabled) == (receiver.url, 30, False)
    house.admit()
    house.tick()
    assert house.messages() == []


def test_of_two_changes_of_one_version_the_second_is_told(house: House, receiver: Receiver) -> None:
    channel = house.channel(receiver)
    house.notifications.change(channel.channel, {"min_minutes": 30}, ALICE, based_on=channel.version)
    with pytest.raises(Conflict, match="somebody else") as refused:
        house.notifications.change(channel.channel, {"min_minutes": 40}, ALICE, based_on=channel.version)
    assert refused.value.details == {"version": channel.version + 1}
    assert house.notifications.change(channel.channel, {"min_minutes": 50}, ALICE).min_minutes == 50


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"url": "somewhere"}, "url"),
    "an unknown service": ({"url": "carrierpigeon://s3cret"}, "url"),
    "this machine's log": ({"url": "syslog://"}, "url"),
    "an unknown event": ({"events": ["lunch"]}, "events"),
    "no events": ({"events": []}, "events"),
    "an unknown language": ({"language": "tlh"}, "language"),
    "no pause": ({"min_minutes": 0}, "min_minutes"),
    "no name": ({"name": " "}, "name"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD.keys())
def test_a_channel_that_cannot_be_names_its_field(
    house: House, receiver: Receiver, fields: dict[str, Any], field: str
) -> None:
    body = {"name": "ops", "url": receiver.url, "events": list(ALL), "min_minutes": 10, **fields}
    with pytest.raises(InvalidInput) as refused:
        house.notifications.create(body, ALICE)
    assert refused.value.details["field"] == field
    assert "s3cret" not in refused.value.message
    assert house.notifications.all() == []
