"""`python -m tests.support.past FOLDER CLUSTER`: gives an embedded store a past, before KubeDoor is started on it.

What only a cluster brings about: an admission, and an action that is over. A process of its own, since the embedded
engine allows one store per process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from kubedoor.config import settings
from kubedoor.operations.request import parse
from kubedoor.store import opening
from kubedoor.store.connection import Connection
from kubedoor.store.operations import ActionEvent, AskedAction, OperationStore
from kubedoor.store.records import AdmissionRecord, RecordStore

ROOT = Path(__file__).parents[2]


def give_past(folder: Path, cluster: str) -> None:
    """Run this module on the data folder that a KubeDoor will be started with."""
    command = [sys.executable, "-m", "tests.support.past", str(folder), cluster]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)


def main() -> int:
    folder, cluster = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")}
    connection = opening.migrated(
        settings.load(environment | {"KUBEDOOR_DATA_DIR": folder, "KUBEDOOR_KUBECONFIG": "none"})
    )
    try:
        _add_admission(connection, cluster)
        _add_action(connection, cluster)
    finally:
        opening.close_all()
    return 0


def _add_admission(connection: Connection, cluster: str) -> None:
    record = AdmissionRecord(
        at=datetime.now(UTC),
        cluster=cluster,
        namespace="shop",
        deployment="web",
        uid="past",
        operation="UPDATE",
        subresource="",
        username="somebody",
        outcome="patched",
        reason="",
        before={"replicas": 3},
        after={"replicas": 2},
        warnings=("KubeDoor: replicas 3 -> 2",),
        version=1,
        snapshot_age_seconds=0.5,
    )
    RecordStore(connection, cluster).add_admissions([record])


def _add_action(connection: Connection, cluster: str) -> None:
    store = OperationStore(connection, cluster)
    wish = parse({"kind": "restart", "targets": [{"namespace": "shop", "deployment": "web"}]})
    assert store.add(AskedAction("past", 1, "somebody", "session", "192.0.2.1", wish.as_json()))
    store.record(
        ActionEvent("past", "asked"),
        ActionEvent("past", "item_started", "shop", "web"),
        ActionEvent("past", "item_done", "shop", "web"),
        ActionEvent("past", "finished"),
    )


if __name__ == "__main__":
    sys.exit(main())
