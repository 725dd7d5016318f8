"""Sends a command's requests to the API: over HTTP, or to the API application inside this process.

Without a URL the command needs access to the store of the settings; it then acts as an admin.
"""

from __future__ import annotations

import asyncio
import getpass
import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode, urlsplit

import typer

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.redirects import is_redirect, open_without_redirects, target_of
from kubedoor.roles import Role

PREFIX = "/api/v1"
ClusterOption = Annotated[str, typer.Option("--cluster", help="Which cluster; else the home cluster.")]
TIMEOUT_SECONDS = 120
IN_USE_HINT = "; if a KubeDoor runs on this data folder, set KUBEDOOR_API_URL and KUBEDOOR_API_TOKEN to talk to it"
_IS_IT_KUBEDOOR = "--url must be KubeDoor's own address, with https if it has TLS, and without a log-in page in front"
Query = Mapping[str, Any]
Write = Callable[[bytes], object]


class ApiRefused(KubeDoorError):
    """The API answered with an error: its message, details, code and status."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "")), **dict(error.get("details") or {}))
        self.status = status
        self.code = str(error.get("code", "unknown"))


class ApiUnreachable(KubeDoorError):
    status = 502
    code = "api_unreachable"


class Transport(Protocol):
    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        """Send a request, pass the response body to `write` in chunks, and return the status."""
        ...


class ApiClient:
    """The API of one command. The transport is created by the first request."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._transport: Transport | None = None
        self._cluster = ""

    def for_cluster(self, cluster: str) -> ApiClient:
        """Send all further requests for this cluster (empty: the home cluster). Returns the client itself."""
        self._cluster = cluster
        return self

    @property
    def settings(self) -> ClusterSettings:
        return clusters.load(os.environ)

    @property
    def url(self) -> str:
        """Of the KubeDoor that is called; empty: the application inside this process."""
        return self._url or self.settings.home.api_url

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON response; None if it is empty. Raises ApiRefused or ApiUnreachable."""
        response = bytearray()
        data = b"" if body is None else json.dumps(body).encode()
        self._send(method, path, data, "application/json", query, response.extend)
        return _parse(response) if response else None

    def upload(self, path: str, data: bytes, content_type: str, **query: Any) -> Any:
        """POST a body that is not JSON; returns the JSON response."""
        response = bytearray()
        self._send("POST", path, data, content_type, query, response.extend)
        return _parse(response)

    def download(self, path: str, write: Write, **query: Any) -> None:
        """Stream the response body to `write`, whatever its length."""
        self._send("GET", path, b"", "", query, write)

    def _send(self, method: str, path: str, data: bytes, content_type: str, query: Query, write: Write) -> None:
        parameters = {
            name: value for name, value in {"cluster": self._cluster, **query}.items() if value not in (None, "")
        }
        address = f"{PREFIX}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        error_body = bytearray()
        status = self._open().send(method, address, data, content_type, _BodyRouter(write, error_body.extend))
        if status >= 400:
            error = dict(_parse_error(bytes(error_body), status))
            if error.get("code") == "store" and isinstance(self._transport, InProcessTransport):
                error["message"] = f"{error['message']}{self._transport.hint}"
            raise ApiRefused(status, error)

    def _open(self) -> Transport:
        if self._transport is None:
            config = self.settings.home
            url = self._url or config.api_url
            if url and not (self._token or config.api_token):
                raise SettingsError(
                    "no token",
                    problems=["an API token is needed: --token, or KUBEDOOR_API_TOKEN; make one on the page of people"],
                )
            self._transport = (
                HttpTransport(url, self._token or config.api_token, config.api_ca_file)
                if url
                else InProcessTransport(config)
            )
        return self._transport


class _BodyRouter:
    """Passes a response body to `success` or `failure`. A transport sets `status` before the first chunk."""

    def __init__(self, success: Write, failure: Write) -> None:
        self.status = 0
        self._success, self._failure = success, failure

    def __call__(self, chunk: bytes) -> None:
        (self._failure if self.status >= 400 else self._success)(chunk)


def _parse(body: bytearray) -> Any:
    try:
        return json.loads(bytes(body))
    except ValueError as error:
        raise ApiUnreachable("the answer is not KubeDoor's: it is no JSON, or only the beginning of one") from error


def _parse_error(body: bytes, status: int) -> Mapping[str, Any]:
    with suppress(ValueError, KeyError, TypeError):
        error: Mapping[str, Any] = json.loads(body)["error"]
        return error
    return {"message": f"the API answered {status} without a KubeDoor error message"}


class HttpTransport:
    def __init__(self, url: str, token: str, ca_file: str) -> None:
        if problem := _unusable(url, token):
            raise SettingsError(problem, problems=[problem])
        self._url = url.rstrip("/")
        self._token = token
        try:
            self._context = ssl.create_default_context(cafile=ca_file or None) if url.startswith("https") else None
        except OSError as error:
            problem = f"KUBEDOOR_API_CA_FILE: {ca_file} has no certificates"
            raise SettingsError(problem, problems=[problem]) from error

    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self._url + path, data=body or None, headers=headers, method=method)  # noqa: S310
        try:
            with open_without_redirects(request, timeout_seconds=TIMEOUT_SECONDS, context=self._context) as response:
                if response.headers.get_content_type() == "text/html":
                    raise ApiUnreachable(f"{self._url} answers with a web page: {_IS_IT_KUBEDOOR}")
                while chunk := response.read(65536):
                    write(chunk)
                if response.length:
                    # What `read` of a part does not raise by itself.
                    raise http.client.IncompleteRead(b"", response.length)
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error, write)
        except http.client.HTTPException as error:
            raise ApiUnreachable(f"the answer of KubeDoor at {self._url} broke off: {type(error).__name__}") from error
        except OSError as error:
            raise ApiUnreachable(f"KubeDoor at {self._url} cannot be reached: {error}") from error

    def _refused(self, error: urllib.error.HTTPError, write: Write) -> int:
        if is_redirect(error):
            raise ApiUnreachable(
                f"{self._url} redirects to {target_of(error)}, where the token is not sent: {_IS_IT_KUBEDOOR}"
            ) from error
        if isinstance(write, _BodyRouter):
            write.status = error.code
        write(error.read())
        return error.code


def _unusable(url: str, token: str) -> str:
    """Why no request can be sent; empty: it can. Repeats neither, for either may have a secret."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "--url is no URL: look at its host and its port"
    if parts.scheme not in ("http", "https") or not has_host:
        return "--url must begin with http:// or https://"
    if "@" in parts.netloc:
        return "--url has a user or a password: leave them out, an API token is enough"
    return "" if token.isascii() and token.isprintable() else "the API token has characters that no header can carry"


