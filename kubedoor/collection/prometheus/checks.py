"""Checks that Prometheus is reachable and has the metrics, with a remedy for each problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.failures import StoresAway
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
_STORES_AWAY = (
    "bring back the servers behind it; until then days are collected from what the others have, as partial days"
)
_SAME_LABELS = (
    f"{Metric.CONTAINER_INFO} and {Metric.MEMORY} name the same pods by the labels namespace and pod: look for relabelings"
    " that rename or overwrite them in one of the two scrape jobs"
)

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
    Metric.DEPLOYMENT_READY: "without it replicas are the pods that are listed, ready or not",
    Metric.NODE_ALLOCATABLE: "without it a sample that no node could hold is judged by the node's whole size, or a setting",
    Metric.INIT_CONTAINER_INFO: "without it native sidecars are left out; missing if there are no init containers",
}
# kube-prometheus-stack drops container_spec_*, because kube-state-metrics has the limits.
_QUOTA_LOSS = (
    f"limits are read from {Metric.LIMITS}; without this metric a CPU limit that is not listed there is not known"
)
_REMEDIES_OF_ERRORS = {
    PrometheusUnreachable.code: "check the address, the network policies between, and that it runs",
    PrometheusRefused.code: "set the credentials (bearer token, token file, user) or the tenant header it wants",
    PrometheusNotUnderstood.code: "set the address of Prometheus itself, its path included",
    QueryTooLarge.code: "raise Prometheus' limits (--query.max-samples, --query.timeout)",
}


@dataclass(frozen=True)
class _Answers:
    """Counts of the last hour, by metric or by what they count."""

    version: str
    found: Mapping[str, int]
    renamed: Mapping[str, int]
    pods: Mapping[str, int]

    @classmethod
    def of(cls, client: PrometheusClient, scope: Scope) -> Self:
        return cls(
            client.version(),
            _counts(client, queries.presence(scope, (*_REMEDIES, *_LOSSES), seconds=LOOK_BACK_SECONDS)),
            _counts(client, queries.renamed_labels(scope, seconds=LOOK_BACK_SECONDS)),
            _counts(client, queries.overlap(scope, seconds=LOOK_BACK_SECONDS)),
        )


def prometheus_checks(client: PrometheusClient, scope: Scope) -> Iterator[Check]:
    """A missing needed or owner metric fails its check; a missing optional metric passes and names what is lost."""
    away = ""
    try:
        try:
            answers = _Answers.of(client, scope)
        except StoresAway as error:
            away = error.message
            answers = _Answers.of(client.allowing_partial(), scope)
    except PrometheusError as error:
        yield Check("Prometheus", ok=False, detail=error.message, remedy=_REMEDIES_OF_ERRORS[error.code])
        return
    detail = away or f"{client.address}, version {answers.version or 'unknown'}"
    yield Check("Prometheus", ok=not away, detail=detail, remedy=_STORES_AWAY if away else "")
    if scope.cluster_label:
        yield _cluster_label(scope, has_series=bool(answers.found))
    yield _honor_labels(answers.renamed)
    yield _listed_pods(answers.pods)
    yield from _metric_checks(answers.found)


def _metric_checks(found: Mapping[str, int]) -> Iterator[Check]:
    for metric, remedy in _REMEDIES.items():
        is_stand_in = metric is Metric.CPU_QUOTA and found.get(Metric.LIMITS, 0) > 0
        text = _QUOTA_LOSS if is_stand_in else remedy
        yield _metric_check(metric, found.get(metric, 0), text, is_needed=not is_stand_in)
    for metric, loss in _LOSSES.items():
        yield _metric_check(metric, found.get(metric, 0), loss, is_needed=False)


def _metric_check(metric: Metric, series: int, remedy: str, *, is_needed: bool) -> Check:
    if series:
        return Check(metric.value, ok=True, detail=f"{series} series in the last hour", remedy=remedy)
    use = "optional" if not is_needed else "needed" if metric in NEEDED_METRICS else "wanted"
    return Check(metric.value, ok=not is_needed, detail=f"no series in the last hour ({use})", remedy=remedy)


def _cluster_label(scope: Scope, *, has_series: bool) -> Check:
    matcher = f'{scope.cluster_label}="{scope.cluster}"'
    detail = f"{'series' if has_series else 'no series'} in the last hour with {matcher}"
    return Check("cluster label", ok=has_series, detail=detail, remedy=_CLUSTER_LABEL)


def _honor_labels(renamed: Mapping[str, int]) -> Check:
    name = "labels of kube-state-metrics"
    if not renamed:
        return Check(name, ok=True, detail="as they should be", remedy=_HONOR_LABELS)
    labels = " and ".join(label for label in queries.RENAMED_LABELS if label in renamed) or "exported_pod"
    detail = f"{max(renamed.values())} series carry {labels}: their own labels were replaced by those of the scrape job"
    return Check(name, ok=False, detail=detail, remedy=_HONOR_LABELS)


def _listed_pods(pods: Mapping[str, int]) -> Check:
    """Whether usage and kube-state-metrics name the same pods: whatever else renames labels shows here."""
    listed, used = pods.get(queries.LISTED, 0), pods.get(queries.USED, 0)
    both = pods.get(queries.LISTED_AND_USED, 0)
    detail = f"{both} of {used} pods with usage are listed"
    return Check("listed pods", ok=bool(both) or not (listed and used), detail=detail, remedy=_SAME_LABELS)


def _counts(client: PrometheusClient, text: str) -> dict[str, int]:
    """The value of each series, by METRIC_LABEL."""
    with client.query(text) as result:
        return {
            series["metric"].get(queries.METRIC_LABEL, ""): int(instant_value(series))
            for series in result.series()
            if "metric" in series
        }
