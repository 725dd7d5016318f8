from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.snapshot import shards
from kubedoor.admission.snapshot.publisher import CACHE_SECONDS, Publisher
from kubedoor.admission.snapshot.snapshot import FORMAT, Snapshot
from kubedoor.errors import ClusterError, StoreError
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AWAY = "http://kubedoor:secret@127.0.0.1:9/kubedoor"


class ConfigMaps(Cluster):
    """An API server that accepts patches of ConfigMaps, unless it is away."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.is_away = False
        self.before_writing: list[Callable[[], None]] = []

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        if self.is_away:
            raise ClusterError("away")
        if self.before_writing:
            self.before_writing.pop()()
        assert (method, content_type) == ("PATCH", "application/merge-patch+json")
        for name, content in body["binaryData"].items():
            assert path.endswith(f"/namespaces/kubedoor/configmaps/snap-{name.split('-')[1].split('.')[0]}")
            self.files[name] = base64.b64decode(content)
        return {}

    def mount(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


def snapshot(connection: Connection, cluster: str, path: Path, folder: Path | None = None) -> Snapshot:
    return Snapshot(
        ControlStore(connection, cluster),
        cluster=cluster,
        path=path,
        monotonic=time.monotonic,
        now=lambda: NOW,
        folder=folder,
    )


def publisher(
    connection: Connection,
    cluster: str,
    maps: ConfigMaps,
    path: Path,
    *,
    prefix: str = "snap",
    monotonic: Callable[[], float] = time.monotonic,
) -> Publisher:
    own = snapshot(connection, cluster, path)
    return Publisher(own, maps, namespace="kubedoor", prefix=prefix, count=4, monotonic=monotonic)


def set_replicas(connection: Connection, cluster: str, name: str, replicas: int) -> WorkloadKey:
    control, key = ControlStore(connection, cluster), WorkloadKey(cluster, "shop", name)
    control.edit(key, ManualValues(replicas=replicas), based_on=control.manual(key).version, who="test")
    return key


@pytest.fixture
def away() -> Connection:
    return Connection(AWAY, timeout_seconds=1)


def test_a_door_without_a_store_starts_from_what_was_published(
    embedded: Connection, away: Connection, cluster: str, tmp_path: Path
) -> None:
    maps = ConfigMaps()
    keys = {name: set_replicas(embedded, cluster, name, 3) for name in ("web", "cart", "search")}
    assert publisher(embedded, cluster, maps, tmp_path / "own").publish() == 4
    door = snapshot(away, cluster, tmp_path / "absent", maps.mount(tmp_path / "mount"))
    with pytest.raises(StoreError):
        door.refresh()
    for key in keys.values():
        values = door.values_of(key)
        assert values.replicas is not None
        assert values.replicas.amount == 3


def test_only_changed_shards_are_written(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    maps = ConfigMaps()
    own = publisher(embedded, cluster, maps, tmp_path / "own")
    set_replicas(embedded, cluster, "web", 3)
    assert [own.publish(), own.publish()] == [4, 0]
    set_replicas(embedded, cluster, "web", 4)
    assert own.publish() == 1


def test_an_edit_during_publication_is_published_too(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    maps = ConfigMaps()
    key = set_replicas(embedded, cluster, "web", 3)
    others = publisher(embedded, cluster, maps, tmp_path / "others")

    def publish_another_edit() -> None:
        set_replicas(embedded, cluster, "web", 4)
        others.publish()

    maps.before_writing.append(publish_another_edit)
    publisher(embedded, cluster, maps, tmp_path / "own").publish()
    door = snapshot(Connection(AWAY, timeout_seconds=1), cluster, tmp_path / "absent", maps.mount(tmp_path / "mount"))
    with pytest.raises(StoreError):
        door.refresh()
    values = door.values_of(key)
    assert values.replicas is not None
    assert values.replicas.amount == 4


def test_shards_are_written_again_when_the_cache_expires(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    maps, clock = ConfigMaps(), [0.0]
    own = publisher(embedded, cluster, maps, tmp_path / "own", monotonic=lambda: clock[0])
    set_replicas(embedded, cluster, "web", 3)
    assert own.publish() == 4
    maps.files.clear()
    clock[0] += CACHE_SECONDS / 2
    assert own.publish() == 0
    clock[0] += CACHE_SECONDS / 2
    assert (own.publish(), len(maps.files)) == (4, 4)


def test_a_failed_publication_is_repaired_by_the_next(
    embedded: Connection, cluster: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    maps = ConfigMaps()
    own = publisher(embedded, cluster, maps, tmp_path / "own")
    set_replicas(embedded, cluster, "web", 3)
    maps.is_away = True
    own.publish_or_warn()
    assert "could not be published: away" in caplog.text
    maps.is_away = False
    assert own.publish() == 4


def test_without_a_prefix_nothing_is_published(embedded: Connection, cluster: str, tmp_path: Path) -> None:
    maps = ConfigMaps()
    assert publisher(embedded, cluster, maps, tmp_path / "own", prefix="").publish() == 0
    assert maps.files == {}


@pytest.mark.parametrize(("hours", "replicas"), [(-1, 3), (1, 9)], ids=["file is older", "file is newer"])
def test_the_newer_of_file_and_published_snapshot_is_loaded(
    embedded: Connection, away: Connection, cluster: str, tmp_path: Path, hours: int, replicas: int
) -> None:
    maps = ConfigMaps()
    key = set_replicas(embedded, cluster, "web", 3)
    publisher(embedded, cluster, maps, tmp_path / "own").publish()
    set_replicas(embedded, cluster, "web", 9)
    door = Snapshot(
        ControlStore(embedded, cluster),
        cluster=cluster,
        path=tmp_path / "file",
        monotonic=time.monotonic,
        now=lambda: NOW + timedelta(hours=hours),
    )
    door.refresh()
    door.save()
    restarted = snapshot(away, cluster, tmp_path / "file", maps.mount(tmp_path / "mount"))
    with pytest.raises(StoreError):
        restarted.refresh()
    values = restarted.values_of(key)
    assert values.replicas is not None
    assert values.replicas.amount == replicas


@pytest.mark.parametrize(
    ("hours", "replicas"),
    [(1, 9), (-1, 3), (3, 3)],
    ids=["published later", "published before", "by a clock that is ahead"],
)
def test_a_newer_published_snapshot_is_loaded_while_the_store_is_away(
    embedded: Connection, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, replicas: int
) -> None:
    maps = ConfigMaps()
    key = set_replicas(embedded, cluster, "web", 3)
    publisher(embedded, cluster, maps, tmp_path / "own").publish()
    control = ControlStore(embedded, cluster)
    mount = maps.mount(tmp_path / "mount")
    seconds = [0.0]
    door = Snapshot(
        control,
        cluster=cluster,
        path=tmp_path / "file",
        monotonic=lambda: seconds[0],
        now=lambda: NOW + timedelta(seconds=seconds[0]),
        folder=mount,
    )
    door.refresh()
    seconds[0] = 7200
    set_replicas(embedded, cluster, "web", 9)
    other = Snapshot(
        ControlStore(embedded, cluster),
        cluster=cluster,
        path=tmp_path / "other",
        monotonic=time.monotonic,
        now=lambda: NOW + timedelta(hours=hours),
    )
    Publisher(other, maps, namespace="kubedoor", prefix="snap", count=4).publish()
    maps.mount(mount)

    def away() -> Any:
        raise StoreError("away")

    monkeypatch.setattr(control, "revision", away)
    for _ in range(2):
        with pytest.raises(StoreError):
            door.refresh()
    values = door.values_of(key)
    assert values.replicas is not None
    assert values.replicas.amount == replicas


def test_a_time_stamp_in_the_future_does_not_make_a_snapshot_fresh(
    embedded: Connection, away: Connection, cluster: str, tmp_path: Path
) -> None:
    maps = ConfigMaps()
    set_replicas(embedded, cluster, "web", 3)
    publisher(embedded, cluster, maps, tmp_path / "own").publish()
    seconds = [100.0]
    door = Snapshot(
        ControlStore(away, cluster),
        cluster=cluster,
        path=tmp_path / "absent",
        monotonic=lambda: seconds[0],
        now=lambda: NOW - timedelta(minutes=5),
        folder=maps.mount(tmp_path / "mount"),
    )
    with pytest.raises(StoreError):
        door.refresh()
    seconds[0] += 7
    assert door.age_seconds == 7


def test_a_snapshot_of_another_cluster_is_ignored(
    embedded: Connection, away: Connection, cluster: str, tmp_path: Path
) -> None:
    maps = ConfigMaps()
    set_replicas(embedded, cluster, "web", 3)
    publisher(embedded, cluster, maps, tmp_path / "own").publish()
    door = snapshot(away, f"not-{cluster}", tmp_path / "absent", maps.mount(tmp_path / "mount"))
    with pytest.raises(StoreError):
        door.refresh()
    assert not door.is_loaded
    assert shards.read_folder(tmp_path / "mount", cluster=cluster, version=FORMAT) is not None


def test_pieces_of_one_publication_that_are_mounted_one_by_one_are_all_taken_in(
    embedded: Connection, away: Connection, cluster: str, tmp_path: Path
) -> None:
    maps, mount = ConfigMaps(), tmp_path / "mount"
    published = publisher(embedded, cluster, maps, tmp_path / "own")
    published.publish()
    maps.mount(mount)
    door = snapshot(away, cluster, tmp_path / "absent", mount)
    with pytest.raises(StoreError):
        door.refresh()
    names = [f"web-{number}" for number in range(20)]
    for name in names:
        set_replicas(embedded, cluster, name, 3)
    published.publish()
    for name, piece in maps.files.items():
        (mount / name).write_bytes(piece)
        with pytest.raises(StoreError):
            door.refresh()
    known = {name for name in names if door.values_of(WorkloadKey(cluster, "shop", name)).known}
    assert known == set(names)
