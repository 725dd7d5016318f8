"""Builds the PromQL query for cluster facts: LimitRanges, ResourceQuotas, HPAs and nodes, as kube-state-metrics has them.

It is one instant query, whose parts are joined by `or`; METRIC_LABEL names the metric of each. Every selector has an exact
metric name, because Google Managed Prometheus refuses a matcher on `__name__`. Metrics and labels:
https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from kubedoor.collection.prometheus.queries import METRIC_LABEL, Scope

LOOK_BACK_SECONDS = 3600
COUNT_SUFFIX = ":count"
"""Ends the METRIC_LABEL of the number of a metric's series in all namespaces: it tells that the metric is exported."""


class FactMetric(StrEnum):
    LIMIT_RANGE = "kube_limitrange"
    QUOTA = "kube_resourcequota"
    HPA = "kube_horizontalpodautoscaler_info"
    HPA_TARGET = "kube_horizontalpodautoscaler_spec_target_metric"
    ALLOCATABLE = "kube_node_status_allocatable"
    UNSCHEDULABLE = "kube_node_spec_unschedulable"
    MACHINE_CPU = "machine_cpu_cores"
    """cAdvisor's; what the node has, of which the allocatable is a part. So is the next one."""
    MACHINE_MEMORY = "machine_memory_bytes"


COUNTED = (FactMetric.LIMIT_RANGE, FactMetric.QUOTA, FactMetric.HPA)


def cluster_facts(scope: Scope) -> str:
    """An instant query for the newest value, in the last hour, of every series in `scope`. CPU in cores, memory in bytes."""
    everywhere = replace(scope, namespaces=(), excluded_namespaces=())
    parts = [
        _largest(scope, FactMetric.LIMIT_RANGE, "namespace", "limitrange", "type", "resource", "constraint"),
        _largest(scope, FactMetric.QUOTA, "namespace", "resourcequota", "type", "resource"),
        _largest(
            scope, FactMetric.HPA, "namespace", "horizontalpodautoscaler", "scaletargetref_kind", "scaletargetref_name"
        ),
        _largest(
            scope, FactMetric.HPA_TARGET, "namespace", "horizontalpodautoscaler", "metric_name", "metric_target_type"
        ),
        _named(FactMetric.ALLOCATABLE, _largest_node(everywhere)),
        _largest(everywhere, FactMetric.MACHINE_CPU),
        _largest(everywhere, FactMetric.MACHINE_MEMORY),
        *(_named(f"{metric}{COUNT_SUFFIX}", f"count({_newest(metric, everywhere)})") for metric in COUNTED),
    ]
    return " or ".join(parts)


# Of a LimitRange or quota only these are wanted; a quota often counts a dozen kinds of objects, too.
_WANTED = {
    FactMetric.LIMIT_RANGE: ('type=~"Container|Pod"', 'resource=~"cpu|memory"', 'constraint!="defaultRequest"'),
    FactMetric.QUOTA: ('resource=~"cpu|memory|requests[.]cpu|requests[.]memory"',),
    FactMetric.HPA: ('scaletargetref_kind="Deployment"',),
}


def _newest(metric: FactMetric, scope: Scope, *extra: str) -> str:
    return f"last_over_time({metric}{{{','.join((*extra, *scope.matchers()))}}}[{LOOK_BACK_SECONDS}s])"


def _largest(scope: Scope, metric: FactMetric, *labels: str) -> str:
    """One series for each combination of `labels`: of a replicated or restarted exporter's, the largest."""
    grouping = f" by ({', '.join(labels)})" if labels else ""
    return _named(metric, f"max{grouping} ({_newest(metric, scope, *_WANTED.get(metric, ()))})")


def _largest_node(scope: Scope) -> str:
    nodes = _newest(FactMetric.ALLOCATABLE, scope, 'resource=~"cpu|memory"')
    cordoned = f"{_newest(FactMetric.UNSCHEDULABLE, scope)} == 1"
    return f"max by (resource) ({nodes} unless on (node) ({cordoned}))"


def _named(name: str, text: str) -> str:
    return f'label_replace({text}, "{METRIC_LABEL}", "{name}", "namespace", ".*")'
