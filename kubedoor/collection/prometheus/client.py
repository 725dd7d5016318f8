"""HTTP client for Prometheus, Thanos, Mimir and VictoriaMetrics: the only module that imports `requests`.

Streams responses and translates every failure into a PrometheusError whose message says what to do. It refuses to pass
on messages of `requests`, because they can quote a header or an address with a password.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import requests

from kubedoor.collection.prometheus.access import Access
from kubedoor.collection.prometheus.failures import is_too_large, wrapped_errors
from kubedoor.collection.prometheus.json_stream import QueryResult
from kubedoor.errors import (
    PrometheusError,
    PrometheusNotUnderstood,
    PrometheusRefused,
    PrometheusUnreachable,
    QueryTooLarge,
)

RETRY_PAUSES_SECONDS = (1.0, 4.0)
"""Backoff before the second and the third attempt; the third is the last."""
MAX_TIMEOUTS_PER_ANSWER = 5
"""Limit for a whole response, as a multiple of `timeout_seconds`, which only limits each wait for bytes."""
MAX_METADATA_BYTES = 32 * 2**20
_CHUNK_BYTES = 256 * 1024
_QUERY_SHARE_OF_TIMEOUT = 0.9
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_MAX_QUOTED_CHARACTERS = 300


class PrometheusClient:
    """Client of one Prometheus. The session is opened by the first request, so the process may fork before.

    `url` may have a path (`/select/0/prometheus`) and credentials. Of bearer token, token file and user name the first
    one set is used. Raises InvalidInput for settings that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        bearer_token: str = "",
        bearer_token_file: str = "",
        username: str = "",
        password: str = "",
        headers: Mapping[str, str] | None = None,
        ca_file: str = "",
        timeout_seconds: float = 120,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = Access.checked(
            url,
            bearer_token=bearer_token,
            bearer_token_file=bearer_token_file,
            username=username,
            password=password,
            headers=headers,
        )
        self.address = self._access.address
        self._ca_file = ca_file
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._session: requests.Session | None = None

    @contextmanager
    def query(self, promql: str, *, time: float | None = None) -> Iterator[QueryResult]:
        """An instant query at `time` (unix seconds; None: the server's clock). Read it inside the `with` block."""
        form = {"query": promql} if time is None else {"query": promql, "time": f"{time:.3f}"}
        with self._stream("query", form) as answer:
            yield answer

    @contextmanager
    def query_range(self, promql: str, *, start: int, end: int, step_seconds: int) -> Iterator[QueryResult]:
        """A range query; `start` and `end` are unix seconds and inclusive. Read it inside the `with` block."""
        form = {"query": promql, "start": str(start), "end": str(end), "step": str(step_seconds)}
        with self._stream("query_range", form) as answer:
            yield answer

    def label_values(self, label: str, *, match: str, start: int, end: int) -> list[str]:
        """The values of `label` in the series that `match` selects; `start` and `end` are unix seconds."""
        parameters = {"match[]": match, "start": str(start), "end": str(end)}
        values = self._get(f"label/{label}/values", parameters)
        if not isinstance(values, list):
            raise PrometheusNotUnderstood(f"{self.address} gives no list of the values of the label {label}")
        return [str(value) for value in values]

    def version(self) -> str:
        """Empty if the server does not have the endpoint."""
        try:
            build = self._get("status/buildinfo", {})
        except PrometheusNotUnderstood:
            return ""
        return str(build.get("version", "")) if isinstance(build, dict) else ""

    def close(self) -> None:
        """Close the session. The next request opens a new one."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _stream(self, endpoint: str, form: Mapping[str, str]) -> Iterator[QueryResult]:
        # With a timeout below ours, Prometheus stops the query and reports it, instead of working on after we hung up.
        query_seconds = max(int(self._timeout_seconds * _QUERY_SHARE_OF_TIMEOUT), 1)
        with self._successful_response("POST", endpoint, {**form, "timeout": f"{query_seconds}s"}) as response:
            yield QueryResult(self._chunks(response))

    def _get(self, endpoint: str, parameters: Mapping[str, str]) -> Any:
        body = bytearray()
        with self._successful_response("GET", endpoint, parameters) as response:
            for chunk in self._chunks(response):
                body += chunk
                if len(body) > MAX_METADATA_BYTES:
                    raise PrometheusNotUnderstood(f"{self.address} answers {endpoint} with more than 32 MiB")
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise PrometheusNotUnderstood(f"{self.address} does not answer {endpoint} as Prometheus does") from error

    @contextmanager
    def _successful_response(
        self, method: str, endpoint: str, fields: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        """A response with status 200, after retries. Errors inside the `with` block are translated too."""
        pauses = iter(RETRY_PAUSES_SECONDS)
        while True:
            with self._translated_errors(), self._send(method, endpoint, fields) as response:
                if response.status_code == 200:
                    self._reject_html(response)
                    yield response
                    return
                error = self._status_error(response)
            pause = next(pauses, None)
            if pause is None or not isinstance(error, PrometheusUnreachable):
                raise error
            self._sleep(pause)

    def _send(self, method: str, endpoint: str, fields: Mapping[str, str]) -> requests.Response:
        return self._open_session().request(
            method,
            f"{self.address}/api/v1/{endpoint}",
            data=fields if method == "POST" else None,
            params=fields if method == "GET" else None,
            # A redirect would turn the POST into a GET without its query, and could lead to a log-in page.
            allow_redirects=False,
            stream=True,
            timeout=self._timeout_seconds,
            # Set per request: in the session, REQUESTS_CA_BUNDLE would override it.
            verify=self._ca_file or None,
        )

    def _open_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                _check_ca_file(self._ca_file)
                self._session = requests.Session()
                # Always set, even without credentials; otherwise `requests` reads them from a netrc file.
                self._session.auth = self._authorize
                self._session.headers.update(self._access.headers)
            return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if authorization := self._access.authorization():
            request.headers["Authorization"] = authorization
        return request

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        deadline = self._clock() + MAX_TIMEOUTS_PER_ANSWER * self._timeout_seconds
        for chunk in response.iter_content(_CHUNK_BYTES):
            yield chunk
            if self._clock() > deadline:
                raise PrometheusUnreachable(
                    f"{self.address} sent its answer for more than {MAX_TIMEOUTS_PER_ANSWER * self._timeout_seconds:g}"
                    " seconds and was not done"
                )

    def _reject_html(self, response: requests.Response) -> None:
        if "html" in response.headers.get("Content-Type", ""):
            raise PrometheusNotUnderstood(
                f"{self.address} answers with a web page, not with JSON: the address is of something else, or behind a"
                " log-in"
            )

    def _status_error(self, response: requests.Response) -> PrometheusError:
        """The error for a status other than 200."""
        status = response.status_code
        if status in (401, 403, 407):
            return PrometheusRefused(f"{self.address} refuses the credentials ({status}): check token, user and tenant")
        if status in range(300, 400):
            return PrometheusNotUnderstood(
                f"{self.address} redirects elsewhere ({status}): set the final address, without a log-in page before it"
            )
        kind, text = _error_fields(response)
        message = f"{self.address} answers {status}" + (f": {text}" if text else "")
        if is_too_large(status, kind, text):
            return QueryTooLarge(message)
        if status in _RETRIED_STATUSES:
            return PrometheusUnreachable(f"{message}, after {len(RETRY_PAUSES_SECONDS) + 1} attempts")
        if status == 404:
            message += ": is the path right? VictoriaMetrics clusters need /select/0/prometheus, Mimir /prometheus"
        return PrometheusNotUnderstood(message)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except requests.exceptions.ContentDecodingError as error:
            raise PrometheusNotUnderstood(f"{self.address} sends an answer that cannot be decompressed") from error
        except requests.RequestException as error:
            raise PrometheusUnreachable(f"{self.address} {self._describe(error)}") from error

    def _describe(self, error: requests.RequestException) -> str:
        causes = {type(cause).__name__ for cause in wrapped_errors(error)}
        if isinstance(error, requests.exceptions.ProxyError):
            return "cannot be reached through the proxy that the environment names (HTTPS_PROXY, NO_PROXY)"
        if "SSLCertVerificationError" in causes:
            return "shows a certificate that is not trusted or not its own: set the CA file that signed it"
        if isinstance(error, requests.exceptions.SSLError):
            return "does not speak TLS with KubeDoor: is its address an http:// one?"
        if isinstance(error, requests.exceptions.Timeout) or "ReadTimeoutError" in causes:
            return f"does not answer within {self._timeout_seconds:g} seconds"
        if "NameResolutionError" in causes:
            return "cannot be found: its host name is not known here"
        if "ConnectionRefusedError" in causes:
            return "refuses the connection: nothing listens there"
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return "broke the connection in the middle of its answer"
        return "cannot be reached"


def _check_ca_file(ca_file: str) -> None:
    """Without this check, `requests` would report an unusable CA file as an unreachable server."""
    if not ca_file:
        return
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise PrometheusUnreachable(f"the CA file {ca_file} cannot be read as certificates") from error


def _error_fields(response: requests.Response) -> tuple[str, str]:
    """(`errorType`, shortened `error`) of Prometheus' JSON; both empty for any other body."""
    body = next(response.iter_content(_CHUNK_BYTES), b"")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    text = " ".join(str(answer.get("error", "")).split())
    return str(answer.get("errorType", "")), text[:_MAX_QUOTED_CHARACTERS]
