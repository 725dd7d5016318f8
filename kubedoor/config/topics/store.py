"""ClickHouse, embedded or a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class StoreSettings:
    """Fields of `Settings`."""

    data_dir: Path = setting(
        "data", parsers.folder, "/var/lib/kubedoor", "Folder of the embedded store, keys and certificates."
    )
    store_dsn: str = setting("", parsers.dsn, "https://kubedoor:secret@clickhouse:8443/kubedoor", "ClickHouse; empty: embedded in the data folder. A password with reserved characters is percent-encoded.", secret=True)  # fmt: skip
    store_ca_file: str = setting(
        "", parsers.file, "/etc/ssl/clickhouse-ca.crt", "CA file that ClickHouse's certificate is checked with."
    )
    store_timeout_seconds: float = setting(
        "30",
        parsers.number(1, 600),
        "10",
        "Longest wait for one answer of ClickHouse; the door's snapshot waits 10 s at most.",
    )
    store_cluster: str = setting(
        "",
        parsers.text,
        "main",
        "Name of a replicated ClickHouse cluster: the schema is made `ON CLUSTER` with `Replicated*` engines.",
    )

    @property
    def dsn(self) -> str:
        """`store_dsn`, or the DSN of the embedded store."""
        return self.store_dsn or f"chdb://{(self.data_dir / 'clickhouse').absolute()}"

    @property
    def is_embedded(self) -> bool:
        return self.dsn.startswith("chdb://")
