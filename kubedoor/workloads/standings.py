"""Lays what is in the cluster, now or as it was last seen, beside the workloads of the list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from kubedoor.admission.deployment_state import state_of
from kubedoor.admission.rules import Rules
from kubedoor.control_values import compile_workload
from kubedoor.live.deployments import LiveDeployment, manifest_of
from kubedoor.live.reader import LiveView
from kubedoor.live.standing import (
    ABSENT,
    LEFT_ALONE,
    REPLICAS,
    UNKNOWN,
    Standing,
    State,
    standing_of,
    with_past,
    without_drift,
)
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import ControlValues
from kubedoor.store.deployments import SAMPLE, DeploymentStore, Observed
from kubedoor.store.records import RecordStore
from kubedoor.workloads.listing import NO_STATE, Key, Listing, Row
from kubedoor.workloads.live_rows import Seen, live_row, state_row

View = Callable[[], LiveView | None]
_PAGE = 500
"""Up to so many Deployments are asked for by name."""
MOST_SHOWN = 2000
"""The columns of so many workloads at most are kept: two kilobytes each."""


@dataclass(frozen=True)
class _Moment:
    """What one question has to go by: the cluster as it is, else what was stored of it."""

    view: LiveView | None
    stored: Mapping[Key, Observed]
    looked_at: datetime | None
    ignored: Collection[str]

    def seen(self, key: Key) -> tuple[Seen, datetime | None]:
        """A Deployment, and when it was so. The sample's are not gone because a cluster does not have them."""
        stored = self.stored.get(key)
        if self.view is not None and (stored is None or stored.seen_by != SAMPLE or key in self.view.deployments):
            return self.view.deployments.get(key), self.view.as_of
        if stored is None:
            return None, self.looked_at
        return stored.state, max(stored.observed_at, self.looked_at or stored.observed_at)

    def generation(self, key: Key) -> int:
        """Of a Deployment that is there; 0: not known."""
        seen = self.seen(key)[0]
        return seen.generation if seen else 0

    def is_current(self, seen: Seen) -> bool:
        is_live = self.view is not None and self.view.is_current
        return is_live and not isinstance(seen, DeploymentState)


class _Worked(NamedTuple):
    """What was worked out of one workload, and from which control values and content of its Deployment."""

    mark: tuple[object, ...]
    content: object
    standing: Standing


class _Past(NamedTuple):
    """Of what is pending: how it stands when its last admission, of then, is known."""

    worked: _Worked
    generation: int
    admitted_at: datetime | None
    state: State


class _Shown(NamedTuple):
    """Of a workload on a page: what the list says of its Deployment, worked out from this content."""

    content: object
    state: DeploymentState
    columns: Row


