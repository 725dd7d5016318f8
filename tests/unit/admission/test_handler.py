"""The admission handler in one process, on the embedded store: refreshes, facts, records and failures."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from kubedoor.admission.arrived import TRACE
from kubedoor.admission.due import replicas_of
from kubedoor.admission.freshness import RETRY_STORE_SECONDS
from kubedoor.admission.handler import AdmissionHandler, Later, at_once
from kubedoor.admission.options import HandlerOptions, options_of
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import CONTROL_LABEL, HPA_USER, Rules
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.config import settings
from kubedoor.errors import BadRequest, StoreError
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.facts import Observation, ObservationKind
from kubedoor.model.values import ControlValues, ManualValues, Resources, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.control_table import Revision
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.records import RecordStore
from tests.support.builders import (
    DAY,
    at_version,
    make_deployment,
    make_observation,
    make_request,
    make_review,
    make_scale,
)

OWN_USER = "system:serviceaccount:kubedoor:kubedoor-api"
WAIT_SECONDS = 5.0


class Clock:
    """A monotonic clock that a test advances, and each look at it by a microsecond, however slow the machine is."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._looks = 0

    def __call__(self) -> float:
        self._looks += 1
        return 1e6 + self.ahead + self._looks / 1e6


class FailingStore(ControlStore):
    """The real store; it fails while `is_away`."""

    is_away = False
    queries = 0

    def revision(self) -> Revision:
        self.queries += 1
        if self.is_away:
            raise StoreError("away")
        return super().revision()

    def values_of_each(self, keys: Collection[WorkloadKey]) -> dict[WorkloadKey, ControlValues]:
        if self.is_away:
            raise StoreError("away")
        return super().values_of_each(keys)

    def record_facts(self, observations: Iterable[Observation], *, seen_by: str) -> None:
        if self.is_away:
            raise StoreError("away")
        super().record_facts(observations, seen_by=seen_by)


class Harness:
    """A handler with its store and its clock, and the resource version of its Deployment."""

    version = 10

    def __init__(self, connection: Connection, cluster: str, folder: Path, rules: Rules | None = None) -> None:
        self.connection = connection
        self.clock = Clock()
        self.key = WorkloadKey(cluster, "shop", "web")
        self.control = FailingStore(connection, cluster)
        self.records = RecordStore(connection, cluster)
        self.deployments = DeploymentStore(connection, cluster)
        self.path = folder / "snapshot.json"
        self.handlers: list[AdmissionHandler] = []
        self.snapshot = self.make_snapshot()
        self.handler = self.make_handler(self.snapshot, rules)

    def make_snapshot(self) -> Snapshot:
        return Snapshot(
            self.control,
            cluster=self.key.cluster,
            path=self.path,
            monotonic=self.clock,
            now=lambda: datetime.now(UTC),
        )

    def make_handler(
        self,
        snapshot: Snapshot,
        rules: Rules | None = None,
        *,
        reads_traces: bool = True,
        later: Later = at_once,
        wait_seconds: float = WAIT_SECONDS,
    ) -> AdmissionHandler:
        made = AdmissionHandler(
            snapshot=snapshot,
            control=self.control,
            records=self.records,
            deployments=self.deployments,
            rules=rules or Rules(),
            options=HandlerOptions(self.key.cluster, OWN_USER, 1.0, wait_seconds, reads_traces),
            now=lambda: datetime.now(UTC),
            monotonic=self.clock,
            later=later,
        )
        self.handlers.append(made)
        return made

    def set_replicas(self, replicas: int, name: str = "web") -> None:
        key = WorkloadKey(self.key.cluster, "shop", name)
        self.control.edit(key, ManualValues(replicas=replicas), based_on=self.control.manual(key).version, who="t")

    def admit(self, *requests: AdmissionRequest) -> list[dict[str, Any]]:
        async def all_of_them() -> list[dict[str, Any]]:
            return [(await self.handler.admit(make_review(request)))["response"] for request in requests]

        return asyncio.run(all_of_them())

    def scale(self, replicas: int, **fields: Any) -> dict[str, Any]:
        return self.change(make_scale(replicas), make_scale(1), **fields)

    def change(
        self, changed: dict[str, Any], old: dict[str, Any], *, is_refused: bool = False, **fields: Any
    ) -> dict[str, Any]:
        """An update of what is stored, or its scale; validation comes after the door, and may refuse it."""
        sent, stored = (at_version(one, self.version) for one in (changed, old))
        answer = self.admit(make_request(sent, stored, **fields))[0]
        self.version += not is_refused
        return answer

    def is_scaled_to(self, replicas: int, sent: int) -> bool:
        """Whether a person who sends `sent` gets `replicas`."""
        patch = json.loads(base64.b64decode(self.scale(sent).get("patch", "") or "W10="))
        return replicas_of(jsonpatch.apply_patch(make_scale(sent), patch)) == replicas

    def rows(self) -> list[dict[str, Any]]:
        self.handler.journal.flush()
        return self.records.admissions(limit=100)


