"""Builds the PromQL queries. Their number does not depend on the number of workloads.

Each peak window takes three queries (CPU curve, memory curve, facts) and each day one (state). Series are fetched per
container and joined to their owners in KubeDoor: a join in Prometheus needs three times the memory. Every query removes
duplicate series: of a replicated kube-state-metrics, of a kubelet scraped by two jobs, of two Prometheus servers behind
one Thanos. Only PromQL that Prometheus 2 and 3, Thanos, Mimir and VictoriaMetrics share is used.

`container!=""` excludes the cgroups of pods and the pause containers of containerd and CRI-O, `container!="POD"` the
pause containers of Docker. There is no matcher on `image`: some setups drop this label, and k3s 1.24 had none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubedoor.collection.readings import STATE_METRICS, Fact, Metric
from kubedoor.model.usage import TimeRange

LOOK_BACK_SECONDS = 300
"""Prometheus' default look-back for a sample, stated explicitly because VictoriaMetrics has a shorter default."""
FACT_LABEL = "kubedoor_fact"
METRIC_LABEL = "kubedoor_metric"
"""A copy of the metric name, because `or` drops series that differ in the name only."""
_CONTAINER = "namespace, pod, container"
_REAL_CONTAINER = ('container!=""', 'container!="POD"')
_STATE_LABELS = (
    METRIC_LABEL,
    "namespace",
    "pod",
    "container",
    "resource",
    "restart_policy",
    "owner_kind",
    "owner_name",
    "replicaset",
    "scaletargetref_kind",
    "scaletargetref_name",
)
_REGEX_SPECIAL = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True)
class Scope:
    """The label matchers of every selector, always escaped."""

    cluster_label: str = ""
    """Empty: no cluster matcher."""
    cluster: str = ""
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    excluded_namespaces: tuple[str, ...] = ()

    def within(self, namespaces: Iterable[str]) -> Scope:
        return replace(self, namespaces=tuple(namespaces))

    def matchers(self) -> list[str]:
        matchers = [f"{self.cluster_label}={quoted(self.cluster)}"] if self.cluster_label else []
        if self.namespaces:
            matchers.append(f"namespace=~{quoted(_any_of(self.namespaces))}")
        if self.excluded_namespaces:
            matchers.append(f"namespace!~{quoted(_any_of(self.excluded_namespaces))}")
        return matchers


def quoted(text: str) -> str:
    """A PromQL string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _any_of(texts: Iterable[str]) -> str:
    """An RE2 pattern that matches exactly these texts; Prometheus anchors it."""
    return "|".join("".join(f"\\{char}" if char in _REGEX_SPECIAL else char for char in text) for text in texts)


def _selector(metric: str, scope: Scope, *extra: str) -> str:
    return f"{metric}{{{','.join((*extra, *scope.matchers()))}}}"


def _of_containers(metric: str, scope: Scope) -> str:
    return _selector(metric, scope, *_REAL_CONTAINER)


def _growth(function: str, metric: str, scope: Scope, seconds: int) -> str:
    """Growth per container: sums a counter that is split by `cpu`, then takes the largest of duplicate series.

    A restarted container has a new series. While both series have a rate, their sum would be exact on Prometheus but
    doubled on VictoriaMetrics, which does not extrapolate; the maximum does not change a P95 on either.
    """
    return f"max by ({_CONTAINER}) (sum without (cpu) ({function}({_of_containers(metric, scope)}[{seconds}s])))"


def cpu_curve(scope: Scope, *, rate_seconds: int) -> str:
    """A range query for the cores used by each container. `rate_seconds` must span at least two scrapes."""
    return _growth("rate", Metric.CPU, scope, rate_seconds)


def memory_curve(scope: Scope) -> str:
    """A range query for the working set of each container, in bytes."""
    return f"max by ({_CONTAINER}) ({_of_containers(Metric.MEMORY, scope)})"


def facts(scope: Scope, *, seconds: int) -> str:
    """An instant query for the facts of each container over the last `seconds`; FACT_LABEL names the fact."""
    window = f"[{seconds}s]"
    restarts = _of_containers(Metric.RESTARTS, scope)
    reasons = _selector(Metric.LAST_TERMINATED_REASON, scope, 'reason="OOMKilled"')
    # Only the reason of the last termination is known, and it stays until the next one: hence the short look-back.
    killed = f"max by ({_CONTAINER}) (last_over_time({reasons}[{LOOK_BACK_SECONDS}s])) == 1"
    events = f"increase({_of_containers(Metric.OOM_EVENTS, scope)}{window})"
    pieces = {
        Fact.MEMORY_MAX: f"max by ({_CONTAINER}) (max_over_time({_of_containers(Metric.MEMORY, scope)}{window}))",
        Fact.PERIODS: _growth("increase", Metric.CFS_PERIODS, scope, seconds),
        Fact.THROTTLED_PERIODS: _growth("increase", Metric.CFS_THROTTLED_PERIODS, scope, seconds),
        # Each killed container has its own series, by cgroup id, so these are summed.
        Fact.OOM_EVENTS: f"sum by ({_CONTAINER}) (max by ({_CONTAINER}, id) ({events})) > 0",
        Fact.OOM_RESTARTS: f"(max by ({_CONTAINER}) (increase({restarts}{window})) > 0)"
        f" and on ({_CONTAINER}) ({killed})",
    }
    return " or ".join(
        f'label_replace({text}, "{FACT_LABEL}", "{fact}", "namespace", ".*")' for fact, text in pieces.items()
    )


def state(scope: Scope, ranges: Sequence[TimeRange]) -> str:
    """An instant query, at the end of the last range, for the last value of every series of STATE_METRICS in any range.

    Each range has its own sub-query, so that the hours between two windows are not read. The last range comes first,
    because `or` keeps the first occurrence of a series.
    """
    selector = _selector("", scope, _named(STATE_METRICS))
    pieces = (
        _with_metric_label(f"last_over_time({selector}[{_seconds(piece)}s]{_offset(piece, ranges[-1].end)})")
        for piece in reversed(ranges)
    )
    return f"max by ({', '.join(_STATE_LABELS)}) ({' or '.join(pieces)})"


def presence(scope: Scope, metrics: Iterable[Metric], *, seconds: int) -> str:
    """Counts the series of each metric in the last `seconds`; METRIC_LABEL names the metric."""
    selector = _selector("", scope, _named(metrics))
    return f"count by ({METRIC_LABEL}) ({_with_metric_label(f'last_over_time({selector}[{seconds}s])')})"


def renamed_labels(scope: Scope, *, seconds: int) -> str:
    """Counts the series of kube-state-metrics whose labels the scrape job replaced (`honor_labels` is not set)."""
    everywhere = replace(scope, namespaces=(), excluded_namespaces=())
    selector = _selector(Metric.CONTAINER_INFO, everywhere, 'exported_pod!=""')
    return f"count(last_over_time({selector}[{seconds}s]))"


def namespaces_of(scope: Scope) -> str:
    """The series selector to read the values of the label `namespace` from."""
    return _of_containers(Metric.MEMORY, scope)


def _named(metrics: Iterable[Metric]) -> str:
    return f"__name__=~{quoted(_any_of(metrics))}"


def _with_metric_label(text: str) -> str:
    return f'label_replace({text}, "{METRIC_LABEL}", "$1", "__name__", "(.+)")'


def _seconds(piece: TimeRange) -> int:
    return math.ceil(piece.seconds)


def _offset(piece: TimeRange, now: datetime) -> str:
    seconds = round((now - piece.end).total_seconds())
    return f" offset {seconds}s" if seconds else ""
