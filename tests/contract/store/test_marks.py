"""What happened to one workload: its edits, its releases, and every collection of its cluster."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.marks import MarkStore
from kubedoor.store.records import RecordStore

NOW = datetime.now(UTC).replace(microsecond=0)


def admission(cluster: str, *, is_release: bool, deployment: str = "web", days_ago: float = 1.0) -> AdmissionRecord:
    return AdmissionRecord(
        at=NOW - timedelta(days=days_ago),
        cluster=cluster,
        namespace="shop",
        deployment=deployment,
        uid=str(uuid.uuid4()),
        operation="UPDATE",
        subresource="" if is_release else "scale",
        username="ci",
        outcome="patched",
        reason="",
        before={},
        after={},
        warnings=(),
        version=1,
        snapshot_age_seconds=0.1,
        is_release=is_release,
    )


def test_only_edits_releases_and_collections_since_then_are_marks(connection: Connection, cluster: str) -> None:
    web, cart = (WorkloadKey(cluster, "shop", name) for name in ("web", "cart"))
    control = ControlStore(connection, cluster)
    control.edit(web, ManualValues(replicas=3, note="Sale on Friday"), based_on=0, who="alice")
    control.edit(cart, ManualValues(replicas=3), based_on=0, who="bob")
    control.replace_collected([], run=1, rule="peak-day")
    RecordStore(connection, cluster).add_admissions(
        [
            admission(cluster, is_release=True),
            admission(cluster, is_release=False),
            admission(cluster, is_release=True, days_ago=40),
            admission(cluster, is_release=True, deployment="cart"),
        ]
    )
    found = MarkStore(connection, cluster).since(web, NOW - timedelta(days=30))
    assert sorted((one.kind, one.who, one.what) for one in found) == [
        ("collection", "", ""),
        ("edit", "alice", "Sale on Friday"),
        ("release", "ci", "patched"),
    ]
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
    assert found[-1].at == NOW - timedelta(days=1)
