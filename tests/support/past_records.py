"""Writes an admission and a finished action, which need a cluster, into an embedded store before KubeDoor starts on it.

`python -m tests.support.past_records FOLDER CLUSTER` is a separate process, because the embedded engine allows one
store per process.
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
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.operations import ActionEvent, ActionRecord, OperationStore
from kubedoor.store.records import RecordStore

ROOT = Path(__file__).parents[2]


def write_past_records(folder: Path, cluster: str) -> None:
    """Run this module on the data folder of a KubeDoor that is not started yet."""
    command = [sys.executable, "-m", "tests.support.past_records", str(folder), cluster]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)


def main() -> int:
    folder, cluster = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")}
    connection = opening.open_migrated_store(
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
    request = parse({"kind": "restart", "targets": [{"namespace": "shop", "deployment": "web"}]})
    assert store.add(ActionRecord("past", 1, "somebody", "session", "192.0.2.1", request.as_json()))
    store.record(
        ActionEvent("past", "asked"),
        ActionEvent("past", "item_started", "shop", "web"),
        ActionEvent("past", "item_done", "shop", "web"),
        ActionEvent("past", "finished"),
    )


if __name__ == "__main__":
    sys.exit(main())
