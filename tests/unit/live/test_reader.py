"""How often the API server is asked where its watches end at once, or are refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from kubedoor.errors import ClusterError
from kubedoor.kube.client import Cluster
from kubedoor.live import reader as reading
from kubedoor.live.reader import LiveReader

PATIENCE_SECONDS = 0.4


class Empty(Cluster):
    """No Deployments. `refuses`: whether its watches fail; else they end at once."""

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self.refuses = refuses
        self.lists = self.watches = 0

    def request(self, method: str, path: str, **fields: Any) -> Any:
        self.lists += 1
        return {"items": [], "metadata": {"resourceVersion": "1"}}

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        self.watches += 1
        if self.refuses:
            raise ClusterError("too many requests", status=429)
        return iter(())


def watched(cluster: Empty) -> None:
    reader = LiveReader(
        cluster,
        controls=lambda _namespace: True,
        idle_seconds=60,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )
    with closing(reader):
        assert reader.view() is not None
        time.sleep(PATIENCE_SECONDS)


def test_a_watch_that_ends_at_once_is_not_begun_again_at_once() -> None:
    cluster = Empty(refuses=False)
    watched(cluster)
    assert (cluster.lists, cluster.watches) == (1, 1)


def test_all_is_listed_ever_more_seldom_where_every_watch_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BACKOFF_SECONDS", (0.01, 0.02, 60))
    cluster = Empty(refuses=True)
    watched(cluster)
    assert cluster.lists == 3
