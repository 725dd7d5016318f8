"""Splits a snapshot into shards that fit into ConfigMaps, and reads them back from a mounted folder.

Each shard is a complete snapshot of the workloads whose name hashes to it. So shards of different age, as a kubelet
mounts them in the middle of an update, are still right for each workload.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kubedoor.errors import KubeDoorError

MAX_SHARD_BYTES = 1_000_000
"""A ConfigMap holds 1 MiB, including keys and labels."""
_FILE = "shard-{}.json.gz"
_PATTERN = "shard-*.json.gz"
Document = dict[str, Any]
Fingerprint = tuple[tuple[str, int, int], ...]
"""Name, modification time and size of every shard in a folder."""


class ShardTooLarge(KubeDoorError):
    status = 500
    code = "shard_too_large"


def file_name(number: int) -> str:
    return _FILE.format(number)


def split(document: Mapping[str, Any], count: int) -> list[bytes]:
    """`count` shards of a snapshot document, compressed. Raises ShardTooLarge if one does not fit into a ConfigMap."""
    shards: list[Document] = [{**document, "rows": [], "facts": []} for _ in range(count)]
    for kind in ("rows", "facts"):
        for row in document[kind]:
            shards[_shard_number(row, count)][kind].append(row)
    packed = [gzip.compress(json.dumps(shard, default=as_text).encode(), mtime=0) for shard in shards]
    if (largest := max(map(len, packed))) > MAX_SHARD_BYTES:
        raise ShardTooLarge(
            f"a piece of the snapshot has {largest} bytes, more than a ConfigMap holds: raise KUBEDOOR_SNAPSHOT_SHARDS"
        )
    return packed


def _shard_number(row: Mapping[str, Any], count: int) -> int:
    return zlib.crc32(f"{row['namespace']}/{row['deployment']}".encode()) % count


def read_folder(folder: Path, *, cluster: str, version: int) -> Document | None:
    """The document of all shards in `folder`; None if there are none.

    A broken or empty shard is left out, and so is one of another cluster or of another version of the format.
    """
    shards = [
        shard for shard in _read_shards(folder) if (shard.get("cluster"), shard.get("format")) == (cluster, version)
    ]
    if not shards:
        return None
    rows = [row for shard in shards for row in shard["rows"]]
    facts = [fact for shard in shards for fact in shard["facts"]]
    # The publisher writes only shards that have changed: at the newest time stamp all of them were right.
    newest = max(shards, key=lambda shard: datetime.fromisoformat(shard["saved_at"]))
    return {**newest, "rows": sorted(rows, key=_order), "facts": sorted(facts, key=_order)}


def fingerprint(folder: Path) -> Fingerprint:
    """Differs when a shard was written. Cheap, so that a folder is only read when it has changed."""
    try:
        stats = [(path.name, path.stat()) for path in sorted(folder.glob(_PATTERN))]
    except OSError:
        # The kubelet is replacing the files: the next call finds them all.
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _read_shards(folder: Path) -> Iterable[Document]:
    for path in sorted(folder.glob(_PATTERN)):
        try:
            shard = json.loads(gzip.decompress(path.read_bytes()))
            datetime.fromisoformat(shard["saved_at"])
            yield {**shard, "rows": list(shard["rows"]), "facts": list(shard["facts"])}
        except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
            continue


def _order(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["namespace"], row["deployment"]


def as_text(value: Any) -> str:
    """The `default` of `json.dumps`. Raises TypeError for anything but dates and datetimes."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be written into a snapshot")


def contents(packed: Iterable[bytes]) -> Iterator[Document]:
    """The shards without their time stamps, so that two differ only if control values or facts do."""
    for shard in packed:
        document = json.loads(gzip.decompress(shard))
        yield {"cluster": document["cluster"], "rows": document["rows"], "facts": document["facts"]}
