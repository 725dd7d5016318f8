"""Where log-ins wait: in threads of their own, and not for long, so that a crowd at the door keeps nobody inside waiting.

Hashing a password and asking an identity provider take long, and anybody may start either. They never take a thread that
other requests need, and whoever has been throttled is refused before any thread, store or body is touched.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kubedoor.errors import TooManyRequests
from kubedoor.identity.authentication import Authenticator
from kubedoor.runtime.http import error_response
from kubedoor.sentences import sentence

from .addresses import client_address

MAX_WAITING = 60
MAX_WAITING_OF_ADDRESS = 10
"""A whole company may share one address; an attacker with one address fills no queue."""
WAIT_SECONDS = 5
REFUSED_SECONDS = 1.0
"""How long a client waits for its refusal, which costs next to nothing: else it would ask again as often as it can."""
T = TypeVar("T")
_PASSWORD_PATHS = re.compile(r"/api/v1/session(/password)?")


class LoginQueue:
    """`threads`: how many are worked on at once. Threads are started by the first one."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="log-in")
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()

    async def run(self, address: str, work: Callable[[], T]) -> T:
        """The result of `work`. Raises TooManyRequests if too many wait, in all or from this address, or for too long."""
        if not self._enter(address):
            await asyncio.sleep(REFUSED_SECONDS)
            raise _busy()
        try:
            future = self._executor.submit(work)
            result = asyncio.wrap_future(future)
            await asyncio.wait([result], timeout=WAIT_SECONDS)
            if future.cancel():
                raise _busy()
            # Begun: its result is wanted, however long it takes.
            return await result
        finally:
            self._leave(address)

    def _enter(self, address: str) -> bool:
        """Whether there is room to wait."""
        with self._lock:
            if self._waiting.total() >= MAX_WAITING or self._waiting[address] >= MAX_WAITING_OF_ADDRESS:
                return False
            self._waiting[address] += 1
            return True

    def _leave(self, address: str) -> None:
        with self._lock:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


def passwords_queue(request: Request) -> LoginQueue:
    """For whatever hashes a password."""
    queue: LoginQueue = request.app.state.passwords_queue
    return queue


def oidc_queue(request: Request) -> LoginQueue:
    """For whatever asks the identity provider."""
    queue: LoginQueue = request.app.state.oidc_queue
    return queue


def _busy() -> TooManyRequests:
    return TooManyRequests(sentence("people.many_log_ins"), retry_after_seconds=1)


class ThrottledAddresses:
    """ASGI middleware: answers log-ins from an address that this process knows to be throttled, without reading them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT") and _PASSWORD_PATHS.fullmatch(_path(scope)):
            request = Request(scope)
            home = request.app.state.open_clusters().home
            try:
                home.authenticator.refuse_throttled("", client_address(request, home.settings))
            except TooManyRequests as error:
                await asyncio.sleep(REFUSED_SECONDS)
                await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def refuse_throttled(authenticator: Authenticator, username: str, address: str) -> None:
    """As the middleware, for the account, which only the body says. Raises TooManyRequests."""
    try:
        authenticator.refuse_throttled(username, address)
    except TooManyRequests:
        await asyncio.sleep(REFUSED_SECONDS)
        raise


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).rstrip("/")
