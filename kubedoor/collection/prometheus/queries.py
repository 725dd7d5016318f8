"""Builds the PromQL queries. Their number does not depend on the number of workloads.

Each peak window takes one for each of CURVE_METRICS and one for facts, and each day one for the state. Series are fetched
per container and joined to their owners in KubeDoor: a join in Prometheus needs three times the memory. Every query
removes duplicate series: of a replicated kube-state-metrics, of a kubelet scraped by two jobs, of two Prometheus servers
behind one Thanos. Only PromQL that Prometheus 2 and 3, Thanos, Mimir and VictoriaMetrics share is used.

`container!=""` excludes the cgroups of pods and the pause containers of containerd and CRI-O, `container!="POD"` the
pause containers of Docker. There is no matcher on `image`: some setups drop this label, and k3s 1.24 had none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubedoor.collection.readings import NODE_METRICS, STATE_METRICS, Fact, Metric
from kubedoor.model.peak_day import TimeRange

LOOK_BACK_SECONDS = 300
"""Prometheus' default look-back for a sample, stated explicitly because VictoriaMetrics has a shorter default."""
FACT_LABEL = "kubedoor_fact"
METRIC_LABEL = "kubedoor_metric"
"""A copy of the metric name, because `or` drops series that differ in the name only."""
RENAMED_LABELS = ("exported_namespace", "exported_pod", "exported_container")
"""What Prometheus makes of labels that the scrape job has, too."""
LISTED, USED, LISTED_AND_USED = "listed", "used", "listed_and_used"
_OF_NODES = {Metric.NODE_ALLOCATABLE: ('resource=~"cpu|memory"',)}
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


def facts(scope: Scope, *, seconds: int, rate_seconds: int) -> str:
    """An instant query for the facts of each container over the last `seconds`; FACT_LABEL names the fact.

    `rate_seconds`: the first rate of the window reaches back that far.
    """
    window = f"[{seconds}s]"
    restarts = _of_containers(Metric.RESTARTS, scope)
    reasons = _selector(Metric.LAST_TERMINATED_REASON, scope, 'reason="OOMKilled"')
    # Only the reason of the last termination is known, and it stays until the next one: hence the short look-back. A pod
    # that is gone by the end of the window has no next one.
    killed = f"max by ({_CONTAINER}) (last_over_time({reasons}[{LOOK_BACK_SECONDS}s])) == 1"
    once_killed = f"max by ({_CONTAINER}) (last_over_time({reasons}{window})) == 1"
    present = f"max by ({_CONTAINER}) (last_over_time({restarts}[{LOOK_BACK_SECONDS}s]))"
    counter = _of_containers(Metric.CPU, scope)
    reach = f"[{seconds + rate_seconds}s]"
    events = f"increase({_of_containers(Metric.OOM_EVENTS, scope)}{window})"
    pieces = {
        Fact.MEMORY_MAX: f"max by ({_CONTAINER}) (max_over_time({_of_containers(Metric.MEMORY, scope)}{window}))",
        Fact.PERIODS: _growth("increase", Metric.CFS_PERIODS, scope, seconds),
        Fact.THROTTLED_PERIODS: _growth("increase", Metric.CFS_THROTTLED_PERIODS, scope, seconds),
        # Each killed container has its own series, by cgroup id, so these are summed.
        Fact.OOM_EVENTS: f"sum by ({_CONTAINER}) (max by ({_CONTAINER}, id) ({events})) > 0",
        # Not of counters that fell below what they had when the window began: these are real restarts.
        Fact.COUNTER_FLOOR: f"min by ({_CONTAINER}) (min_over_time({counter}{reach})"
        f" >= (0.9 * ({counter} offset {seconds + rate_seconds}s) or 0 * {counter}) and (resets({counter}{reach}) > 0))",
        Fact.OOM_RESTARTS: f"(max by ({_CONTAINER}) (increase({restarts}{window})) > 0)"
        f" and on ({_CONTAINER}) (({killed}) or (({once_killed}) unless on ({_CONTAINER}) ({present})))",
    }
    return " or ".join(
        f'label_replace({text}, "{FACT_LABEL}", "{fact}", "namespace", ".*")' for fact, text in pieces.items()
    )


def listed_curve(scope: Scope, metric: Metric) -> str:
    """A range query for one of LISTED_METRICS: pods that are listed, pods that are not ready, or replicas of Deployments.

    Each on its own: joined by `or`, Prometheus compares the labels of all series at each step, which took five times as long
    as these queries together.
    """
    if metric is Metric.CONTAINER_INFO:
        return f"max by (namespace, pod) ({_of_containers(metric, scope)})"
    if metric is Metric.POD_READY:
        ready = _selector(metric, scope, 'condition="true"')
        return f"max by (namespace, pod) ({ready}) == 0"
    return f"max by (namespace, deployment) ({_selector(metric, scope)})"


