from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from kubedoor.collection.cluster_facts import objects
from kubedoor.collection.cluster_facts.from_api import facts_from_api
from kubedoor.collection.cluster_facts.from_metrics import EXPORTED_KINDS, facts_from_metrics
from kubedoor.collection.cluster_facts.gathering import NO_API, NO_METRICS, FixedFacts, GatheredFacts, gather
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.fact_queries import COUNT_SUFFIX, COUNTED, FactMetric
from kubedoor.collection.prometheus.queries import METRIC_LABEL, Scope
from kubedoor.config import settings
from kubedoor.errors import ClusterError, Forbidden, KubeDoorError, NotFound, PrometheusUnreachable
from kubedoor.kube.client import Cluster
from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget, LimitRange, Quota
from kubedoor.model.values import Amount
from kubedoor.runtime.sources import build_facts
from kubedoor.sentences import Sentence
from tests.support.cluster_objects import (
    make_hpa,
    make_limit_range,
    make_node,
    make_quota,
    make_vpa,
    on_container,
    on_resource,
    on_value,
    scoped_to,
)
from tests.support.promserver import PromServer, Reply, failure, result

MIB, GIB = 2**20, 2**30
EVERY_KIND = frozenset(FactKind)


# Objects


def test_the_largest_of_the_nodes_that_are_not_cordoned() -> None:
    nodes = [
        make_node("many-cores", "7910m", "15Gi"),
        make_node("much-memory", "3920m", "31145996Ki"),
        make_node("leaving", "64", "256Gi", cordoned=True),
    ]
    assert objects.largest_node(nodes) == Amount(7910, 31145996 * 1024)
    assert objects.largest_node(nodes[2:]) == Amount()
    assert objects.largest_node([{"metadata": {"name": "new"}}]) == Amount()


def test_a_limit_range_of_containers_and_pods() -> None:
    found = objects.limit_ranges(
        [
            make_limit_range(
                "bounds",
                "shop",
                {
                    "type": "Container",
                    "min": {"cpu": "50m"},
                    "max": {"cpu": "2", "memory": "4Gi"},
                    "default": {"cpu": "500m", "memory": "512Mi"},
                    "defaultRequest": {"cpu": "100m"},
                    "maxLimitRequestRatio": {"cpu": "2500m", "memory": "4"},
                },
                {"type": "Pod", "max": {"memory": "8Gi"}},
                {"type": "PersistentVolumeClaim", "max": {"storage": "1Ti"}},
                {"type": "Container", "max": {"ephemeral-storage": "1Gi"}},
            ),
            make_limit_range("nothing", "pay"),
        ]
    )
    assert found == {
        "shop": (
            LimitRange(
                "bounds",
                "Container",
                min=Amount(50),
                max=Amount(2000, 4 * GIB),
                default_limit=Amount(500, 512 * MIB),
                max_cpu_ratio=2.5,
                max_memory_ratio=4.0,
            ),
            LimitRange("bounds", "Pod", max=Amount(memory_bytes=8 * GIB)),
        )
    }


def test_bounds_are_rounded_to_what_is_surely_admitted() -> None:
    odd = {"cpu": "100500u", "memory": "0.1Gi"}
    one = objects.limit_range("odd", {"type": "Container", "min": odd, "max": odd})
    assert one is not None
    assert one.min == Amount(101, 107374183)
    assert one.max == Amount(100, 107374182)


def test_a_quantity_that_cannot_be_read_bounds_nothing() -> None:
    endless = {"cpu": "1", "memory": "9999Ei"}
    item = {"type": "Pod", "max": endless, "maxLimitRequestRatio": {"cpu": "many"}}
    assert objects.limit_range("x", item) == LimitRange("x", "Pod", max=Amount(1000))


