"""How a command reaches the API: over HTTP, or the application itself inside this process."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

import typer

from kubedoor.config import settings
from kubedoor.config.settings import Settings
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.identity.sessions import COMMAND_LINE, LOCAL_LOGIN, Login
from kubedoor.roles import Role
from kubedoor.store.people import User

PREFIX = "/api/v1"
ClusterOption = Annotated[str, typer.Option("--cluster", help="Which cluster; else the home cluster.")]
TIMEOUT_SECONDS = 120
IN_USE_HINT = "; if a KubeDoor runs on this data folder, set KUBEDOOR_API_URL and KUBEDOOR_API_TOKEN to talk to it"
Query = Mapping[str, Any]
Write = Callable[[bytes], object]


class ApiRefused(KubeDoorError):
    """What the API answered, with its own words, code and status."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "")), **dict(error.get("details") or {}))
        self.status = status
        self.code = str(error.get("code", "unknown"))


class ApiUnreachable(KubeDoorError):
    status = 502
    code = "api_unreachable"


class Api(Protocol):
    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        """Send a request; the answer's body goes to `write` piece by piece. The answer's status."""
        ...


class Access:
    """The API of a command, opened by its first call."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._api: Api | None = None
        self._cluster = ""

    def about(self, cluster: str) -> Access:
        """Itself; every question is about this cluster from now on. Empty: about the home cluster."""
        self._cluster = cluster
        return self

    @property
    def settings(self) -> Settings:
        return settings.load(os.environ)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer; None when there is none. Raises ApiRefused or ApiUnreachable."""
        answer = bytearray()
        data = b"" if body is None else json.dumps(body).encode()
        self._send(method, path, data, "application/json", query, answer.extend)
        return json.loads(bytes(answer)) if answer else None

    def upload(self, path: str, data: bytes, content_type: str, **query: Any) -> Any:
        """POST of something that is not JSON; the JSON answer."""
        answer = bytearray()
        self._send("POST", path, data, content_type, query, answer.extend)
        return json.loads(bytes(answer))

    def download(self, path: str, write: Write, **query: Any) -> None:
        """The answer as it comes, however long it is."""
        self._send("GET", path, b"", "", query, write)

    def _send(self, method: str, path: str, data: bytes, content_type: str, query: Query, write: Write) -> None:
        words = {name: value for name, value in {"cluster": self._cluster, **query}.items() if value not in (None, "")}
        address = f"{PREFIX}{path}" + (f"?{urlencode(words)}" if words else "")
        refusal = bytearray()
        status = self._opened().send(method, address, data, content_type, _Sorted(write, refusal.extend))
        if status >= 400:
            error = dict(_error_of(bytes(refusal), status))
            if error.get("code") == "store" and isinstance(self._api, Local):
                error["message"] = f"{error['message']}{self._api.hint}"
            raise ApiRefused(status, error)

    def _opened(self) -> Api:
        if self._api is None:
            config = self.settings
            url = self._url or config.api_url
            if url and not (self._token or config.api_token):
                raise SettingsError(
                    "no token",
                    problems=["an API token is needed: --token, or KUBEDOOR_API_TOKEN; make one on the page of people"],
                )
            self._api = Remote(url, self._token or config.api_token, config.api_ca_file) if url else Local(config)
        return self._api


class _Sorted:
    """Sends the body of a good answer one way and that of a refusal another; `status` is set before the body comes."""

    def __init__(self, good: Write, bad: Write) -> None:
        self.status = 0
        self._good, self._bad = good, bad

    def __call__(self, piece: bytes) -> None:
        (self._bad if self.status >= 400 else self._good)(piece)


def _error_of(body: bytes, status: int) -> Mapping[str, Any]:
    with suppress(ValueError, KeyError, TypeError):
        found: Mapping[str, Any] = json.loads(body)["error"]
        return found
    return {"message": f"the API answered {status} and no words that KubeDoor would use"}


class Remote:
    def __init__(self, url: str, token: str, ca_file: str) -> None:
        if not url.startswith(("http://", "https://")):
            problem = "--url must begin with http:// or https://"
            raise SettingsError(problem, problems=[problem])
        self._url = url.rstrip("/")
        self._token = token
        self._context = ssl.create_default_context(cafile=ca_file or None) if url.startswith("https") else None

    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self._url + path, data=body or None, headers=headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._context) as answer:  # noqa: S310
                while piece := answer.read(65536):
                    write(piece)
                return int(answer.status)
        except urllib.error.HTTPError as error:
            if isinstance(write, _Sorted):
                write.status = error.code
            write(error.read())
            return error.code
        except (urllib.error.URLError, OSError) as error:
            raise ApiUnreachable(f"KubeDoor at {self._url} cannot be reached: {error}") from error


class Local:
    """The API's own application in this process, for somebody who holds the store anyway: an admin by name of the account."""

    def __init__(self, config: Settings) -> None:
        from kubedoor.runtime.serving import load_function

        # The application would log to standard output, where the answer goes; its clock is for those who stay.
        os.environ["KUBEDOOR_LOG_LEVEL"] = "error"
        os.environ["KUBEDOOR_CLOCK_SECONDS"] = "0"
        self._app = load_function("api")
        self._runner = asyncio.Runner()
        now = datetime.now(UTC)
        user = User(getpass.getuser(), Role.ADMIN, "", must_change_password=False, sessions_valid_from=now)
        self._login = Login(user, now + timedelta(days=1), COMMAND_LINE)
        self.hint = IN_USE_HINT if config.is_embedded else ""

    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        return self._runner.run(self._send(method, path, body, content_type, write))

    async def _send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        place, _, query = path.partition("?")
        headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
        if body:
            headers.append((b"content-type", content_type.encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": place,
            "raw_path": place.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": ("localhost", 80),
            LOCAL_LOGIN: self._login,
        }
        status = 0

        pieces = iter([body])

        async def receive() -> MutableMapping[str, Any]:
            if next(pieces, None) is None:
                # Nobody hangs up here: whoever waits for that waits until the answer is through.
                await asyncio.Event().wait()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                if isinstance(write, _Sorted):
                    write.status = status
            elif piece := message.get("body", b""):
                write(piece)

        await self._app(scope, receive, send)
        return status
