"""Cluster facts from a real Prometheus that scrapes what kube-state-metrics 2 and cAdvisor write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kubedoor.collection.cluster_facts.from_metrics import EXPORTED_KINDS, facts_from_metrics
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.model.cluster_facts import ClusterFacts, FactKind, HpaTarget, LimitRange, Quota
from kubedoor.model.values import Amount
from tests.toolbox import processes
from tests.toolbox import prometheus as prometheus_module
from tests.toolbox.build import ToolMissing
from tests.toolbox.prometheus import Prometheus

MIB, GIB = 2**20, 2**30
STATE = """\
kube_limitrange{namespace="shop",limitrange="bounds",resource="cpu",type="Container",constraint="min"} 0.05
kube_limitrange{namespace="shop",limitrange="bounds",resource="cpu",type="Container",constraint="max"} 2
kube_limitrange{namespace="shop",limitrange="bounds",resource="memory",type="Container",constraint="default"} 5.36870912e+08
kube_limitrange{namespace="shop",limitrange="bounds",resource="cpu",type="Container",constraint="defaultRequest"} 0.1
kube_limitrange{namespace="shop",limitrange="bounds",resource="memory",type="Pod",constraint="maxLimitRequestRatio"} 1.5
kube_limitrange{namespace="shop",limitrange="disks",resource="storage",type="PersistentVolumeClaim",constraint="max"} 1e+12
kube_limitrange{namespace="kube-system",limitrange="bounds",resource="cpu",type="Pod",constraint="max"} 1
kube_resourcequota{namespace="shop",resourcequota="team",resource="requests.cpu",type="hard"} 10
kube_resourcequota{namespace="shop",resourcequota="team",resource="requests.cpu",type="used"} 2.005
kube_resourcequota{namespace="shop",resourcequota="team",resource="requests.memory",type="hard"} 8.589934592e+09
kube_resourcequota{namespace="shop",resourcequota="team",resource="requests.memory",type="used"} 1.073741824e+09
kube_resourcequota{namespace="shop",resourcequota="team",resource="pods",type="hard"} 50
kube_resourcequota{namespace="shop",resourcequota="team",resource="pods",type="used"} 7
kube_horizontalpodautoscaler_info{namespace="shop",horizontalpodautoscaler="h1",scaletargetref_api_version="apps/v1",scaletargetref_kind="Deployment",scaletargetref_name="web"} 1
kube_horizontalpodautoscaler_info{namespace="shop",horizontalpodautoscaler="h2",scaletargetref_api_version="apps/v1",scaletargetref_kind="Deployment",scaletargetref_name="queue"} 1
kube_horizontalpodautoscaler_info{namespace="shop",horizontalpodautoscaler="h3",scaletargetref_api_version="apps/v1",scaletargetref_kind="Deployment",scaletargetref_name="silent"} 1
kube_horizontalpodautoscaler_info{namespace="shop",horizontalpodautoscaler="h4",scaletargetref_api_version="apps/v1",scaletargetref_kind="StatefulSet",scaletargetref_name="db"} 1
kube_horizontalpodautoscaler_spec_target_metric{namespace="shop",horizontalpodautoscaler="h1",metric_name="cpu",metric_target_type="utilization"} 70
kube_horizontalpodautoscaler_spec_target_metric{namespace="shop",horizontalpodautoscaler="h1",metric_name="memory",metric_target_type="average"} 1.073741824e+09
kube_horizontalpodautoscaler_spec_target_metric{namespace="shop",horizontalpodautoscaler="h2",metric_name="length",metric_target_type="value"} 30
kube_horizontalpodautoscaler_spec_target_metric{namespace="shop",horizontalpodautoscaler="h4",metric_name="cpu",metric_target_type="utilization"} 10
kube_node_status_allocatable{node="one",resource="cpu",unit="core"} 7.91
kube_node_status_allocatable{node="one",resource="memory",unit="byte"} 1.6e+10
kube_node_status_allocatable{node="two",resource="cpu",unit="core"} 3.92
kube_node_status_allocatable{node="two",resource="memory",unit="byte"} 3.3285996544e+10
kube_node_status_allocatable{node="two",resource="pods",unit="integer"} 110
kube_node_status_allocatable{node="leaving",resource="cpu",unit="core"} 128
kube_node_spec_unschedulable{node="one"} 0
kube_node_spec_unschedulable{node="two"} 0
kube_node_spec_unschedulable{node="leaving"} 1
machine_cpu_cores{machine_id="a"} 128
machine_memory_bytes{machine_id="a"} 5e+11
"""
SHOP = Scope(namespaces=("shop",), excluded_namespaces=("kube-system",))


class Exporter:
    """Serves `text`; port and thread live as long as the `with` block."""

    def __init__(self, text: str) -> None:
        body = text.encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.port = self._server.server_port

    def __enter__(self) -> Exporter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture(scope="module")
def client() -> Iterator[PrometheusClient]:
    """Of a Prometheus with two clusters: `prod` is STATE, `edge` has no LimitRange, no quota and no HPA."""
    edge = 'machine_cpu_cores{env="edge"} 4\nmachine_memory_bytes{env="edge"} 8e+09\n'
    prod = STATE.replace("{", '{env="prod",')
    with pytest.MonkeyPatch.context() as patch, Exporter(prod + edge) as exporter:
        patch.setattr(prometheus_module, "SCRAPE_INTERVAL", "1s")
        try:
            with (
                Prometheus(scraped_port=exporter.port) as running,
                PrometheusClient(running.url, timeout_seconds=30) as client,
            ):
                processes.wait_until(
                    lambda: FactKind.NODES in facts_from_metrics(client, Scope()).known, what="it has scraped"
                )
                yield client
        except ToolMissing as missing:
            pytest.fail(str(missing))


def test_everything_is_read_by_one_query(client: PrometheusClient) -> None:
    facts = facts_from_metrics(client, Scope("env", "prod", SHOP.namespaces, SHOP.excluded_namespaces))
    assert facts == ClusterFacts(
        known=EXPORTED_KINDS,
        largest_node=Amount(7910, 33285996544),
        limit_ranges={
            "shop": (
                LimitRange("bounds", "Container", Amount(50), Amount(2000), Amount(None, 512 * MIB)),
                LimitRange("bounds", "Pod", max_memory_ratio=1.5),
            )
        },
        quotas={"shop": (Quota("team", Amount(10_000, 8 * GIB), Amount(2005, GIB)),)},
        hpas={
            ("shop", "web"): HpaTarget(70),
            ("shop", "queue"): HpaTarget(),
            ("shop", "silent"): HpaTarget(is_known=False),
        },
        unknown={FactKind.VPAS: facts.unknown[FactKind.VPAS]},
    )


def test_without_namespaces_of_the_scope_all_count(client: PrometheusClient) -> None:
    assert set(facts_from_metrics(client, Scope()).limit_ranges) == {"shop", "kube-system"}


def test_a_namespace_without_any_is_known_to_have_none(client: PrometheusClient) -> None:
    facts = facts_from_metrics(client, Scope(namespaces=("pay",)))
    assert facts.known == EXPORTED_KINDS
    assert (facts.limit_ranges, facts.quotas, facts.hpas) == ({}, {}, {})


def test_another_cluster_of_the_same_prometheus(client: PrometheusClient) -> None:
    """It has no kube-state-metrics: what the machines have counts, and the rest is not known."""
    facts = facts_from_metrics(client, Scope("env", "edge"))
    assert facts.known == {FactKind.NODES}
    assert facts.largest_node == Amount(4000, 8_000_000_000)
    assert "kube_limitrange" in facts.unknown[FactKind.LIMIT_RANGES]
