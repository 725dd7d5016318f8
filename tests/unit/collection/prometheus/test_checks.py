from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.readings import NEEDED_METRICS, Metric
from kubedoor.model.checks import Check
from tests.support.promserver import PromServer, ReceivedRequest, Reply, failure, page, result, success


def checks_of(
    found: Sequence[str], *, renamed: int = 0, version: Reply | None = None, **options: Any
) -> dict[str, Check]:
    def answer(asked: ReceivedRequest) -> Reply:
        if asked.path.endswith("/status/buildinfo"):
            return version or success({"version": "3.16.0"})
        if "exported_pod" in asked.query:
            return result([{"metric": {}, "value": [0, str(renamed)]}] if renamed else [])
        return result([{"metric": {"kubedoor_metric": name}, "value": [0, "12"]} for name in found])

    return all_checks(answer, **options)


def all_checks(answer: Any, **options: Any) -> dict[str, Check]:
    server = PromServer(answer)
    with server.running(), PrometheusClient(server.url, sleep=lambda seconds: None) as client:
        return {check.name: check for check in PrometheusSource(client, **options).checks()}


def test_all_checks_pass_if_every_metric_exists() -> None:
    checks = checks_of(list(Metric))
    assert all(check.ok for check in checks.values())
    assert checks["Prometheus"].detail.endswith("version 3.16.0")
    assert checks["kube_pod_owner"].detail == "12 series in the last hour"
    assert set(NEEDED_METRICS) < set(checks)


@pytest.mark.parametrize(
    ("metric", "ok", "detail", "remedy"),
    [
        (Metric.CPU, False, "(needed)", "/metrics/cadvisor"),
        (Metric.LIMITS, False, "(needed)", "when no container has a limit"),
        (Metric.POD_OWNER, False, "(wanted)", "pod names tell"),
        (Metric.HPA, True, "(optional)", "only when it scales"),
    ],
)
def test_a_missing_metric_is_named_with_a_remedy(metric: Metric, ok: bool, detail: str, remedy: str) -> None:
    check = checks_of([name for name in Metric if name != metric])[metric]
    assert (check.ok, detail in check.detail, remedy in check.remedy) == (ok, True, True)


def test_renamed_labels_fail_a_check() -> None:
    check = checks_of(list(Metric), renamed=7)["labels of kube-state-metrics"]
    assert not check.ok
    assert "honor_labels" in check.remedy


@pytest.mark.parametrize("found", [[], list(Metric)])
def test_the_cluster_label_check_fails_if_no_series_has_it(found: list[str]) -> None:
    check = checks_of(found, cluster_label="env", cluster="prod")["cluster label"]
    assert check.ok is bool(found)
    assert check.detail.endswith('in the last hour with env="prod"')
    assert "external labels" in check.remedy


def test_an_unknown_version_passes() -> None:
    check = checks_of(list(Metric), version=page(404))["Prometheus"]
    assert check.ok
    assert check.detail.endswith("version unknown")


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (page(503), "that it runs"),
        (failure(401, ""), "credentials"),
        (page(), "the address of Prometheus itself"),
        (failure(422, "too many samples"), "--query.max-samples"),
        (result([{"metric": {"kubedoor_metric": "x"}}]), "the address of Prometheus itself"),
    ],
)
def test_an_unusable_prometheus_is_a_single_failed_check(reply: Reply, remedy: str) -> None:
    checks = all_checks(lambda asked: reply)
    assert list(checks) == ["Prometheus"]
    assert not checks["Prometheus"].ok
    assert remedy in checks["Prometheus"].remedy
