"""Builds the use cases of every cluster from the settings; all clusters share one store connection."""

from __future__ import annotations

from collections.abc import Callable

from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.look import Look
from kubedoor.admission.options import rules_of
from kubedoor.admission.preview import Preview
from kubedoor.admission.publication import Publication
from kubedoor.admission.switch import Switch
from kubedoor.collection.background import Collections
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.identity.accounts import Tokens, Users
from kubedoor.identity.authentication import Authenticator
from kubedoor.identity.oidc import OidcClient, OidcOptions
from kubedoor.identity.passwords import Passwords
from kubedoor.identity.throttle import Throttle
from kubedoor.kube.client import Cluster
from kubedoor.runtime.assembly import (
    build_collections,
    build_door_probe,
    build_look,
    build_policy_switch,
    build_publication,
    build_standings,
    utc_now,
    webhook_options,
)
from kubedoor.runtime.checkup import Checkup
from kubedoor.runtime.sources import build_cluster, build_source
from kubedoor.store.conditions import ConditionStore
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.login_attempts import LoginAttemptStore
from kubedoor.store.marks import MarkStore
from kubedoor.store.opening import open_migrated_store
from kubedoor.store.own_changes import OwnChanges
from kubedoor.store.records import RecordStore
from kubedoor.store.tokens import TokenStore
from kubedoor.store.usage import UsageStore
from kubedoor.store.usage_history import UsageHistory
from kubedoor.store.users import UserStore
from kubedoor.workloads.acceptances import Acceptances
from kubedoor.workloads.additions import Additions, Scope
from kubedoor.workloads.csv_import import CsvImport
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.metrics import WorkloadMetrics
from kubedoor.workloads.overview import Overview
from kubedoor.workloads.prices import ClusterPrice, Price
from kubedoor.workloads.savings import Savings
from kubedoor.workloads.service import Workloads
from kubedoor.workloads.value_warnings import ValueWarnings

from .clusters import Clusters
from .operations_assembly import build_actions, build_notifications, build_schedules
from .services import Services, SharedServices


def build(settings: ClusterSettings) -> Clusters:
    """Opens the store, migrates its schema and creates the first user. Raises StoreError."""
    home = settings.home
    shared = _shared_services(settings, open_migrated_store(home))
    shared.authenticator.create_first_user(home.admin_username, home.admin_password)
    return Clusters(settings, lambda each: _services(each, shared, settings))


def _shared_services(clusters: ClusterSettings, connection: Connection) -> SharedServices:
    settings = clusters.home
    # Audit entries of what all clusters share have no cluster.
    records = RecordStore(connection, "")
    passwords = Passwords(default=settings.admin_password)
    return SharedServices(
        connection=connection,
        authenticator=_authenticator(settings, connection, records, passwords),
        users=Users(UserStore(connection), records, passwords, now=utc_now),
        tokens=Tokens(TokenStore(connection), records, now=utc_now),
        oidc=_oidc(settings),
        notifications=build_notifications(clusters, connection, records),
        home_cluster=build_cluster(settings),
        home_namespace=settings.namespace,
        is_alone=clusters.is_alone,
    )


def _services(settings: Settings, shared: SharedServices, clusters: ClusterSettings) -> Services:
    connection = shared.connection
    usage, control = UsageStore(connection, settings.cluster), ControlStore(connection, settings.cluster)
    records, conditions = RecordStore(connection, settings.cluster), ConditionStore(connection, settings.cluster)
    listing = _listing(settings, connection)
    deployments = DeploymentStore(connection, settings.cluster)
    savings = Savings(deployments, time_zone=settings.time_zone, now=utc_now)
    cluster = shared.home_cluster if settings.is_home else build_cluster(settings)
    warnings = ValueWarnings(usage=usage, look_back_days=settings.look_back_days, hpa_replicas=settings.hpa_replicas)
    workloads = _workloads(settings, connection, cluster, listing, warnings)
    additions = _additions(
        settings, control, records, lambda name: ControlStore(connection, clusters.for_cluster(name).cluster)
    )
    look = build_look(settings, connection, cluster)
    probe = build_door_probe(settings, control, cluster)
    publication = build_publication(settings, control, cluster)
    switch = _switch(settings, cluster, look, probe, publication)
    collections = build_collections(settings, usage, is_alone=shared.is_alone)
    actions = build_actions(settings, connection, cluster, switch, publication, warnings)
    schedules = build_schedules(
        settings, connection, shared.home_cluster, actions, home_namespace=shared.home_namespace
    )
    return Services(
        settings=settings,
        authenticator=shared.authenticator,
        users=shared.users,
        tokens=shared.tokens,
        oidc=shared.oidc,
        workloads=workloads,
        additions=additions,
        acceptances=Acceptances(cluster=settings.cluster, conditions=conditions, records=records, now=utc_now),
        csv_import=CsvImport(workloads, additions, warnings, cluster=settings.cluster),
        collections=collections,
        usage=usage,
        control=control,
        deployments=deployments,
        records=records,
        marks=MarkStore(connection, settings.cluster),
        own_changes=OwnChanges(connection, settings.cluster, username=settings.service_account),
        switch=switch,
        look=look,
        preview=Preview(cluster_name=settings.cluster, control=control, rules=rules_of(settings)),
        overview=_overview(settings, connection, cluster, workloads, listing, collections, savings),
        checkup=_checkup(settings, connection, cluster, switch, probe, publication),
        cluster=cluster,
        publication=publication,
        actions=actions,
        schedules=schedules,
        notifications=shared.notifications,
        now=utc_now,
        metrics=_metrics(settings, listing, savings, control),
    )


