"""Serves the functions from one process: HTTP for users, HTTPS for the API server.

Each function is loaded as the functions-framework command loads it. The framework imports every function as the module
`main`, so `main` and its submodules are removed from `sys.modules` before the next one is loaded.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from functions_framework.aio import create_asgi_app

from kubedoor.config.settings import Settings
from kubedoor.errors import SettingsError
from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.connections import Limits
from kubedoor.runtime.door_protocol import Answer, Door
from kubedoor.runtime.door_server import DoorServer
from kubedoor.runtime.limited_server import LimitedServer
from kubedoor.runtime.watchdog import Watchdog

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
PAGES_LIMITS = Limits(connections=1000, request_seconds=60, idle_seconds=120, answer_seconds=2 * 3600)
"""Of the port of pages and API: sheets are uploaded over slow lines, and an action is followed for an hour."""
DRAIN_SECONDS = 10
SPARE_FILES = 200
"""Open files besides connections: the store's, the log, libraries."""
GARBAGE_OBJECTS = 10_000
"""New objects after which the garbage collector looks at them: some 1 MiB."""
SWITCH_SECONDS = 0.0001
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
    # What a function imports later would be looked for in the folder of the one that is `main` by then.
    if import_all := getattr(sys.modules["main"], "import_all", None):
        import_all()
    return app


def load_door() -> tuple[App, Answer]:
    """`mutate`, and its short way for reviews. Raises SettingsError as `load_function` does."""
    app = load_function("mutate")
    return app, sys.modules["main"].answer


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
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, send_closing if self.is_draining else send)


def build_server(app: App, *, host: str, port: int, limits: Limits = PAGES_LIMITS) -> uvicorn.Server:
    """The server of pages and API, without TLS, which is not started yet."""
    # The door of the same process has as many.
    raise_file_limit(2 * limits.connections + SPARE_FILES)
    config = _config(app, host, port, keep_alive_seconds=int(limits.idle_seconds))
    return LimitedServer(config, limits, name="the port of pages and API")


def build_door_server(
    app: App,
    *,
    host: str,
    port: int,
    certificates: CertificateReload,
    limits: Limits | None = None,
    answer: Answer | None = None,
) -> uvicorn.Server:
    """The HTTPS server of the door, which is not started yet; `app` and `answer` are those of `load_door`."""
    limits = limits or Limits()
    raise_file_limit(limits.connections + SPARE_FILES)
    config = _config(
        app,
        host,
        port,
        keep_alive_seconds=int(limits.idle_seconds),
        certificates=certificates,
    )
    is_draining = (lambda: app.is_draining) if isinstance(app, Draining) else (lambda: False)
    return DoorServer(config, limits, certificates, Door(answer, is_draining) if answer else None)


def check_ports(settings: Settings) -> None:
    """Of `serve`. Raises SettingsError with every port that cannot be listened on."""
    problems: list[str] = []
    for port, variable in ((settings.port, "KUBEDOOR_PORT"), (settings.door_port, "KUBEDOOR_DOOR_PORT")):
        try:
            check_port(settings.host, port, variable=variable)
        except SettingsError as error:
            problems += error.details["problems"]
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)


def check_port(host: str, port: int, *, variable: str) -> None:
    """Listen on the port for a moment: the servers' own failures are stack traces. Raises SettingsError."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"another program listens there; set it like {variable}={port % 65535 + 1}"
        else:
            reason = f"{os.strerror(error.errno or 0)}; look at KUBEDOOR_HOST too"
        problem = f"{variable}: port {port} of {host} cannot be listened on: {reason}"
        raise SettingsError(problem, problems=[problem]) from error


def raise_file_limit(wanted: int) -> None:
    """Allow this process so many open files, as far as it may: each connection is one, and 1,024 is a common default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _config(
    app: App, host: str, port: int, *, keep_alive_seconds: int, certificates: CertificateReload | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # KUBEDOOR_TRUSTED_PROXIES says which proxies are trusted; uvicorn would trust every client on this machine.
        proxy_headers=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=certificates.certificate if certificates else None,
        ssl_keyfile=certificates.key if certificates else None,
    )


def run_until_signal(serving: Coroutine[Any, Any, None], *, stuck_seconds: float = 0) -> None:
    """Run `run(…)` to its end, on uvloop: TLS connections of asyncio's own loop take 256 KiB each, idle or not.

    If the event loop stands still for `stuck_seconds` (0: however long), the process ends.
    """

    async def watched() -> None:
        with Watchdog(stuck_seconds):
            await serving

    # Python's own 5 ms are as long as ten admissions: so long would the event loop wait for a thread that writes records.
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(watched())


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
    # What has been loaded stays; and each request makes hundreds of objects, all gone with its answer.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 10, 10)
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
