from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.readings import NEEDED_METRICS, Metric
from kubedoor.model.checks import Check
from tests.support.promserver import PromServer, ReceivedRequest, Reply, failure, page, result, success


def checks_of(
    found: Sequence[str],
    *,
    renamed: Sequence[str] = (),
    pods: tuple[int, int, int] = (12, 12, 12),
    version: Reply | None = None,
    **options: Any,
) -> dict[str, Check]:
    def answer(asked: ReceivedRequest) -> Reply:
        if asked.path.endswith("/status/buildinfo"):
            return version or success({"version": "3.16.0"})
        if "exported_pod" in asked.query:
            return counts(dict.fromkeys(renamed, 7))
        if '"listed"' in asked.query:
            return counts(dict(zip(("listed", "used", "listed_and_used"), pods, strict=True)))
        return counts(dict.fromkeys(found, 12))

    return all_checks(answer, **options)


def counts(numbers: Mapping[str, int]) -> Reply:
    """As `count` answers: nothing instead of 0."""
    return result(
        {"metric": {"kubedoor_metric": name}, "value": [0, str(number)]} for name, number in numbers.items() if number
    )


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


@pytest.mark.parametrize(
    ("missing", "ok", "says"),
    [
        pytest.param(
            [Metric.CPU_QUOTA], True, "limits are read from kube_pod_container_resource_limits", id="as charts do"
        ),
        pytest.param([Metric.CPU_QUOTA, Metric.LIMITS], False, "/metrics/cadvisor", id="with the limits"),
    ],
)
def test_a_quota_is_not_needed_where_limits_are_listed(missing: list[Metric], ok: bool, says: str) -> None:
    check = checks_of([name for name in Metric if name not in missing])[Metric.CPU_QUOTA]
    assert (check.ok, says in check.remedy) == (ok, True)
    assert check.detail == f"no series in the last hour ({'optional' if ok else 'needed'})"


@pytest.mark.parametrize("label", ["exported_namespace", "exported_pod", "exported_container"])
def test_renamed_labels_fail_a_check(label: str) -> None:
    check = checks_of(list(Metric), renamed=[label])["labels of kube-state-metrics"]
    assert not check.ok
    assert check.detail == f"7 series carry {label}: their own labels were replaced by those of the scrape job"
    assert "honor_labels: true" in check.remedy


@pytest.mark.parametrize(
    ("pods", "ok"),
    [
        pytest.param((14, 12, 12), True, id="the same"),
        pytest.param((2, 12, 1), True, id="some"),
        pytest.param((14, 12, 0), False, id="none"),
        pytest.param((0, 12, 0), True, id="nothing listed: the metric's own check fails"),
        pytest.param((12, 0, 0), True, id="no usage: likewise"),
    ],
)
def test_pods_with_usage_must_be_those_that_are_listed(pods: tuple[int, int, int], ok: bool) -> None:
    check = checks_of(list(Metric), pods=pods)["listed pods"]
    assert (check.ok, check.detail) == (ok, f"{pods[2]} of {pods[1]} pods with usage are listed")
    assert "relabelings" in check.remedy


def test_a_store_that_is_away_is_told_and_the_rest_is_checked() -> None:
    def answer(asked: ReceivedRequest) -> Reply:
        if asked.fields.get("partial_response") == "false":
            return failure(422, "proxy Series(): rpc error: code = Unavailable desc = connection error")
        return success({"version": "0.41.0"}) if asked.path.endswith("/buildinfo") else counts(dict.fromkeys(Metric, 1))

    checks = all_checks(answer)
    assert not checks["Prometheus"].ok
    assert "code = Unavailable" in checks["Prometheus"].detail
    assert "partial days" in checks["Prometheus"].remedy
    assert checks["kube_pod_owner"].ok


def test_amazon_says_what_to_put_in_front() -> None:
    check = all_checks(lambda asked: Reply(b'{"message":"Missing Authentication Token"}', 403))["Prometheus"]
    assert not check.ok
    assert "aws-sigv4-proxy" in check.detail


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
