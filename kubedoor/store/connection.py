"""Connections to ClickHouse: run SQL, translate errors. The only importer of `clickhouse_connect`.

The server binds all parameters (`{name:Type}`); no SQL is built from input. Nothing is opened before the first query:
functions-framework imports modules before it forks, and the embedded engine does not survive a fork.
"""

from __future__ import annotations

import re
import struct
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kubedoor.config.store_address import NATIVE_PORTS, parse_dsn
from kubedoor.errors import KubeDoorError, SchemaMissing, StoreError, UnstorableRow
from kubedoor.sentences import Sentence, sentence

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

EMBEDDED_CLIENTS = 8
Row = dict[str, Any]
SCHEMA_MISSING_CODES = ("60", "81")
"""UNKNOWN_TABLE and UNKNOWN_DATABASE."""
_UNREADABLE_CODES = ("6", "26", "27", "38", "41", "53", "69", "70", "72", "117", "130")
"""What ClickHouse says of a text that is no value of its column: CANNOT_PARSE_…, TYPE_MISMATCH, INCORRECT_DATA, …"""
# A profile of the server may have asynchronous inserts on, and answer before they are stored.
_SYNCHRONOUS = {"async_insert": 0, "wait_for_async_insert": 1}
_SENT_BY_NATIVE_PORT = "is for clickhouse-client program"
_ERROR_CODE = re.compile(r"Code: (\d+)\b.*?\(([A-Z_]+)\)", re.DOTALL)


