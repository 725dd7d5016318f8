"""How workloads stand where no cluster answers: by what was last seen of them, with its time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubedoor.admission.rules import Rules
from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.sentences import Sentence, sentence
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import SAMPLE, DeploymentStore, Observed
from kubedoor.store.listing import ListingStore
from kubedoor.store.records import RecordStore
from kubedoor.store.said import said_column
from kubedoor.workloads.listing import Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.standings import Standings

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
SEEN = NOON - timedelta(days=1)
MI = 2**20
RUNS = Resources(120, 256 * MI)


class Placed(DeploymentStore):
    def __init__(self, connection: Connection, cluster: str) -> None:
        super().__init__(connection, cluster)
        self.connection, self.cluster = connection, cluster
        self.records = RecordStore(connection, cluster)


@pytest.fixture
def deployments(embedded: Connection, cluster: str) -> Placed:
    return Placed(embedded, cluster)


@pytest.fixture
def listing(embedded: Connection, cluster: str) -> Listing:
    """A workload of 3 replicas, whose container `app` shall have RUNS."""
    values = ManualValues(replicas=3, containers={"app": RUNS})
    ControlStore(embedded, cluster).edit(WorkloadKey(cluster, "shop", "web"), values, based_on=0, who="test")
    return listed(embedded, cluster)


def listed(connection: Connection, cluster: str) -> Listing:
    return ListingCache(ListingStore(connection, cluster)).current(since=NOON.date() - timedelta(days=31))


def deployed(replicas: int = 3, runs: Resources = RUNS, generation: int = 0) -> DeploymentState:
    container = DeploymentContainer("app", False, Resources(1000, 1024 * MI), runs)
    return DeploymentState("shop", "web", replicas, (container,), is_sized=True, generation=generation)


def standings_of(deployments: Placed, *, rules: Rules | None = None, has_sample: bool = False) -> Standings:
    return Standings(
        rules=rules or Rules(),
        deployments=deployments,
        records=deployments.records,
        view=lambda: None,
        has_sample=has_sample,
    )


def shown(deployments: Placed, listing: Listing, *, has_sample: bool = False) -> dict[str, Any]:
    """What the list of now says; the filter says the same, of the older `listing` too."""
    older, listing = listing, listed(deployments.connection, deployments.cluster)
    standings = standings_of(deployments, has_sample=has_sample)
    row = listing.one(("shop", "web"))
    assert row is not None
    standings.lay(listing, [row])
    live: dict[str, Any] = row["live"]
    for one in (listing, older):
        assert standings.states(one) == {("shop", "web"): live["state"]}
    return live | {"columns": (row["running_replicas"], row["cpu_running_millicores"], row["cpu_asked_millicores"])}


def test_what_nobody_has_seen_is_unknown(deployments: Placed, listing: Listing) -> None:
    found = shown(deployments, listing)
    assert (found["state"], found["as_of"], found["replicas"]) == ("unknown", None, None)


def test_what_the_door_admitted_last_counts_as_of_then(deployments: Placed, listing: Listing) -> None:
    deployments.record([deployed(runs=Resources(500, 256 * MI))], seen_by="door", at=SEEN)
    found = shown(deployments, listing)
    assert (found["state"], found["is_current"], found["as_of"]) == ("pending", False, SEEN)
    assert [(one["field"], one["before"], one["after"]) for one in found["changes"]] == [
        ("cpu request", "500m", "120m")
    ]
    # A later admission takes the advice back.
    deployments.record([deployed()], seen_by="door", at=NOON)
    found = shown(deployments, listing)
    assert (found["state"], found["as_of"], found["changes"]) == ("applied", NOON, [])
    assert found["columns"] == (3, 360, 3000)
    assert (found["ready"], found["is_settled"]) == (None, None)


def test_what_a_look_finds_otherwise_has_drifted(deployments: Placed, listing: Listing) -> None:
    deployments.record([deployed()], seen_by="door", at=SEEN)
    deployments.record([deployed(replicas=7)], seen_by="look", at=NOON)
    found = shown(deployments, listing)
    assert (found["state"], [one["is_drifted"] for one in found["changes"]]) == ("drifted", [True])


@pytest.mark.parametrize(
    ("generation", "state"),
    [
        pytest.param(4, "pending", id="refused after the door"),
        pytest.param(5, "pending", id="changed by another webhook after the door"),
        pytest.param(6, "drifted", id="changed since"),
    ],
)
def test_only_what_was_changed_after_it_was_stored_has_drifted(
    deployments: Placed, listing: Listing, generation: int, state: str
) -> None:
    deployments.record([deployed(generation=5)], seen_by="door", at=SEEN)
    deployments.record([deployed(replicas=7, generation=generation)], seen_by="look", at=NOON)
    assert shown(deployments, listing)["state"] == state


@pytest.mark.parametrize(
    ("outcome", "code", "minutes", "state"),
    [
        pytest.param("observed", "door.mode_observe", 1, "pending", id="observed"),
        pytest.param("unchanged", "door.hpa_keeps", 1, "pending", id="of an HPA"),
        pytest.param("patched", "door.values_set", 1, "drifted", id="set"),
        pytest.param("unchanged", "door.as_it_should_be", 1, "drifted", id="as it should be"),
        pytest.param("observed", "door.mode_observe", -1, "drifted", id="before the last admission"),
    ],
)
def test_a_scale_that_a_rule_has_let_through_is_no_drift(
    deployments: Placed, listing: Listing, cluster: str, outcome: str, code: str, minutes: int, state: str
) -> None:
    deployments.record([deployed(generation=5)], seen_by="door", at=SEEN)
    deployments.record([deployed(replicas=7, generation=6)], seen_by="look", at=NOON)
    reason = sentence(code)
    scale = AdmissionRecord(
        SEEN + timedelta(minutes=minutes),
        cluster,
        "shop",
        "web",
        "0b5d",
        "UPDATE",
        "scale",
        "alice",
        outcome,
        reason,
        {},
        {},
        (),
        1,
        0,
        said_column(reason),
    )
    deployments.records.add_admissions([scale])
    assert shown(deployments, listing)["state"] == state


def test_a_look_that_does_not_find_it_says_so(deployments: Placed, listing: Listing) -> None:
    deployments.record_look(at=NOON, deployments=0)
    found = shown(deployments, listing)
    assert (found["state"], found["as_of"]) == ("absent", NOON)


class Counting(Placed):
    """Counts how often what was admitted is read."""

    reads = 0

    def last_admitted(self, keys: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], Observed]:
        self.reads += 1
        return super().last_admitted(keys)


def test_what_has_drifted_is_worked_out_once_and_again_after_an_admission(
    embedded: Connection, cluster: str, listing: Listing
) -> None:
    deployments = Counting(embedded, cluster)
    standings = standings_of(deployments)
    deployments.record([deployed(replicas=7)], seen_by="look", at=NOON)
    for _ in range(2):
        assert standings.states(listing) == {("shop", "web"): "pending"}
    assert deployments.reads == 1
    # The door writes a moment after it has answered.
    deployments.record([deployed()], seen_by="door", at=SEEN)
    for _ in range(2):
        assert standings.states(listing) == {("shop", "web"): "drifted"}
    assert deployments.reads == 2


class Asked(Placed):
    """Notes of what the newest states are read."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        super().__init__(connection, cluster)
        self.asked: list[list[tuple[str, str]]] = []

    def observed_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Observed]:
        self.asked.append(list(keys))
        return super().observed_of(keys)


