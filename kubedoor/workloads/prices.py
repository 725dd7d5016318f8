"""What requests cost: the price of a cluster, and amounts as money. Pure but for `ClusterPrice`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kubedoor import quantities
from kubedoor.errors import KubeDoorError
from kubedoor.store.connection import Row

HOURS_PER_MONTH = 730
NODES_KEPT = timedelta(minutes=10)
NODES_AGAIN = timedelta(seconds=30)
"""After a list of nodes that failed."""
_GIBIBYTE = 2**30


@dataclass(frozen=True)
class Price:
    """For an hour, in the currency of the settings."""

    core: float
    gib: float

    def per_month(self, cpu_millicores: int, memory_bytes: int) -> float:
        hourly = cpu_millicores / 1000 * self.core + memory_bytes / _GIBIBYTE * self.gib
        return round(hourly * HOURS_PER_MONTH, 2)


def blended(default: Price, by_label: Mapping[str, tuple[float, float]], nodes: Iterable[Mapping[str, Any]]) -> Price:
    """The mean over nodes, by their allocatable cores and memory; `default` for a node without a priced label.

    `by_label`: `label=value` -> prices of a core and a GiB, of which the first that fits counts. No nodes: `default`.
    """
    cores = gib = core_costs = gib_costs = 0.0
    for node in nodes:
        labels = (node.get("metadata") or {}).get("labels") or {}
        price = next((Price(*by_label[one]) for one in by_label if _has(labels, one)), default)
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        node_cores = float(quantities.parse(allocatable.get("cpu", "0")))
        node_gib = float(quantities.parse(allocatable.get("memory", "0"))) / _GIBIBYTE
        cores, core_costs = cores + node_cores, core_costs + node_cores * price.core
        gib, gib_costs = gib + node_gib, gib_costs + node_gib * price.gib
    return Price(core_costs / cores if cores else default.core, gib_costs / gib if gib else default.gib)


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    name, _, value = wanted.partition("=")
    return labels.get(name) == value


class ClusterPrice:
    """The price of one cluster; its nodes are listed again every NODES_KEPT, and only if prices depend on them.

    Where they cannot be listed, that is tried again after NODES_AGAIN, and the price from the last list holds until then.
    """

    def __init__(
        self,
        default: Price,
        by_label: Mapping[str, tuple[float, float]],
        list_nodes: Callable[[], Iterable[Mapping[str, Any]]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._default = default
        self._by_label = by_label
        self._list_nodes = list_nodes
        self._now = now
        self._lock = threading.Lock()
        self._kept: tuple[datetime, Price] | None = None

    def current(self) -> Price | None:
        """None: no price is set. Nodes that could never be listed count as nodes without a priced label."""
        if not self._by_label:
            return self._default if self._default != Price(0, 0) else None
        with self._lock:
            if self._kept is None or self._now() >= self._kept[0]:
                self._kept = self._listed(self._kept[1] if self._kept else self._default)
            price = self._kept[1]
        return price if price != Price(0, 0) else None

    def _listed(self, known: Price) -> tuple[datetime, Price]:
        """When nodes are to be listed again, and the price until then."""
        try:
            price = blended(self._default, self._by_label, self._list_nodes())
        except (KubeDoorError, OSError):
            return self._now() + NODES_AGAIN, known
        return self._now() + NODES_KEPT, price


def money_of(
    price: Price,
    currency: str,
    savings: Mapping[str, Any],
    asked_days: Sequence[Row],
    would_be: tuple[int | None, int | None],
) -> Row:
    """Per month: what owners ask, what runs, what is saved, and what would run; by namespace, and by day.

    `savings` as `Savings.show` has it, `asked_days` of the same days; `would_be`: CPU and memory.
    """
    cpu, memory = would_be
    return {
        "currency": currency,
        "core_hour": price.core,
        "gib_hour": price.gib,
        **_costs(price, savings),
        "would_be": None if cpu is None or memory is None else price.per_month(cpu, memory),
        "namespaces": _by_namespace(price, savings["namespaces"]),
        "days": [
            {"day": day["day"], **_costs(price, {**day, **asked})}
            for day, asked in zip(savings["days"], asked_days, strict=True)
        ],
    }


def _by_namespace(price: Price, namespaces: Sequence[Row]) -> list[Row]:
    rows = [{"namespace": row["namespace"], **_costs(price, row)} for row in namespaces]
    return sorted(rows, key=lambda row: (-row["saved"], row["namespace"]))


def _costs(price: Price, row: Mapping[str, Any]) -> Row:
    asked = price.per_month(row["cpu_asked_millicores"], row["memory_asked_bytes"])
    saved = price.per_month(row["cpu_millicores"], row["memory_bytes"])
    return {"asked": asked, "enforced": round(asked - saved, 2), "saved": saved}
