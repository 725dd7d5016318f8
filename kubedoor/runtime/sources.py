"""Builds what KubeDoor reads from: usage, facts of the cluster, and the cluster itself. Nothing is sent here."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

from kubedoor.collection.cluster_facts.from_api import facts_from_api
from kubedoor.collection.cluster_facts.from_metrics import facts_from_metrics
from kubedoor.collection.cluster_facts.gathering import FixedFacts, GatheredFacts
from kubedoor.collection.plausibility import Bounds
from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.queries import Scope
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.collection.sample.source import SampleSource
from kubedoor.config.settings import Settings
from kubedoor.errors import SettingsError
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.model.cluster_facts import ClusterFacts, FactsSource
from kubedoor.model.usage import UsageSource


def build_cluster(settings: Settings) -> Cluster:
    """A client that connects on its first request."""
    return Cluster(
        kubeconfig=settings.kubeconfig,
        context=settings.kube_context,
        timeout_seconds=settings.cluster_timeout_seconds,
        no_access=settings.no_access,
    )


def build_source(settings: Settings) -> UsageSource:
    """Prometheus, or sample data if the settings ask for it. Raises SettingsError if neither is configured."""
    if settings.uses_sample:
        return SampleSource(
            # Each cluster gets other numbers: equal ones would look like a mistake.
            seed=0 if settings.is_home else zlib.crc32(settings.cluster.encode()),
            today=lambda: settings.windows.newest_complete_day(datetime.now(UTC)),
            time_zone=settings.time_zone,
        )
    if problem := settings.source_problem:
        raise SettingsError(problem, problems=[problem])
    return PrometheusSource(
        _prometheus_client(settings),
        cluster_label=settings.cluster_label,
        cluster=settings.cluster,
        namespaces=settings.namespaces,
        excluded_namespaces=settings.all_excluded_namespaces,
        rate_seconds=settings.rate_seconds,
        concurrency=settings.prometheus_concurrency,
        bounds=Bounds(settings.max_cpu_millicores / 1000, float(settings.max_memory_bytes)),
        query_slots=_shared_semaphore(settings.prometheus_url, settings.prometheus_concurrency),
    )


def _prometheus_client(settings: Settings) -> PrometheusClient:
    return PrometheusClient(
        settings.prometheus_url,
        bearer_token=settings.prometheus_bearer_token,
        bearer_token_file=settings.prometheus_bearer_token_file,
        username=settings.prometheus_username,
        password=settings.prometheus_password,
        headers=settings.prometheus_headers,
        ca_file=settings.prometheus_ca_file,
        timeout_seconds=settings.prometheus_timeout_seconds,
    )


_semaphores_lock = threading.Lock()
_semaphores: dict[tuple[str, int], threading.BoundedSemaphore] = {}


def _shared_semaphore(url: str, concurrency: int) -> threading.BoundedSemaphore:
    """Limits the concurrent queries to one Prometheus server, over all clusters that it has."""
    with _semaphores_lock:
        return _semaphores.setdefault((url, concurrency), threading.BoundedSemaphore(concurrency))


def build_facts(settings: Settings) -> FactsSource:
    """What sizing has to know of the cluster: from its API server if the settings give access, and from Prometheus.

    Sample data has no cluster, so nothing is known. Nothing is sent before the facts are read.
    """
    if settings.uses_sample:
        return FixedFacts()
    has_api = not settings.no_access and settings.kubeconfig != NO_CLUSTER
    return GatheredFacts(
        api=_facts_from_api(settings) if has_api else None,
        metrics=_facts_from_metrics(settings) if settings.prometheus_url else None,
    )


def _facts_from_api(settings: Settings) -> Callable[[], ClusterFacts]:
    cluster = build_cluster(settings)
    namespaces, excluded = settings.namespaces, settings.all_excluded_namespaces
    return lambda: facts_from_api(cluster, namespaces=namespaces, excluded_namespaces=excluded)


def _facts_from_metrics(settings: Settings) -> Callable[[], ClusterFacts]:
    client = _prometheus_client(settings)
    scope = Scope(settings.cluster_label, settings.cluster, settings.namespaces, settings.all_excluded_namespaces)
    query_slots = _shared_semaphore(settings.prometheus_url, settings.prometheus_concurrency)

    def read() -> ClusterFacts:
        with query_slots:
            return facts_from_metrics(client, scope)

    return read
