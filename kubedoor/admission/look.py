"""One pass over all Deployments and HPAs of a cluster: facts that a Scale does not show, and what Deployments ask for.

The door sees most changes itself. A look finds the rest: what was changed while the door was off, and what is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.looked_facts import LookedFacts
from kubedoor.control_values import facts_of
from kubedoor.errors import KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import ControlStore
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


@dataclass(frozen=True)
class Seen:
    """How much one look has found."""

    deployments: int
    changed_facts: int
    changed_states: int
    gone: int


class Look:
    """`controls`: whether the door controls a namespace; what Deployments in others ask for is not recorded.

    `has_sample`: the Deployments of the sample data are not gone because the cluster does not have them.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        control: ControlStore,
        deployments: DeploymentStore,
        cluster_name: str,
        controls: Callable[[str], bool],
        has_sample: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._deployments = deployments
        self._cluster_name = cluster_name
        self._controls = controls
        self._has_sample = has_sample
        self._now = now
        self._last_problem = ""

    def run(self) -> Seen:
        """Record what has changed since the last look. Raises ClusterError, Forbidden, NoClusterAccess, StoreError."""
        at = self._now() - IN_FLIGHT
        # What is known is read after `at`, so that what the door records meanwhile is newer than what the list shows.
        facts = self._facts(at)
        states = _States(self._deployments.observed(), at)
        count = 0
        for manifest in self._cluster.deployments():
            count += 1
            metadata = manifest["metadata"]
            facts.see(self._key((metadata["namespace"], metadata["name"])), manifest)
            if self._controls(metadata["namespace"]):
                states.see(state_of(manifest))
        changed_facts, gone = facts.changed(), states.gone(but={SAMPLE} if self._has_sample else ())
        self._control.record_facts(changed_facts, seen_by=SEEN_BY)
        self._deployments.record(states.changed, seen_by=SEEN_BY, at=at)
        self._deployments.record_gone(gone, at=at)
        self._deployments.record_look(at=at, deployments=count)
        return Seen(count, len(changed_facts), len(states.changed), len(gone))

    def _facts(self, at: datetime) -> LookedFacts:
        scaled = self._keys(self._cluster.autoscaled_deployments())
        rows = {self._key((row["namespace"], row["deployment"])): row for row in self._control.known_facts()}
        known = {key: facts_of(key, row) for key, row in rows.items()}
        return LookedFacts(known, hpas=self._keys(self._control.hpa_workloads()), scaled=scaled, at=at)

    def _keys(self, names: Iterable[Key]) -> set[WorkloadKey]:
        return {self._key(one) for one in names}

    def _key(self, name: Key) -> WorkloadKey:
        return WorkloadKey(self._cluster_name, *name)

    def run_or_warn(self) -> None:
        """As `run`; a failure is logged once, until the next look that does not fail, or fails otherwise."""
        problem = ""
        try:
            self.run()
        except KubeDoorError as error:
            problem = error.message
        if problem and problem != self._last_problem:
            # Sample data come without a cluster: nothing is wrong then.
            level = logging.INFO if self._has_sample else logging.WARNING
            log.log(level, "Deployments cannot be looked at: %s", problem)
        self._last_problem = problem


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
