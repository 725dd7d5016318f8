"""Lays what is in the cluster, now or as it was last seen, beside the workloads of the list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.rules import Rules
from kubedoor.control_values import compile_workload
from kubedoor.live.deployments import LiveDeployment, manifest_of
from kubedoor.live.reader import LiveView
from kubedoor.live.standing import ABSENT, LEFT_ALONE, UNKNOWN, Standing, State, standing_of, with_past
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import ControlValues, Resources
from kubedoor.store.deployments import SAMPLE, DeploymentStore, Observed
from kubedoor.workloads.listing import NO_STATE, Key, Listing, Row

View = Callable[[], LiveView | None]
Seen = LiveDeployment | DeploymentState | None
_PAGE = 500
"""Up to so many Deployments are asked for by name."""


@dataclass(frozen=True)
class _Moment:
    """What one question has to go by: the cluster as it is, else what was stored of it."""

    view: LiveView | None
    stored: Mapping[Key, Observed]
    looked_at: datetime | None

    def seen(self, key: Key) -> tuple[Seen, datetime | None]:
        """A Deployment, and when it was so. The sample's are not gone because a cluster does not have them."""
        stored = self.stored.get(key)
        if self.view is not None and (stored is None or stored.seen_by != SAMPLE or key in self.view.deployments):
            return self.view.deployments.get(key), self.view.as_of
        if stored is None:
            return None, self.looked_at
        return stored.state, max(stored.observed_at, self.looked_at or stored.observed_at)

    def is_current(self, seen: Seen) -> bool:
        is_live = self.view is not None and self.view.is_current
        return is_live and not isinstance(seen, DeploymentState)


class Standings:
    """Of one cluster. `view`: what is in it now; None where nobody can tell. `has_sample`: of the sample data, too."""

    def __init__(self, *, rules: Rules, deployments: DeploymentStore, view: View, has_sample: bool) -> None:
        self._has_sample = has_sample
        self._rules = rules
        self._deployments = deployments
        self._view = view
        self._lock = threading.Lock()
        self._states: dict[Key, tuple[Seen, State]] = {}
        self._pasts: dict[Key, tuple[Seen, datetime | None, State]] = {}
        """Of what is pending: what is seen, when it was admitted last, and whether it has drifted."""
        self._states_of: object = None

    def lay(self, listing: Listing, rows: Sequence[Row]) -> dict[Key, DeploymentState]:
        """Give each row `live` and, of what is in the cluster, the columns of the list; returns what is known of each."""
        keys = [(row["namespace"], row["deployment"]) for row in rows]
        if not keys:
            return {}
        moment = self._moment(lambda: self._deployments.observed_of(keys))
        found = {key: moment.seen(key) for key in keys}
        values = {key: compile_workload(listing.control_rows(key)) for key in keys}
        standings = self._with_past(
            {key: self._standing(key, found[key][0], values[key], moment) for key in keys}, values
        )
        states: dict[Key, DeploymentState] = {}
        for key, row in zip(keys, rows, strict=True):
            seen, as_of = found[key]
            row["live"] = _live(seen, as_of, standings[key], is_current=moment.is_current(seen))
            if seen is not None:
                states[key] = seen if isinstance(seen, DeploymentState) else state_of(seen.manifest(key))
            row |= _columns(states.get(key), as_of)
        return states

    def states(self, listing: Listing) -> dict[Key, State]:
        """Of all workloads of the list. What has not changed since the last time is not worked out again."""
        moment = self._moment(self._deployments.observed)
        with self._lock:
            if self._states_of is not listing.version:
                self._states, self._pasts, self._states_of = {}, {}, listing.version
            self._states = {key: self._state(listing, key, moment) for key in listing.every_key()}
            found = {key: state for key, (_, state) in self._states.items()}
            self._pasts = self._drifted(listing, [key for key in found if found[key] is State.PENDING], moment)
            return found | {key: state for key, (_, _, state) in self._pasts.items()}

    def _moment(self, stored: Callable[[], Mapping[Key, Observed]]) -> _Moment:
        """Where the cluster answers, the store is not asked, but for the sample data."""
        view = self._view()
        if view is not None and not self._has_sample:
            return _Moment(view, {}, None)
        return _Moment(view, stored(), self._deployments.looked_at())

    def _state(self, listing: Listing, key: Key, moment: _Moment) -> tuple[Seen, State]:
        seen, _ = moment.seen(key)
        known = self._states.get(key)
        if known is not None and known[0] is not None and known[0] == seen:
            return known
        if seen is None:
            return seen, self._absent(key, moment).state
        return seen, self._standing(key, seen, compile_workload(listing.control_rows(key)), moment).state

    def _drifted(
        self, listing: Listing, pending: Sequence[Key], moment: _Moment
    ) -> dict[Key, tuple[Seen, datetime | None, State]]:
        if not pending:
            return {}
        # Read before what was admitted: an admission in between is found the next time.
        admitted = self._deployments.admitted_at()
        past = {key: (moment.seen(key)[0], admitted.get(key)) for key in pending}
        kept = {key: self._pasts[key] for key in pending if key in self._pasts and self._pasts[key][:2] == past[key]}
        new = [key for key in pending if key not in kept]
        values = {key: compile_workload(listing.control_rows(key)) for key in new}
        standings = {key: self._standing(key, past[key][0], values[key], moment) for key in new}
        return kept | {key: (*past[key], one.state) for key, one in self._with_past(standings, values).items()}

    def _standing(self, key: Key, seen: Seen, values: ControlValues, moment: _Moment) -> Standing:
        if seen is None:
            return self._absent(key, moment)
        return standing_of(_manifest(key, seen, values), values, self._rules)

    def _absent(self, key: Key, moment: _Moment) -> Standing:
        """A namespace that is left out is neither watched nor looked at: what is in the table of it may well be there."""
        if self._rules.leaves_out(key[0]):
            return LEFT_ALONE
        return UNKNOWN if moment.view is None and moment.looked_at is None else ABSENT

    def _with_past(self, standings: dict[Key, Standing], values: Mapping[Key, ControlValues]) -> dict[Key, Standing]:
        pending = [key for key, one in standings.items() if one.state is State.PENDING]
        if not pending:
            return standings
        past = self._deployments.last_admitted(pending if len(pending) <= _PAGE else None)
        admitted = {key: _manifest(key, past[key], values[key]) for key in pending if key in past}
        return standings | {
            key: with_past(standings[key], manifest, values[key], self._rules) for key, manifest in admitted.items()
        }


