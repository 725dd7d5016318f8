"""The questions put to Prometheus, as text. Their number does not depend on how many workloads there are.

For each stretch of a day three of them (CPU curve, memory curve, facts), and for the whole day one (state). Series are
asked for per container and joined here, not by Prometheus: that keeps its memory use a third of an owner join's.
Every one removes doubles: of a replicated kube-state-metrics, of a kubelet scraped by two jobs, of two Prometheus
servers behind one Thanos. All of it is PromQL that Prometheus 2 and 3, Thanos, Mimir and VictoriaMetrics share.

`container!=""` leaves out the cgroups of pods and the pause containers of containerd and CRI-O, `container!="POD"` the
pause containers of Docker. The label `image` is not asked for: some setups drop it, and k3s 1.24 had none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubedoor.collection.readings import STATE_METRICS, Fact, Metric
from kubedoor.model.usage import TimeRange

LOOK_BACK_SECONDS = 300
"""As Prometheus looks back for a sample by default; said where it matters, for VictoriaMetrics looks back less."""
FACT_LABEL = "kubedoor_fact"
METRIC_LABEL = "kubedoor_metric"
"""A copy of the metric's name: `or` takes two series for the same when they differ in nothing but the name."""
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
    """Which series are meant: label matchers for every selector, always escaped."""

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
    """An RE2 pattern (Prometheus anchors it) for exactly these texts."""
    return "|".join("".join(f"\\{char}" if char in _REGEX_SPECIAL else char for char in text) for text in texts)


def _selector(metric: str, scope: Scope, *extra: str) -> str:
    return f"{metric}{{{','.join((*extra, *scope.matchers()))}}}"


def _of_containers(metric: str, scope: Scope) -> str:
    return _selector(metric, scope, *_REAL_CONTAINER)


def _growth(function: str, metric: str, scope: Scope, seconds: int) -> str:
    """Of doubles the larger; a counter split by `cpu` is added up first.

    A restarted container has a series of its own. While both have a rate, adding them up would be exact on Prometheus
    but twice the truth on VictoriaMetrics, which does not extrapolate; the larger moves no P95 on either.
    """
    return f"max by ({_CONTAINER}) (sum without (cpu) ({function}({_of_containers(metric, scope)}[{seconds}s])))"


def cpu_curve(scope: Scope, *, rate_seconds: int) -> str:
    """Cores used by each container, for a range query. `rate_seconds` has to span at least two scrapes."""
    return _growth("rate", Metric.CPU, scope, rate_seconds)


def memory_curve(scope: Scope) -> str:
    """Working set in bytes of each container, for a range query."""
    return f"max by ({_CONTAINER}) ({_of_containers(Metric.MEMORY, scope)})"


def facts(scope: Scope, *, seconds: int) -> str:
    """What each container did in the `seconds` before the instant of the query, told apart by FACT_LABEL."""
    window = f"[{seconds}s]"
    restarts = _of_containers(Metric.RESTARTS, scope)
    reasons = _selector(Metric.LAST_TERMINATED_REASON, scope, 'reason="OOMKilled"')
    # Of the newest end only: a pod keeps the reason of an old one until the next.
    killed = f"max by ({_CONTAINER}) (last_over_time({reasons}[{LOOK_BACK_SECONDS}s])) == 1"
    events = f"increase({_of_containers(Metric.OOM_EVENTS, scope)}{window})"
    pieces = {
        Fact.MEMORY_MAX: f"max by ({_CONTAINER}) (max_over_time({_of_containers(Metric.MEMORY, scope)}{window}))",
        Fact.PERIODS: _growth("increase", Metric.CFS_PERIODS, scope, seconds),
        Fact.THROTTLED_PERIODS: _growth("increase", Metric.CFS_THROTTLED_PERIODS, scope, seconds),
        # Each container that was killed has its own series, by its cgroup's id; these do add up.
        Fact.OOM_EVENTS: f"sum by ({_CONTAINER}) (max by ({_CONTAINER}, id) ({events})) > 0",
        Fact.OOM_RESTARTS: f"(max by ({_CONTAINER}) (increase({restarts}{window})) > 0)"
        f" and on ({_CONTAINER}) ({killed})",
    }
    return " or ".join(
        f'label_replace({text}, "{FACT_LABEL}", "{fact}", "namespace", ".*")' for fact, text in pieces.items()
    )


def state(scope: Scope, ranges: Sequence[TimeRange]) -> str:
    """The last value in any of the ranges of every series of STATE_METRICS; for an instant query at the last one's end.

    Each range is read by itself, so that the hours between two windows cost nothing; the last one first, since `or`
    takes a series from where it comes first.
    """
    selector = _selector("", scope, _named(STATE_METRICS))
    pieces = (
        _with_metric_label(f"last_over_time({selector}[{_seconds(piece)}s]{_offset(piece, ranges[-1].end)})")
        for piece in reversed(ranges)
    )
    return f"max by ({', '.join(_STATE_LABELS)}) ({' or '.join(pieces)})"


def presence(scope: Scope, metrics: Iterable[Metric], *, seconds: int) -> str:
    """How many series each of the metrics had in the last `seconds`, told apart by METRIC_LABEL."""
    selector = _selector("", scope, _named(metrics))
    return f"count by ({METRIC_LABEL}) ({_with_metric_label(f'last_over_time({selector}[{seconds}s])')})"


def renamed_labels(scope: Scope, *, seconds: int) -> str:
    """How many series of kube-state-metrics lost their own labels to those of its scrape job (no `honor_labels`)."""
    everywhere = replace(scope, namespaces=(), excluded_namespaces=())
    selector = _selector(Metric.CONTAINER_INFO, everywhere, 'exported_pod!=""')
    return f"count(last_over_time({selector}[{seconds}s]))"


def namespaces_of(scope: Scope) -> str:
    """A series selector for the values of the label `namespace`."""
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