@pytest.fixture
def harness(embedded: Connection, cluster: str, tmp_path: Path) -> Iterator[Harness]:
    made = Harness(embedded, cluster, tmp_path)
    yield made
    made.control.is_away = False
    for handler in made.handlers:
        handler.journal.writer.close()


def metric(harness: Harness, name: str, **labels: str) -> float:
    return harness.handler.metrics.registry.get_sample_value(name, labels) or 0.0


def test_an_admission_is_answered_counted_and_recorded(harness: Harness) -> None:
    harness.set_replicas(3)
    response = harness.scale(10)
    assert response["warnings"] == ["KubeDoor: replicas 10 -> 3 (set in KubeDoor)"]
    assert metric(harness, "kubedoor_admissions_total", outcome="patched", dry_run="false") == 1
    assert metric(harness, "kubedoor_admission_seconds_count") == 1
    (row,) = harness.rows()
    assert (row["outcome"], row["before"], row["after"], row["version"]) == (
        "patched",
        {"replicas": "10"},
        {"replicas": "3"},
        1,
    )
    assert not harness.handler.journal.has_work()


def test_only_what_makes_or_changes_pods_is_recorded_as_a_release(harness: Harness) -> None:
    made, released = make_deployment(replicas=2), make_deployment(replicas=2)
    released["spec"]["template"]["metadata"]["labels"]["version"] = "2"
    harness.admit(make_request(made), make_request(released, made))
    harness.admit(make_request(make_deployment(replicas=5), made), make_request(make_scale(5), make_scale(2)))
    found = sorted((row["operation"], row["subresource"], row["is_release"]) for row in harness.rows())
    assert found == [("CREATE", "", True), ("UPDATE", "", False), ("UPDATE", "", True), ("UPDATE", "scale", False)]


def test_a_dry_run_gets_the_same_patch_and_leaves_no_trace(harness: Harness) -> None:
    harness.set_replicas(3)
    wet, dry = harness.scale(10), harness.scale(10, dry_run=True)
    assert wet == dry
    assert len(harness.rows()) == 1
    harness.admit(make_request(make_deployment(labels={CONTROL_LABEL: "off"}), dry_run=True))
    assert harness.control.known_facts() == []


def test_a_request_that_is_not_due_makes_no_query_and_no_row(harness: Harness) -> None:
    label_edit = make_request(make_deployment(labels={"a": "b"}), make_deployment())
    pod = make_request(make_deployment())
    harness.admit(pod._replace(resource="pods"))
    assert harness.control.queries == 0
    harness.admit(label_edit, label_edit)
    assert harness.control.queries == 1, (
        "labels are compared with the recorded facts, so a stale snapshot is refreshed once"
    )
    assert harness.rows() == []


