from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.snapshot import shards
from kubedoor.admission.snapshot.shards import ShardTooLarge

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
read_folder = partial(shards.read_folder, cluster="c", version=1)


def document(count: int = 40, *, saved_at: datetime = AT, filler: str = "") -> dict[str, Any]:
    names = [{"namespace": f"team-{number % 7}", "deployment": f"app-{number:05}"} for number in range(count)]
    rows = [{**name, "container": container, "mode": filler} for name in names for container in ("", "app")]
    return {"format": 1, "cluster": "c", "saved_at": saved_at.isoformat(), "rows": rows, "facts": names[:5]}


def write(folder: Path, packed: list[bytes]) -> None:
    for number, shard in enumerate(packed):
        (folder / shards.file_name(number)).write_bytes(shard)


def key(row: dict[str, Any]) -> tuple[str, str]:
    return row["namespace"], row["deployment"]


@pytest.mark.parametrize("count", [1, 4, 64])
def test_split_shards_are_read_back(tmp_path: Path, count: int) -> None:
    packed = shards.split(document(), count)
    assert len(packed) == count
    write(tmp_path, packed)
    found = read_folder(tmp_path)
    assert found is not None
    assert sorted(map(str, found["rows"])) == sorted(map(str, document()["rows"]))
    assert [key(row) for row in found["rows"]] == sorted(key(row) for row in document()["rows"])
    assert len(found["facts"]) == 5


def test_all_rows_of_a_workload_are_in_one_shard(tmp_path: Path) -> None:
    contents = list(shards.contents(shards.split(document(), 5)))
    owners = [{key(row) for row in shard["rows"]} for shard in contents]
    assert sum(map(len, owners)) == len(set().union(*owners)) == 40


def test_a_shard_does_not_change_with_the_others_nor_with_time() -> None:
    early, late = document(), document(saved_at=AT.replace(hour=13))
    late["rows"][0]["mode"] = "off"
    before, after = (list(shards.contents(shards.split(one, 8))) for one in (early, late))
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_shards_of_different_age_get_the_newest_time_stamp(tmp_path: Path) -> None:
    """A shard that has not changed is not written again."""
    old, new = shards.split(document(), 2), shards.split(document(saved_at=AT.replace(hour=20)), 2)
    write(tmp_path, [old[0], new[1]])
    found = read_folder(tmp_path)
    assert found is not None
    assert found["saved_at"] == AT.replace(hour=20).isoformat()


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"\x1f\x8b\x08", shards.split(document(), 1)[0][:200]])
def test_a_broken_shard_loses_only_its_own_workloads(tmp_path: Path, broken: bytes) -> None:
    packed = shards.split(document(), 4)
    write(tmp_path, [broken, *packed[1:]])
    found = read_folder(tmp_path)
    assert found is not None
    assert 0 < len(found["rows"]) < 80


@pytest.mark.parametrize("other", [{"cluster": "d"}, {"format": 2}])
def test_a_shard_of_another_cluster_or_format_is_left_out(tmp_path: Path, other: dict[str, Any]) -> None:
    own, foreign = shards.split(document(), 2), shards.split({**document(), **other}, 2)
    write(tmp_path, [own[0], foreign[1]])
    found = read_folder(tmp_path)
    assert found is not None
    assert (found["cluster"], found["format"]) == ("c", 1)
    assert 0 < len(found["rows"]) < 80
    write(tmp_path, foreign)
    assert read_folder(tmp_path) is None


def test_an_empty_folder_holds_no_snapshot(tmp_path: Path) -> None:
    assert read_folder(tmp_path) is None
    assert read_folder(tmp_path / "absent") is None


def test_ten_thousand_workloads_fit_into_one_config_map() -> None:
    (shard,) = shards.split(document(10_000), 1)
    assert len(shard) < shards.MAX_SHARD_BYTES


def test_a_shard_that_is_too_large_is_rejected_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MAX_SHARD_BYTES", 100)
    with pytest.raises(ShardTooLarge, match="raise KUBEDOOR_SNAPSHOT_SHARDS"):
        shards.split(document(), 2)