def test_a_state_is_read_once_and_again_after_any_change(embedded: Connection, cluster: str, listing: Listing) -> None:
    deployments = Asked(embedded, cluster)
    standings = standings_of(deployments)
    cache = ListingCache(ListingStore(embedded, cluster))

    def replicas() -> int | None:
        listing = cache.current(since=NOON.date() - timedelta(days=31))
        row = listing.one(("shop", "web"))
        assert row is not None
        standings.lay(listing, [row])
        shown: int | None = row["live"]["replicas"]
        return shown

    assert [replicas(), replicas()] == [None, None], "nobody has seen it"
    deployments.record([deployed()], seen_by="look", at=SEEN)
    assert [replicas(), replicas()] == [3, 3]
    deployments.record([deployed(replicas=5)], seen_by="door", at=NOON)
    assert [replicas(), replicas()] == [5, 5]
    deployments.record_gone([("shop", "web")], at=NOON + timedelta(seconds=1))
    assert [replicas(), replicas()] == [None, None]
    assert deployments.asked == [[("shop", "web")]] * 4
    standings.lay(listing, [{"namespace": "shop", "deployment": "web"}])
    assert len(deployments.asked) == 5, "an older list is of another state of the store"


@dataclass(frozen=True)
class CountingRules(Rules):
    """Notes each decision."""

    decided: list[str] = field(default_factory=list)

    def leaves_out(self, namespace: str) -> Sentence:
        self.decided.append(namespace)
        return super().leaves_out(namespace)


def test_only_what_was_edited_is_worked_out_again(embedded: Connection, cluster: str, deployments: Placed) -> None:
    control, cache = ControlStore(embedded, cluster), ListingCache(ListingStore(embedded, cluster))
    since = NOON.date() - timedelta(days=31)
    for name in ("web", "api", "cart"):
        key = WorkloadKey(cluster, f"team-{name}", name)
        control.edit(key, ManualValues(replicas=3), based_on=0, who="test")
        deployments.record([replace(deployed(), namespace=f"team-{name}", deployment=name)], seen_by="look", at=NOON)
    rules = CountingRules()
    standings = standings_of(deployments, rules=rules)
    assert set(standings.states(cache.current(since=since)).values()) == {"applied"}
    assert set(rules.decided) == {"team-web", "team-api", "team-cart"}
    rules.decided.clear()
    assert set(standings.states(cache.current(since=since)).values()) == {"applied"}
    assert rules.decided == []
    edited = WorkloadKey(cluster, "team-api", "api")
    control.edit(edited, ManualValues(replicas=5), based_on=1, who="test")
    listing = cache.current(since=since)
    assert standings.states(listing)["team-api", "api"] == "pending"
    rows = [row for key in listing.every_key() if (row := listing.one(key))]
    standings.lay(listing, rows)
    assert [row["live"]["state"] for row in rows] == ["pending", "applied", "applied"]
    assert set(rules.decided) == {"team-api"}


def test_what_is_in_a_namespace_that_is_left_out_is_not_called_gone(deployments: Placed, listing: Listing) -> None:
    """Neither a look nor the watch keeps it."""
    deployments.record_look(at=NOON, deployments=0)
    rules = Rules(excluded_namespaces=frozenset({"shop"}))
    standings = standings_of(deployments, rules=rules)
    assert standings.states(listing) == {("shop", "web"): "not_enforced"}


def test_the_sample_is_as_it_was_collected(deployments: Placed, listing: Listing) -> None:
    deployments.record([deployed(runs=Resources(500, 256 * MI))], seen_by=SAMPLE, at=SEEN)
    found = shown(deployments, listing, has_sample=True)
    assert (found["state"], found["as_of"]) == ("pending", SEEN)
