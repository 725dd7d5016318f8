"""Keeps the last good snapshot in ConfigMaps, which the door mounts and starts from while ClickHouse is away.

`collect` publishes what a collection made, `api` what people set. The door itself has no rights in the cluster.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Mapping
from typing import Any

from kubedoor import shards
from kubedoor.cluster import Cluster, segment
from kubedoor.errors import KubeDoorError
from kubedoor.snapshot import Snapshot

log = logging.getLogger(__name__)


class Publisher:
    """`prefix` and a number name the ConfigMaps, which exist already. With an empty `prefix` nothing is published."""

    def __init__(self, snapshot: Snapshot, cluster: Cluster, *, namespace: str, prefix: str, count: int) -> None:
        self._snapshot = snapshot
        self._cluster = cluster
        self._namespace = namespace
        self._prefix = prefix
        self._count = count
        self._lock = threading.Lock()
        self._published: dict[int, Mapping[str, Any]] = {}

    def publish(self) -> int:
        """Write the pieces that have changed since this process last wrote them; how many those were.

        Raises StoreError when the store is away, ClusterError and Forbidden for the API server.
        """
        if not self._prefix:
            return 0
        with self._lock:
            self._snapshot.refresh()
            pieces = shards.split(self._snapshot.document(), self._count)
            changed = {
                number: content
                for number, content in enumerate(shards.contents(pieces))
                if self._published.get(number) != content
            }
            for number, content in changed.items():
                self._write(number, pieces[number])
                self._published[number] = content
            return len(changed)

    def publish_or_warn(self) -> None:
        """For work that is done already: what cannot be published now is published after the next change."""
        try:
            self.publish()
        except KubeDoorError as error:
            log.warning("the snapshot for the door could not be published: %s", error)

    def _write(self, number: int, piece: bytes) -> None:
        name = f"{self._prefix}-{number}"
        path = f"/api/v1/namespaces/{segment(self._namespace)}/configmaps/{segment(name)}"
        patch = {"binaryData": {shards.file_name(number): base64.b64encode(piece).decode()}}
        self._cluster.request("PATCH", path, body=patch, content_type="application/merge-patch+json")
