"""How workloads stand where no cluster answers: by what was last seen of them, with its time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubedoor.admission.rules import Rules
from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import SAMPLE, DeploymentStore
from kubedoor.store.listing import ListingStore
from kubedoor.workloads.listing import Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.standings import Standings

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
SEEN = NOON - timedelta(days=1)
MI = 2**20
RUNS = Resources(120, 256 * MI)


@pytest.fixture
def deployments(embedded: Connection, cluster: str) -> DeploymentStore:
    return DeploymentStore(embedded, cluster)


@pytest.fixture
def listing(embedded: Connection, cluster: str) -> Listing:
    """A workload of 3 replicas, whose container `app` shall have RUNS."""
    values = ManualValues(replicas=3, containers={"app": RUNS})
    ControlStore(embedded, cluster).edit(WorkloadKey(cluster, "shop", "web"), values, based_on=0, who="test")
    return ListingCache(ListingStore(embedded, cluster)).current(since=NOON.date() - timedelta(days=31))


def deployed(replicas: int = 3, runs: Resources = RUNS) -> DeploymentState:
    container = DeploymentContainer("app", False, Resources(1000, 1024 * MI), runs)
    return DeploymentState("shop", "web", replicas, (container,), is_sized=True)


def shown(deployments: DeploymentStore, listing: Listing, *, has_sample: bool = False) -> dict[str, Any]:
    """What the list says; the filter says the same."""
    standings = Standings(rules=Rules(), deployments=deployments, view=lambda: None, has_sample=has_sample)
    row = listing.one(("shop", "web"))
    assert row is not None
    standings.lay(listing, [row])
    live: dict[str, Any] = row["live"]
    assert standings.states(listing) == {("shop", "web"): live["state"]}
    return live | {"columns": (row["running_replicas"], row["cpu_running_millicores"], row["cpu_asked_millicores"])}


def test_what_nobody_has_seen_is_unknown(deployments: DeploymentStore, listing: Listing) -> None:
    found = shown(deployments, listing)
    assert (found["state"], found["as_of"], found["replicas"]) == ("unknown", None, None)


def test_what_the_door_admitted_last_counts_as_of_then(deployments: DeploymentStore, listing: Listing) -> None:
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


def test_what_a_look_finds_otherwise_has_drifted(deployments: DeploymentStore, listing: Listing) -> None:
    deployments.record([deployed()], seen_by="door", at=SEEN)
    deployments.record([deployed(replicas=7)], seen_by="look", at=NOON)
    found = shown(deployments, listing)
    assert (found["state"], [one["is_drifted"] for one in found["changes"]]) == ("drifted", [True])


def test_a_look_that_does_not_find_it_says_so(deployments: DeploymentStore, listing: Listing) -> None:
    deployments.record_look(at=NOON, deployments=0)
    found = shown(deployments, listing)
    assert (found["state"], found["as_of"]) == ("absent", NOON)


class Counting(DeploymentStore):
    """Counts how often what was admitted is read."""

    reads = 0

    def last_admitted(self, keys: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], DeploymentState]:
        self.reads += 1
        return super().last_admitted(keys)


def test_what_has_drifted_is_worked_out_once_and_again_after_an_admission(
    embedded: Connection, cluster: str, listing: Listing
) -> None:
    deployments = Counting(embedded, cluster)
    standings = Standings(rules=Rules(), deployments=deployments, view=lambda: None, has_sample=False)
    deployments.record([deployed(replicas=7)], seen_by="look", at=NOON)
    for _ in range(2):
        assert standings.states(listing) == {("shop", "web"): "pending"}
    assert deployments.reads == 1
    # The door writes a moment after it has answered.
    deployments.record([deployed()], seen_by="door", at=SEEN)
    for _ in range(2):
        assert standings.states(listing) == {("shop", "web"): "drifted"}
    assert deployments.reads == 2


def test_what_is_in_a_namespace_that_is_left_out_is_not_called_gone(
    deployments: DeploymentStore, listing: Listing
) -> None:
    """Neither a look nor the watch keeps it."""
    deployments.record_look(at=NOON, deployments=0)
    rules = Rules(excluded_namespaces=frozenset({"shop"}))
    standings = Standings(rules=rules, deployments=deployments, view=lambda: None, has_sample=False)
    assert standings.states(listing) == {("shop", "web"): "not_enforced"}


def test_the_sample_is_as_it_was_collected(deployments: DeploymentStore, listing: Listing) -> None:
    deployments.record([deployed(runs=Resources(500, 256 * MI))], seen_by=SAMPLE, at=SEEN)
    found = shown(deployments, listing, has_sample=True)
    assert (found["state"], found["as_of"]) == ("pending", SEEN)