@pytest.mark.parametrize(
    ("hard", "used", "want"),
    [
        pytest.param(
            {"requests.cpu": "10", "requests.memory": "20Gi", "pods": "50"},
            {"requests.cpu": "2500m", "requests.memory": "1Gi", "pods": "3"},
            (Amount(10_000, 20 * GIB), Amount(2500, GIB)),
            id="requests",
        ),
        pytest.param({"cpu": "4"}, {"cpu": "1"}, (Amount(4000), Amount(1000)), id="the synonym"),
        pytest.param(
            {"cpu": "4", "requests.cpu": "3"},
            {"cpu": "1", "requests.cpu": "1"},
            (Amount(3000), Amount(1000)),
            id="both: the tighter one",
        ),
        pytest.param({"requests.cpu": "0"}, {}, (Amount(0), Amount()), id="nothing is allowed"),
        pytest.param({"limits.cpu": "4", "pods": "10"}, {}, None, id="limits and counts"),
    ],
)
def test_a_quota_of_requests(hard: dict[str, str], used: dict[str, str], want: tuple[Amount, Amount] | None) -> None:
    found = objects.quotas([make_quota("team", "shop", hard, used)])
    assert found == ({"shop": (Quota("team", *want),)} if want else {})


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({}, True),
        ({"scopes": ["NotTerminating"]}, True),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, True),
        ({"scopeSelector": scoped_to("NotBestEffort")}, True),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["NotTerminating", "CrossNamespacePodAffinity"]}, False),
        ({"scopeSelector": scoped_to("Terminating")}, False),
        ({"scopeSelector": scoped_to("PriorityClass", "In", "high")}, False),
        ({"scopes": ["NotTerminating"], "scopeSelector": scoped_to("PriorityClass")}, False),
    ],
)
def test_a_quota_counts_only_if_every_pod_of_a_deployment_is_in_its_scopes(spec: dict[str, Any], counts: bool) -> None:
    assert bool(objects.quotas([make_quota("team", "shop", {"cpu": "4"}, {}, **spec)])) is counts


def test_a_quota_that_no_controller_has_seen_yet_is_left_out() -> None:
    assert objects.quotas([make_quota("new", "shop", {"cpu": "4"})]) == {}


@pytest.mark.parametrize(
    ("metrics", "want"),
    [
        pytest.param([on_resource("cpu", 70)], HpaTarget(70), id="cpu"),
        pytest.param([on_resource("cpu", 70), on_resource("memory", 60)], HpaTarget(70, 60), id="both"),
        pytest.param([on_container("app", "memory", 90)], HpaTarget(None, 90), id="one container"),
        pytest.param([on_container("a", "cpu", 90), on_container("b", "cpu", 50)], HpaTarget(50), id="the smallest"),
        pytest.param([on_value("cpu", "500m")], HpaTarget(), id="a value is no share of the request"),
        pytest.param([{"type": "External", "external": {"metric": {"name": "queue"}}}], HpaTarget(), id="external"),
        pytest.param([], HpaTarget(80), id="the default of an HPA without metrics"),
    ],
)
def test_what_an_hpa_aims_at(metrics: list[dict[str, Any]], want: HpaTarget) -> None:
    assert objects.hpas([make_hpa("web", "shop", *metrics)]) == {("shop", "web"): want}


def test_hpas_of_other_kinds_are_left_out_and_two_of_one_deployment_both_count() -> None:
    found = objects.hpas(
        [
            make_hpa("a", "shop", on_resource("cpu", 70), target="cart"),
            make_hpa("b", "shop", on_resource("cpu", 50), on_resource("memory", 60), target="cart"),
            make_hpa("c", "shop", on_resource("cpu", 10), kind="StatefulSet", target="cart"),
        ]
    )
    assert found == {("shop", "cart"): HpaTarget(50, 60)}


def test_the_modes_of_vpas() -> None:
    modes = ["Recreate", "Initial", "InPlaceOrRecreate", "Off", ""]
    found = objects.vpas(
        [
            *(make_vpa(f"vpa-{mode}", "shop", mode, target=f"in-{mode.lower()}") for mode in modes),
            make_vpa("second", "shop", "Initial", target="in-recreate"),
            make_vpa("db", "shop", "Auto", kind="StatefulSet", target="db"),
            {"metadata": {"name": "empty", "namespace": "shop"}},
        ]
    )
    assert found == {
        ("shop", "in-recreate"): "Recreate",
        ("shop", "in-initial"): "Initial",
        ("shop", "in-inplaceorrecreate"): "InPlaceOrRecreate",
        ("shop", "in-"): "Auto",
    }


# The API server

PATHS = {
    FactKind.NODES: "/api/v1/nodes",
    FactKind.LIMIT_RANGES: "/api/v1/limitranges",
    FactKind.QUOTAS: "/api/v1/resourcequotas",
    FactKind.HPAS: "/apis/autoscaling/v2/horizontalpodautoscalers",
    FactKind.VPAS: "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers",
}


