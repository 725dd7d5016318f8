"""One pass over all Deployments and HPAs of a cluster: facts that a Scale does not show, and what Deployments ask for.

The door sees most changes itself. A look finds the rest: what was changed while the door was off, and what is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.rules import object_facts
from kubedoor.errors import KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import FACTS, ControlStore
from kubedoor.store.deployments import SAMPLE, DeploymentStore, Observed

log = logging.getLogger(__name__)

SEEN_BY = "look"
IN_FLIGHT = timedelta(seconds=2)
"""What the door has just answered may be stored after the list was made: a look counts as this much older."""
REPLICAS_EVERY = timedelta(hours=1)
"""How often a change of nothing but replicas is recorded: an HPA makes many."""
REPEAT_AFTER = timedelta(days=30)
"""States expire after 400 days; savings of the last year need one from before each day (sql/0013)."""
Key = tuple[str, str]
Fact = tuple[WorkloadKey, str, bool]


@dataclass(frozen=True)
class Seen:
    """How much one look has found."""

    deployments: int
    changed_facts: int
    changed_states: int
    gone: int


class Look:
    """`excluded_namespaces` are those of the door: what Deployments there ask for is not recorded.

    `has_sample`: the Deployments of the sample data are not gone because the cluster does not have them.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        control: ControlStore,
        deployments: DeploymentStore,
        cluster_name: str,
        excluded_namespaces: Collection[str],
        has_sample: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._deployments = deployments
        self._cluster_name = cluster_name
        self._excluded_namespaces = frozenset(excluded_namespaces)
        self._has_sample = has_sample
        self._now = now
        self._last_problem = ""

    def run(self) -> Seen:
        """Record what has changed since the last look. Raises ClusterError, Forbidden, NoClusterAccess, StoreError."""
        at = self._now() - IN_FLIGHT
        scaled = self._cluster.autoscaled_deployments()
        # What is known is read after `at`, so that what the door records meanwhile is newer than what the list shows.
        facts = _Facts(self._cluster_name, self._control.known_facts(), self._control.hpa_workloads(), scaled)
        states = _States(self._deployments.observed(), at)
        count = 0
        for manifest in self._cluster.deployments():
            count += 1
            facts.see(manifest)
            if manifest["metadata"]["namespace"] not in self._excluded_namespaces:
                states.see(state_of(manifest))
        changed_facts, gone = facts.changed(), states.gone(but={SAMPLE} if self._has_sample else ())
        self._control.record_facts(changed_facts, seen_by=SEEN_BY, at=at)
        self._deployments.record(states.changed, seen_by=SEEN_BY, at=at)
        self._deployments.record_gone(gone, at=at)
        self._deployments.record_look(at=at, deployments=count)
        return Seen(count, len(changed_facts), len(states.changed), len(gone))

    def run_or_warn(self) -> None:
        """As `run`; a failure is logged once, until the next look that does not fail, or fails otherwise."""
        problem = ""
        try:
            self.run()
        except KubeDoorError as error:
            problem = error.message
        if problem and problem != self._last_problem:
            log.warning("Deployments cannot be looked at: %s", problem)
        self._last_problem = problem


class _Facts:
    """Compares label, owner and HPA of each Deployment with what is known. `hpas` have one by their control values."""

    def __init__(
        self, cluster_name: str, known: Iterable[Mapping[str, Any]], hpas: Collection[Key], scaled: Collection[Key]
    ) -> None:
        self._cluster_name = cluster_name
        self._known = {(row["namespace"], row["deployment"]): row for row in known}
        self._gone = set(self._known)
        self._hpas = hpas
        self._scaled = scaled
        self._changed: list[Fact] = []

    def see(self, manifest: Mapping[str, Any]) -> None:
        key = (manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        self._gone.discard(key)
        known = self._known.get(key, {})
        opted_out, owned = object_facts(manifest)
        has_hpa = key in self._scaled
        self._compare(key, "opted_out", opted_out, bool(known.get("opted_out")))
        self._compare(key, "owned", owned, bool(known.get("owned")))
        # That there is an HPA is recorded also where collected values say so: the next ones may not.
        self._compare(key, "hpa", has_hpa, bool(known.get("hpa")) or (not has_hpa and key in self._hpas))

    def _compare(self, key: Key, fact: str, holds: bool, before: bool) -> None:
        if holds is not before:
            self._changed.append((WorkloadKey(self._cluster_name, *key), fact, holds))

    def changed(self) -> list[Fact]:
        """All that differs, and what was known of Deployments that are gone."""
        return [*self._changed, *self._of_gone()]

    def _of_gone(self) -> Iterator[Fact]:
        for key in self._gone:
            yield from (
                (WorkloadKey(self._cluster_name, *key), fact, False) for fact in FACTS if self._known[key][fact]
            )


class _States:
    """Compares what each Deployment asks for with what is known. What is known from after `at` is left alone."""

    def __init__(self, known: Mapping[Key, Observed], at: datetime) -> None:
        self._known = known
        self._at = at
        self._seen: set[Key] = set()
        self.changed: list[DeploymentState] = []

    def see(self, state: DeploymentState) -> None:
        self._seen.add(state.key)
        if self._is_news(state, self._known.get(state.key)):
            self.changed.append(state)

    def _is_news(self, state: DeploymentState, known: Observed | None) -> bool:
        if known is None:
            return True
        age = self._at - known.observed_at
        if state == known.state:
            return age >= REPEAT_AFTER
        is_only_replicas = replace(state, replicas=known.state.replicas) == known.state
        return age > timedelta(0) and (not is_only_replicas or age >= REPLICAS_EVERY)

    def gone(self, *, but: Collection[str]) -> list[Key]:
        """Deployments that are not there any more, but those that only one of `but` has seen."""
        return [
            key
            for key, known in self._known.items()
            if key not in self._seen and known.seen_by not in but and known.observed_at < self._at
        ]