def _workloads(
    settings: Settings, connection: Connection, cluster: Cluster, listing: ListingCache, warnings: ValueWarnings
) -> Workloads:
    return Workloads(
        cluster=settings.cluster,
        control=ControlStore(connection, settings.cluster),
        conditions=ConditionStore(connection, settings.cluster),
        listing=listing,
        history=UsageHistory(connection, settings.cluster),
        records=RecordStore(connection, settings.cluster),
        standings=build_standings(settings, connection, cluster),
        warnings=warnings,
        now=utc_now,
    )


def _switch(settings: Settings, cluster: Cluster, look: Look, probe: DoorProbe, publication: Publication) -> Switch:
    return Switch(
        cluster=cluster,
        look=look.run,
        options=lambda: webhook_options(settings),
        reach=probe.ask_until_reached,
        door=settings.door,
        policies=build_policy_switch(settings, cluster, publication),
    )


def _overview(
    settings: Settings,
    connection: Connection,
    cluster: Cluster,
    workloads: Workloads,
    listing: ListingCache,
    collections: Collections,
    savings: Savings,
) -> Overview:
    return Overview(
        settings=settings,
        workloads=workloads,
        listing=listing,
        records=RecordStore(connection, settings.cluster),
        control=ControlStore(connection, settings.cluster),
        collections=collections,
        savings=savings,
        price=_price(settings, cluster),
        now=utc_now,
    )


def _checkup(
    settings: Settings,
    connection: Connection,
    cluster: Cluster,
    switch: Switch,
    probe: DoorProbe,
    publication: Publication,
) -> Checkup:
    return Checkup(
        settings=settings,
        source=build_source(settings),
        usage=UsageStore(connection, settings.cluster),
        control=ControlStore(connection, settings.cluster),
        cluster=cluster,
        switch=switch,
        probe=probe,
        looked_at=DeploymentStore(connection, settings.cluster).looked_at,
        now=utc_now,
        written=publication.parameters.state if publication.parameters else lambda: None,
    )


def _price(settings: Settings, cluster: Cluster) -> ClusterPrice:
    default = Price(settings.price_vcpu_hour, settings.price_gib_hour)
    return ClusterPrice(default, settings.node_prices, lambda: cluster.list_objects("/api/v1/nodes"), now=utc_now)


def _additions(
    settings: Settings, control: ControlStore, records: RecordStore, control_of: Callable[[str], ControlStore]
) -> Additions:
    return Additions(
        cluster=settings.cluster,
        control=control,
        control_of=control_of,
        records=records,
        scope=Scope(settings.namespaces, settings.all_excluded_namespaces),
    )


def _listing(settings: Settings, connection: Connection) -> ListingCache:
    keeps_hpa_replicas = settings.hpa_replicas != "control"
    store = ListingStore(
        connection,
        settings.cluster,
        keeps_hpa_replicas=keeps_hpa_replicas,
        look_back_days=settings.look_back_days,
    )
    return ListingCache(store)


def _metrics(settings: Settings, listing: ListingCache, savings: Savings, control: ControlStore) -> WorkloadMetrics:
    return WorkloadMetrics(
        lambda: listing,
        cluster=settings.cluster,
        limit=settings.metrics_workloads,
        windows=settings.windows,
        refreshed_at=control.refreshed_at,
        saved=savings.by_namespace,
        now=utc_now,
    )


def _authenticator(
    settings: Settings, connection: Connection, records: RecordStore, passwords: Passwords
) -> Authenticator:
    return Authenticator(
        UserStore(connection),
        tokens=TokenStore(connection),
        records=records,
        throttle=Throttle(LoginAttemptStore(connection), now=utc_now),
        passwords=passwords,
        session_secret=settings.session_secret,
        session_hours=settings.session_hours,
        now=utc_now,
    )


def _oidc(settings: Settings) -> OidcClient | None:
    if not settings.oidc_issuer:
        return None
    options = OidcOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scopes=settings.oidc_scopes,
        username_claim=settings.oidc_username_claim,
        role_claim=settings.oidc_role_claim,
        role_mapping=settings.oidc_role_mapping,
        redirect_uri=f"{settings.public_url}/api/v1/session/oidc/callback",
        ca_file=settings.oidc_ca_file,
    )
    return OidcClient(options, now=utc_now)
