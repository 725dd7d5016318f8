"""The use cases of the control table: list workloads, read their history, edit manual values.

Collected values are never written here. An edit is based on a version: a stale one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from kubedoor.control_values import compile_workload
from kubedoor.errors import KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.model.values import ControlValues, ManualValues, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.sizing.dangers import Danger
from kubedoor.store.conditions import Acceptance, ConditionStore
from kubedoor.store.connection import Row
from kubedoor.store.control import ControlStore
from kubedoor.store.manual import stale
from kubedoor.store.records import RecordStore
from kubedoor.store.usage_history import UsageHistory
from kubedoor.workloads.conditions import shown_conditions, withheld_fields, withheld_replicas
from kubedoor.workloads.deployment_columns import container_columns
from kubedoor.workloads.edits import Edit, changed, check_limits, summary
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing import Key, Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.pending import with_manual
from kubedoor.workloads.standings import Standings
from kubedoor.workloads.value_warnings import ValueWarnings, Wanted, wanted_of

NEWEST_USAGE_DAYS = 31
"""Usage days that are older do not count as newest usage."""


@dataclass(frozen=True)
class Page:
    """Workloads with their containers, the number of all that match, and the namespaces of all there are."""

    rows: list[Row]
    total: int
    namespaces: list[str]


@dataclass(frozen=True)
class History:
    """Usage days as kubedoor.store.usage_history has them, and the peak days of the collected values; None: there are no collected values."""

    usage: list[Row]
    peak_day: date | None
    memory_peak_day: date | None


@dataclass(frozen=True)
class Edited:
    """Manual values after an edit, written or only planned, and what they would do."""

    manual: ManualValues
    warnings: list[Danger]


class Workloads:
    def __init__(
        self,
        *,
        cluster: str,
        control: ControlStore,
        conditions: ConditionStore,
        listing: ListingCache,
        history: UsageHistory,
        records: RecordStore,
        warnings: ValueWarnings,
        standings: Standings,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._conditions = conditions
        self._listing = listing
        self._history = history
        self._records = records
        self._warnings = warnings
        self._standings = standings
        self._now = now

    def page(self, wanted: Filter, *, sort: str, descending: bool, page: int, page_size: int) -> Page:
        listing = self._listing.current(since=self._since())
        return self.page_of(listing, wanted, sort=sort, descending=descending, page=page, page_size=page_size)

    def page_of(
        self, listing: Listing, wanted: Filter, *, sort: str, descending: bool, page: int, page_size: int
    ) -> Page:
        """As `page`, of a list that is read already."""
        offset = (page - 1) * page_size
        states = self._standings.states(listing) if wanted.state else None
        dangerous = self._dangerous(listing) if wanted.dangerous is not None else frozenset[Key]()
        rows, total = listing.page(
            wanted,
            sort=sort,
            descending=descending,
            limit=page_size,
            offset=offset,
            states=states,
            dangerous=dangerous,
        )
        self._add_containers(listing, rows)
        self._add_conditions(rows)
        return Page(rows, total, listing.namespaces)

    def _dangerous(self, listing: Listing) -> frozenset[Key]:
        manual = {key: wanted_of(listing.control_rows(key)) for key in listing.keys_with_manual()}
        return frozenset(key for key, found in self._warnings.of_each(manual).items() if found)

    def one(self, key: WorkloadKey) -> Row:
        """One workload with its containers. Raises NotFound."""
        self._check_cluster(key)
        listing = self._listing.current(since=self._since())
        if (row := listing.one((key.namespace, key.deployment))) is None:
            raise _not_found(key)
        self._add_containers(listing, [row])
        self._add_conditions([row])
        reasons = self._listing.store.reasons(key.namespace, key.deployment)
        for container in row["containers"]:
            container["reasons"] = reasons.get(container["container"], container["reasons"])
        row["manual"] = asdict(self._control.manual(key))
        return row

    def _since(self) -> date:
        return (self._now() - timedelta(days=NEWEST_USAGE_DAYS)).date()

    def _add_containers(self, listing: Listing, rows: list[Row]) -> None:
        keys = [(row["namespace"], row["deployment"]) for row in rows]
        states = self._standings.lay(listing, rows)
        containers: dict[Key, list[Row]] = {key: [] for key in keys}
        every: dict[Key, list[Row]] = {}
        for row in listing.containers(keys):
            every.setdefault((row["namespace"], row["deployment"]), []).append(row)
            if row["container"]:
                key = (row["namespace"], row["deployment"])
                newest = listing.newest_usage(*key, row["container"])
                in_deployment = container_columns(states.get(key), row["container"])
                containers[key].append({**row, **in_deployment, "newest": newest, "withheld": withheld_fields(row)})
        warnings = self._warnings.of_each({key: wanted_of(found) for key, found in every.items()})
        for row in rows:
            key = (row["namespace"], row["deployment"])
            row["containers"] = containers[key]
            row["warnings"] = warnings.get(key, [])

    def _add_conditions(self, rows: list[Row]) -> None:
        """Parsed here and not in the listing, which has the JSON of every workload."""
        accepted = [(row["namespace"], row["deployment"]) for row in rows if row["accepted"]]
        acceptances: dict[Key, list[Acceptance]] = {}
        for one in self._conditions.acceptances(accepted) if accepted else ():
            acceptances.setdefault((one.namespace, one.deployment), []).append(one)
        for row in rows:
            row["conditions"] = shown_conditions(row, acceptances.get((row["namespace"], row["deployment"]), ()))
            row["withheld_replicas"] = withheld_replicas(row)
            row["is_collected"] = row["collected_replicas"] is not None

    def acceptances(self, key: WorkloadKey) -> list[Acceptance]:
        """The newest word about each condition of a workload, newest first. Raises NotFound."""
        self._existing_rows(key)
        return self._conditions.acceptances([(key.namespace, key.deployment)])

    def history(self, key: WorkloadKey, *, since: date) -> History:
        """Of one workload. `since`: a local date, as those of usage days are. Raises NotFound."""
        self._check_cluster(key)
        # At once: neither needs the other's answer.
        with ThreadPoolExecutor(1) as other:
            peaks = other.submit(self._control.peak_days, key)
            usage = self._history.of(key.namespace, key.deployment, since=since)
            peak_day, memory_peak_day = peaks.result()
        if peak_day is None:
            self._existing_rows(key)
        return History(usage, peak_day, memory_peak_day)

    def must_exist(self, key: WorkloadKey) -> None:
        """Raises NotFound unless the workload is in the control table."""
        self._existing_rows(key)

    def edits(self, key: WorkloadKey, *, limit: int) -> list[ManualValues]:
        """The workload's edits, newest first. Raises NotFound."""
        self._existing_rows(key)
        return self._control.edits(key, limit=limit)

    def edit(self, key: WorkloadKey, edit: Edit, editor: Editor) -> Edited:
        """Apply changes to the manual values.

        Nothing is written if it raises: NotFound, Conflict (`edit.version` is stale), or InvalidInput with the field.
        """
        before, rows = self._control.manual(key), self._existing_rows(key)
        after = self.plan_edit(key, rows, before, edit)
        shown = {**summary(after), "based_on": edit.version}
        with audited(self._records, editor, "workload.edit", str(key), before=summary(before), after=shown):
            written = self._control.edit(key, after, based_on=edit.version, who=editor.who)
        return Edited(written, self._warnings.of(key, Wanted(written, bool(rows[0]["hpa"]))))

    def check(self, edits: Mapping[WorkloadKey, Edit]) -> list[tuple[WorkloadKey, Edited | KubeDoorError]]:
        """As `edit_many`, and nothing is written. In three queries, whatever the number of edits."""
        for key in edits:
            self._check_cluster(key)
        known = self._control.rows_of_each(list(edits))
        manual = self._control.manual_of_each(list(edits))
        planned: dict[WorkloadKey, ManualValues] = {}
        failed: dict[WorkloadKey, KubeDoorError] = {}
        for key, edit in edits.items():
            try:
                planned[key] = self.plan_edit(key, known.get(key, []), manual.get(key, ManualValues()), edit)
            except KubeDoorError as error:
                failed[key] = error
        wanted = {
            (key.namespace, key.deployment): Wanted(after, bool(known[key][0]["hpa"])) for key, after in planned.items()
        }
        found = self._warnings.of_each(wanted)
        return [
            (key, failed[key] if key in failed else Edited(planned[key], found[key.namespace, key.deployment]))
            for key in edits
        ]

    def plan_edit(self, key: WorkloadKey, rows: list[Row], before: ManualValues, edit: Edit) -> ManualValues:
        """`before` with `edit` applied, not written; `rows` are those of the view `control`. Raises as `edit`."""
        if not rows:
            raise _not_found(key)
        if before.version != edit.version:
            raise stale(key, edit.version, before)
        after = changed(before, edit.changes)
        check_limits(rows, after, edit.changes)
        return after

    def pending(self, key: WorkloadKey, edit: Edit) -> ControlValues:
        """The control values as `edit` would make them; nothing is written. Raises as `edit`."""
        rows = self._existing_rows(key)
        after = self.plan_edit(key, rows, self._control.manual(key), edit)
        return compile_workload(with_manual(rows, after, self._control.largest_node(key)))

    def all_with_manual(self) -> dict[WorkloadKey, tuple[list[Row], ManualValues]]:
        """All workloads with their rows of the view `control` and their manual values, in two queries."""
        manual = self._control.all_manual()
        workloads: dict[WorkloadKey, tuple[list[Row], ManualValues]] = {}
        for row in self._control.control_rows():
            key = WorkloadKey(self._cluster, row["namespace"], row["deployment"])
            workloads.setdefault(key, ([], manual.get(key, ManualValues())))[0].append(row)
        return workloads

    def edit_many(
        self, edits: Mapping[WorkloadKey, Edit], editor: Editor
    ) -> list[tuple[WorkloadKey, Edited | KubeDoorError]]:
        """Apply each edit independently; the result of a failed one is its error."""
        results: list[tuple[WorkloadKey, Edited | KubeDoorError]] = []
        for key, edit in edits.items():
            try:
                results.append((key, self.edit(key, edit, editor)))
            except KubeDoorError as error:
                results.append((key, error))
        return results

    def _existing_rows(self, key: WorkloadKey) -> list[Row]:
        self._check_cluster(key)
        if not (rows := self._control.control_rows_of(key)):
            raise _not_found(key)
        return rows

    def _check_cluster(self, key: WorkloadKey) -> None:
        if key.cluster != self._cluster:
            raise NotFound(sentence("workloads.other_cluster", cluster=repr(key.cluster), known=self._cluster))


def _not_found(key: WorkloadKey) -> NotFound:
    return NotFound(sentence("workloads.not_found", workload=f"{key.namespace}/{key.deployment}"))
