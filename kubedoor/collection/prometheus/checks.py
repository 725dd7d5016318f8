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
from kubedoor.sentences import NOTHING, Sentence, sentence

LOOK_BACK_SECONDS = 3600
# Needed metrics and owner metrics: what to do if one is missing.
_REMEDIES = {
    Metric.CPU: sentence("checkup.kubelet"),
    Metric.MEMORY: sentence("checkup.kubelet"),
    Metric.CPU_QUOTA: sentence("checkup.kubelet_no_limit"),
    Metric.CONTAINER_INFO: sentence("checkup.kube_state_metrics"),
    Metric.LIMITS: sentence("checkup.no_limit"),
    Metric.REQUESTS: sentence("checkup.no_request"),
    Metric.POD_OWNER: sentence("checkup.owners"),
    Metric.REPLICASET_OWNER: sentence("checkup.owners"),
}
# Optional metrics: what is lost without each.
_LOSSES = {
    Metric.HPA: sentence("checkup.without_hpa"),
    Metric.CFS_PERIODS: sentence("checkup.without_throttling"),
    Metric.CFS_THROTTLED_PERIODS: sentence("checkup.without_throttling"),
    Metric.OOM_EVENTS: sentence("checkup.without_oom_events"),
    Metric.RESTARTS: sentence("checkup.without_restarts"),
    Metric.LAST_TERMINATED_REASON: sentence("checkup.without_reason"),
    Metric.DEPLOYMENT_READY: sentence("checkup.without_ready"),
    Metric.NODE_ALLOCATABLE: sentence("checkup.without_allocatable"),
    Metric.INIT_CONTAINER_INFO: sentence("checkup.without_init"),
}
# kube-prometheus-stack drops container_spec_*, because kube-state-metrics has the limits.
_QUOTA_LOSS = sentence("checkup.quota_loss", metric=Metric.LIMITS)
_REMEDIES_OF_ERRORS = {
    PrometheusUnreachable.code: sentence("checkup.check_address"),
    PrometheusRefused.code: sentence("checkup.set_credentials"),
    PrometheusNotUnderstood.code: sentence("checkup.set_address"),
    QueryTooLarge.code: sentence("checkup.raise_limits"),
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
    away = NOTHING
    try:
        try:
            answers = _Answers.of(client, scope)
        except StoresAway as error:
            away = error.message
            answers = _Answers.of(client.allowing_partial(), scope)
    except PrometheusError as error:
        remedy = _REMEDIES_OF_ERRORS[error.code]
        yield Check(sentence("checkup.prometheus"), ok=False, detail=error.message, remedy=remedy)
        return
    detail = away or _version(client.address, answers.version)
    remedy = sentence("checkup.stores_away") if away else NOTHING
    yield Check(sentence("checkup.prometheus"), ok=not away, detail=detail, remedy=remedy)
    if scope.cluster_label:
        yield _cluster_label(scope, has_series=bool(answers.found))
    yield _honor_labels(answers.renamed)
    yield _listed_pods(answers.pods)
    yield from _metric_checks(answers.found)


def _version(address: str, version: str) -> Sentence:
    if not version:
        return sentence("checkup.version_unknown", address=address)
    return sentence("checkup.version", address=address, version=version)


def _metric_checks(found: Mapping[str, int]) -> Iterator[Check]:
    for metric, remedy in _REMEDIES.items():
        is_stand_in = metric is Metric.CPU_QUOTA and found.get(Metric.LIMITS, 0) > 0
        text = _QUOTA_LOSS if is_stand_in else remedy
        yield _metric_check(metric, found.get(metric, 0), text, is_needed=not is_stand_in)
    for metric, loss in _LOSSES.items():
        yield _metric_check(metric, found.get(metric, 0), loss, is_needed=False)


def _metric_check(metric: Metric, series: int, remedy: Sentence, *, is_needed: bool) -> Check:
    if series:
        return Check(Sentence(metric.value), ok=True, detail=sentence("checkup.series", series=series), remedy=remedy)
    detail = sentence("checkup.no_series_optional")
    if is_needed:
        is_wanted = metric not in NEEDED_METRICS
        detail = sentence("checkup.no_series_wanted") if is_wanted else sentence("checkup.no_series_needed")
    return Check(Sentence(metric.value), ok=not is_needed, detail=detail, remedy=remedy)


def _cluster_label(scope: Scope, *, has_series: bool) -> Check:
    matcher = f'{scope.cluster_label}="{scope.cluster}"'
    detail = sentence("checkup.no_series_with", matcher=matcher)
    if has_series:
        detail = sentence("checkup.series_with", matcher=matcher)
    name, remedy = sentence("checkup.cluster_label"), sentence("checkup.set_cluster_label")
    return Check(name, ok=has_series, detail=detail, remedy=remedy)


def _honor_labels(renamed: Mapping[str, int]) -> Check:
    name, remedy = sentence("checkup.labels"), sentence("checkup.honor_labels")
    if not renamed:
        return Check(name, ok=True, detail=sentence("checkup.as_they_should"), remedy=remedy)
    labels = " and ".join(label for label in queries.RENAMED_LABELS if label in renamed) or "exported_pod"
    detail = sentence("checkup.labels_replaced", series=max(renamed.values()), labels=labels)
    return Check(name, ok=False, detail=detail, remedy=remedy)


def _listed_pods(pods: Mapping[str, int]) -> Check:
    """Whether usage and kube-state-metrics name the same pods: whatever else renames labels shows here."""
    listed, used = pods.get(queries.LISTED, 0), pods.get(queries.USED, 0)
    both = pods.get(queries.LISTED_AND_USED, 0)
    detail = sentence("checkup.pods_listed", listed=both, used=used)
    remedy = sentence("checkup.same_labels", info=Metric.CONTAINER_INFO, usage=Metric.MEMORY)
    is_ok = bool(both) or not (listed and used)
    return Check(sentence("checkup.listed_pods"), ok=is_ok, detail=detail, remedy=remedy)


def _counts(client: PrometheusClient, text: str) -> dict[str, int]:
    """The value of each series, by METRIC_LABEL."""
    with client.query(text) as result:
        return {
            series["metric"].get(queries.METRIC_LABEL, ""): int(instant_value(series))
            for series in result.series()
            if "metric" in series
        }
