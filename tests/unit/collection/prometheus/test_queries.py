from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from kubedoor.collection.prometheus import queries
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.readings import CURVE_METRICS, LISTED_METRICS, NODE_METRICS, STATE_METRICS, Fact, Metric
from kubedoor.model.peak_day import TimeRange

END = datetime(2025, 6, 3, 12, tzinfo=UTC)
NASTY = 'a"b\\c.d|e\nf{}$'
NASTY_QUOTED = '"a\\"b\\\\\\\\c\\\\.d\\\\|e\\nf\\\\{\\\\}\\\\$"'


def test_the_cpu_curve_takes_the_largest_of_duplicates_and_adds_up_cpus() -> None:
    assert queries.cpu_curve(Scope(), rate_seconds=300) == (
        "max by (namespace, pod, container) (sum without (cpu) "
        '(rate(container_cpu_usage_seconds_total{container!="",container!="POD"}[300s])))'
    )


def test_the_memory_curve_takes_the_largest_of_duplicates() -> None:
    assert queries.memory_curve(Scope(cluster_label="env", cluster="prod")) == (
        "max by (namespace, pod, container) "
        '(container_memory_working_set_bytes{container!="",container!="POD",env="prod"})'
    )


@pytest.mark.parametrize(
    ("scope", "want"),
    [
        pytest.param(Scope(), [], id="everything"),
        pytest.param(Scope(cluster="prod"), [], id="no label, no matcher"),
        pytest.param(Scope("env", 'a"b'), ['env="a\\"b"'], id="cluster"),
        pytest.param(Scope(namespaces=("shop", "pay")), ['namespace=~"shop|pay"'], id="namespaces"),
        pytest.param(Scope(excluded_namespaces=("kube-system",)), ['namespace!~"kube-system"'], id="excluded"),
        pytest.param(Scope(namespaces=(NASTY,)), [f"namespace=~{NASTY_QUOTED}"], id="escaped twice"),
        pytest.param(Scope(excluded_namespaces=("a.b",)), ['namespace!~"a\\\\.b"'], id="a dot is a dot"),
    ],
)
def test_every_label_value_is_escaped(scope: Scope, want: list[str]) -> None:
    assert scope.matchers() == want


def all_queries(scope: Scope) -> list[str]:
    piece = TimeRange(END - timedelta(minutes=90), END)
    return [
        queries.cpu_curve(scope, rate_seconds=300),
        queries.memory_curve(scope),
        queries.facts(scope, seconds=5400, rate_seconds=300),
        *(queries.listed_curve(scope, metric) for metric in LISTED_METRICS),
        queries.state(scope, [piece]),
        queries.presence(scope, [Metric.CPU], seconds=3600),
        queries.namespaces_of(scope),
    ]


def test_every_selector_of_every_query_has_the_matchers_of_the_scope() -> None:
    scope = Scope("env", "prod", ("shop",), ("kube-system",))
    for text in all_queries(scope):
        selectors = text.count("{")
        of_nodes = sum(text.count(f"{metric}{{") for metric in NODE_METRICS)
        assert selectors > of_nodes
        assert text.count('env="prod",namespace=~"shop",namespace!~"kube-system"}') == selectors - of_nodes
        assert text.count('env="prod"') == selectors, "nodes have no namespace, but a cluster"


def test_no_curve_is_joined_to_another_one() -> None:
    curves = [queries.cpu_curve(Scope(), rate_seconds=300), queries.memory_curve(Scope())]
    curves += [queries.listed_curve(Scope(), metric) for metric in LISTED_METRICS]
    assert not any(re.search(r"\b(or|and|unless|on)\b", text) for text in curves)
    assert len({*curves}) == len(CURVE_METRICS)


def test_every_selector_has_an_exact_metric_name() -> None:
    """Google Managed Prometheus refuses any other matcher on names."""
    others = [
        queries.renamed_labels(Scope(), seconds=3600),
        queries.overlap(Scope(), seconds=3600),
        queries.presence(Scope(), Metric, seconds=3600),
    ]
    for text in (*all_queries(Scope()), *others):
        assert "__name__" not in text
        assert not re.search(r"(?<![a-z_]){", text)


def test_the_state_has_every_metric_of_every_range_with_its_name() -> None:
    ranges = [TimeRange(END - timedelta(hours=2), END - timedelta(hours=1)), TimeRange(END - timedelta(hours=1), END)]
    text = queries.state(Scope(), ranges)
    for metric in (*STATE_METRICS, *NODE_METRICS):
        assert text.count(f'"kubedoor_metric", "{metric}"') == len(ranges)


def test_renamed_labels_are_counted_in_all_namespaces() -> None:
    text = queries.renamed_labels(Scope("env", "prod", ("shop",), ("kube-system",)), seconds=3600)
    for label in ("exported_namespace", "exported_pod", "exported_container"):
        assert f'count(last_over_time(kube_pod_container_info{{{label}!="",env="prod"}}[3600s]))' in text
        assert f'"kubedoor_metric", "{label}"' in text


def test_facts_are_told_apart_by_a_label() -> None:
    text = queries.facts(Scope(), seconds=5400, rate_seconds=300)
    for fact in Fact:
        assert text.count(f'"kubedoor_fact", "{fact}", "namespace", ".*")') == 1
    assert text.count("[5400s]") == 6
    assert text.count("[5700s]") == 2, "the counters behind the first rate of the window"


def test_the_state_of_two_windows_leaves_out_the_hours_between() -> None:
    morning = TimeRange(END - timedelta(hours=2), END - timedelta(hours=1))
    last = TimeRange(END - timedelta(minutes=30), END)
    text = queries.state(Scope(), [morning, last])
    assert "}[3600s] offset 3600s)" in text
    assert "}[1800s])" in text
    assert text.index("[1800s]") < text.index(" or ") < text.index("[3600s]"), "`or` keeps what it meets first"
    assert text.startswith("max by (kubedoor_metric, namespace, pod, container, resource, restart_policy, owner_kind")


def test_within_narrows_the_namespaces_and_keeps_the_rest() -> None:
    scope = Scope("env", "prod", (), ("kube-system",))
    assert scope.within(["a", "b"]) == Scope("env", "prod", ("a", "b"), ("kube-system",))