def account() -> str:
    """The operating system's account that runs the command; in a container its number, which has no name there."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


class InProcessTransport:
    """Calls the API application inside this process, as an admin with the name of the operating system's account.

    This grants nothing new: whoever runs it can already read and write the store.
    """

    def __init__(self, config: Settings) -> None:
        from kubedoor.identity.authentication import COMMAND_LINE, LOCAL_LOGIN, Login
        from kubedoor.runtime.serving import load_function
        from kubedoor.runtime.startup import check_sources
        from kubedoor.store.users import User

        # The API would answer that its log has the problems; here they are to be said.
        check_sources(clusters.load(os.environ))
        # Standard output is for results, so no logs; the process is too short for jobs on a timer.
        os.environ["KUBEDOOR_LOG_LEVEL"] = "error"
        os.environ["KUBEDOOR_CLOCK_SECONDS"] = "0"
        self._app = load_function("api")
        self._runner = asyncio.Runner()
        now = datetime.now(UTC)
        user = User(account(), Role.ADMIN, "", must_change_password=False, sessions_valid_from=now)
        self._login = {LOCAL_LOGIN: Login(user, now + timedelta(days=1), COMMAND_LINE)}
        self.hint = IN_USE_HINT if config.is_embedded else ""

    def send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        return self._runner.run(self._send(method, path, body, content_type, write))

    async def _send(self, method: str, path: str, body: bytes, content_type: str, write: Write) -> int:
        path, _, query = path.partition("?")
        headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
        if body:
            headers.append((b"content-type", content_type.encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": ("localhost", 80),
            **self._login,
        }
        status = 0
        chunks = iter([body])

        async def receive() -> MutableMapping[str, Any]:
            if next(chunks, None) is None:
                # This client never disconnects, so who waits for `http.disconnect` waits until the task is cancelled.
                await asyncio.Event().wait()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                if isinstance(write, _BodyRouter):
                    write.status = status
            elif chunk := message.get("body", b""):
                write(chunk)

        await self._app(scope, receive, send)
        return status