def test_a_fresh_snapshot_is_not_refreshed(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    queries = harness.control.queries
    harness.scale(10)
    assert harness.control.queries == queries
    harness.clock.ahead += 1.5
    harness.scale(10)
    assert harness.control.queries == queries + 1


def test_an_edit_is_effective_within_the_maximum_age(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.set_replicas(5)
    harness.clock.ahead += 1.5
    assert "10 -> 5" in harness.scale(10)["warnings"][0]


def test_under_load_a_snapshot_is_refreshed_before_anybody_has_to_wait(harness: Harness) -> None:
    harness.set_replicas(3)

    async def admissions() -> list[int]:
        seen = []
        for ahead in (0.0, 0.9, 0.9):
            harness.clock.ahead = ahead
            response = (await harness.handler.admit(make_review(make_request(make_scale(9), make_scale(1)))))[
                "response"
            ]
            seen.append(json.loads(base64.b64decode(response["patch"]))[0]["value"])
            harness.set_replicas(5)
            if harness.handler._freshness.refreshing:
                await harness.handler._freshness.refreshing
        return seen

    assert asyncio.run(admissions()) == [3, 3, 5]


def test_kubedoors_own_scale_reads_through_at_once(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.set_replicas(5)
    assert "10 -> 5" in harness.scale(10, username=OWN_USER)["warnings"][0]


def test_a_workload_added_is_known_as_soon_as_the_snapshot_is_too_old(harness: Harness) -> None:
    harness.set_replicas(3, "other")
    harness.scale(10)
    harness.set_replicas(4)
    queries = harness.control.queries
    assert "is not in the control table" in harness.scale(10)["warnings"][0]
    assert harness.control.queries == queries, "what a fresh snapshot does not have is unknown: no question"
    harness.clock.ahead += 1.1
    assert "10 -> 4" in harness.scale(10)["warnings"][0]


def test_while_the_store_is_away_the_last_snapshot_serves_and_says_its_age(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.control.is_away = True
    harness.clock.ahead += 30
    response = harness.scale(10)
    assert response["patch"]
    assert response["warnings"][-1].startswith("KubeDoor: the store is away, decided from values 3")
    queries = harness.control.queries
    harness.scale(10)
    assert harness.control.queries == queries, "backoff: no query right after a failure"
    harness.control.is_away = False
    harness.clock.ahead += RETRY_STORE_SECONDS + 0.1
    assert len(harness.scale(10)["warnings"]) == 1


def test_a_workload_missing_in_the_snapshot_is_not_taken_for_unknown(harness: Harness) -> None:
    harness.set_replicas(3, "other")
    harness.scale(10)
    harness.control.is_away = True
    harness.clock.ahead += 1.1
    response = harness.scale(10)
    assert response["allowed"] is True
    assert response["warnings"] == ["KubeDoor: the store is away, nothing was set"]
    assert metric(harness, "kubedoor_door_failures_total", part="store") >= 1


def test_kubedoors_own_scale_falls_back_on_the_snapshot(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.control.is_away = True
    assert "10 -> 3" in harness.scale(10, username=OWN_USER)["warnings"][0]


def test_without_any_snapshot_nothing_is_set_and_the_release_goes_on(harness: Harness) -> None:
    harness.control.is_away = True
    assert harness.scale(10)["allowed"] is True
    assert asyncio.run(harness.handler.warm_up()) is False


def test_a_setting_denies_when_the_door_fails(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    harness = Harness(embedded, cluster, tmp_path, Rules(deny_on_error=True))
    harness.control.is_away = True
    response = harness.scale(10)
    assert response["allowed"] is False
    assert "KUBEDOOR_ON_INTERNAL_ERROR" in response["status"]["message"]


def test_an_object_that_the_rules_cannot_read_is_allowed(harness: Harness) -> None:
    harness.set_replicas(3)
    broken = make_deployment(containers=[{"name": "app", "resources": {"requests": {"cpu": "a lot"}}}])
    response = harness.admit(make_request({**broken, "spec": {**broken["spec"], "replicas": "many"}}))[0]
    assert response["allowed"] is True
    assert response["warnings"] == ["KubeDoor: internal error, nothing was set"]
    assert metric(harness, "kubedoor_door_failures_total", part="decision") == 1


@pytest.mark.parametrize("template", [3, {"spec": {"containers": 3}}, {"spec": {"containers": ["app"]}}])
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_an_object_that_is_no_deployment_at_all_is_allowed(harness: Harness, template: Any, operation: str) -> None:
    harness.set_replicas(3)
    broken = {**make_deployment(), "spec": {"replicas": 2, "template": template}}
    old = make_deployment() if operation == "UPDATE" else None
    response = harness.admit(make_request(broken, old))[0]
    assert (response["allowed"], response["warnings"]) == (True, ["KubeDoor: internal error, nothing was set"])


def test_a_failure_is_recorded_once_the_store_is_back(harness: Harness) -> None:
    harness.control.is_away = True
    harness.scale(10)
    harness.scale(10, dry_run=True)
    harness.control.is_away = False
    (row,) = harness.rows()
    assert (row["outcome"], row["reason"], row["after"]) == (
        "failed",
        "KubeDoor: the store is away, nothing was set",
        {},
    )


def test_a_failure_says_that_what_policies_have_set_stands(harness: Harness) -> None:
    harness.control.is_away = True
    scale = make_request(make_scale(3), make_scale(2))
    traced = {**scale.object, "metadata": {**scale.object["metadata"], "annotations": {TRACE: "10 3"}}}
    response = harness.admit(scale._replace(object=traced))[0]
    assert response["warnings"] == ["KubeDoor: the store is away, what native policies have set stands"]
    assert "patch" not in response


def test_a_trace_counts_only_where_policies_are_wanted(harness: Harness) -> None:
    """With the webhook alone it can only be forged: the replicas that arrive are 10, whatever it says."""
    harness.set_replicas(3)
    scale = make_request(make_scale(10), make_scale(2))
    traced = {**scale.object, "metadata": {**scale.object["metadata"], "annotations": {TRACE: "5 10"}}}
    for environ, found in (({"KUBEDOOR_DOOR": "both"}, "5"), ({"KUBEDOOR_DOOR": "webhook"}, "10")):
        reads = options_of(settings.load(environ)).reads_traces
        harness.handler = harness.make_handler(harness.snapshot, reads_traces=reads)
        harness.admit(scale._replace(object=traced))
        assert found in [row["before"]["replicas"] for row in harness.rows()], environ


def test_what_cannot_be_recorded_is_decided_all_the_same(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("cannot be noted")

    harness.set_replicas(3)
    monkeypatch.setattr(harness.handler.journal, "record", broken)
    assert harness.is_scaled_to(3, sent=10)
    assert metric(harness, "kubedoor_door_failures_total", part="records") == 1
    assert harness.rows() == []


def test_a_failure_that_cannot_be_recorded_is_answered(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("cannot be decided, nor noted")

    harness.set_replicas(3)
    monkeypatch.setattr("kubedoor.admission.handler.decide", broken)
    monkeypatch.setattr(harness.handler.journal, "record", broken)
    response = harness.scale(10)
    assert (response["allowed"], response["warnings"]) == (True, ["KubeDoor: internal error, nothing was set"])
    assert harness.rows() == []


def test_an_admission_is_recorded_after_its_answer(harness: Harness) -> None:
    left: list[Callable[[], None]] = []
    harness.handler = harness.make_handler(harness.snapshot, later=left.append)
    harness.set_replicas(3)
    assert harness.is_scaled_to(3, sent=10)
    assert harness.rows() == []
    for call in left:
        call()
    assert [row["outcome"] for row in harness.rows()] == ["patched"]
    assert metric(harness, "kubedoor_admissions_total", outcome="patched", dry_run="false") == 1


def test_a_body_that_is_not_a_review_is_rejected(harness: Harness) -> None:
    with pytest.raises(BadRequest):
        asyncio.run(harness.handler.admit({"kind": "Pod"}))


def in_store(harness: Harness) -> ControlValues:
    return harness.make_snapshot().read_through([harness.key])[harness.key]


def test_labels_owners_and_hpas_are_recorded_for_later_scales(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    off = make_deployment(labels={CONTROL_LABEL: "off"})
    harness.change(off, make_deployment())
    assert "patch" not in harness.scale(10), "effective at once, before the store has the fact"
    harness.change(off, off)
    harness.rows()
    assert in_store(harness).opted_out, "and stored, for other replicas"
    harness.change(make_deployment(), off)
    assert harness.scale(10)["patch"]
    harness.scale(7, username=HPA_USER)
    assert harness.is_scaled_to(1, sent=10), "what runs is kept for the HPA"
    owned = make_deployment(owner="rev")
    harness.change(owned, make_deployment())
    harness.change(owned, owned)
    harness.rows()
    assert in_store(harness).owned


@pytest.mark.parametrize("on_error", ["deny", "allow"])
def test_a_request_that_needs_no_values_needs_no_store(
    embedded: Connection, cluster: str, tmp_path: Path, on_error: str
) -> None:
    harness = Harness(embedded, cluster, tmp_path, Rules(deny_on_error=on_error == "deny", deny_unknown=True))
    harness.control.is_away = True
    off = make_request(make_deployment(labels={CONTROL_LABEL: "off"}))
    owned = make_request(make_deployment(owner="rev"), make_deployment(replicas=1))
    hpa = make_request(make_scale(7), make_scale(2), username=HPA_USER)
    for request in (hpa, off, owned):
        assert harness.admit(request) == [{"uid": request.uid, "allowed": True}]
    harness.control.is_away = False
    assert sorted(row["outcome"] for row in harness.rows()) == ["ignored", "ignored", "unchanged"]
    known = in_store(harness)
    assert (known.opted_out, known.owned, known.hpa) == (False, False, True), "what is shown may be refused"
    (facts,) = harness.control.known_facts()
    assert (facts["shown_opted_out"], facts["shown_owned"]) == (False, True), "but it is recorded"


def test_a_label_is_recorded_once_and_cleared_when_it_is_removed(harness: Harness) -> None:
    off = make_deployment(labels={CONTROL_LABEL: "off"})
    harness.admit(make_request(off))
    harness.change({**off, "spec": make_deployment(replicas=9)["spec"]}, off)
    harness.rows()
    (fact,) = harness.control.known_facts()
    assert fact["opted_out"]
    harness.change(off, {**off, "spec": make_deployment(replicas=9)["spec"]})
    harness.rows()
    assert harness.control.known_facts() == [fact], "the same fact is not recorded again"
    harness.change(make_deployment(), off)
    harness.change(make_deployment(), make_deployment())
    harness.rows()
    assert not in_store(harness).opted_out


def test_a_generated_name_records_no_facts(harness: Harness) -> None:
    review = make_review(make_request(make_deployment(labels={CONTROL_LABEL: "off"})))
    del review["request"]["name"], review["request"]["object"]["metadata"]["name"]
    review["request"]["object"]["metadata"]["generateName"] = "web-"
    asyncio.run(harness.handler.admit(review))
    (row,) = harness.rows()
    assert (row["deployment"], row["outcome"]) == ("web-*", "ignored")
    assert harness.control.known_facts() == []


OFF = make_deployment(labels={CONTROL_LABEL: "off"})


@pytest.mark.parametrize(
    ("changed", "old", "user"),
    [(OFF, OFF, "alice"), (OFF, make_deployment(), "alice"), (make_scale(8), make_scale(2), HPA_USER)],
    ids=["stored", "shown", "HPA"],
)
def test_facts_recorded_while_the_store_is_away_are_stored_when_it_is_back(
    harness: Harness, changed: dict[str, Any], old: dict[str, Any], user: str
) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.rows()
    harness.control.is_away = True
    harness.clock.ahead += 2
    harness.change(changed, old, username=user)
    harness.handler.journal.flush()
    harness.clock.ahead += 60
    harness.control.is_away = False
    assert not harness.is_scaled_to(3, sent=10), "the store does not have it yet"
    harness.rows()
    harness.clock.ahead += 60
    assert not harness.is_scaled_to(3, sent=10), "the store has the fact now"
    others = [
        make_observation(harness.key, kind, uid="7a11", resource_version=99)
        for kind in (ObservationKind.STORED, ObservationKind.HPA)
    ]
    harness.control.record_facts(others, seen_by="another replica")
    harness.clock.ahead += 2
    assert harness.scale(10)["patch"], "after the grace time the store wins"


def test_facts_that_can_never_be_stored_expire(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("never")

    harness.set_replicas(3)
    monkeypatch.setattr(harness.control, "record_facts", refuse)
    harness.change(OFF, make_deployment())
    harness.handler.journal.flush()
    assert "patch" not in harness.scale(10)
    harness.clock.ahead += 60
    assert harness.scale(10)["patch"]


def test_a_failed_admission_records_its_facts(harness: Harness) -> None:
    harness.set_replicas(3, "other")
    harness.admit(make_request(make_scale(3, name="other"), make_scale(1, name="other")))
    harness.control.is_away = True
    harness.clock.ahead += 5
    released = make_deployment(annotations={"version": "2"})
    assert harness.change(released, OFF)["warnings"] == ["KubeDoor: the store is away, nothing was set"]
    assert harness.snapshot.values_of(harness.key).opted_out
    harness.control.is_away = False
    harness.rows()
    assert in_store(harness).opted_out


def test_a_scale_by_the_hpa_is_recorded_once_and_collections_do_not_change_it(harness: Harness) -> None:
    container = CollectedContainer("app", Resources(100, 2**27))
    collected = CollectedValues("shop", "web", 3, DAY, DAY, (container,), days=3, hpa=True)
    harness.control.replace_collected([collected], run=1, rule="peak-day")
    for replicas in (7, 8):
        harness.scale(replicas, username=HPA_USER)
        harness.rows()
        harness.clock.ahead += 60
    harness.control.replace_collected([replace(collected, hpa=False)], run=2, rule="peak-day")
    assert harness.is_scaled_to(1, sent=9), "what runs is kept"
    facts = harness.connection.rows(
        "SELECT count() AS written FROM workload_observations WHERE cluster = {cluster:String}",
        cluster=harness.key.cluster,
    )
    assert facts == [{"written": 1}]


def test_values_read_through_stay_until_the_store_has_newer_ones(harness: Harness) -> None:
    harness.set_replicas(10)
    harness.scale(2)
    harness.set_replicas(3)
    assert "2 -> 3" in harness.scale(2, username=OWN_USER)["warnings"][0]
    assert "2 -> 3" in harness.scale(2)["warnings"][0], "also for other users"
    harness.control.is_away = True
    harness.clock.ahead += 60
    assert "2 -> 3" in harness.scale(2)["warnings"][0], "and while the store is away"
    harness.control.is_away = False
    harness.set_replicas(5)
    harness.clock.ahead += 60
    assert "2 -> 5" in harness.scale(2)["warnings"][0], "until the store has something newer"


def test_a_read_through_does_not_undo_facts_that_are_not_stored_yet(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.change(OFF, make_deployment())
    assert "patch" not in harness.scale(10, username=OWN_USER), "the store does not have it yet"


def test_of_a_concurrent_refresh_and_read_through_the_later_query_wins(harness: Harness) -> None:
    harness.set_replicas(10)
    real = harness.control.control_stream

    @contextmanager
    def overtaken(buckets: Collection[int] | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        with real(buckets) as rows:
            found = list(rows)
        harness.set_replicas(3)
        harness.snapshot.read_through([harness.key])
        yield iter(found)

    harness.control.control_stream = overtaken  # type: ignore[method-assign]
    harness.snapshot.refresh()
    assert (value := harness.snapshot.values_of(harness.key).replicas)
    assert value.amount == 3
    read = harness.control.values_of_each
    harness.control.control_stream = real  # type: ignore[method-assign]

    def late(keys: Collection[WorkloadKey]) -> dict[WorkloadKey, ControlValues]:
        values = read(keys)
        harness.set_replicas(4)
        harness.snapshot.refresh()
        return values

    harness.control.values_of_each = late  # type: ignore[method-assign]
    harness.snapshot.read_through([harness.key])
    assert (value := harness.snapshot.values_of(harness.key).replicas)
    assert value.amount == 4


def idle_until(harness: Harness, until: Callable[[], bool], seconds: float = 10) -> bool:
    """Run the background refresh, without requests, until the condition holds; whether it does."""

    async def idle() -> bool:
        harness.handler.start_background_refresh()
        task = harness.handler._background_task
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            harness.handler.start_background_refresh()
        assert harness.handler._background_task is task, "repeated calls start one task"
        return until()

    return asyncio.run(idle())


def test_an_idle_handler_refreshes_its_snapshot(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.admission.handler.BACKGROUND_REFRESH_SECONDS", 0.01)
    harness.set_replicas(10)
    harness.scale(2)
    harness.set_replicas(3)
    harness.clock.ahead += 8 * 3600

    def holds_3() -> bool:
        value = harness.snapshot.values_of(harness.key).replicas
        return value is not None and value.amount == 3 and harness.path.exists() and "3" in harness.path.read_text()

    assert idle_until(harness, holds_3)
    harness.control.is_away = True
    harness.clock.ahead += 60
    assert "2 -> 3" in harness.scale(2)["warnings"][0]


def test_pending_rows_are_written_without_another_admission(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.admission.handler.BACKGROUND_REFRESH_SECONDS", 0.01)
    harness.set_replicas(3)
    harness.scale(10)
    harness.control.is_away = True
    harness.clock.ahead += 60
    failures = metric(harness, "kubedoor_door_failures_total", part="store")
    assert not idle_until(harness, lambda: not harness.handler.journal.has_work(), seconds=0.2)
    assert metric(harness, "kubedoor_door_failures_total", part="store") == failures, (
        "a failed background refresh is not a failed admission"
    )
    harness.control.is_away = False
    harness.clock.ahead += 60
    assert idle_until(harness, lambda: not harness.handler.journal.has_work())
    assert len(harness.records.admissions(limit=10)) == 1


def test_a_running_refresh_neither_blocks_the_loop_nor_loses_facts(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    entered, go_on = threading.Event(), threading.Event()
    real = harness.control.control_stream

    @contextmanager
    def slow(buckets: Collection[int] | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        with real(buckets) as rows:
            found = list(rows)
        entered.set()
        go_on.wait(10)
        yield iter(found)

    harness.control.control_stream = slow  # type: ignore[method-assign]
    harness.set_replicas(4)
    refreshing = threading.Thread(target=harness.snapshot.refresh)
    refreshing.start()
    entered.wait(10)
    harness.snapshot.add_facts([make_observation(harness.key, opted_out=True)])
    go_on.set()
    refreshing.join()
    assert harness.snapshot.values_of(harness.key).opted_out


def test_an_admission_waits_for_a_slow_refresh_until_its_deadline(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    harness.clock.ahead += 5
    real = harness.control.revision

    def slow() -> Revision:
        time.sleep(0.5)
        return real()

    monkeypatch.setattr(harness.control, "revision", slow)
    harness.handler = harness.make_handler(harness.snapshot)
    harness.handler = harness.make_handler(harness.snapshot, wait_seconds=0.05)
    response = harness.scale(10)
    assert response["patch"]
    assert "the store is" in response["warnings"][-1]


def test_only_one_admission_waits_for_a_store_that_hangs(harness: Harness) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    let_go = threading.Event()
    real = harness.control.revision

    def hanging() -> Revision:
        let_go.wait(10)
        return real()

    harness.control.revision = hanging  # type: ignore[method-assign]
    harness.handler = harness.make_handler(harness.snapshot, wait_seconds=0.2)

    async def four() -> list[float]:
        seconds = []
        for _ in range(4):
            harness.clock.ahead += RETRY_STORE_SECONDS + 1
            started = time.perf_counter()
            await harness.handler.admit(make_review(make_request(make_scale(10), make_scale(1))))
            seconds.append(time.perf_counter() - started)
        let_go.set()
        return seconds

    first, *rest = asyncio.run(four())
    assert first > 0.15
    assert max(rest) < first / 2


def test_values_refreshed_for_a_request_are_not_stale(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.set_replicas(3)
    read = harness.snapshot.refresh

    def slowly() -> None:
        read()
        harness.clock.ahead += 2

    harness.clock.ahead += 30
    monkeypatch.setattr(harness.snapshot, "refresh", slowly)
    assert harness.scale(10)["warnings"] == ["KubeDoor: replicas 10 -> 3 (set in KubeDoor)"]


def test_a_release_that_teaches_nothing_writes_no_facts_however_slow_the_refresh(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.set_replicas(3)
    read = harness.snapshot.refresh

    def slowly() -> None:
        read()
        harness.clock.ahead += 2

    monkeypatch.setattr(harness.snapshot, "refresh", slowly)
    harness.clock.ahead += 30
    harness.change(make_deployment(replicas=4), make_deployment())
    harness.rows()
    facts = "SELECT kind FROM workload_observations WHERE cluster = {cluster:String}"
    assert harness.connection.rows(facts, cluster=harness.key.cluster) == []


def test_a_request_is_not_decided_from_a_slow_refresh_that_was_asked_before_it_came(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    read, asked, go_on = harness.snapshot.refresh, threading.Event(), threading.Event()

    def slowly() -> None:
        read()
        asked.set()
        go_on.wait(10)

    monkeypatch.setattr(harness.snapshot, "refresh", slowly)
    harness.clock.ahead += 30

    async def two() -> list[list[str]]:
        review = make_review(make_request(make_scale(10), make_scale(1)))
        first = asyncio.create_task(harness.handler.admit(review))
        await asyncio.to_thread(asked.wait, 10)
        harness.set_replicas(4)
        harness.clock.ahead += 2
        second = asyncio.create_task(harness.handler.admit(review))
        await asyncio.sleep(0.05)
        go_on.set()
        return [(await one)["response"]["warnings"] for one in (first, second)]

    warnings = asyncio.run(two())
    assert warnings[1] == ["KubeDoor: replicas 10 -> 4 (set in KubeDoor)"]


def test_two_replicas_agree_on_the_newest_facts(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    one, two = Harness(embedded, cluster, tmp_path / "one"), Harness(embedded, cluster, tmp_path / "two")
    one.set_replicas(3)
    plain, off = make_deployment(), make_deployment(labels={CONTROL_LABEL: "off"})
    for harness, now, before in ((one, off, plain), (two, plain, off), (one, off, plain)):
        for every in (one, two):
            every.clock.ahead += 30
        harness.version = max(one.version, two.version)
        harness.change(now, before)
        harness.rows()
    for harness in (one, two):
        harness.version, harness.clock.ahead = max(one.version, two.version), harness.clock.ahead + 30
        assert "patch" not in harness.scale(10)
    one.version = two.version
    one.change(plain, off)
    one.rows()
    for harness in (one, two):
        harness.version, harness.clock.ahead = max(one.version, two.version), harness.clock.ahead + 30
        assert harness.scale(10)["patch"]


def test_text_that_is_not_unicode_is_rejected(harness: Harness) -> None:
    review = make_review(make_request(make_scale(10), make_scale(1), username="\ud800"))
    generated = make_review(make_request(make_deployment()))
    generated["request"]["object"]["metadata"]["generateName"] = "\ud800"
    for invalid in (review, generated):
        with pytest.raises(BadRequest, match="not Unicode"):
            asyncio.run(harness.handler.admit(invalid))


def test_rows_that_can_never_be_written_are_dropped_and_counted(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.set_replicas(3)
    harness.scale(10)

    def refuse(_rows: Any, *, token: str) -> None:
        raise ValueError("never")

    monkeypatch.setattr(harness.records, "add_admission_lines", refuse)
    harness.handler.journal.flush()
    assert metric(harness, "kubedoor_admission_records_dropped_total") == 1
    assert not harness.handler.journal.has_work()


def test_records_wait_for_the_store_and_the_oldest_are_dropped(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.set_replicas(3)
    harness.scale(10)
    monkeypatch.setattr("kubedoor.admission.journal.MAX_PENDING_RECORDS", 2)
    harness.control.is_away = True
    for _ in range(3):
        harness.scale(10)
    harness.handler.journal.flush()
    assert harness.handler.journal.has_work()
    assert metric(harness, "kubedoor_admission_records_dropped_total") == 2
    assert metric(harness, "kubedoor_door_failures_total", part="records") == 1
    harness.control.is_away = False
    assert len(harness.rows()) == 2


def test_a_snapshot_file_that_cannot_be_written_loses_no_record(harness: Harness) -> None:
    harness.path.parent.joinpath("blocked").write_text("")
    harness.snapshot._path = harness.path.parent / "blocked" / "snapshot.json"
    harness.set_replicas(3)
    harness.scale(10)
    assert len(harness.rows()) == 1
    assert metric(harness, "kubedoor_door_failures_total", part="snapshot_file") == 1
    harness.snapshot._path = harness.path
    harness.clock.ahead += 31
    harness.handler.journal.flush()
    assert harness.path.exists(), "it is retried"


def saved(harness: Harness) -> None:
    harness.set_replicas(3)
    unknown = WorkloadKey(harness.key.cluster, "shop", "unknown")
    harness.control.record_facts([make_observation(unknown, owned=True)], seen_by="t")
    harness.scale(10)
    harness.handler.journal.flush()


def test_a_restarted_door_starts_from_the_file(harness: Harness) -> None:
    saved(harness)
    harness.control.is_away = True
    harness.snapshot = harness.make_snapshot()
    harness.handler = harness.make_handler(harness.snapshot)
    response = harness.scale(10)
    assert response["patch"]
    assert "the store is" in response["warnings"][-1] or harness.snapshot.age_seconds <= 1
    assert harness.snapshot.values_of(WorkloadKey(harness.key.cluster, "shop", "unknown")).owned


def spoil(change: Callable[[list[str]], Any]) -> Callable[[str], str]:
    def spoiled(text: str) -> str:
        lines = text.splitlines(keepends=True)
        change(lines)
        return "".join(lines)

    return spoiled


def with_header(**fields: Any) -> Callable[[str], str]:
    def change(lines: list[str]) -> None:
        lines[0] = json.dumps({**json.loads(lines[0]), **fields}) + "\n"

    return spoil(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda _text: "",
        lambda _text: "{",
        lambda _text: "[]",
        spoil(lambda lines: lines.pop()),
        spoil(lambda lines: lines.pop(1)),
        spoil(lambda lines: lines.insert(1, lines[1].replace("[[[", "[[["[:2], 1))),
        with_header(format=99),
        with_header(cluster="another"),
        with_header(saved_at="yesterday"),
    ],
    ids=[
        "empty",
        "truncated",
        "no object",
        "cut",
        "a line missing",
        "a broken line",
        "another format",
        "another cluster",
        "no time",
    ],
)
def test_a_broken_file_or_one_of_another_cluster_is_ignored(harness: Harness, change: Callable[[str], str]) -> None:
    saved(harness)
    harness.path.write_text(change(harness.path.read_text()))
    harness.control.is_away = True
    harness.snapshot = harness.make_snapshot()
    harness.handler = harness.make_handler(harness.snapshot)
    assert harness.scale(10)["warnings"] == ["KubeDoor: the store is away, nothing was set"]


def test_a_table_that_is_being_replaced_is_not_loaded(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(harness)
    monkeypatch.setattr(harness.control, "collected_row_count", lambda: 5)
    harness.set_replicas(8)
    marker = {"cluster": harness.key.cluster, "run": 7, "sizing_rule": "peak-day", "row_count": 5}
    harness.connection.insert("collected_runs", [marker])
    harness.clock.ahead += 2
    assert "10 -> 3" in harness.scale(10)["warnings"][0]


def test_manual_rows_are_not_counted_as_collected_ones(harness: Harness) -> None:
    container = CollectedContainer("app", Resources(100, 2**27))
    values = CollectedValues("shop", "web", 3, DAY, DAY, (container,), days=3)
    harness.control.replace_collected([values], run=1, rule="peak-day")
    harness.control.edit(harness.key, ManualValues(containers={"old": Resources(1)}), based_on=0, who="t")
    harness.snapshot.refresh()
    before = harness.snapshot.values_of(harness.key)
    # A ClickHouse replica that has the marker of a run, but not its rows yet.
    marker = {"cluster": harness.key.cluster, "run": 2, "sizing_rule": "peak-day", "row_count": 1}
    harness.connection.insert("collected_runs", [marker])
    with pytest.raises(StoreError, match="fewer rows than its writer said"):
        harness.snapshot.refresh()
    assert harness.snapshot.values_of(harness.key) == before


def test_a_snapshot_reports_its_age_size_and_changes(harness: Harness) -> None:
    assert harness.snapshot.age_seconds == float("inf")
    assert harness.snapshot.workload_count == 0
    saved(harness)
    assert harness.snapshot.workload_count == 1
    assert metric(harness, "kubedoor_snapshot_workloads") == 1
    harness.snapshot.save()
    assert not harness.snapshot.needs_save
