"""Cluster facts from Prometheus, for clusters whose API server KubeDoor may not ask.

Series of kube-state-metrics are put into the shape of the objects they describe and read by `objects`. Known gaps: the
scopes of a ResourceQuota are not exported, so a quota for other pods is taken for one of all pods; kube-state-metrics
before 2.7 leaves out ContainerResource metrics of HPAs; VerticalPodAutoscalers are exported by configuration only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubedoor.collection.cluster_facts import objects
from kubedoor.collection.cluster_facts.objects import FIELD_OF
from kubedoor.collection.prometheus import fact_queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.fact_queries import COUNT_SUFFIX, FactMetric
from kubedoor.collection.prometheus.queries import METRIC_LABEL, Scope
from kubedoor.errors import KubeDoorError, PrometheusNotUnderstood
from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget, LimitRange, Quota, WorkloadName
from kubedoor.model.values import Amount
from kubedoor.sentences import sentence

EXPORTED_KINDS = frozenset(FactKind) - {FactKind.VPAS}
"""What kube-state-metrics exports by default."""
_METRIC_OF = {
    FactKind.NODES: FactMetric.ALLOCATABLE,
    FactKind.LIMIT_RANGES: FactMetric.LIMIT_RANGE,
    FactKind.QUOTAS: FactMetric.QUOTA,
    FactKind.HPAS: FactMetric.HPA,
}
_NO_VPAS = (
    "kube-state-metrics does not export VerticalPodAutoscalers by default: let KubeDoor list them at the API server"
)


def facts_from_metrics(client: PrometheusClient, scope: Scope) -> ClusterFacts:
    """Every kind that kube-state-metrics exports, by one query. Never raises.

    A kind without any series in the cluster is unknown: there may be none, or the metric may be dropped. Of a partial
    answer the facts are given, and no kind is in `known`.
    """
    reading = _Reading()
    try:
        with client.query(fact_queries.cluster_facts(scope)) as result:
            for series in result.series():
                reading.add_or_refuse(series)
            is_incomplete = result.is_incomplete
    except KubeDoorError as error:
        return ClusterFacts(unknown=dict.fromkeys(FactKind, f"Prometheus does not say: {error.message}"))
    known = frozenset() if is_incomplete else reading.known()
    reasons = {kind: _reason(kind, is_incomplete=is_incomplete) for kind in FactKind if kind not in known}
    return ClusterFacts(known=known, unknown=reasons, **reading.fields())


def _reason(kind: FactKind, *, is_incomplete: bool) -> str:
    if kind is FactKind.VPAS:
        return _NO_VPAS
    if is_incomplete:
        return "Prometheus answers with partial data only: its own warnings and log say why"
    excuse = "" if kind is FactKind.NODES else f" (there may be no {kind})"
    return (
        f"Prometheus has had no series of {_METRIC_OF[kind]} for an hour{excuse}: let kube-state-metrics export it, or"
        f" let KubeDoor list {kind} at the API server"
    )


@dataclass
class _Reading:
    """The series of one answer. Values are kept as text, since they are quantities."""

    limits: dict[tuple[str, str, str], dict[str, dict[str, str]]] = field(default_factory=dict)
    """(namespace, LimitRange, type) -> constraint -> resource -> value"""
    quotas: dict[tuple[str, str], dict[str, dict[str, str]]] = field(default_factory=dict)
    """(namespace, ResourceQuota) -> `hard` or `used` -> resource -> value"""
    scaled: dict[tuple[str, str], str] = field(default_factory=dict)
    """(namespace, HPA) -> Deployment"""
    percents: dict[tuple[str, str], list[tuple[str, int]]] = field(default_factory=dict)
    """(namespace, HPA) -> resource and percent; empty for an HPA that scales on other things."""
    nodes: dict[str, str] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)

    def add_or_refuse(self, series: Mapping[str, Any]) -> None:
        try:
            self._add(series["metric"], str(series["value"][1]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise PrometheusNotUnderstood(sentence("prometheus.malformed_series")) from error

    def _add(self, labels: Mapping[str, str], value: str) -> None:
        namespace = labels.get("namespace", "")
        match labels[METRIC_LABEL]:
            case FactMetric.LIMIT_RANGE:
                item = self.limits.setdefault((namespace, labels["limitrange"], labels["type"]), {})
                item.setdefault(labels["constraint"], {})[labels["resource"]] = value
            case FactMetric.QUOTA:
                status = self.quotas.setdefault((namespace, labels["resourcequota"]), {})
                status.setdefault(labels["type"], {})[labels["resource"]] = value
            case FactMetric.HPA:
                self.scaled[namespace, labels["horizontalpodautoscaler"]] = labels["scaletargetref_name"]
            case FactMetric.HPA_TARGET:
                self._add_target(namespace, labels, float(value))
            case FactMetric.ALLOCATABLE:
                self.nodes[labels["resource"]] = value
            case FactMetric.MACHINE_CPU:
                self.machines["cpu"] = value
            case FactMetric.MACHINE_MEMORY:
                self.machines["memory"] = value
            case counted if counted.endswith(COUNT_SUFFIX):
                self.exported.add(counted.removesuffix(COUNT_SUFFIX))

    def _add_target(self, namespace: str, labels: Mapping[str, str], value: float) -> None:
        found = self.percents.setdefault((namespace, labels["horizontalpodautoscaler"]), [])
        if labels["metric_target_type"] == "utilization" and math.isfinite(value):
            found.append((labels["metric_name"], round(value)))

    def known(self) -> frozenset[FactKind]:
        known = {kind for kind, metric in _METRIC_OF.items() if metric in self.exported}
        return frozenset(known | ({FactKind.NODES} if self.largest_node() != Amount() else set()))

    def fields(self) -> dict[str, Any]:
        """The facts, by field of ClusterFacts."""
        facts = {
            FactKind.NODES: self.largest_node(),
            FactKind.LIMIT_RANGES: self.limit_ranges(),
            FactKind.QUOTAS: self.all_quotas(),
            FactKind.HPAS: self.hpas(),
        }
        return {FIELD_OF[kind]: value for kind, value in facts.items()}

    def largest_node(self) -> Amount:
        return objects.amount({**self.machines, **self.nodes}, is_upper_bound=True)

    def limit_ranges(self) -> dict[str, tuple[LimitRange, ...]]:
        found: defaultdict[str, tuple[LimitRange, ...]] = defaultdict(tuple)
        for (namespace, name, kind), constraints in sorted(self.limits.items()):
            if one := objects.limit_range(name, {"type": kind, **constraints}):
                found[namespace] += (one,)
        return dict(found)

    def all_quotas(self) -> dict[str, tuple[Quota, ...]]:
        found: defaultdict[str, tuple[Quota, ...]] = defaultdict(tuple)
        for (namespace, name), status in sorted(self.quotas.items()):
            if one := objects.quota(name, status):
                found[namespace] += (one,)
        return dict(found)

    def hpas(self) -> dict[WorkloadName, HpaTarget]:
        """An HPA without any target series is there, and what it scales on is not known."""
        percents: defaultdict[WorkloadName, list[tuple[str, int]]] = defaultdict(list)
        unknown = set()
        for (namespace, hpa), deployment in self.scaled.items():
            percents[namespace, deployment] += self.percents.get((namespace, hpa), [])
            if (namespace, hpa) not in self.percents:
                unknown.add((namespace, deployment))
        return {name: objects.hpa_target(found, is_known=name not in unknown) for name, found in percents.items()}
