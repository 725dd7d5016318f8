"""The control table in memory: search, filters, sorting, paging, and sums over all workloads. Pure.

*Requested* is the request on a workload's newest usage day times its pods; *used* is the usage of its peak day times
the pods of that day.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import Any

import orjson

from kubedoor.workloads.filters import Filter, row_tests
from kubedoor.workloads.ordering import STATE_SORTS, column_values, ordered, saved

Row = dict[str, Any]
Key = tuple[str, str]
"""(namespace, deployment)"""

NO_STATE: Row = {
    "observed_at": None,
    "is_sized": False,
    "running_replicas": None,
    "cpu_asked_millicores": None,
    "memory_asked_bytes": None,
    "cpu_running_millicores": None,
    "memory_running_bytes": None,
}
"""Of a workload whose Deployment is not known to be in the cluster."""
_AMOUNTS = ("cpu_requested_millicores", "cpu_used_millicores", "memory_requested_bytes", "memory_used_bytes")


@dataclass(frozen=True)
class Table:
    """Rows as tuples: dicts of forty keys take several times the memory. Without rows, `columns` may be empty."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    @cached_property
    def index(self) -> dict[str, int]:
        return {column: position for position, column in enumerate(self.columns)}

    def column(self, name: str) -> Iterator[Any]:
        if not self.rows:
            return iter(())
        position = self.index[name]
        return (row[position] for row in self.rows)

    def keys(self) -> Iterator[Key]:
        return zip(self.column("namespace"), self.column("deployment"), strict=True)

    def as_dict(self, row: tuple[Any, ...]) -> Row:
        return dict(zip(self.columns, row, strict=True))


