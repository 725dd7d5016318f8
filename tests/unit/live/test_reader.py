"""How often the API server is asked where its watches end at once, or are refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from kubedoor.errors import ClusterError
from kubedoor.kube.client import Cluster
from kubedoor.live import reader as reading
from kubedoor.live.reader import LiveReader

PATIENCE_SECONDS = 0.4


class Empty(Cluster):
    """No Deployments. `refusal`: how its watches fail; else they end at once."""

    def __init__(self, refusal: ClusterError | None = None) -> None:
        super().__init__()
        self.refusal = refusal
        self.lists = self.watches = 0

    def request(self, method: str, path: str, **fields: Any) -> Any:
        self.lists += 1
        return {"items": [], "metadata": {"resourceVersion": "1"}}

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        self.watches += 1
        if self.refusal:
            raise self.refusal
        return iter(())


class Dropping(Empty):
    """Its first watch breaks off after a change, the second is open and silent."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[str] = []

    def watch(self, path: str, *, resource_version: str, seconds: int) -> Iterator[bytes]:
        self.versions.append(resource_version)
        yield b""
        if len(self.versions) == 1:
            yield orjson.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}})
            raise ClusterError("the connection broke off")
        time.sleep(5 * PATIENCE_SECONDS)


def reader_of(cluster: Empty) -> LiveReader:
    return LiveReader(
        cluster,
        controls=lambda _namespace: True,
        idle_seconds=60,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )


def watched(cluster: Empty) -> None:
    with closing(reader_of(cluster)) as reader:
        assert reader.view() is not None
        time.sleep(PATIENCE_SECONDS)


def test_a_watch_that_ends_at_once_is_not_begun_again_at_once() -> None:
    cluster = Empty()
    watched(cluster)
    assert (cluster.lists, cluster.watches) == (1, 1)


@pytest.mark.parametrize(
    ("refusal", "lists", "watches"),
    [
        pytest.param(ClusterError("too many requests", status=429), 2, 5, id="it goes on, and lists now and then"),
        pytest.param(ClusterError("what is that", status=400), 5, 5, id="it lists"),
    ],
)
def test_all_is_listed_ever_more_seldom_where_every_watch_fails(
    monkeypatch: pytest.MonkeyPatch, refusal: ClusterError, lists: int, watches: int
) -> None:
    monkeypatch.setattr(reading, "_BACKOFF_SECONDS", (0.01, 0.01, 0.01, 0.01, 60))
    cluster = Empty(refusal)
    watched(cluster)
    assert (cluster.lists, cluster.watches) == (lists, watches)


def test_a_watch_that_breaks_off_goes_on_from_its_last_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BACKOFF_SECONDS", (0.01,))
    cluster = Dropping()
    with closing(reader_of(cluster)) as reader:
        assert reader.view() is not None
        time.sleep(PATIENCE_SECONDS)
        view = reader.view()
    assert (cluster.lists, cluster.versions) == (1, ["1", "7"])
    assert view is not None
    assert view.is_current, "it is open again, though nothing has changed"
