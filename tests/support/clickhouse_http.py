"""A replacement for a ClickHouse server: its HTTP interface on top of chDB, to test the store's production path.

It implements the part of https://clickhouse.com/docs/interfaces/http that clickhouse-connect uses: queries and inserts
in any format, bound parameters, settings, databases, basic authentication, compression, and errors with their code.

    python -m tests.support.clickhouse_http PORT FOLDER
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import sys
import tempfile
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

from tests.support.clickhouse import PASSWORD, USERNAME

# Query parameters of clickhouse-connect that are no settings of the engine.
_TRANSPORT = {
    "query",
    "database",
    "session_id",
    "query_id",
    "compress",
    "decompress",
    "client_protocol_version",
    "wait_end_of_query",
}
_TRANSPORT |= {
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "send_progress_in_http_headers",
    "session_check",
    "session_timeout",
    "role",
    "quota_key",
    "buffer_size",
}
_INSERT = re.compile(r"^\s*INSERT\s+INTO\s+(.*?)\s+FORMAT\s+(\w+)\s*$", re.IGNORECASE | re.DOTALL)
_FORMAT = re.compile(r"\s+FORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_connect: Any = chdb.connect  # it has no types
_CODE = re.compile(r"Code: (\d+)")


class Engine:
    """One chDB, with a connection per thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._local = threading.local()
        self._first = _connect(str(folder))

    def run(
        self, sql: str, *, parameters: dict[str, str], settings: dict[str, str], database: str, data: bytes
    ) -> bytes:
        """The result in the FORMAT of the statement."""
        connection = self._connection()
        self._use(connection, database)
        given = ", ".join(f"{name} = '{value}'" for name, value in settings.items())
        if match := _INSERT.match(sql):
            with tempfile.NamedTemporaryFile(dir=self._folder.parent) as upload:
                upload.write(data)
                upload.flush()
                clause = f" SETTINGS {given}" if given else ""
                statement = f"INSERT INTO {match[1]} FROM INFILE '{upload.name}'{clause} FORMAT {match[2]}"
                connection.query(statement, "TabSeparated")
            return b""
        self._set(connection, settings)
        found = _FORMAT.search(sql)
        statement = sql[: found.start()] if found else sql
        result = connection.query(statement, found[1] if found else "TabSeparated", params=parameters)
        return bytes(result.bytes() or b"")

    def _connection(self) -> Any:
        if not hasattr(self._local, "connection"):
            self._local.connection = _connect(str(self._folder))
            self._local.database, self._local.settings = "", {}
        return self._local.connection

    def _use(self, connection: Any, database: str) -> None:
        # A server takes both from the request, without statements of their own; here only what differs costs one.
        if database != self._local.database:
            self._local.database = ""
            connection.query(f"USE `{database}`", "TabSeparated")
            self._local.database = database

    def _set(self, connection: Any, settings: dict[str, str]) -> None:
        """Those of an earlier request are not this one's."""
        before = self._local.settings
        if settings == before:
            return
        words = [f"{name} = DEFAULT" for name in before if name not in settings]
        words += [f"{name} = '{value}'" for name, value in settings.items()]
        connection.query(f"SET {', '.join(words)}", "TabSeparated")
        self._local.settings = settings


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The last of several packets would wait 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    engine: Engine

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Silent."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._send(200, b"Ok.\n")
        else:
            self._query(b"")

    def do_POST(self) -> None:
        self._query(_decompressed(self._body(), self.headers.get("Content-Encoding", "")))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _query(self, body: bytes) -> None:
        if not self._is_known():
            self._send(401, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", code="516")
            return
        words = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get_content_type() == "multipart/form-data":
            words, body = words | _form(self.headers["Content-Type"], body), b""
        sql, data = _statement(words.get("query", ""), body)
        parameters = {name.removeprefix("param_"): value for name, value in words.items() if name.startswith("param_")}
        settings = {
            name: value for name, value in words.items() if name not in _TRANSPORT and not name.startswith("param_")
        }
        try:
            answer = self.engine.run(
                sql, parameters=parameters, settings=settings, database=words.get("database") or "default", data=data
            )
        except Exception as error:
            found = _CODE.search(str(error))
            self._send(404 if "UNKNOWN" in str(error) else 500, str(error).encode(), code=found[1] if found else "1002")
            return
        self._send(200, answer)

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() == f"{USERNAME}:{PASSWORD}"

    def _send(self, status: int, body: bytes, *, code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Summary", "{}")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(body)


def _statement(query: str, body: bytes) -> tuple[str, bytes]:
    """The SQL and the data of an insert, which follows the statement or is the body if the URL has the statement."""
    if query:
        return (query, body) if _INSERT.match(query) else (f"{query}\n{body.decode()}", b"")
    line, _, rest = body.partition(b"\n")
    if line.upper().startswith(b"INSERT INTO") and _INSERT.match(line.decode(errors="replace")):
        return line.decode(), rest
    return body.decode(), b""


def _form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form, in which clickhouse-connect sends parameters that are too long for an address."""
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True)).decode()
        for part in message.walk()
        if not part.is_multipart()
    }


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding == "lz4":
        # clickhouse-connect sends one frame for every 16,384 rows; `decompress` stops after the first.
        with lz4.frame.open(io.BytesIO(body)) as frames:
            return bytes(frames.read())
    return gzip.decompress(body) if encoding == "gzip" else body


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    Handler.engine = Engine(folder)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
