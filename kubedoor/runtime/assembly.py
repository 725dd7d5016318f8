"""Builds objects from the settings, for `collect`, `api` and `serve`.

`mutate` builds its own, smaller set: a door needs neither a usage source nor a Kubernetes client.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.look import Look
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.options import rules_of
from kubedoor.admission.publication import Publication
from kubedoor.admission.resources import Floors
from kubedoor.admission.snapshot.publisher import Publisher
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.admission.switch import BOTH, WEBHOOK
from kubedoor.admission.webhook_configuration import LEFT_OUT_LABELS, WebhookOptions
from kubedoor.collection.all_clusters import AllClusters
from kubedoor.collection.background import Collections, Slice, remote_slice
from kubedoor.collection.collector import Collector
from kubedoor.collection.refresh import CollectOptions
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.errors import Forbidden
from kubedoor.kube.client import Cluster
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.live.ignored import IgnoredNamespaces
from kubedoor.live.reader import LiveReader
from kubedoor.runtime.awake import ask_itself, kept_awake
from kubedoor.runtime.lazy import once
from kubedoor.runtime.sample_states import record_sample_states
from kubedoor.runtime.sources import build_facts, build_source
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import rule_named
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.opening import open_migrated_store
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.standings import Standings


def utc_now() -> datetime:
    return datetime.now(UTC)


def sizing_options(settings: Settings) -> SizingOptions:
    return SizingOptions(
        min_cpu_millicores=settings.min_cpu_millicores,
        min_memory_bytes=settings.min_memory_bytes,
        max_cpu_millicores=settings.max_cpu_millicores,
        max_memory_bytes=settings.max_memory_bytes,
        min_coverage=settings.min_coverage,
        hpa_requests=settings.hpa_requests,
        guaranteed_qos=settings.guaranteed_qos,
        large_change_percent=settings.large_change_percent,
    )


def build_collector(settings: Settings) -> Collector:
    """Opens the store and migrates its schema. Raises StoreError, or InvalidInput for an unknown sizing rule."""
    rule_named(settings.sizing_rule)
    connection = open_migrated_store(settings)
    return Collector(
        source=build_source(settings),
        usage=UsageStore(connection, settings.cluster),
        control=ControlStore(connection, settings.cluster),
        windows=settings.windows,
        options=CollectOptions(
            look_back_days=settings.look_back_days,
            step_seconds=settings.step_seconds,
            sizing_rule=settings.sizing_rule,
            sizing=sizing_options(settings),
            whole_cluster=settings.peak_day_scope == "cluster",
            cluster=settings.cluster,
        ),
        now=utc_now,
        monotonic=time.monotonic,
        run_number=time.time_ns,
        read_facts=build_facts(settings).read_facts,
        on_finish=_sample_states(settings, connection) if settings.uses_sample else lambda: None,
    )


def build_collections(settings: Settings, usage: UsageStore, *, is_alone: bool) -> Collections:
    """Collections of this cluster, in this process or by the service `collect`; as `build_collector`.

    `is_alone`: there is no further cluster.
    """
    return Collections(
        usage=usage,
        run_slice=_slice(settings, is_alone=is_alone),
        now=utc_now,
        awake=lambda: kept_awake(lambda: ask_itself(settings.schedule_api_url)),
    )


def _slice(settings: Settings, *, is_alone: bool) -> Slice:
    if settings.collect_url:
        remote = remote_slice(
            settings.collect_url, token=settings.collect_token, timeout_seconds=settings.collect_budget_seconds * 2 + 60
        )
        if is_alone:
            return remote
        # A request without a cluster name would collect every cluster.
        return lambda request, collection: remote(replace(request, cluster=settings.cluster), collection)
    collector = build_collector(settings)
    budget_seconds = settings.collect_budget_seconds
    return lambda request, collection: collector.run(request, collection=collection, budget_seconds=budget_seconds)


def _sample_states(settings: Settings, connection: Connection) -> Callable[[], None]:
    deployments = DeploymentStore(connection, settings.cluster)
    return lambda: record_sample_states(deployments, utc_now)


def build_look(settings: Settings, connection: Connection, cluster: Cluster) -> Look:
    return Look(
        cluster=cluster,
        control=ControlStore(connection, settings.cluster),
        deployments=DeploymentStore(connection, settings.cluster),
        cluster_name=settings.cluster,
        controls=settings.controls,
        has_sample=settings.uses_sample,
        now=utc_now,
    )


def build_live_reader(settings: Settings, cluster: Cluster) -> LiveReader | None:
    """None where there is no cluster to watch, or nobody wants that. It sends nothing before somebody asks."""
    if settings.no_access or settings.kubeconfig == NO_CLUSTER or not settings.live_idle_seconds:
        return None
    return LiveReader(
        cluster,
        controls=settings.controls,
        idle_seconds=settings.live_idle_seconds,
        now=utc_now,
        monotonic=time.monotonic,
    )


def build_standings(settings: Settings, connection: Connection, cluster: Cluster | None = None) -> Standings:
    """Without a cluster that may be watched: by what the store knows of it."""
    reader = build_live_reader(settings, cluster) if cluster else None
    return Standings(
        rules=rules_of(settings),
        deployments=DeploymentStore(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        view=reader.view if reader else lambda: None,
        has_sample=settings.uses_sample,
        ignored=IgnoredNamespaces(cluster, time.monotonic).names if cluster else frozenset,
    )


def build_all_clusters(settings: ClusterSettings) -> AllClusters:
    """Each collector, with its store, is built on first use."""

    def collector_of(one: Settings) -> Callable[[], Collector]:
        return once(lambda: build_collector(one))

    return AllClusters({one.cluster: collector_of(one) for one in settings.every_cluster}, time.monotonic)


def build_publication(settings: Settings, control: ControlStore, cluster: Cluster) -> Publication:
    """Publishes the snapshot for cold starts of the door, if a ConfigMap is configured, and parameters of policies."""
    snapshot = Snapshot(
        control, cluster=settings.cluster, path=settings.snapshot_path, monotonic=time.monotonic, now=utc_now
    )
    publisher = Publisher(
        snapshot,
        cluster,
        namespace=settings.namespace,
        prefix=settings.snapshot_configmap,
        count=settings.snapshot_shards,
    )
    if settings.door == WEBHOOK or settings.no_access or settings.kubeconfig == NO_CLUSTER:
        return Publication(publisher)
    floors = Floors(settings.min_cpu_millicores, settings.min_memory_bytes)
    return Publication(publisher, ParameterWriter(snapshot, cluster, floors))


def build_policy_switch(settings: Settings, cluster: Cluster, publication: Publication) -> PolicySwitch | None:
    """None: there is no cluster. Where no policies are wanted, it takes those of an earlier setting away."""
    if settings.no_access or settings.kubeconfig == NO_CLUSTER:
        return None
    rules, parameters, traced = rules_of(settings), publication.parameters, settings.door == BOTH
    if parameters is None:
        return PolicySwitch(cluster, rules, traced=traced)
    keep = partial(parameters.write, may_lose=False)
    return PolicySwitch(cluster, rules, parameters.write, keep=keep, traced=traced, written=parameters.state)


def webhook_options(settings: Settings) -> WebhookOptions:
    """Content of the webhook configuration. Reads the CA file; `ca` is empty if there is none."""
    own = settings.data_dir / "tls" / "ca.crt"
    ca_file = Path(settings.webhook_ca_file) if settings.webhook_ca_file else own
    is_known = ca_file.is_file() and (settings.is_home or bool(settings.webhook_ca_file))
    return WebhookOptions(
        namespace=settings.namespace,
        service=settings.webhook_service,
        port=settings.webhook_port,
        timeout_seconds=settings.webhook_timeout_seconds,
        failure_policy=settings.failure_policy,
        excluded_namespaces=settings.all_excluded_namespaces,
        ca=ca_file.read_text(encoding="utf-8") if is_known else "",
        inject_ca_from=settings.webhook_inject_ca_from,
        namespaces=settings.namespaces,
        door=settings.door,
    )


def build_door_probe(settings: Settings, control: ControlStore, cluster: Cluster) -> DoorProbe:
    return DoorProbe(cluster, lambda: _probed_namespaces(settings, control, cluster))


def _probed_namespaces(settings: Settings, control: ControlStore, cluster: Cluster) -> list[str]:
    """Namespaces that the webhook is asked about: those of the settings, else `default` and those of workloads."""
    known = settings.namespaces or ("default", *sorted({namespace for namespace, _ in control.workloads()}))
    try:
        ignored = set().union(*map(cluster.namespaces_labelled, LEFT_OUT_LABELS))
    except Forbidden:
        ignored = set()
    left_out = {*settings.all_excluded_namespaces, *ignored}
    return [one for one in dict.fromkeys(known) if one not in left_out]