def _manifest(key: Key, seen: LiveDeployment | DeploymentState, values: ControlValues) -> dict[str, Any]:
    if isinstance(seen, DeploymentState):
        return manifest_of(seen, opted_out=values.opted_out, owned=values.owned)
    return seen.manifest(key)


def _live(seen: Seen, as_of: datetime | None, standing: Standing, *, is_current: bool) -> Row:
    live = seen if isinstance(seen, LiveDeployment) else None
    return {
        "state": standing.state,
        "is_current": is_current,
        "as_of": as_of,
        "replicas": seen.replicas if seen else None,
        "ready": live.ready if live else None,
        "updated": live.updated if live else None,
        "is_settled": live.is_settled if live else None,
        "changes": [
            {**change._asdict(), "is_drifted": (change.container, change.field) in standing.drifted}
            for change in standing.changes
        ],
    }


def _columns(state: DeploymentState | None, as_of: datetime | None) -> Row:
    """What the list says of the Deployment, as the store sums it (sql/0013)."""
    if state is None:
        return dict(NO_STATE)
    asked, runs = [one.asked for one in state.containers], [one.runs for one in state.containers]
    return {
        "observed_at": as_of,
        "is_sized": state.is_sized,
        "running_replicas": state.replicas,
        "cpu_asked_millicores": state.replicas * _cpu(asked),
        "memory_asked_bytes": state.replicas * _memory(asked),
        "cpu_running_millicores": state.replicas * _cpu(runs),
        "memory_running_bytes": state.replicas * _memory(runs),
    }


def _cpu(containers: Iterable[Resources]) -> int:
    """A request that is not set is the limit."""
    pairs = ((one.cpu_request_millicores, one.cpu_limit_millicores) for one in containers)
    return sum((limit if request is None else request) or 0 for request, limit in pairs)


def _memory(containers: Iterable[Resources]) -> int:
    pairs = ((one.memory_request_bytes, one.memory_limit_bytes) for one in containers)
    return sum((limit if request is None else request) or 0 for request, limit in pairs)
