"""Serves the functions from one process: HTTP for users, HTTPS for the API server.

Each function is loaded as the functions-framework command loads it. The framework imports every function as the module
`main`, so `main` and its submodules are removed from `sys.modules` before the next one is loaded.
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
"""Maximum time to wait for readiness; after it KubeDoor accepts requests anyway."""


def functions_folder() -> Path:
    """`functions/` beside the package (checkout), else in the current folder (image)."""
    beside = Path(__file__).parents[2] / "functions"
    return beside if beside.is_dir() else Path("functions")


def load_function(name: str) -> App:
    """Load `collect`, `mutate` or `api` as an ASGI application. Raises SettingsError if its file is missing."""
    source = functions_folder() / name / "main.py"
    if not source.is_file():
        raise SettingsError(f"{source} is not there: run from the folder that has functions/", problems=[str(source)])
    for module in [module for module in sys.modules if module == "main" or module.startswith("main.")]:
        del sys.modules[module]
    app: App = create_asgi_app(name, str(source))
    return app


class Mounts:
    """Routes requests by path prefix, which moves to `root_path`. Never redirects."""

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
    """While `is_draining`, adds `Connection: close` to every response, so that clients reconnect to another pod."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.is_draining = False

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        async def send_closing(message: Any) -> None:
            if self.is_draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, send_closing)


class ReloadingServer(uvicorn.Server):
    """A TLS server that reloads its certificate when the files change, within RELOAD_SECONDS and without a restart."""

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
        loaded = _mtimes(certificate, key)
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            now = _mtimes(certificate, key)
            if now == loaded:
                continue
            try:
                # Tested in a new context first: a mismatched pair would leave the live one without a key.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
                if self.config.ssl is not None:
                    self.config.ssl.load_cert_chain(certificate, key)
                loaded = now
                log.info("the door's certificate was renewed")
            except (OSError, ssl.SSLError) as error:
                # Key and certificate are replaced one after the other: retried at the next interval.
                log.warning("the door's new certificate cannot be used yet: %s", error)


def _mtimes(*paths: str) -> tuple[float, ...]:
    try:
        return tuple(Path(path).stat().st_mtime_ns for path in paths)
    except OSError:
        return ()


def build_server(app: App, *, host: str, port: int, certificate: str = "", key: str = "") -> uvicorn.Server:
    """A server that is not started yet; it uses TLS if there is a certificate."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # KUBEDOOR_TRUSTED_PROXIES says which proxies are trusted; uvicorn would trust every client on this machine.
        proxy_headers=False,
        # The API server keeps connections for 90 s: closing them earlier would race with its next request.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    return ReloadingServer(config) if certificate else uvicorn.Server(config)


async def warm_up(app: App, *, seconds: float) -> bool:
    """Poll /readyz of `app`, without a network, until it is ready; False after `seconds`."""
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
    lazy_apps: Sequence[App] = (),
    draining: Draining | None = None,
    drain_seconds: float = 0,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in progress.

    `lazy_apps` start their background work on the first request; each gets one before `on_ready` is called.
    `draining` is warmed up before its port opens, because a pod receives requests as soon as the port is open. After
    the signal it serves for another `drain_seconds`: a Service sends requests to a terminating pod for a while.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if draining is not None:
        await warm_up(draining, seconds=WARM_UP_SECONDS)
    # NB: `_serve` installs no signal handlers; uvicorn's own would stop only the server that installed them last.
    tasks = [asyncio.create_task(one._serve()) for one in servers]
    stopped = asyncio.create_task(stop.wait())
    while not all(one.started for one in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(0.02)
    if all(one.started for one in servers):
        await asyncio.gather(*(warm_up(app, seconds=WARM_UP_SECONDS) for app in lazy_apps))
        on_ready()
    await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if draining is not None and stopped.done():
        draining.is_draining = True
        await asyncio.wait(tasks, timeout=drain_seconds)
    for one in servers:
        one.should_exit = True
    stopped.cancel()
    await asyncio.gather(*tasks)