class Listing:
    """A snapshot of one cluster's workloads, sorted by name; `containers` has the rows of the view `control`.

    `usage`: (namespace, deployment, container) -> its newest usage day as JSON, which takes a third of the memory of a dict.

    Their Deployments are laid over it by `with_states`: these change more often, and are cheaper to read.
    """

    def __init__(
        self, workloads: Table, containers: Table, usage: Mapping[tuple[str, str, str], str] | None = None
    ) -> None:
        self._workloads = workloads
        self._containers = containers
        self._usage = usage or {}
        self._orders: dict[tuple[str, bool], list[int]] = {}
        self._state_orders: dict[tuple[str, bool], list[int]] = {}
        self._positions = {key: position for position, key in enumerate(workloads.keys())}
        self._names = [f"{namespace}/{deployment}".casefold() for namespace, deployment in self._positions]
        self._containers_of: dict[Key, list[tuple[Any, ...]]] = {}
        for key, row in zip(containers.keys(), containers.rows, strict=True):
            self._containers_of.setdefault(key, []).append(row)
        self._states: dict[Key, Row] = {}
        self._net: Row | None = None
        self.states_revision: object = None
        """Another one once the store has another state of any Deployment, or another look; None: no states are laid over it."""
        self.looked_at: datetime | None = None
        """The newest look at the cluster."""

    def with_states(
        self, states: dict[Key, Row], *, revision: object = None, looked_at: datetime | None = None
    ) -> Listing:
        """A copy with these states of Deployments, each with the keys of NO_STATE; it shares all else."""
        listing = copy.copy(self)
        listing._states, listing._state_orders, listing._net = states, {}, None
        listing.states_revision, listing.looked_at = revision, looked_at
        return listing

    @property
    def version(self) -> object:
        """Another one once control values have changed."""
        return self._workloads

    def every_key(self) -> Iterator[Key]:
        return iter(self._positions)

    def keys_with_manual(self) -> list[Key]:
        return [
            key for key, is_any in zip(self._positions, self._workloads.column("has_manual"), strict=True) if is_any
        ]

    def control_mark(self, key: Key) -> tuple[object, ...]:
        """Equal in two lists where the control values of the workload are; empty: it is not in this one."""
        if key not in self._positions:
            return ()
        withheld = self._workloads.rows[self._positions[key]][self._workloads.index["withheld_replicas"]]
        return withheld, *self._containers_of.get(key, ())

    def control_rows(self, key: Key) -> list[Row]:
        """What kubedoor.control_values compiles the control values of a workload from."""
        row = self._workloads.rows[self._positions[key]]
        withheld = row[self._workloads.index["withheld_replicas"]]
        return [{**one, "withheld_replicas": withheld} for one in self.containers([key])]

    def page(
        self,
        wanted: Filter,
        *,
        sort: str,
        descending: bool,
        limit: int,
        offset: int,
        states: Mapping[Key, str] | None = None,
        dangerous: Set[Key] = frozenset(),
    ) -> tuple[list[Row], int]:
        """One page of the matching workloads, and the number of all matching workloads.

        `states`, and the `dangerous` ones: for a filter by them.
        """
        if not self._workloads.rows:
            return [], 0
        tests, rows, keys = self._tests(wanted), self._workloads.rows, list(self._positions)
        if wanted.dangerous is not None:
            tests.append(lambda one: (keys[one] in dangerous) is wanted.dangerous)
        if states is not None and wanted.state:
            tests.append(lambda one: states.get(keys[one]) == wanted.state)
        positions = self._order(sort, descending)
        for test in tests:
            positions = list(filter(test, positions))
        return [self._as_dict(rows[one]) for one in positions[offset : offset + limit]], len(positions)

    def one(self, key: Key) -> Row | None:
        """None: the workload is not in the control table."""
        position = self._positions.get(key)
        return None if position is None else self._as_dict(self._workloads.rows[position])

    def _as_dict(self, row: tuple[Any, ...]) -> Row:
        workload = self._workloads.as_dict(row)
        return workload | self._states.get((workload["namespace"], workload["deployment"]), NO_STATE)

    def newest_usage(self, namespace: str, deployment: str, container: str) -> Row | None:
        """Of one container; None: none counts."""
        usage = self._usage.get((namespace, deployment, container))
        return None if usage is None else orjson.loads(usage)

    @cached_property
    def namespaces(self) -> list[str]:
        return sorted(set(self._workloads.column("namespace")))

    def containers(self, workloads: Sequence[Key]) -> list[Row]:
        """The rows of the view `control` for these workloads."""
        return [
            self._containers.as_dict(row) for key in sorted(set(workloads)) for row in self._containers_of.get(key, ())
        ]

    def _tests(self, wanted: Filter) -> list[Callable[[int], bool]]:
        """What the position of a matching workload passes; none: all match. The search comes first."""
        names, tests = self._names, row_tests(wanted, self._workloads.rows, self._workloads.index)
        if search := wanted.search.casefold():
            tests.insert(0, lambda one: search in names[one])
        if wanted.sized is not None:
            keys, states = list(self._positions), self._states
            tests.append(lambda one: states.get(keys[one], NO_STATE)["is_sized"] is wanted.sized)
        return tests

    def _order(self, sort: str, descending: bool) -> list[int]:
        """Positions of all workloads, by the sort, then by name ascending; sorted once."""
        orders = self._state_orders if sort in STATE_SORTS else self._orders
        if (order := orders.get((sort, descending))) is None:
            count = len(self._workloads.rows)
            order = orders[sort, descending] = ordered(self._values(sort), count, descending=descending)
        return order

    def _values(self, sort: str) -> Callable[[int], Any]:
        if sort not in STATE_SORTS:
            return column_values(sort, self._workloads.rows, self._workloads.index)
        keys = list(self._positions)
        return lambda one: saved(sort, self._states.get(keys[one], NO_STATE))

    @cached_property
    def sums(self) -> Row:
        """The totals of the whole cluster."""
        table = self._workloads
        counts = {
            "workloads": len(table.rows),
            "over_asked": sum(map(bool, table.column("is_over_asked"))),
            "under_asked": sum(map(bool, table.column("is_under_asked"))),
            "unasked": sum(count > 0 for count in table.column("unasked")),
            "oom_killed": sum(kills > 0 for kills in table.column("oom_kills")),
            "with_manual": sum(map(bool, table.column("has_manual"))),
            "with_hpa": sum(map(bool, table.column("hpa"))),
            "enforced": sum(mode == "enforce" for mode in table.column("mode")),
            "observed": sum(mode == "observe" for mode in table.column("mode")),
        }
        amounts = (*_AMOUNTS, "cpu_control_millicores", "memory_control_bytes")
        return {
            **counts,
            **{column: sum(table.column(column)) for column in amounts},
            **self._gaps("cpu", "millicores"),
            **self._gaps("memory", "bytes"),
        }

    def net(self) -> Row:
        """Of all Deployments that were seen: what owners asked, what runs, and what would if all values were enforced.

        A Deployment without control values would go on as it runs. None: no Deployment was ever seen. Summed up once.
        """
        if self._net is not None:
            return self._net
        net: Row = {}
        columns = (self._workloads.column("replicas"), self._workloads.column("hpa"))
        # An HPA that is switched off is not switched on by a control value: what runs stays.
        without_pods = {
            key for key, replicas, hpa in zip(self._positions, *columns, strict=True) if replicas == 0 and not hpa
        }
        for resource, unit in (("cpu", "millicores"), ("memory", "bytes")):
            control = dict(zip(self._positions, self._workloads.column(f"{resource}_control_{unit}"), strict=True))
            sums = [0, 0, 0]
            for key, state in self._states.items():
                runs = state[f"{resource}_running_{unit}"] or 0
                would_be = control.get(key) or (0 if key in without_pods else runs)
                for part, amount in enumerate((state[f"{resource}_asked_{unit}"] or 0, runs, would_be)):
                    sums[part] += amount
            for name, amount in zip(("asked", "enforced", "would_be"), sums, strict=True):
                net[f"{resource}_{name}_{unit}"] = amount if self._states else None
        self._net = net
        return net

    @property
    def newest_day(self) -> date | None:
        """The newest usage day of any workload; None: none counts."""
        return max((day for day in self._workloads.column("newest_day") if day is not None), default=None)

    @cached_property
    def values(self) -> Row:
        """How many fields are enforced, withheld, and wait for a person; and of how many workloads any."""
        table = self._workloads
        fields = {name: sum(table.column(f"{name}_count")) for name in ("enforced", "withheld", "waiting")}
        workloads = {
            f"workloads_{name}": sum(map(bool, table.column(f"is_{name}"))) for name in ("waiting", "withheld")
        }
        return fields | workloads

    @cached_property
    def by_condition(self) -> Counter[str]:
        """How many workloads have each condition."""
        return Counter(chain.from_iterable(map(set, self._workloads.column("condition_types"))))

    def _gaps(self, resource: str, unit: str) -> Row:
        """The sum of unused requests (spare) and the sum of usage above requests (missing); they are not netted."""
        table = self._workloads
        requested, used = table.column(f"{resource}_requested_{unit}"), table.column(f"{resource}_used_{unit}")
        gaps = [requested_amount - used_amount for requested_amount, used_amount in zip(requested, used, strict=True)]
        return {
            f"{resource}_spare_{unit}": sum(gap for gap in gaps if gap > 0),
            f"{resource}_missing_{unit}": sum(-gap for gap in gaps if gap < 0),
        }

    @cached_property
    def by_namespace(self) -> list[Row]:
        """Requested and used per namespace, greatest CPU request first."""
        table = self._workloads
        sums: dict[str, Row] = {}
        columns = (table.column("namespace"), *(table.column(column) for column in _AMOUNTS))
        for namespace, *amounts in zip(*columns, strict=True):
            row = sums.setdefault(namespace, {"namespace": namespace, "workloads": 0, **dict.fromkeys(_AMOUNTS, 0)})
            row["workloads"] += 1
            for column, amount in zip(_AMOUNTS, amounts, strict=True):
                row[column] += amount
        return sorted(sums.values(), key=lambda row: (-row["cpu_requested_millicores"], row["namespace"]))
