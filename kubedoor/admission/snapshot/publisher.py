"""Keeps the last good snapshot in ConfigMaps, which the door mounts and starts from while ClickHouse is away.

`collect` publishes what a collection made, `api` what people set. The door itself has no rights in the cluster.
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
from kubedoor.kube.client import Cluster, segment

log = logging.getLogger(__name__)

MOST_ROUNDS = 3
BELIEVED_SECONDS = 3600.0
"""How long a ConfigMap is taken to hold what was written: others write to it too, or make it anew, empty."""


class Publisher:
    """`prefix` and a number name the ConfigMaps, which exist already. With an empty `prefix` nothing is published."""

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
        self._published: dict[int, Mapping[str, Any]] = {}
        self._believed_until = float("-inf")

    def publish(self) -> int:
        """Write the pieces that have changed since this process last wrote them; how many those were.

        The store is asked again after writing: when two processes publish at once, whoever writes last then sees what
        the other one published, and does not leave something older. Raises StoreError when the store is away,
        ClusterError and Forbidden for the API server.
        """
        if not self._prefix:
            return 0
        with self._lock:
            if self._monotonic() >= self._believed_until:
                self._published.clear()
                self._believed_until = self._monotonic() + BELIEVED_SECONDS
            written = 0
            for _ in range(MOST_ROUNDS):
                changed = self._write_changed()
                written += changed
                if not changed:
                    break
            return written

    def _write_changed(self) -> int:
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