class Listed(Cluster):
    """A cluster whose lists are these, by kind, or the error that a list gives; any other is empty."""

    def __init__(self, lists: Mapping[FactKind, Sequence[Any] | Exception]) -> None:
        super().__init__()
        self.lists = {PATHS[kind]: items for kind, items in lists.items()}

    def request(self, method: str, path: str, **fields: Any) -> Any:
        assert method == "GET"
        assert path in PATHS.values()
        items = self.lists.get(path, [])
        if isinstance(items, Exception):
            raise items
        start = int(fields["query"].get("continue", "0"))
        following = {"continue": str(start + 1)} if start + 1 < len(items) else {}
        return {"metadata": following, "items": items[start : start + 1]}


def everything() -> dict[FactKind, Sequence[Any] | Exception]:
    item = {"type": "Container", "max": {"cpu": "2"}}
    namespaces = ("shop", "pay", "kube-system")
    return {
        FactKind.NODES: [make_node("one", "4", "8Gi"), make_node("two", "8", "4Gi")],
        FactKind.LIMIT_RANGES: [make_limit_range("bounds", one, item) for one in namespaces],
        FactKind.QUOTAS: [make_quota("team", one, {"cpu": "4"}, {"cpu": "1"}) for one in namespaces],
        FactKind.HPAS: [make_hpa("web", one, on_resource("cpu", 70)) for one in namespaces],
        FactKind.VPAS: [make_vpa("web", one, "Recreate") for one in namespaces],
    }


def test_every_kind_is_listed_page_by_page() -> None:
    facts = facts_from_api(Listed(everything()), excluded_namespaces=["kube-system"])
    assert (facts.known, facts.unknown) == (EVERY_KIND, {})
    assert facts.largest_node == Amount(8000, 8 * GIB)
    assert facts.limit_ranges["pay"] == (LimitRange("bounds", "Container", max=Amount(2000)),)
    assert facts.quotas["pay"] == (Quota("team", Amount(4000), Amount(1000)),)
    assert facts.hpas["pay", "web"] == HpaTarget(70)
    assert facts.vpas["pay", "web"] == "Recreate"
    by_namespace = [set(facts.limit_ranges), set(facts.quotas), {name for name, _ in facts.hpas}]
    assert [*by_namespace, {name for name, _ in facts.vpas}] == [{"shop", "pay"}] * 4


def test_only_the_wanted_namespaces_count_and_always_every_node() -> None:
    facts = facts_from_api(
        Listed(everything()), namespaces=["shop", "kube-system"], excluded_namespaces=["kube-system"]
    )
    assert set(facts.limit_ranges) == {"shop"}
    assert set(facts.hpas) == {("shop", "web")}
    assert facts.largest_node == Amount(8000, 8 * GIB)


def test_a_cluster_without_any_of_it_is_known_to_have_none() -> None:
    assert facts_from_api(Listed({})) == ClusterFacts(known=EVERY_KIND)


def test_without_the_definition_of_vpas_there_are_none() -> None:
    facts = facts_from_api(Listed({**everything(), FactKind.VPAS: NotFound("the server could not find it")}))
    assert FactKind.VPAS in facts.known
    assert facts.vpas == {}


RULES = {
    FactKind.NODES: 'apiGroups [""], resources [nodes], verbs [list]',
    FactKind.LIMIT_RANGES: 'apiGroups [""], resources [limitranges], verbs [list]',
    FactKind.QUOTAS: 'apiGroups [""], resources [resourcequotas], verbs [list]',
    FactKind.HPAS: 'apiGroups ["autoscaling"], resources [horizontalpodautoscalers], verbs [list]',
    FactKind.VPAS: 'apiGroups ["autoscaling.k8s.io"], resources [verticalpodautoscalers], verbs [list]',
}


