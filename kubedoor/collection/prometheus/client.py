"""HTTP client for Prometheus, Thanos, Mimir and VictoriaMetrics: the only module that imports `requests`.

Streams responses and translates every failure into a PrometheusError whose message says what to do. It refuses to pass
on messages of `requests`, because they can quote a header or an address with a password.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kubedoor.collection.prometheus.access import Access, check_ca_file
from kubedoor.collection.prometheus.error_answers import MAX_ERROR_BYTES, ErrorAnswer
from kubedoor.collection.prometheus.failures import (
    BROKEN_CONNECTIONS,
    AnswerCut,
    ConnectionBroken,
    GatewayTimeout,
    ServerBusy,
    StoresAway,
    wrapped_errors,
)
from kubedoor.collection.prometheus.json_stream import QueryResult
from kubedoor.collection.prometheus.retries import Retries
from kubedoor.errors import PrometheusError, PrometheusNotUnderstood, PrometheusUnreachable
from kubedoor.sentences import Sentence, sentence

if TYPE_CHECKING:
    import requests

Read = TypeVar("Read")
MAX_TIMEOUTS_PER_ANSWER = 5
"""Limit for a whole response, as a multiple of `timeout_seconds`, which only limits each wait for bytes."""
MAX_METADATA_BYTES = 32 * 2**20
_CHUNK_BYTES = 256 * 1024
_QUERY_SHARE_OF_TIMEOUT = 0.9
_RETRIED = (ServerBusy, StoresAway, GatewayTimeout)
_WHOLE_ANSWERS = {"partial_response": "false", "deny_partial_response": "1"}
"""Thanos' field and VictoriaMetrics': an answer without the data of a server that is away is an error. Others ignore them."""
_PARTIAL_ANSWERS = {"partial_response": "true", "deny_partial_response": "0"}


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
        self._partial_fields: Mapping[str, str] = _WHOLE_ANSWERS
        self.allows_partial = False
        """Whether answers may lack the data of a server that is away; such an answer says so."""

    def allowing_partial(self) -> PrometheusClient:
        """The same client, for the answers that are still to be had while some of the servers behind are away."""
        other = copy.copy(self)
        other._partial_fields = _PARTIAL_ANSWERS
        other.allows_partial = True
        return other

    def repeat(self, read: Callable[[], Read]) -> Read:
        """`read()`, again from its beginning if its connection is refused or breaks, or its answer is cut short.

        A few times, within MAX_RETRY_SECONDS. `read` must not add to what an earlier, broken run of it has left.
        """
        retries = Retries(sleep=self._sleep, clock=self._clock)
        while True:
            try:
                return read()
            except (ConnectionBroken, AnswerCut):
                if not retries.wait():
                    raise

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
            raise PrometheusNotUnderstood(sentence("prometheus.no_label_values", address=self.address, label=label))
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
            yield QueryResult(self._chunks(response), has_curves=endpoint == "query_range")

    def _get(self, endpoint: str, parameters: Mapping[str, str]) -> Any:
        body = bytearray()
        with self._successful_response("GET", endpoint, parameters) as response:
            for chunk in self._chunks(response):
                body += chunk
                if len(body) > MAX_METADATA_BYTES:
                    message = sentence("prometheus.too_long_metadata", address=self.address, endpoint=endpoint)
                    raise PrometheusNotUnderstood(message)
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            message = sentence("prometheus.not_prometheus", address=self.address, endpoint=endpoint)
            raise PrometheusNotUnderstood(message) from error

    @contextmanager
    def _successful_response(
        self, method: str, endpoint: str, fields: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        """A response with status 200, after retries. Errors inside the `with` block are translated too."""
        retries = Retries(sleep=self._sleep, clock=self._clock)
        while True:
            partial_fields = self._partial_fields
            with self._translated_errors(), self._send(method, endpoint, {**fields, **partial_fields}) as response:
                if response.status_code == 200:
                    self._reject_html(response)
                    yield response
                    return
                answer = self._error_answer(response, fields)
            if partial_fields and any(map(answer.refuses_field, partial_fields)):
                self._partial_fields = {}
                continue
            error = answer.error(self.address)
            if not isinstance(error, _RETRIED) or not retries.wait(at_least=answer.retry_after_seconds):
                raise _after(error, retries.attempts)

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
        # Imported by the first request: what asks no Prometheus does not wait for it.
        import requests

        with self._lock:
            if self._session is None:
                check_ca_file(self._ca_file)
                self._session = requests.Session()
                # Always set, even without credentials; otherwise `requests` reads them from a netrc file.
                self._session.auth = self._authorize
                if self.address.startswith("http://"):
                    # Inside a cluster the network is faster than gzip, which also takes the server's time.
                    self._session.headers["Accept-Encoding"] = "identity"
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
                seconds = MAX_TIMEOUTS_PER_ANSWER * self._timeout_seconds
                raise PrometheusUnreachable(sentence("prometheus.endless", address=self.address, seconds=seconds))

    def _reject_html(self, response: requests.Response) -> None:
        if "html" in response.headers.get("Content-Type", ""):
            raise PrometheusNotUnderstood(sentence("prometheus.web_page", address=self.address))

    def _error_answer(self, response: requests.Response, fields: Mapping[str, str]) -> ErrorAnswer:
        body = b""
        for chunk in response.iter_content(MAX_ERROR_BYTES):
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
        return ErrorAnswer.parsed(
            response.status_code,
            body,
            content_type=response.headers.get("Content-Type", ""),
            query=fields.get("query", ""),
            retry_after=response.headers.get("Retry-After", ""),
            now=time.time(),
        )

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        import requests

        try:
            yield
        except requests.exceptions.ContentDecodingError as error:
            raise PrometheusNotUnderstood(sentence("prometheus.not_decompressed", address=self.address)) from error
        except requests.RequestException as error:
            causes = {type(cause).__name__ for cause in wrapped_errors(error)}
            raise _connection_error(error, causes)(self._described(error, causes)) from error

    def _described(self, error: requests.RequestException, causes: Collection[str]) -> Sentence:
        from requests import exceptions

        address, seconds = self.address, self._timeout_seconds
        if isinstance(error, exceptions.ProxyError):
            return sentence("prometheus.proxy", address=address)
        if "SSLCertVerificationError" in causes:
            return sentence("prometheus.certificate", address=address)
        if isinstance(error, exceptions.SSLError):
            return sentence("prometheus.no_tls", address=address)
        if isinstance(error, exceptions.Timeout) or "ReadTimeoutError" in causes:
            return sentence("prometheus.slow", address=address, seconds=seconds)
        if "NameResolutionError" in causes:
            return sentence("prometheus.unknown_host", address=address)
        if "ConnectionRefusedError" in causes:
            return sentence("prometheus.nothing_listens", address=address)
        if isinstance(error, exceptions.ChunkedEncodingError):
            return sentence("prometheus.broke_off", address=address)
        return sentence("prometheus.unreachable", address=address)


def _after(error: PrometheusError, attempts: int) -> PrometheusError:
    if attempts == 1:
        return error
    return type(error)(sentence("prometheus.after_attempts", error=error.message, attempts=attempts))


def _connection_error(error: requests.RequestException, causes: Collection[str]) -> type[PrometheusUnreachable]:
    """ConnectionBroken if another attempt may succeed. A timeout, a proxy and a certificate stay what they are."""
    from requests import exceptions

    is_lasting = isinstance(error, exceptions.ProxyError | exceptions.SSLError)
    is_slow = isinstance(error, exceptions.Timeout) or "ReadTimeoutError" in causes
    return (
        ConnectionBroken
        if not (is_lasting or is_slow) and BROKEN_CONNECTIONS.intersection(causes)
        else PrometheusUnreachable
    )
