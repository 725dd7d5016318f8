"""All workloads of the snapshot in buckets by a hash of their name, so that a refresh replaces only what has changed.

Immutable: a reader never sees a partial update.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping

from kubedoor.admission.snapshot.entry import Workload, pack, unpack
from kubedoor.store.control_table import BUCKETS


def bucket_of(name: str) -> int:
    """By the hash of the store (`kubedoor/store/control_table.py`). `name`: `namespace/deployment`."""
    return zlib.crc32(name.encode()) % BUCKETS


class Table:
    """`buckets[number]`: `namespace/deployment` -> packed workload."""

    def __init__(self, buckets: tuple[Mapping[str, bytes], ...], known_count: int) -> None:
        self._buckets = buckets
        self.known_count = known_count
        """Workloads of the control table; the others have facts only."""

    @classmethod
    def of(cls, workloads: Iterable[tuple[str, Workload]]) -> Table:
        buckets = tuple[dict[str, bytes], ...]({} for _ in range(BUCKETS))
        known = 0
        for name, workload in workloads:
            buckets[bucket_of(name)][name] = pack(workload)
            known += bool(workload.rows)
        return cls(buckets, known)

    def replaced(self, numbers: Collection[int], workloads: Iterable[tuple[str, Workload]]) -> Table:
        """With these buckets as `workloads` has them: what it does not have of them is gone."""
        fresh = Table.of(workloads)
        buckets = tuple(
            fresh._buckets[number] if number in numbers else old for number, old in enumerate(self._buckets)
        )
        known = self.known_count - sum(self._known_in(number) for number in numbers) + fresh.known_count
        return Table(buckets, known)

    def _known_in(self, number: int) -> int:
        return sum(not packed.startswith(_NO_ROWS) for packed in self._buckets[number].values())

    def packed(self, name: str) -> bytes | None:
        return self._buckets[bucket_of(name)].get(name)

    def __iter__(self) -> Iterator[tuple[str, Workload]]:
        """Ordered by name within a bucket."""
        for bucket in self._buckets:
            for name in sorted(bucket):
                yield name, unpack(bucket[name])

    def packed_items(self) -> Iterator[tuple[str, bytes]]:
        for bucket in self._buckets:
            yield from bucket.items()


_NO_ROWS = b"[[],"
