"""Publishes the snapshot to ConfigMaps. The door mounts them, and starts from them while ClickHouse is away.

`collect` publishes after a collection, `api` after an edit. The door itself needs no rights in the cluster.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from kubedoor.admission.snapshot import shards
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import KubeDoorError
from kubedoor.kube.client import Cluster, path_segment

log = logging.getLogger(__name__)

MAX_PASSES = 3
CACHE_SECONDS = 3600.0
"""How long a shard is trusted to be as this process wrote it. Others write it too, or recreate its ConfigMap empty."""


class Publisher:
    """Patches the existing ConfigMaps `<prefix>-0`, `<prefix>-1`, …; with an empty `prefix` nothing is published."""

    def __init__(
        self,
        snapshot: Snapshot,
        cluster: Cluster,
        *,
        namespace: str,
        prefix: str,
        count: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._cluster = cluster
        self._namespace = namespace
        self._prefix = prefix
        self._count = count
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._written: dict[int, Mapping[str, Any]] = {}
        self._cache_expires_at = float("-inf")

    def publish(self) -> int:
        """Write the shards that have changed since this process last wrote them; how many writes it took.

        Reads the store again after writing, until nothing has changed: of two processes that publish at once, the one
        that writes last then sees the other's edit, and does not leave an older snapshot. Raises StoreError when the
        store is away, ClusterError and Forbidden for the API server.
        """
        if not self._prefix:
            return 0
        with self._lock:
            if self._monotonic() >= self._cache_expires_at:
                self._written.clear()
                self._cache_expires_at = self._monotonic() + CACHE_SECONDS
            written = 0
            for _ in range(MAX_PASSES):
                changed = self._write_changed()
                written += changed
                if not changed:
                    break
            return written

    def _write_changed(self) -> int:
        self._snapshot.refresh()
        split = shards.split(self._snapshot.document(), self._count)
        changed = {
            number: content
            for number, content in enumerate(shards.contents(split))
            if self._written.get(number) != content
        }
        for number, content in changed.items():
            self._write(number, split[number])
            self._written[number] = content
        return len(changed)

    def publish_or_warn(self) -> None:
        """Publish after a change that is stored already. A failure is only logged: the next change publishes again."""
        try:
            self.publish()
        except KubeDoorError as error:
            log.warning("the snapshot for the door could not be published: %s", error)

    def _write(self, number: int, shard: bytes) -> None:
        name = f"{self._prefix}-{number}"
        path = f"/api/v1/namespaces/{path_segment(self._namespace)}/configmaps/{path_segment(name)}"
        patch = {"binaryData": {shards.file_name(number): base64.b64encode(shard).decode()}}
        self._cluster.request("PATCH", path, body=patch, content_type="application/merge-patch+json")
