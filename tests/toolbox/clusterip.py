"""A TCP load balancer like kube-proxy: every connection to one address is forwarded to the next endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Endpoints = Callable[[], list[tuple[str, int]]]
PIECE_BYTES = 65536


class ClusterIP:
    """A context manager: inside, connections to 127.0.0.1:`port` are forwarded; `endpoints()` is called for each."""

    def __init__(self, port: int, endpoints: Endpoints) -> None:
        self.port = port
        self._endpoints = endpoints
        self._turn = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clusterip")
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connected, "127.0.0.1", self.port), self._loop
        )
        self._server = started.result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        endpoints = self._endpoints()
        try:
            if not endpoints:
                return
            host, port = endpoints[next(self._turn) % len(endpoints)]
            behind_reader, behind_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(_copy(reader, behind_writer), _copy(behind_reader, writer))
        except OSError:
            return
        finally:
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copies until the source ends, then closes the target."""
    try:
        while piece := await source.read(PIECE_BYTES):
            target.write(piece)
            await target.drain()
    finally:
        with contextlib.suppress(OSError):
            target.close()