class Connection:
    """One store. Thread-safe. Close it before the process opens another embedded path."""

    def __init__(self, dsn: str, *, timeout_seconds: float = 30.0, ca_file: str = "") -> None:
        self.address = parse_dsn(dsn)
        self._timeout_seconds = timeout_seconds
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._shared: Client | None = None
        self._slots = threading.BoundedSemaphore(EMBEDDED_CLIENTS)
        self._idle: deque[Client] = deque()

    @property
    def database(self) -> str:
        return self.address.database

    @property
    def is_embedded(self) -> bool:
        return self.address.interface == "chdb"

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """Run a SELECT; rows as dicts, times as aware UTC datetimes. Raises StoreError."""
        columns, rows = self.table(sql, **parameters)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def table(self, sql: str, **parameters: Any) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Run a SELECT; column names (empty if there are no rows) and rows as tuples. Raises StoreError."""
        with _translated(self.address.port), self._client() as client:
            result = client.query(sql, parameters=parameters, tz_mode="aware")
            return result.column_names, [tuple(row) for row in result.result_rows]

    def stream(self, sql: str, *, block_rows: int, **parameters: Any) -> Generator[Row, None, None]:
        """As `rows`, but only about `block_rows` of them are in memory at once. Raises StoreError.

        Read it to its end or close it: the client is busy until then.
        """
        with _translated(self.address.port), self._client() as client:
            blocks = client.query_row_block_stream(
                sql, parameters=parameters, settings={"max_block_size": block_rows}, tz_mode="aware"
            )
            with blocks:
                # The library's type of `source` is any that can be closed.
                columns = cast(Any, blocks.source).column_names
                for block in blocks:
                    for row in block:
                        yield dict(zip(columns, row, strict=True))

    def command(self, sql: str, *, settings: Mapping[str, Any] | None = None, **parameters: Any) -> None:
        """Run a statement without a result, with optional ClickHouse settings. Raises StoreError."""
        with _translated(self.address.port), self._client() as client:
            client.command(sql, parameters=parameters, settings=dict(settings or {}))

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]], *, token: str = "") -> None:
        """Insert rows, which all need the same keys, and wait until they are stored. Raises StoreError.

        Raises UnstorableRow if a value does not fit into its column.

        With a `token`, the server silently drops the insert if an earlier one had the same token; the table needs a
        deduplication window. This gives compare-and-set: insert, then read back which row won.
        """
        if not rows:
            return
        columns = list(rows[0])
        settings: dict[str, Any] = dict(_SYNCHRONOUS)
        if token:
            settings |= {"insert_deduplicate": 1, "insert_deduplication_token": token}
        table_rows = [[row[column] for column in columns] for row in rows]
        with _translated(self.address.port), self._client() as client:
            try:
                client.insert(table, table_rows, column_names=columns, settings=settings)
            except (TypeError, ValueError, OverflowError, struct.error) as error:
                raise UnstorableRow(sentence("requests.store_unfit", error=str(error)[:200])) from error

    def insert_lines(self, table: str, columns: Sequence[str], lines: Sequence[bytes], *, token: str) -> None:
        """As `insert`, of rows that are encoded already: each a JSON list of the values of `columns`, times in ISO format.

        For rows in numbers: they are passed on as they are. A number that is too large for its column is not noticed.
        """
        if not lines:
            return
        settings: dict[str, Any] = {**_SYNCHRONOUS, "insert_deduplicate": 1, "insert_deduplication_token": token}
        with _translated(self.address.port), self._client() as client:
            try:
                client.raw_insert(
                    table,
                    column_names=columns,
                    insert_block=b"\n".join(lines),
                    fmt="JSONCompactEachRow",
                    settings={**settings, "date_time_input_format": "best_effort"},
                )
            except Exception as error:
                found = _ERROR_CODE.search(str(error))
                if found and found[1] in _UNREADABLE_CODES:
                    raise UnstorableRow(_message(error, self.address.port)) from error
                raise

    def create_database(self, *, cluster: str = "") -> None:
        """Create the database if missing, on all replicas of `cluster`. `parse_dsn` has validated its name."""
        with _translated(self.address.port):
            client = self._open(database=None)
            try:
                exists = "SELECT count() FROM system.databases WHERE name = {name:String}"
                if client.query(exists, parameters={"name": self.database}).result_rows == [(0,)]:
                    on_cluster = f" ON CLUSTER `{cluster}`" if cluster else ""
                    client.command(f"CREATE DATABASE IF NOT EXISTS `{self.database}`{on_cluster}")
            finally:
                client.close()

    def close(self) -> None:
        """Close all idle clients; the next query opens a new one."""
        from clickhouse_connect.driver.exceptions import ClickHouseError

        with self._lock:
            clients = [*self._idle, *([self._shared] if self._shared else [])]
            self._idle.clear()
            self._shared = None
        for client in clients:
            with suppress(ClickHouseError):
                client.close()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if not self.is_embedded:
            yield self._shared_client()
            return
        # An embedded client runs one query at a time; several clients let threads query concurrently.
        with self._slots:
            client = self._idle_client() or self._open(database=self.database)
            try:
                yield client
            finally:
                self._idle.append(client)

    def _idle_client(self) -> Client | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _shared_client(self) -> Client:
        with self._lock:
            if self._shared is None:
                self._shared = self._open(database=self.database)
            return self._shared

    def _open(self, *, database: str | None) -> Client:
        # Imported by the first query: a fifth of a second that no answer without the store has to wait for.
        import clickhouse_connect
        from clickhouse_connect import common
        from clickhouse_connect.driver import options

        # It has them where chDB has brought them along, and would import all three at the first insert to see whether rows
        # are a frame: 80 MB and half a second. Rows are lists here.
        for name in ("np", "pd", "pd_time_test", "arrow"):
            setattr(options, name, None)
        # clickhouse_connect creates a session by default, and a session refuses concurrent queries.
        common.set_setting("autogenerate_session_id", False)
        address = self.address
        if self.is_embedded:
            Path(address.path).mkdir(parents=True, exist_ok=True)
            return clickhouse_connect.get_client(interface="chdb", path=address.path, database=database)
        return clickhouse_connect.get_client(
            interface=address.interface,
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            database=database or "__default__",
            connect_timeout=min(self._timeout_seconds, 5.0),
            send_receive_timeout=self._timeout_seconds,
            ca_cert=self._ca_file or None,
        )


class _translated:  # noqa: N801 -- reads as a clause: `with _translated(self.address.port):`
    """Turns exceptions of clickhouse_connect into StoreError, with the server's error code and name, never the DSN."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, KubeDoorError):
            return
        from clickhouse_connect.driver.exceptions import ClickHouseError, DataError

        if isinstance(error, DataError):
            is_refused = bool(_ERROR_CODE.search(str(error)))
            unfit = sentence("requests.store_unfit", error=str(error)[:200])
            refused = _message(error, self._port) if is_refused else unfit
            raise UnstorableRow(refused) from error
        if isinstance(error, ClickHouseError | OSError):
            found = _ERROR_CODE.search(str(error))
            is_schema_missing = found is not None and found[1] in SCHEMA_MISSING_CODES
            raise (SchemaMissing if is_schema_missing else StoreError)(_message(error, self._port)) from error


def _message(error: BaseException, port: int) -> Sentence:
    text = str(error)
    if found := _ERROR_CODE.search(text):
        return sentence("requests.store_refused", error=found[2], code=found[1])
    if "EmbeddedServer" in text or "Cannot lock file" in text:
        return sentence("requests.store_in_use")
    if "chdb" in text and "install" in text.lower():
        return sentence("requests.store_without_chdb")
    if port in NATIVE_PORTS or _SENT_BY_NATIVE_PORT in text:
        return sentence("requests.store_native_port", port=port)
    return sentence("requests.store_unreachable")


def only(rows: Iterable[Row]) -> Row:
    """The single row of an aggregate."""
    (row,) = rows
    return row