def unmapped_samples(scope: Scope, *, seconds: int) -> str:
    """How many series there are of usage at all, of usage with container labels, and of labels that a scrape job renamed.

    An instant query, for a day without any row: METRIC_LABEL tells them apart.
    """
    everywhere = replace(scope, namespaces=(), excluded_namespaces=())
    window = f"[{seconds}s]"
    pieces = {
        "usage": f"count(last_over_time({_selector(Metric.MEMORY, scope)}{window}))",
        "containers": f"count(last_over_time({_of_containers(Metric.MEMORY, scope)}{window}))",
        "exported_namespace": _renamed("exported_namespace", everywhere, window),
        "exported_pod": _renamed("exported_pod", everywhere, window),
    }
    return " or ".join(f'label_replace({text}, "{METRIC_LABEL}", "{name}", "", "")' for name, text in pieces.items())


def _renamed(label: str, scope: Scope, window: str) -> str:
    selector = _selector(Metric.CONTAINER_INFO, scope, f'{label}!=""')
    return f"count(last_over_time({selector}{window}))"


def state(scope: Scope, ranges: Sequence[TimeRange]) -> str:
    """An instant query, at the end of the last range, for the last value of every series of STATE_METRICS in any range.

    With NODE_METRICS, of the largest node. Each range has its own sub-query, so that the hours between two windows are not
    read. The last range comes first, because `or` keeps the first occurrence of a series.
    """
    pieces = (
        _with_metric_label(metric, _newest(metric, scope, f"[{_seconds(piece)}s]", _offset(piece, ranges[-1].end)))
        for piece in reversed(ranges)
        for metric in (*STATE_METRICS, *NODE_METRICS)
    )
    return f"max by ({', '.join(_STATE_LABELS)}) ({' or '.join(pieces)})"


def presence(scope: Scope, metrics: Iterable[Metric], *, seconds: int) -> str:
    """Counts the series of each metric in the last `seconds`; METRIC_LABEL names the metric."""
    return " or ".join(
        _with_metric_label(metric, f"count({_newest(metric, scope, f'[{seconds}s]')})") for metric in metrics
    )


def renamed_labels(scope: Scope, *, seconds: int) -> str:
    """Counts the series of kube-state-metrics whose labels the scrape job replaced (`honor_labels` is not set).

    METRIC_LABEL names the label that has the own value of the series now.
    """
    window = f"[{seconds}s]"
    return " or ".join(
        _with_metric_label(label, _renamed(label, _everywhere(scope), window)) for label in RENAMED_LABELS
    )


def overlap(scope: Scope, *, seconds: int) -> str:
    """Counts the pods that are listed, those that have usage, and those that are and have both; METRIC_LABEL says which."""
    window = f"[{seconds}s]"
    by = "by (namespace, pod)"
    listed = f"count {by} (last_over_time({_of_containers(Metric.CONTAINER_INFO, scope)}{window}))"
    used = f"count {by} (last_over_time({_of_containers(Metric.MEMORY, scope)}{window}))"
    pieces = {LISTED: listed, USED: used, LISTED_AND_USED: f"{listed} and on (namespace, pod) {used}"}
    return " or ".join(_with_metric_label(name, f"count({text})") for name, text in pieces.items())


def namespaces_of(scope: Scope) -> str:
    """The series selector to read the values of the label `namespace` from."""
    return _of_containers(Metric.MEMORY, scope)


def _newest(metric: Metric, scope: Scope, window: str, offset: str = "") -> str:
    """The newest sample in `window`. The name is exact: Google Managed Prometheus refuses a pattern of names."""
    if metric in NODE_METRICS:
        selector = _selector(metric, _everywhere(scope), *_OF_NODES.get(metric, ()))
    else:
        selector = _selector(metric, scope)
    return f"last_over_time({selector}{window}{offset})"


def _everywhere(scope: Scope) -> Scope:
    return replace(scope, namespaces=(), excluded_namespaces=())


def _with_metric_label(name: str, text: str) -> str:
    return f'label_replace({text}, "{METRIC_LABEL}", "{name}", "namespace", ".*")'


def _seconds(piece: TimeRange) -> int:
    return math.ceil(piece.seconds)


def _offset(piece: TimeRange, now: datetime) -> str:
    seconds = round((now - piece.end).total_seconds())
    return f" offset {seconds}s" if seconds else ""
