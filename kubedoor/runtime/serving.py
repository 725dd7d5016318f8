"""Everything in one process: the three functions as they are, HTTP for people and HTTPS for the API server.

Each function is loaded the way the functions-framework command loads it; the framework imports every function as the
module `main`, so `main` and its siblings are dropped from `sys.modules` between two of them.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from functions_framework.aio import create_asgi_app

from kubedoor.errors import SettingsError

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
RELOAD_SECONDS = 10.0
DRAIN_SECONDS = 10
WARM_UP_SECONDS = 5.0
"""Longest wait for the store before KubeDoor opens without it."""


def functions_folder() -> Path:
    """`functions/` beside the package in a checkout, else below the current folder (as in the image)."""
    beside = Path(__file__).parents[2] / "functions"
    return beside if beside.is_dir() else Path("functions")


def load_function(name: str) -> App:
    """One of collect, mutate, api as an ASGI application. Raises SettingsError when its folder is not there."""
    source = functions_folder() / name / "main.py"
    if not source.is_file():
        raise SettingsError(f"{source} is not there: run from the folder that has functions/", problems=[str(source)])
    for module in [module for module in sys.modules if module == "main" or module.startswith("main.")]:
        del sys.modules[module]
    app: App = create_asgi_app(name, str(source))
    return app


class Mounts:
    """Sends a request to the function whose prefix its path has; the prefix moves to `root_path`. No redirects."""

    def __init__(self, mounts: Mapping[str, App], default: App) -> None:
        self._mounts = mounts
        self._default = default

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        path = scope.get("path", "")
        for prefix, app in self._mounts.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                await app({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                return
        await self._default(scope, receive, send)


class Draining:
    """Once told to drain, ends the connection with every answer: the client's next one goes to somebody else."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.is_draining = False

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        async def sending(message: Any) -> None:
            if self.is_draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, sending)


class ReloadingServer(uvicorn.Server):
    """Serves TLS with the certificate that the files hold now: new connections see a renewed one within seconds."""

    async def main_loop(self) -> None:
        watcher = asyncio.create_task(self._watch())
        try:
            await super().main_loop()
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher

    async def _watch(self) -> None:
        certificate, key = str(self.config.ssl_certfile), str(self.config.ssl_keyfile)
        seen = _stamps(certificate, key)
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            now = _stamps(certificate, key)
            if now == seen:
                continue
            try:
                # A pair that does not fit would leave the live context without a key, so it is tried elsewhere first.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
                if self.config.ssl is not None:
                    self.config.ssl.load_cert_chain(certificate, key)
                seen = now
                log.info("the door's certificate was renewed")
            except (OSError, ssl.SSLError) as error:
                # Key and certificate are replaced one after the other; the next look finds both.
                log.warning("the door's new certificate cannot be used yet: %s", error)


def _stamps(*paths: str) -> tuple[float, ...]:
    try:
        return tuple(Path(path).stat().st_mtime_ns for path in paths)
    except OSError:
        return ()


def server(app: App, *, host: str, port: int, certificate: str = "", key: str = "") -> uvicorn.Server:
    """A server that is not running yet. With a certificate it speaks TLS."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Which proxies are believed, KUBEDOOR_TRUSTED_PROXIES decides; uvicorn would believe everybody on this machine.
        proxy_headers=False,
        # The API server keeps connections for 90 s; closing them earlier races with its next request.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    return ReloadingServer(config) if certificate else uvicorn.Server(config)


async def warm_up(app: App, *, seconds: float) -> bool:
    """Ask `app` for /readyz until it is ready, before anybody else may ask; whether it is, in so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await _is_ready(app):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def _is_ready(app: App) -> bool:
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"}
    scope |= {"method": "GET", "path": "/readyz", "raw_path": b"/readyz", "root_path": ""}
    scope |= {"query_string": b"", "headers": []}
    await app(scope, receive, send)
    return statuses == [200]


async def run(
    servers: list[uvicorn.Server],
    *,
    on_ready: Callable[[], None],
    waking: Sequence[App] = (),
    draining: Draining | None = None,
    drain_seconds: float = 0,
) -> None:
    """Serve until SIGINT or SIGTERM, then let requests under way finish.

    `waking`: applications that begin with their first request what they do by themselves; they are sent one each.
    With `draining` it has the application make itself ready first, since a pod is sent requests as soon as its port is
    open, and goes on serving for `drain_seconds` in the end: a Service sends requests to a pod for a while after the pod
    was told to stop.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if draining is not None:
        await warm_up(draining, seconds=WARM_UP_SECONDS)
    # NB: uvicorn's own handlers would end only the server that installed them last.
    tasks = [asyncio.create_task(one._serve()) for one in servers]
    waiting = asyncio.create_task(stop.wait())
    while not all(one.started for one in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(0.02)
    if all(one.started for one in servers):
        await asyncio.gather(*(warm_up(app, seconds=WARM_UP_SECONDS) for app in waking))
        on_ready()
    await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if draining is not None and waiting.done():
        draining.is_draining = True
        await asyncio.wait(tasks, timeout=drain_seconds)
    for one in servers:
        one.should_exit = True
    waiting.cancel()
    await asyncio.gather(*tasks)