@pytest.mark.parametrize("kind", list(FactKind))
@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(Forbidden("the cluster does not allow this"), "to its ClusterRole", id="forbidden"),
        pytest.param(ClusterError("the API server does not answer"), "check the kubeconfig", id="away"),
        pytest.param(OSError("no token"), "check the kubeconfig", id="no token"),
    ],
)
def test_every_kind_fails_on_its_own(kind: FactKind, error: Exception, words: str) -> None:
    facts = facts_from_api(Listed({**everything(), kind: error}))
    assert facts.known == EVERY_KIND - {kind}
    assert set(facts.unknown) == {kind}
    assert str(error) in facts.unknown[kind]
    assert words in facts.unknown[kind]
    assert (RULES[kind] in facts.unknown[kind]) is isinstance(error, Forbidden)
    assert getattr(facts, objects.FIELD_OF[kind]) == getattr(ClusterFacts(), objects.FIELD_OF[kind])


def test_hpas_that_the_api_server_does_not_have_are_not_known() -> None:
    """Before Kubernetes 1.23 there is no autoscaling/v2, yet there may be HPAs."""
    facts = facts_from_api(Listed({FactKind.HPAS: NotFound("the server could not find it")}))
    assert facts.known == EVERY_KIND - {FactKind.HPAS}


def test_a_malformed_object_makes_its_kind_unknown(caplog: pytest.LogCaptureFixture) -> None:
    facts = facts_from_api(Listed({**everything(), FactKind.HPAS: [{"metadata": {"namespace": "shop"}}]}))
    assert facts.known == EVERY_KIND - {FactKind.HPAS}
    assert "KubeDoor's log" in facts.unknown[FactKind.HPAS]
    assert "horizontalpodautoscalers" in caplog.text


def test_without_a_kubeconfig_nothing_is_known_and_the_setting_is_named() -> None:
    facts = facts_from_api(Cluster(kubeconfig="/nowhere/config"))
    assert facts.known == frozenset()
    assert all("KUBEDOOR_KUBECONFIG" in reason for reason in facts.unknown.values())
    closed = facts_from_api(Cluster(no_access=Sentence("it is only shown")))
    assert all("it is only shown" in reason for reason in closed.unknown.values())


# Prometheus

Sample = tuple[dict[str, str], str]


def of(metric: str, value: str = "1", **labels: str) -> Sample:
    return {METRIC_LABEL: metric, **labels}, value


def counts() -> list[Sample]:
    return [of(f"{metric}{COUNT_SUFFIX}", "3") for metric in COUNTED]


def of_shop(metric: str, value: str, **labels: str) -> Sample:
    return of(metric, value, namespace="shop", **labels)


def container_limit(constraint: str, resource: str, value: str) -> Sample:
    labels = {"limitrange": "bounds", "type": "Container", "constraint": constraint, "resource": resource}
    return of_shop(FactMetric.LIMIT_RANGE, value, **labels)


def hpa_of(deployment: str) -> Sample:
    target = {"scaletargetref_kind": "Deployment", "scaletargetref_name": deployment}
    return of_shop(FactMetric.HPA, "1", horizontalpodautoscaler=f"hpa-{deployment}", **target)


def aims(deployment: str, metric: str, kind: str, value: str) -> Sample:
    labels = {"metric_name": metric, "metric_target_type": kind}
    return of_shop(FactMetric.HPA_TARGET, value, horizontalpodautoscaler=f"hpa-{deployment}", **labels)


@contextmanager
def prometheus(answer: Reply) -> Iterator[tuple[PromServer, PrometheusClient]]:
    server = PromServer(lambda asked: answer)
    with server.running(), PrometheusClient(server.url, sleep=lambda seconds: None) as client:
        yield server, client


def facts_of(samples: Sequence[Sample], **envelope: Any) -> ClusterFacts:
    series = [{"metric": labels, "value": [0, value]} for labels, value in samples]
    with prometheus(result(series, **envelope)) as (server, client):
        facts = facts_from_metrics(client, Scope())
    assert len(server.queries) == 1
    return facts


def samples_of_everything() -> list[Sample]:
    quota = {"resourcequota": "team"}
    return [
        container_limit("min", "cpu", "0.05"),
        container_limit("max", "memory", "4.294967296e+09"),
        container_limit("default", "cpu", "0.5"),
        container_limit("maxLimitRequestRatio", "cpu", "2.5"),
        of_shop(FactMetric.QUOTA, "10", resource="requests.cpu", type="hard", **quota),
        of_shop(FactMetric.QUOTA, "2.005", resource="requests.cpu", type="used", **quota),
        of_shop(FactMetric.QUOTA, "8589934592", resource="memory", type="hard", **quota),
        hpa_of("web"),
        aims("web", "cpu", "utilization", "70"),
        aims("web", "memory", "average", "1073741824"),
        hpa_of("queue"),
        aims("queue", "length", "value", "30"),
        hpa_of("silent"),
        of(FactMetric.ALLOCATABLE, "7.91", resource="cpu"),
        of(FactMetric.ALLOCATABLE, "33285996544", resource="memory"),
        of(FactMetric.MACHINE_CPU, "8"),
        *counts(),
    ]


