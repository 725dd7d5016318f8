"""The door in one process, on the embedded store: what it knows, remembers and survives."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission import rules as admission
from kubedoor.admission.handler import RETRY_STORE_SECONDS, Door, DoorOptions
from kubedoor.admission.journal import MAX_PENDING_RECORDS
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import HPA_USER, Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import BadRequest, StoreError
from kubedoor.model.values import (
    CollectedContainer,
    CollectedValues,
    ControlValues,
    ManualValues,
    Resources,
    WorkloadKey,
)
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore, Revision
from kubedoor.store.records import RecordStore
from tests.support.builders import DAY, make_deployment, make_request, make_review, make_scale

OWN_USER = "system:serviceaccount:kubedoor:kubedoor-api"
WAIT_SECONDS = 5.0


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Breakable(ControlStore):
    """The real store, which a test can take away."""

    is_away = False
    queries = 0

    def revision(self) -> Revision:
        self.queries += 1
        if self.is_away:
            raise StoreError("away")
        return super().revision()

    def control_rows_of(self, key: WorkloadKey) -> list[dict[str, Any]]:
        if self.is_away:
            raise StoreError("away")
        return super().control_rows_of(key)

    def learn(self, facts: Any, *, seen_by: str) -> None:
        if self.is_away:
            raise StoreError("away")
        super().learn(facts, seen_by=seen_by)


class House:
    """A door, its store and its clock."""

    def __init__(self, connection: Connection, cluster: str, folder: Path, rules: Rules | None = None) -> None:
        self.connection = connection
        self.clock = Clock()
        self.key = WorkloadKey(cluster, "shop", "web")
        self.control = Breakable(connection, cluster)
        self.records = RecordStore(connection, cluster)
        self.path = folder / "snapshot.json"
        self.snapshot = self.make_snapshot()
        self.door = self.make_door(self.snapshot, rules)

    def make_snapshot(self) -> Snapshot:
        return Snapshot(
            self.control,
            cluster=self.key.cluster,
            path=self.path,
            monotonic=self.clock,
            now=lambda: datetime.now(UTC),
        )

    def make_door(self, snapshot: Snapshot, rules: Rules | None = None) -> Door:
        return Door(
            snapshot=snapshot,
            control=self.control,
            records=self.records,
            rules=rules or Rules(),
            options=DoorOptions(self.key.cluster, OWN_USER, max_age_seconds=1.0, wait_seconds=WAIT_SECONDS),
            now=lambda: datetime.now(UTC),
            monotonic=self.clock,
        )

    def set_replicas(self, replicas: int, name: str = "web") -> None:
        key = WorkloadKey(self.key.cluster, "shop", name)
        self.control.edit(key, ManualValues(replicas=replicas), based_on=self.control.manual(key).version, who="t")

    def admit(self, *requests: AdmissionRequest) -> list[dict[str, Any]]:
        async def all_of_them() -> list[dict[str, Any]]:
            return [(await self.door.admit(make_review(request)))["response"] for request in requests]

        return asyncio.run(all_of_them())

    def scale(self, replicas: int, **fields: Any) -> dict[str, Any]:
        return self.admit(make_request(make_scale(replicas), make_scale(1), **fields))[0]

    def rows(self) -> list[dict[str, Any]]:
        self.door.log.flush()
        return self.records.admissions(limit=100)


@pytest.fixture
def house(embedded: Connection, cluster: str, tmp_path: Path) -> House:
    return House(embedded, cluster, tmp_path)


def metric(house: House, name: str, **labels: str) -> float:
    return house.door.metrics.registry.get_sample_value(name, labels) or 0.0


def test_an_admission_is_answered_counted_and_recorded(house: House) -> None:
    house.set_replicas(3)
    response = house.scale(10)
    assert response["warnings"] == ["KubeDoor: replicas 10 -> 3 (set in KubeDoor)"]
    assert metric(house, "kubedoor_admissions_total", outcome="patched", dry_run="false") == 1
    assert metric(house, "kubedoor_admission_seconds_count") == 1
    (row,) = house.rows()
    assert (row["outcome"], row["before"], row["after"], row["version"]) == (
        "patched",
        {"replicas": "10"},
        {"replicas": "3"},
        1,
    )
    assert not house.door.log.has_work()


def test_a_dry_run_gets_the_same_patch_and_leaves_no_trace(house: House) -> None:
    house.set_replicas(3)
    wet, dry = house.scale(10), house.scale(10, dry_run=True)
    assert wet == dry
    assert len(house.rows()) == 1
    house.admit(make_request(make_deployment(labels={admission.CONTROL_LABEL: "off"}), dry_run=True))
    assert house.control.known_facts() == []


def test_what_is_not_due_asks_nobody_and_leaves_no_row(house: House) -> None:
    label_edit = make_request(make_deployment(labels={"a": "b"}), make_deployment())
    pod = make_request(make_deployment())
    house.admit(replace(pod, resource="pods"))
    assert house.control.queries == 0
    house.admit(label_edit, label_edit)
    assert house.control.queries == 1, "labels are compared with what is known, once in a while"
    assert house.rows() == []


def test_a_fresh_snapshot_is_not_asked_for_again(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    asked = house.control.queries
    house.scale(10)
    assert house.control.queries == asked
    house.clock.ahead += 1.5
    house.scale(10)
    assert house.control.queries == asked + 1


def test_an_edit_counts_within_the_greatest_age(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.set_replicas(5)
    house.clock.ahead += 1.5
    assert "10 -> 5" in house.scale(10)["warnings"][0]


def test_kubedoors_own_scale_reads_through_at_once(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.set_replicas(5)
    assert "10 -> 5" in house.scale(10, username=OWN_USER)["warnings"][0]


def test_a_workload_added_a_moment_ago_is_read_through(house: House) -> None:
    house.set_replicas(3, "other")
    house.scale(10)
    house.set_replicas(4)
    assert "10 -> 4" in house.scale(10)["warnings"][0]


def test_while_the_store_is_away_the_last_snapshot_serves_and_says_its_age(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.control.is_away = True
    house.clock.ahead += 30
    response = house.scale(10)
    assert response["patch"]
    assert response["warnings"][-1].startswith("KubeDoor: the store is slow or away, decided from values 30 s old")
    asked = house.control.queries
    house.scale(10)
    assert house.control.queries == asked, "a store that failed a moment ago is left in peace"
    house.control.is_away = False
    house.clock.ahead += RETRY_STORE_SECONDS + 0.1
    assert len(house.scale(10)["warnings"]) == 1


def test_a_workload_nothing_is_remembered_of_is_not_taken_for_unknown(house: House) -> None:
    house.set_replicas(3, "other")
    house.scale(10)
    house.control.is_away = True
    response = house.scale(10)
    assert response["allowed"] is True
    assert response["warnings"] == ["KubeDoor: the store is slow or away, nothing was set"]
    assert metric(house, "kubedoor_door_failures_total", part="store") >= 1


def test_kubedoors_own_scale_falls_back_on_what_is_remembered(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.control.is_away = True
    assert "10 -> 3" in house.scale(10, username=OWN_USER)["warnings"][0]


def test_without_any_snapshot_nothing_is_set_and_the_release_goes_on(house: House) -> None:
    house.control.is_away = True
    assert house.scale(10)["allowed"] is True
    assert asyncio.run(house.door.warm_up()) is False


def test_a_setting_denies_when_the_door_fails(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    house = House(embedded, cluster, tmp_path, Rules(deny_on_error=True))
    house.control.is_away = True
    response = house.scale(10)
    assert response["allowed"] is False
    assert "KUBEDOOR_ON_INTERNAL_ERROR" in response["status"]["message"]


def test_an_object_that_breaks_the_door_is_let_through(house: House) -> None:
    house.set_replicas(3)
    broken = make_deployment(containers=[{"name": "app", "resources": {"requests": {"cpu": "a lot"}}}])
    response = house.admit(make_request({**broken, "spec": {**broken["spec"], "replicas": "many"}}))[0]
    assert response["allowed"] is True
    assert response["warnings"] == ["KubeDoor: internal error, nothing was set"]
    assert metric(house, "kubedoor_door_failures_total", part="decision") == 1


def test_a_failure_is_recorded_once_the_store_is_back(house: House) -> None:
    house.control.is_away = True
    house.scale(10)
    house.scale(10, dry_run=True)
    house.control.is_away = False
    (row,) = house.rows()
    assert (row["outcome"], row["reason"], row["after"]) == (
        "failed",
        "KubeDoor: the store is slow or away, nothing was set",
        {},
    )


def test_a_failure_that_cannot_be_noted_is_answered_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("cannot be noted")

    house.set_replicas(3)
    monkeypatch.setattr(house.door.log, "remember", broken)
    response = house.scale(10)
    assert (response["allowed"], response["warnings"]) == (True, ["KubeDoor: internal error, nothing was set"])
    assert house.rows() == []


def test_what_is_no_review_is_refused(house: House) -> None:
    with pytest.raises(BadRequest):
        asyncio.run(house.door.admit({"kind": "Pod"}))


def in_store(house: House) -> ControlValues:
    return house.make_snapshot().read_through(house.key)


def test_labels_owners_and_hpas_are_remembered_for_the_scale(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    off = make_deployment(labels={admission.CONTROL_LABEL: "off"})
    house.admit(make_request(off, make_deployment()))
    assert "patch" not in house.scale(10), "at once, before the store has it"
    house.rows()
    assert in_store(house).opted_out, "and for the other doors, by way of the store"
    house.admit(make_request(make_deployment(), off))
    assert house.scale(10)["patch"]
    house.scale(7, username=HPA_USER)
    assert "patch" not in house.scale(10)
    owned = make_deployment(owner="rev")
    house.admit(make_request(owned, make_deployment()))
    house.rows()
    assert in_store(house).owned


@pytest.mark.parametrize("on_error", ["deny", "allow"])
def test_what_the_request_itself_settles_needs_no_store(
    embedded: Connection, cluster: str, tmp_path: Path, on_error: str
) -> None:
    house = House(embedded, cluster, tmp_path, Rules(deny_on_error=on_error == "deny", deny_unknown=True))
    house.control.is_away = True
    off = make_request(make_deployment(labels={admission.CONTROL_LABEL: "off"}))
    owned = make_request(make_deployment(owner="rev"), make_deployment(replicas=1))
    hpa = make_request(make_scale(7), make_scale(2), username=HPA_USER)
    for request in (hpa, off, owned):
        assert house.admit(request) == [{"uid": request.uid, "allowed": True}]
    house.control.is_away = False
    assert sorted(row["outcome"] for row in house.rows()) == ["ignored", "ignored", "unchanged"]
    known = in_store(house)
    assert (known.opted_out, known.owned, known.hpa) == (False, True, True), "and what they showed is kept"


def test_a_label_is_learnt_once_and_forgotten_when_it_goes(house: House) -> None:
    off = make_deployment(labels={admission.CONTROL_LABEL: "off"})
    house.admit(make_request(off), make_request({**off, "spec": make_deployment(replicas=9)["spec"]}, off))
    house.rows()
    (fact,) = house.control.known_facts()
    assert fact["opted_out"]
    house.admit(make_request(off, make_deployment()))
    house.rows()
    assert house.control.known_facts() == [fact], "nothing new"
    house.admit(make_request(make_deployment(), off))
    house.rows()
    assert not in_store(house).opted_out


def test_a_name_that_is_still_to_be_made_teaches_nothing(house: House) -> None:
    review = make_review(make_request(make_deployment(labels={admission.CONTROL_LABEL: "off"})))
    del review["request"]["name"], review["request"]["object"]["metadata"]["name"]
    review["request"]["object"]["metadata"]["generateName"] = "web-"
    asyncio.run(house.door.admit(review))
    (row,) = house.rows()
    assert (row["deployment"], row["outcome"]) == ("web-*", "ignored")
    assert house.control.known_facts() == []


OFF = make_deployment(labels={admission.CONTROL_LABEL: "off"})


@pytest.mark.parametrize(
    "shown",
    [make_request(OFF, make_deployment()), make_request(make_scale(8), make_scale(2), username=HPA_USER)],
    ids=["opted out", "HPA"],
)
def test_what_was_learnt_while_the_store_was_away_is_not_lost_when_it_is_back(
    house: House, shown: AdmissionRequest
) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.rows()
    house.control.is_away = True
    house.clock.ahead += 2
    house.admit(shown)
    house.door.log.flush()
    house.clock.ahead += 60
    house.control.is_away = False
    assert "patch" not in house.scale(10), "the store does not have it yet"
    house.rows()
    house.clock.ahead += 60
    assert "patch" not in house.scale(10), "and now it has"
    house.control.learn([(house.key, fact, False) for fact in ("opted_out", "hpa")], seen_by="another door")
    house.clock.ahead += 2
    assert house.scale(10)["patch"], "so that it has the last word again"


def test_facts_that_can_never_be_stored_are_not_believed_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("never")

    house.set_replicas(3)
    monkeypatch.setattr(house.control, "learn", refuse)
    house.admit(make_request(OFF, make_deployment()))
    house.door.log.flush()
    assert "patch" not in house.scale(10)
    house.clock.ahead += 60
    assert house.scale(10)["patch"]


def test_an_admission_that_fails_is_learnt_from_all_the_same(house: House) -> None:
    house.set_replicas(3, "other")
    house.admit(make_request(make_scale(3, name="other"), make_scale(1, name="other")))
    house.control.is_away = True
    house.clock.ahead += 5
    house.admit(make_request(OFF, make_deployment()))
    released = make_deployment(annotations={"version": "2"})
    assert house.admit(make_request(released, OFF))[0]["warnings"] == [
        "KubeDoor: the store is slow or away, nothing was set"
    ]
    assert not house.snapshot.values_of(house.key).opted_out
    house.control.is_away = False
    house.rows()
    assert not in_store(house).opted_out


def test_an_hpa_that_asks_is_a_fact_whatever_a_collection_says_but_only_once(house: House) -> None:
    container = CollectedContainer("app", Resources(100, 2**27))
    collected = CollectedValues("shop", "web", 3, DAY, DAY, (container,), days=3, hpa=True)
    house.control.replace_collected([collected], run=1, rule="peak-day")
    for replicas in (7, 8):
        house.scale(replicas, username=HPA_USER)
        house.rows()
        house.clock.ahead += 60
    house.control.replace_collected([replace(collected, hpa=False)], run=2, rule="peak-day")
    assert "patch" not in house.scale(9)
    facts = house.connection.rows(
        "SELECT count() AS written FROM workload_facts WHERE cluster = {cluster:String}", cluster=house.key.cluster
    )
    assert facts == [{"written": 1}]


def test_what_was_read_through_is_not_forgotten(house: House) -> None:
    house.set_replicas(10)
    house.scale(2)
    house.set_replicas(3)
    assert "2 -> 3" in house.scale(2, username=OWN_USER)["warnings"][0]
    assert "2 -> 3" in house.scale(2)["warnings"][0], "by the next admission, whoever asks"
    house.control.is_away = True
    house.clock.ahead += 60
    assert "2 -> 3" in house.scale(2)["warnings"][0], "and while the store is away"
    house.control.is_away = False
    house.set_replicas(5)
    house.clock.ahead += 60
    assert "2 -> 5" in house.scale(2)["warnings"][0], "until the store has something newer"


def test_reading_through_does_not_undo_what_an_admission_has_just_shown(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.admit(make_request(OFF, make_deployment()))
    assert "patch" not in house.scale(10, username=OWN_USER), "the store does not have it yet"


def test_of_a_refresh_and_a_reading_side_by_side_the_one_asked_later_counts(house: House) -> None:
    house.set_replicas(10)
    real = house.control.control_rows

    def overtaken() -> list[dict[str, Any]]:
        rows = real()
        house.set_replicas(3)
        house.snapshot.read_through(house.key)
        return rows

    house.control.control_rows = overtaken  # type: ignore[method-assign]
    house.snapshot.refresh()
    assert (value := house.snapshot.values_of(house.key).replicas)
    assert value.amount == 3
    read = house.control.control_rows_of
    house.control.control_rows = real  # type: ignore[method-assign]

    def late(key: WorkloadKey) -> list[dict[str, Any]]:
        rows = read(key)
        house.set_replicas(4)
        house.snapshot.refresh()
        return rows

    house.control.control_rows_of = late  # type: ignore[method-assign]
    house.snapshot.read_through(house.key)
    assert (value := house.snapshot.values_of(house.key).replicas)
    assert value.amount == 4


def keep_fresh(house: House, until: Callable[[], bool], seconds: float = 10) -> bool:
    """Have the door keep itself fresh, and nobody ask it, until something is so."""

    async def idle() -> bool:
        house.door.keep_fresh()
        keeping = house.door._keeping
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            house.door.keep_fresh()
        assert house.door._keeping is keeping, "once or often, it is one task"
        return until()

    return asyncio.run(idle())


def test_a_door_that_nobody_asks_keeps_its_snapshot_fresh(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.admission.handler.KEEP_FRESH_SECONDS", 0.01)
    house.set_replicas(10)
    house.scale(2)
    house.set_replicas(3)
    house.clock.ahead += 8 * 3600

    def holds_3() -> bool:
        value = house.snapshot.values_of(house.key).replicas
        return value is not None and value.amount == 3 and house.path.exists() and "3" in house.path.read_text()

    assert keep_fresh(house, holds_3)
    house.control.is_away = True
    house.clock.ahead += 60
    assert "2 -> 3" in house.scale(2)["warnings"][0]


def test_what_waits_for_the_store_is_written_without_another_admission(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubedoor.admission.handler.KEEP_FRESH_SECONDS", 0.01)
    house.set_replicas(3)
    house.scale(10)
    house.control.is_away = True
    house.clock.ahead += 60
    failures = metric(house, "kubedoor_door_failures_total", part="store")
    assert not keep_fresh(house, lambda: not house.door.log.has_work(), seconds=0.2)
    assert metric(house, "kubedoor_door_failures_total", part="store") == failures, "nobody was answered wrongly"
    house.control.is_away = False
    house.clock.ahead += 60
    assert keep_fresh(house, lambda: not house.door.log.has_work())
    assert len(house.records.admissions(limit=10)) == 1


def test_a_refresh_under_way_neither_blocks_the_loop_nor_forgets_what_is_shown_meanwhile(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    entered, go_on = threading.Event(), threading.Event()
    real = house.control.control_rows

    def slow() -> list[dict[str, Any]]:
        rows = real()
        entered.set()
        go_on.wait(10)
        return rows

    house.control.control_rows = slow  # type: ignore[method-assign]
    house.set_replicas(4)
    refreshing = threading.Thread(target=house.snapshot.refresh)
    refreshing.start()
    entered.wait(10)
    house.snapshot.note(house.key, {"opted_out": True})
    go_on.set()
    refreshing.join()
    assert house.snapshot.values_of(house.key).opted_out


def test_a_refresh_that_hangs_is_waited_for_only_so_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.set_replicas(3)
    house.scale(10)
    house.clock.ahead += 5
    real = house.control.revision

    def slow() -> Revision:
        time.sleep(0.5)
        return real()

    monkeypatch.setattr(house.control, "revision", slow)
    house.door = house.make_door(house.snapshot)
    object.__setattr__(house.door._options, "wait_seconds", 0.05)
    response = house.scale(10)
    assert response["patch"]
    assert "the store is slow or away" in response["warnings"][-1]


def test_a_store_that_hangs_costs_one_wait_and_not_one_an_admission(house: House) -> None:
    house.set_replicas(3)
    house.scale(10)
    let_go = threading.Event()
    real = house.control.revision

    def hanging() -> Revision:
        let_go.wait(10)
        return real()

    house.control.revision = hanging  # type: ignore[method-assign]
    object.__setattr__(house.door._options, "wait_seconds", 0.2)

    async def four() -> list[float]:
        seconds = []
        for _ in range(4):
            house.clock.ahead += RETRY_STORE_SECONDS + 1
            started = time.perf_counter()
            await house.door.admit(make_review(make_request(make_scale(10), make_scale(1))))
            seconds.append(time.perf_counter() - started)
        let_go.set()
        return seconds

    first, *rest = asyncio.run(four())
    assert first > 0.15
    assert max(rest) < first / 2


def test_values_read_for_this_very_request_are_never_called_old(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.set_replicas(3)
    read = house.snapshot.refresh

    def slowly() -> None:
        read()
        house.clock.ahead += 2

    house.clock.ahead += 30
    monkeypatch.setattr(house.snapshot, "refresh", slowly)
    assert house.scale(10)["warnings"] == ["KubeDoor: replicas 10 -> 3 (set in KubeDoor)"]


def test_two_doors_end_up_with_what_was_seen_last(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    one, two = House(embedded, cluster, tmp_path / "one"), House(embedded, cluster, tmp_path / "two")
    one.set_replicas(3)
    plain, off = make_deployment(), make_deployment(labels={admission.CONTROL_LABEL: "off"})
    for house, now, before in ((one, off, plain), (two, plain, off), (one, off, plain)):
        for every in (one, two):
            every.clock.ahead += 30
        house.admit(make_request(now, before))
        house.rows()
    for house in (one, two):
        house.clock.ahead += 30
        assert "patch" not in house.scale(10)
    one.admit(make_request(plain, off))
    one.rows()
    for house in (one, two):
        house.clock.ahead += 30
        assert house.scale(10)["patch"]


def test_what_a_database_cannot_store_is_refused_and_breaks_nothing(house: House) -> None:
    review = make_review(make_request(make_scale(10), make_scale(1), username="\ud800"))
    generated = make_review(make_request(make_deployment()))
    generated["request"]["object"]["metadata"]["generateName"] = "\ud800"
    for unspeakable in (review, generated):
        with pytest.raises(BadRequest, match="not Unicode"):
            asyncio.run(house.door.admit(unspeakable))


def test_rows_that_can_never_be_written_are_dropped_and_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.set_replicas(3)
    house.scale(10)

    def refuse(_rows: Any) -> None:
        raise ValueError("never")

    monkeypatch.setattr(house.records, "add_admissions", refuse)
    house.door.log.flush()
    assert metric(house, "kubedoor_admission_records_dropped_total") == 1
    assert not house.door.log.has_work()


def test_records_wait_for_the_store_and_the_oldest_are_dropped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.set_replicas(3)
    house.scale(10)
    monkeypatch.setattr("kubedoor.admission.journal.MAX_PENDING_RECORDS", 2)
    house.control.is_away = True
    for _ in range(3):
        house.scale(10)
    house.door.log.flush()
    assert house.door.log.has_work()
    assert metric(house, "kubedoor_admission_records_dropped_total") == 2
    assert metric(house, "kubedoor_door_failures_total", part="records") == 1
    house.control.is_away = False
    assert len(house.rows()) == 2
    assert MAX_PENDING_RECORDS == 10_000


def test_a_snapshot_file_that_cannot_be_written_loses_no_record(house: House) -> None:
    house.path.parent.joinpath("blocked").write_text("")
    house.snapshot._path = house.path.parent / "blocked" / "snapshot.json"
    house.set_replicas(3)
    house.scale(10)
    assert len(house.rows()) == 1
    assert metric(house, "kubedoor_door_failures_total", part="snapshot_file") == 1
    house.snapshot._path = house.path
    house.clock.ahead += 31
    house.door.log.flush()
    assert house.path.exists(), "it is tried again"


def saved(house: House) -> None:
    house.set_replicas(3)
    house.control.learn([(WorkloadKey(house.key.cluster, "shop", "stranger"), "owned", True)], seen_by="t")
    house.scale(10)
    house.door.log.flush()


def test_a_restarted_door_starts_from_the_file(house: House) -> None:
    saved(house)
    house.control.is_away = True
    house.snapshot = house.make_snapshot()
    house.door = house.make_door(house.snapshot)
    response = house.scale(10)
    assert response["patch"]
    assert "the store is slow or away" in response["warnings"][-1] or house.snapshot.age_seconds <= 1
    assert house.snapshot.values_of(WorkloadKey(house.key.cluster, "shop", "stranger")).owned


def spoil(change: Callable[[dict[str, Any]], Any]) -> Callable[[str], str]:
    def spoiled(text: str) -> str:
        content = json.loads(text)
        change(content)
        return json.dumps(content)

    return spoiled


@pytest.mark.parametrize(
    "change",
    [
        lambda _text: "{",
        lambda _text: "[]",
        spoil(lambda content: content.pop("rows")),
        spoil(lambda content: content.update(format=99)),
        spoil(lambda content: content.update(cluster="another")),
        spoil(lambda content: content["rows"][0].pop("mode")),
    ],
    ids=["truncated", "no object", "no rows", "another format", "another cluster", "a column missing"],
)
def test_a_foreign_or_broken_file_is_as_good_as_none(house: House, change: Callable[[str], str]) -> None:
    saved(house)
    house.path.write_text(change(house.path.read_text()))
    house.control.is_away = True
    house.snapshot = house.make_snapshot()
    house.door = house.make_door(house.snapshot)
    assert house.scale(10)["warnings"] == ["KubeDoor: the store is slow or away, nothing was set"]


def test_a_table_that_is_being_replaced_is_not_taken_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(house)
    monkeypatch.setattr(house.control, "collected_row_count", lambda: 5)
    house.set_replicas(8)
    house.clock.ahead += 2
    assert "10 -> 3" in house.scale(10)["warnings"][0]


def test_rows_that_are_only_set_by_hand_do_not_stand_in_for_collected_ones(house: House) -> None:
    container = CollectedContainer("app", Resources(100, 2**27))
    values = CollectedValues("shop", "web", 3, DAY, DAY, (container,), days=3)
    house.control.replace_collected([values], run=1, rule="peak-day")
    house.control.edit(house.key, ManualValues(containers={"old": Resources(1)}), based_on=0, who="t")
    house.snapshot.refresh()
    before = house.snapshot.values_of(house.key)
    # A replica that has the line of a run and not yet its rows.
    marker = {"cluster": house.key.cluster, "run": 2, "sizing_rule": "peak-day", "row_count": 1}
    house.connection.insert("collected_runs", [marker])
    with pytest.raises(StoreError, match="fewer rows than its writer said"):
        house.snapshot.refresh()
    assert house.snapshot.values_of(house.key) == before


def test_the_snapshot_knows_what_it_holds(house: House) -> None:
    assert house.snapshot.age_seconds == float("inf")
    assert house.snapshot.workload_count == 0
    saved(house)
    assert house.snapshot.workload_count == 1
    assert metric(house, "kubedoor_snapshot_workloads") == 1
    house.snapshot.save()
    assert not house.snapshot.is_changed
