"""Checks that Prometheus is reachable and has the metrics, with a remedy for each problem."""

from __future__ import annotations

from collections.abc import Iterator

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.json_stream import instant_value
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import NEEDED_METRICS, Metric
from kubedoor.errors import (
    PrometheusError,
    PrometheusNotUnderstood,
    PrometheusRefused,
    PrometheusUnreachable,
    QueryTooLarge,
)
from kubedoor.model.checks import Check

LOOK_BACK_SECONDS = 3600
_KUBELET = "scrape the kubelets' /metrics/cadvisor, and do not drop this metric"
_KUBE_STATE_METRICS = "install kube-state-metrics 2.x, scrape it, and do not drop this metric"
_CLUSTER_LABEL = (
    "set the label and the cluster's name as the series have them; a Prometheus that holds one cluster does not show"
    " its own external labels: leave the label empty there"
)
_HONOR_LABELS = "set honor_labels: true in the scrape job of kube-state-metrics"

# Needed metrics and owner metrics: what to do if one is missing.
_REMEDIES = {
    Metric.CPU: _KUBELET,
    Metric.MEMORY: _KUBELET,
    Metric.CPU_QUOTA: f"{_KUBELET}; it is also missing when no container has a CPU limit",
    Metric.CONTAINER_INFO: _KUBE_STATE_METRICS,
    Metric.LIMITS: f"{_KUBE_STATE_METRICS}; it is also missing when no container has a limit",
    Metric.REQUESTS: f"{_KUBE_STATE_METRICS}; it is also missing when no container has a request",
    Metric.POD_OWNER: f"{_KUBE_STATE_METRICS}; until then pod names tell which Deployment a pod belongs to",
    Metric.REPLICASET_OWNER: f"{_KUBE_STATE_METRICS}; until then pod names tell which Deployment a pod belongs to",
}
# Optional metrics: what is lost without each.
_LOSSES = {
    Metric.HPA: "without it KubeDoor learns of a HorizontalPodAutoscaler only when it scales",
    Metric.CFS_PERIODS: "without it the throttled share is not known",
    Metric.CFS_THROTTLED_PERIODS: "without it the throttled share is not known",
    Metric.OOM_EVENTS: "without it OOM kills are counted from restarts",
    Metric.RESTARTS: "without it OOM kills are counted from cAdvisor alone",
    Metric.LAST_TERMINATED_REASON: "without it OOM kills are counted from cAdvisor alone; missing if nothing ended",
    Metric.INIT_CONTAINER_INFO: "without it native sidecars are left out; missing if there are no init containers",
}
_REMEDIES_OF_ERRORS = {
    PrometheusUnreachable.code: "check the address, the network policies between, and that it runs",
    PrometheusRefused.code: "set the credentials (bearer token, token file, user) or the tenant header it wants",
    PrometheusNotUnderstood.code: "set the address of Prometheus itself, its path included",
    QueryTooLarge.code: "raise Prometheus' limits (--query.max-samples, --query.timeout)",
}


def prometheus_checks(client: PrometheusClient, scope: Scope) -> Iterator[Check]:
    """A missing needed or owner metric fails its check; a missing optional metric passes and names what is lost."""
    try:
        version = client.version()
        found = _series_found(client, scope)
        renamed = _first_value(client, queries.renamed_labels(scope, seconds=LOOK_BACK_SECONDS))
    except PrometheusError as error:
        yield Check("Prometheus", ok=False, detail=error.message, remedy=_REMEDIES_OF_ERRORS[error.code])
        return
    yield Check("Prometheus", ok=True, detail=f"{client.address}, version {version or 'unknown'}")
    if scope.cluster_label:
        yield _cluster_label(scope, has_series=bool(found))
    yield _honor_labels(renamed)
    for metric, remedy in _REMEDIES.items():
        yield _metric_check(metric, found.get(metric, 0), remedy, is_needed=True)
    for metric, loss in _LOSSES.items():
        yield _metric_check(metric, found.get(metric, 0), loss, is_needed=False)


def _metric_check(metric: Metric, series: int, remedy: str, *, is_needed: bool) -> Check:
    if series:
        return Check(metric.value, ok=True, detail=f"{series} series in the last hour", remedy=remedy)
    use = "needed" if metric in NEEDED_METRICS else "wanted" if is_needed else "optional"
    return Check(metric.value, ok=not is_needed, detail=f"no series in the last hour ({use})", remedy=remedy)


def _cluster_label(scope: Scope, *, has_series: bool) -> Check:
    matcher = f'{scope.cluster_label}="{scope.cluster}"'
    detail = f"{'series' if has_series else 'no series'} in the last hour with {matcher}"
    return Check("cluster label", ok=has_series, detail=detail, remedy=_CLUSTER_LABEL)


def _honor_labels(renamed: int) -> Check:
    name = "labels of kube-state-metrics"
    if renamed:
        detail = f"{renamed} series carry exported_pod: their own labels were replaced by those of the scrape job"
        return Check(name, ok=False, detail=detail, remedy=_HONOR_LABELS)
    return Check(name, ok=True, detail="as they should be", remedy=_HONOR_LABELS)


def _series_found(client: PrometheusClient, scope: Scope) -> dict[str, int]:
    metrics = (*_REMEDIES, *_LOSSES)
    with client.query(queries.presence(scope, metrics, seconds=LOOK_BACK_SECONDS)) as result:
        return {
            series["metric"][queries.METRIC_LABEL]: int(instant_value(series))
            for series in result.series()
            if queries.METRIC_LABEL in series.get("metric", {})
        }


def _first_value(client: PrometheusClient, text: str) -> int:
    """0 if the result has no series."""
    with client.query(text) as result:
        values = [int(instant_value(series)) for series in result.series()]
    return values[0] if values else 0
