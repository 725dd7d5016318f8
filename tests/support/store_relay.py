"""What a door asks of its store, and a line between them that tests cut: a relay before ClickHouse's HTTP port."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes

PIECE_BYTES = 65536
MAX_HEARD_BYTES = 64 * 2**20
_READ = re.compile(rb"FROM control WHERE cluster = \{cluster:String\}( AND CRC32\()?")
_THROUGH = re.compile(rb"\(namespace, deployment\) IN \{names:Array")
_BUCKETS = re.compile(rb"param_buckets=([^& ]*)")


@dataclass(frozen=True)
class Reads:
    """Of the control table: reads of all of it, reads of some buckets and how many of them at most, and of single workloads."""

    whole: int
    parts: int
    most_buckets: int
    through: int


class StoreRelay:
    """A context manager: inside, `dsn` leads to the store, until `cut` and again after `mend`."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        parts = urlsplit(clickhouse.dsn)
        self.port = processes.free_port()
        self.dsn = clickhouse.dsn.replace(f":{parts.port}/", f":{self.port}/")
        self._behind = parts.port
        self._heard = bytearray()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store-relay")

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Connections end, and new ones end at once."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._close_all)

    def mend(self) -> None:
        self._is_cut = False

    def forget(self) -> None:
        """What was asked until now."""
        self._loop.call_soon_threadsafe(self._heard.clear)

    def reads(self) -> Reads:
        """Of the control table, since the start or `forget`."""
        heard = bytes(self._heard)
        found = [bool(one[1]) for one in _READ.finditer(heard)]
        asked = [unquote(one[1].decode()).count(",") + 1 for one in _BUCKETS.finditer(heard)]
        return Reads(found.count(False), found.count(True), max(asked, default=0), len(_THROUGH.findall(heard)))

    def _close_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        self._close_all()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_cut:
                return
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
            await asyncio.gather(
                self._pass_on(reader, behind_writer, self._heard), self._pass_on(behind_reader, writer, bytearray())
            )
        except OSError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, heard: bytearray) -> None:
        """Until the source ends; then the target is closed."""
        try:
            while piece := await source.read(PIECE_BYTES):
                if len(heard) < MAX_HEARD_BYTES and heard is self._heard:
                    heard += piece
                target.write(piece)
                await target.drain()
        finally:
            with contextlib.suppress(OSError):
                target.close()
