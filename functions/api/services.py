"""The use cases behind the routes, put together from the settings by the first request."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor import people
from kubedoor.assembly import build_collector, build_source, utc_now, webhook_options
from kubedoor.background import Collections, Slice, remote_slice
from kubedoor.checkup import Checkup
from kubedoor.cluster import Cluster
from kubedoor.door import rules_of
from kubedoor.overview import Overview
from kubedoor.preview import Preview
from kubedoor.settings import Settings
from kubedoor.store.control import ControlStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.opening import migrated
from kubedoor.store.people import PeopleStore
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.switch import Switch
from kubedoor.workloads import Workloads


@dataclass(frozen=True)
class Services:
    settings: Settings
    people: people.People
    workloads: Workloads
    collections: Collections
    usage: UsageStore
    control: ControlStore
    records: RecordStore
    switch: Switch
    preview: Preview
    overview: Overview
    checkup: Checkup
    cluster: Cluster


def build(settings: Settings) -> Services:
    """Opens the store, brings its schema up to date, and makes the first user. Raises StoreError."""
    connection = migrated(settings)
    usage, control = UsageStore(connection, settings.cluster), ControlStore(connection, settings.cluster)
    records, listing = RecordStore(connection, settings.cluster), ListingStore(connection, settings.cluster)
    cluster = Cluster(
        kubeconfig=settings.kubeconfig, context=settings.kube_context, timeout_seconds=settings.cluster_timeout_seconds
    )
    workloads = Workloads(
        cluster=settings.cluster, control=control, listing=listing, usage=usage, records=records, now=utc_now
    )
    switch = Switch(
        cluster=cluster, control=control, cluster_name=settings.cluster, options=lambda: webhook_options(settings)
    )
    collections = Collections(usage=usage, run_slice=_slice(settings), now=utc_now)
    accounts = people.People(
        PeopleStore(connection),
        first_username=settings.admin_username,
        first_password=settings.admin_password,
        session_secret=settings.session_secret,
        session_hours=settings.session_hours,
        now=utc_now,
    )
    accounts.make_first_user()
    source = build_source(settings)
    return Services(
        settings=settings,
        people=accounts,
        workloads=workloads,
        collections=collections,
        usage=usage,
        control=control,
        records=records,
        switch=switch,
        preview=Preview(cluster_name=settings.cluster, control=control, rules=rules_of(settings)),
        overview=Overview(
            settings=settings,
            workloads=workloads,
            listing=listing,
            records=records,
            control=control,
            collections=collections,
            now=utc_now,
        ),
        checkup=Checkup(
            settings=settings, source=source, usage=usage, control=control, cluster=cluster, switch=switch, now=utc_now
        ),
        cluster=cluster,
    )


def _slice(settings: Settings) -> Slice:
    if settings.collect_url:
        return remote_slice(
            settings.collect_url, token=settings.collect_token, timeout_seconds=settings.collect_budget_seconds * 2 + 60
        )
    collector = build_collector(settings)
    budget_seconds = settings.collect_budget_seconds
    return lambda wish, collection: collector.run(wish, collection=collection, budget_seconds=budget_seconds)
