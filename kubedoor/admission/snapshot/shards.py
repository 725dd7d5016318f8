"""The snapshot in pieces that fit into ConfigMaps, and back. Pure, but for reading a mounted folder.

Every piece is a snapshot by itself, of the workloads whose name falls to it, so that pieces of different age, which is
what a kubelet in the middle of an update mounts, are still right for each workload.
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
"""A ConfigMap holds 1 MiB, its keys and labels included."""
_FILE = "shard-{}.json.gz"
_PATTERN = "shard-*.json.gz"
Document = dict[str, Any]
Stamps = tuple[tuple[str, int, int], ...]
"""Name, time and size of every piece in a folder."""


class ShardTooLarge(KubeDoorError):
    status = 500
    code = "shard_too_large"


def file_name(number: int) -> str:
    return _FILE.format(number)


def split(document: Mapping[str, Any], count: int) -> list[bytes]:
    """`count` pieces of a snapshot document. Raises ShardTooLarge when one would not fit into a ConfigMap."""
    pieces: list[Document] = [{**document, "rows": [], "facts": []} for _ in range(count)]
    for kind in ("rows", "facts"):
        for row in document[kind]:
            pieces[_number_of(row, count)][kind].append(row)
    packed = [gzip.compress(json.dumps(piece, default=as_text).encode(), mtime=0) for piece in pieces]
    if (largest := max(map(len, packed))) > MAX_SHARD_BYTES:
        raise ShardTooLarge(
            f"a piece of the snapshot has {largest} bytes, more than a ConfigMap holds: raise KUBEDOOR_SNAPSHOT_SHARDS"
        )
    return packed


def _number_of(row: Mapping[str, Any], count: int) -> int:
    return zlib.crc32(f"{row['namespace']}/{row['deployment']}".encode()) % count


def read_folder(folder: Path) -> Document | None:
    """The document of all pieces below `folder`; None when there is none. What is broken or empty is left out."""
    pieces = list(_pieces(folder))
    if not pieces:
        return None
    rows = [row for piece in pieces for row in piece["rows"]]
    facts = [fact for piece in pieces for fact in piece["facts"]]
    # A piece that has not changed is not written again, so the newest stamp is when all of them were right.
    newest = max(pieces, key=lambda piece: datetime.fromisoformat(piece["saved_at"]))
    return {**newest, "rows": sorted(rows, key=_order), "facts": sorted(facts, key=_order)}


def stamps(folder: Path) -> Stamps:
    """Differs when a piece was written anew; cheap, so that a folder is only read when it has changed."""
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.glob(_PATTERN))]
    except OSError:
        # The kubelet is just swapping them: the next look finds all.
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _pieces(folder: Path) -> Iterable[Document]:
    for path in sorted(folder.glob(_PATTERN)):
        try:
            piece = json.loads(gzip.decompress(path.read_bytes()))
            datetime.fromisoformat(piece["saved_at"])
            yield {**piece, "rows": list(piece["rows"]), "facts": list(piece["facts"])}
        except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
            continue


def _order(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["namespace"], row["deployment"]


def as_text(value: Any) -> str:
    """For `json.dumps(default=…)`."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a snapshot")


def contents(packed: Iterable[bytes]) -> Iterator[Document]:
    """What pieces say, without when they say it: two of them differ only if control values do."""
    for piece in packed:
        document = json.loads(gzip.decompress(piece))
        yield {"cluster": document["cluster"], "rows": document["rows"], "facts": document["facts"]}