def test_everything_that_kube_state_metrics_says() -> None:
    facts = facts_of(samples_of_everything())
    assert facts.known == EXPORTED_KINDS
    assert facts.largest_node == Amount(7910, 33285996544)
    bounds = LimitRange(
        "bounds", "Container", min=Amount(50), max=Amount(memory_bytes=4 * GIB), default_limit=Amount(500)
    )
    assert facts.limit_ranges == {"shop": (LimitRange(**{**vars(bounds), "max_cpu_ratio": 2.5}),)}
    assert facts.quotas == {"shop": (Quota("team", Amount(10_000, 8 * GIB), Amount(2005)),)}
    assert facts.hpas == {
        ("shop", "web"): HpaTarget(70),
        ("shop", "queue"): HpaTarget(),
        ("shop", "silent"): HpaTarget(is_known=False),
    }
    assert set(facts.unknown) == {FactKind.VPAS}
    assert "does not export VerticalPodAutoscalers by default" in facts.unknown[FactKind.VPAS]


def test_of_nodes_that_say_nothing_what_the_machines_have() -> None:
    facts = facts_of([of(FactMetric.MACHINE_CPU, "16"), of(FactMetric.MACHINE_MEMORY, "67343654912")])
    assert facts.largest_node == Amount(16_000, 67343654912)
    assert facts.known == {FactKind.NODES}


def test_a_metric_without_any_series_is_not_taken_for_none() -> None:
    facts = facts_of([])
    assert facts == ClusterFacts(unknown=facts.unknown)
    for kind, metric in {FactKind.NODES: "kube_node_status_allocatable", FactKind.QUOTAS: "kube_resourcequota"}.items():
        assert metric in facts.unknown[kind]
        assert "let kube-state-metrics export it" in facts.unknown[kind]


def test_a_metric_that_only_other_namespaces_have_means_none_here() -> None:
    assert facts_of(counts()) == ClusterFacts(
        known=EXPORTED_KINDS - {FactKind.NODES}, unknown=facts_of(counts()).unknown
    )


@pytest.mark.parametrize("envelope", [{"isPartial": True}, {"warnings": ["store gateway 2 is away"]}])
def test_of_a_partial_answer_nothing_is_known_and_what_is_there_counts(envelope: dict[str, Any]) -> None:
    facts = facts_of(samples_of_everything(), **envelope)
    assert facts.known == frozenset()
    assert facts.hpas["shop", "web"] == HpaTarget(70)
    assert "partial" in facts.unknown[FactKind.HPAS]


def test_a_remark_on_the_query_is_no_partial_answer() -> None:
    remarks = ["PromQL info: metric might not be a counter"]
    assert facts_of(samples_of_everything(), warnings=remarks).known == EXPORTED_KINDS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(failure(500, "out of memory"), "out of memory", id="an error"),
        pytest.param(failure(422, "too many samples"), "too many samples", id="too large"),
        pytest.param(result([{"metric": {}}]), "malformed", id="a series without a value"),
        pytest.param(
            result([{"metric": {METRIC_LABEL: FactMetric.QUOTA}, "value": [0, "1"]}]), "malformed", id="labels"
        ),
    ],
)
def test_a_prometheus_that_fails_is_the_reason(answer: Reply, words: str) -> None:
    with prometheus(answer) as (_, client):
        facts = facts_from_metrics(client, Scope())
    assert facts.known == frozenset()
    assert set(facts.unknown) == set(FactKind)
    assert all(words in reason for reason in facts.unknown.values())


def test_not_a_number_bounds_nothing() -> None:
    samples = [container_limit("max", "cpu", "NaN"), hpa_of("web"), aims("web", "cpu", "utilization", "NaN"), *counts()]
    facts = facts_of(samples)
    assert facts.limit_ranges == {}
    assert facts.hpas == {("shop", "web"): HpaTarget()}