class Standings:
    """Of one cluster. `view`: what is in it now; None where nobody can tell. `has_sample`: of the sample data, too.

    `ignored`: the namespaces that their label takes away from the door. What was worked out of a workload is kept until its
    control values or its Deployment change.
    """

    def __init__(
        self,
        *,
        rules: Rules,
        deployments: DeploymentStore,
        records: RecordStore,
        view: View,
        has_sample: bool,
        ignored: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._has_sample = has_sample
        self._rules = rules
        self._deployments = deployments
        self._records = records
        self._view = view
        self._ignored = ignored
        self._lock = threading.Lock()
        self._worked: dict[Key, _Worked] = {}
        self._shown: dict[Key, _Shown] = {}
        self._stored: dict[Key, Observed | None] = {}
        self._stored_of: object = None
        self._pasts: dict[Key, _Past] = {}
        self._worked_of: object = None

    def lay(self, listing: Listing, rows: Sequence[Row]) -> dict[Key, DeploymentState]:
        """Give each row `live` and, of what is in the cluster, the columns of the list; returns what is known of each."""
        keys = [(row["namespace"], row["deployment"]) for row in rows]
        if not keys:
            return {}
        moment = self._moment(lambda: self._stored_of_each(listing, keys), lambda: listing.looked_at)
        self._forget_changed(listing)
        found = {key: moment.seen(key) for key in keys}
        standings = {key: self._standing(listing, key, moment).standing for key in keys}
        standings |= self._with_past(listing, standings, moment)
        states: dict[Key, DeploymentState] = {}
        for key, row in zip(keys, rows, strict=True):
            seen, as_of = found[key]
            row["live"] = live_row(seen, as_of, standings[key], is_current=moment.is_current(seen))
            if seen is None:
                row |= NO_STATE
                continue
            shown = self._shown_of(key, seen)
            states[key] = shown.state
            row |= shown.columns | {"observed_at": as_of}
        return states

    def states(self, listing: Listing) -> dict[Key, State]:
        """Of all workloads of the list. What has not changed since the last time is not worked out again."""
        moment = self._moment(self._deployments.observed, self._deployments.looked_at)
        self._forget_changed(listing)
        with self._lock:
            found = {key: self._standing(listing, key, moment) for key in listing.every_key()}
            states = {key: one.standing.state for key, one in found.items()}
            pending = {key: found[key] for key, state in states.items() if state is State.PENDING}
            self._pasts = self._drifted(listing, pending, moment)
            return states | {key: one.state for key, one in self._pasts.items()}

    def _moment(
        self, stored: Callable[[], Mapping[Key, Observed]], looked_at: Callable[[], datetime | None]
    ) -> _Moment:
        """Where the cluster answers, the store is not asked, but for the sample data."""
        view = self._view()
        ignored = frozenset(self._ignored()) if view is not None else frozenset()
        if view is not None and not self._has_sample:
            return _Moment(view, {}, None, ignored)
        return _Moment(view, stored(), looked_at(), ignored)

    def _stored_of_each(self, listing: Listing, keys: Sequence[Key]) -> dict[Key, Observed]:
        """What is stored of these; the store is asked only for what it has not told since its newest state."""
        with self._lock:
            revision = listing.states_revision
            if revision is None or self._stored_of != revision or len(self._stored) > MOST_SHOWN:
                self._stored, self._stored_of = {}, revision
            kept = self._stored
        known = {key: kept[key] for key in keys if key in kept}
        if missing := [key for key in keys if key not in known]:
            found = self._deployments.observed_of(missing)
            new = {key: found.get(key) for key in missing}
            known |= new
            with self._lock:
                # Read after that revision, so at least as new. `kept` is nobody's any more once another one is there.
                kept |= new
        return {key: one for key, one in known.items() if one is not None}

    def _shown_of(self, key: Key, seen: LiveDeployment | DeploymentState) -> _Shown:
        content, known = _content(seen), self._shown.get(key)
        if known is not None and known.content == content:
            return known
        state = seen if isinstance(seen, DeploymentState) else state_of(seen.manifest(key))
        if len(self._shown) >= MOST_SHOWN:
            self._shown = {}
        shown = self._shown[key] = _Shown(content, state, state_row(state))
        return shown

    def _drifted(self, listing: Listing, pending: Mapping[Key, _Worked], moment: _Moment) -> dict[Key, _Past]:
        if not pending:
            return {}
        # Read before what was admitted: an admission in between is found the next time.
        admitted = self._deployments.admitted_at()
        past = {
            key: _Past(worked, moment.generation(key), admitted.get(key), State.PENDING)
            for key, worked in pending.items()
        }
        kept = {
            key: self._pasts[key] for key, one in past.items() if key in self._pasts and self._pasts[key][:3] == one[:3]
        }
        new = {key: one.worked.standing for key, one in past.items() if key not in kept}
        standings = new | self._with_past(listing, new, moment)
        return kept | {key: past[key]._replace(state=one.state) for key, one in standings.items()}

    def _standing(self, listing: Listing, key: Key, moment: _Moment) -> _Worked:
        """As the door's rules have it, without its past."""
        seen = moment.seen(key)[0]
        if seen is None:
            return _Worked((), None, self._absent(key, moment))
        content, is_newest = _content(seen), self._worked_of is listing.version
        if key[0] in moment.ignored:
            return _Worked((), content, LEFT_ALONE)
        known = self._worked.get(key) if is_newest else None
        if known is not None and known.content == content:
            return known
        values = compile_workload(listing.control_rows(key))
        standing = standing_of(_manifest(key, seen, values), values, self._rules)
        worked = _Worked(listing.control_mark(key), content, standing)
        if is_newest:
            self._worked[key] = worked
        return worked

    def _forget_changed(self, listing: Listing) -> None:
        """What has other control values now. The rest gets the marks of this list, so that the rows of an older one go."""
        with self._lock:
            if self._worked_of is listing.version:
                return
            marks = {key: listing.control_mark(key) for key in self._worked}
            self._worked = {
                key: one._replace(mark=marks[key]) for key, one in self._worked.items() if one.mark == marks[key]
            }
            self._pasts = {
                key: one._replace(worked=self._worked[key]) for key, one in self._pasts.items() if key in self._worked
            }
            self._worked_of = listing.version

    def _absent(self, key: Key, moment: _Moment) -> Standing:
        """A namespace that is left out is neither watched nor looked at: what is in the table of it may well be there."""
        if self._rules.leaves_out(key[0]):
            return LEFT_ALONE
        return UNKNOWN if moment.view is None and moment.looked_at is None else ABSENT

    def _with_past(self, listing: Listing, standings: Mapping[Key, Standing], moment: _Moment) -> dict[Key, Standing]:
        """Those of `standings` that are drifted."""
        pending = [key for key, one in standings.items() if one.state is State.PENDING]
        if not pending:
            return {}
        past = self._deployments.last_admitted(pending if len(pending) <= _PAGE else None)
        found: dict[Key, Standing] = {}
        for key in pending:
            if key in past and _is_changed_since(past[key].state, moment.generation(key)):
                values = compile_workload(listing.control_rows(key))
                manifest = _manifest(key, past[key].state, values)
                found[key] = with_past(standings[key], manifest, values, self._rules)
        drifted = {key: one for key, one in found.items() if one.state is State.DRIFTED}
        return self._without_scales(drifted, past)

    def _without_scales(self, drifted: dict[Key, Standing], past: Mapping[Key, Observed]) -> dict[Key, Standing]:
        """Replicas that the door has let through, as a rule had it, have not drifted."""
        scaled = {key: past[key].observed_at for key, one in drifted.items() if REPLICAS in one.drifted}
        if not scaled:
            return drifted
        scales = self._records.scales_since(min(scaled.values()), scaled)
        let_through = [key for key, one in scales.items() if one.at > scaled[key] and one.is_left_alone]
        return drifted | {key: without_drift(drifted[key], REPLICAS) for key in let_through}


def _is_changed_since(admitted: DeploymentState, generation: int) -> bool:
    """False: what is stored is what that admission made of it, or older; somebody after the door has changed or refused it."""
    return not generation or generation > admitted.generation


def _content(seen: LiveDeployment | DeploymentState) -> object:
    """All that a standing depends on: not how many pods are ready."""
    return seen if isinstance(seen, DeploymentState) else seen.outline


def _manifest(key: Key, seen: LiveDeployment | DeploymentState, values: ControlValues) -> dict[str, Any]:
    if isinstance(seen, DeploymentState):
        return manifest_of(seen, opted_out=values.opted_out, owned=values.owned)
    return seen.manifest(key)
