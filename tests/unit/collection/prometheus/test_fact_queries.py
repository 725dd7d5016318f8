from __future__ import annotations

import re

from kubedoor.collection.prometheus import fact_queries
from kubedoor.collection.prometheus.fact_queries import COUNTED, FactMetric
from kubedoor.collection.prometheus.queries import Scope

SCOPE = Scope("env", "prod", ("shop",), ("kube-system",))
SELECTOR = re.compile(r"last_over_time\((\w*)\{([^}]*)\}\[(\w+)\]\)")


def test_every_selector_names_its_metric_and_its_cluster_and_looks_back_an_hour() -> None:
    text = fact_queries.cluster_facts(SCOPE)
    found = SELECTOR.findall(text)
    assert len(found) == text.count("{")
    assert {name for name, _, _ in found} == set(FactMetric)
    assert "__name__" not in text, "Google Managed Prometheus refuses that"
    assert all('env="prod"' in matchers for _, matchers, _ in found)
    assert {duration for _, _, duration in found} == {"3600s"}


def test_namespaces_narrow_what_has_one_and_neither_nodes_nor_counts() -> None:
    text = fact_queries.cluster_facts(SCOPE)
    for name, matchers, _ in SELECTOR.findall(text):
        is_count = f"count(last_over_time({name}{{{matchers}}}" in text
        is_narrow = 'namespace=~"shop",namespace!~"kube-system"' in matchers
        assert is_narrow is (name.startswith(("kube_limit", "kube_resource", "kube_horizontal")) and not is_count), name


def test_each_part_is_told_apart_by_a_label() -> None:
    text = fact_queries.cluster_facts(Scope())
    labels = re.findall(r'"kubedoor_metric", "([^"]+)", "namespace", "\.\*"\)', text)
    metrics = [metric for metric in FactMetric if metric is not FactMetric.UNSCHEDULABLE]
    assert labels == [*metrics, *(f"{metric}:count" for metric in COUNTED)]
    assert text.count(" or ") == len(labels) - 1