# Both


def fail(error: Exception) -> Callable[[], ClusterFacts]:
    def read() -> ClusterFacts:
        raise error

    return read


API = ClusterFacts(
    known=frozenset({FactKind.NODES, FactKind.HPAS}),
    largest_node=Amount(8000),
    hpas={("shop", "web"): HpaTarget(70)},
    unknown={FactKind.LIMIT_RANGES: "forbidden", FactKind.QUOTAS: "forbidden", FactKind.VPAS: "forbidden"},
)
METRICS = ClusterFacts(
    known=frozenset({FactKind.NODES, FactKind.HPAS, FactKind.LIMIT_RANGES}),
    largest_node=Amount(16_000),
    limit_ranges={"shop": (LimitRange("bounds", "Pod", max=Amount(2000)),)},
    unknown={FactKind.QUOTAS: "no series", FactKind.VPAS: "not exported"},
)


def test_what_the_api_server_does_not_say_prometheus_does() -> None:
    facts = gather(lambda: API, lambda: METRICS)
    assert facts.known == {FactKind.NODES, FactKind.HPAS, FactKind.LIMIT_RANGES}
    assert (facts.largest_node, facts.hpas, facts.limit_ranges) == (Amount(8000), API.hpas, METRICS.limit_ranges)
    assert facts.unknown == {FactKind.QUOTAS: "forbidden; and no series", FactKind.VPAS: "forbidden; and not exported"}


def test_prometheus_is_not_asked_for_what_it_cannot_add() -> None:
    whole = ClusterFacts(known=EXPORTED_KINDS, unknown={FactKind.VPAS: "forbidden"})
    assert gather(lambda: whole, fail(AssertionError("it was asked"))) == whole


@pytest.mark.parametrize("error", [PrometheusUnreachable("it is away"), ClusterError("it is away")])
def test_a_source_that_raises_is_a_reason(error: KubeDoorError) -> None:
    assert gather(fail(error), lambda: METRICS).unknown[FactKind.QUOTAS] == "it is away; and no series"
    assert gather(lambda: API, fail(error)).unknown[FactKind.QUOTAS] == "forbidden; and it is away"


def test_not_even_a_bug_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        facts = gather(fail(ZeroDivisionError()), lambda: METRICS)
    assert facts.known == METRICS.known
    assert "ZeroDivisionError" in caplog.text


def test_without_anything_to_ask_both_reasons_are_given() -> None:
    assert set(gather(None, None).unknown.values()) == {f"{NO_API}; and {NO_METRICS}"}


# Settings


def test_sample_data_has_no_facts() -> None:
    source = build_facts(settings.load({"KUBEDOOR_SOURCE": "sample"}))
    assert isinstance(source, FixedFacts)
    assert source.read_facts() == ClusterFacts()


@pytest.mark.parametrize(
    ("kubeconfig", "url", "want"),
    [
        ("", "http://127.0.0.1:9", (True, True)),
        ("none", "http://127.0.0.1:9", (False, True)),
        ("/some/config", "", (True, False)),
    ],
)
def test_the_settings_say_what_is_asked(kubeconfig: str, url: str, want: tuple[bool, bool]) -> None:
    environment = {"KUBEDOOR_KUBECONFIG": kubeconfig, "KUBEDOOR_PROMETHEUS_URL": url}
    environment["KUBEDOOR_STORE_DSN"] = "http://user@clickhouse:8123/kubedoor"
    source = build_facts(settings.load(environment))
    assert isinstance(source, GatheredFacts)
    assert (source.api is not None, source.metrics is not None) == want


def test_the_facts_of_a_cluster_without_access_come_from_its_prometheus() -> None:
    series = [{"metric": labels, "value": [0, value]} for labels, value in samples_of_everything()]
    with prometheus(result(series)) as (server, _):
        environment = {"KUBEDOOR_KUBECONFIG": "none", "KUBEDOOR_PROMETHEUS_URL": server.url}
        facts = build_facts(settings.load(environment)).read_facts()
    assert facts.known == EXPORTED_KINDS
    assert facts.unknown[FactKind.VPAS].startswith(NO_API)
    assert 'namespace!~"cert-manager|' in server.queries[0]
