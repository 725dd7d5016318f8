"""Prometheus over HTTP: the only module that imports `requests`.

It speaks to Prometheus, Thanos, Mimir and VictoriaMetrics alike, streams what they answer, and says in KubeDoor's own
errors what went wrong, for the person who has to act. No message holds a credential: texts of `requests`, which can
quote a header or an address with a password in it, are never passed on.
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
from kubedoor.collection.prometheus.json_stream import Answer
from kubedoor.errors import (
    PrometheusError,
    PrometheusNotUnderstood,
    PrometheusRefused,
    PrometheusUnreachable,
    QueryTooLarge,
)

RETRY_PAUSES_SECONDS = (1.0, 4.0)
"""Before the second and the third attempt; there is no fourth."""
LONGEST_ANSWER_TIMEOUTS = 5
"""`timeout_seconds` bounds each wait for bytes; this many of them bound a whole answer that arrives in crumbs."""
LARGEST_SMALL_ANSWER_BYTES = 32 * 2**20
_CHUNK_BYTES = 256 * 1024
_SHARE_OF_TIMEOUT_FOR_THE_QUERY = 0.9
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_LONGEST_QUOTE_CHARACTERS = 300
# What Prometheus, Thanos, Mimir and VictoriaMetrics say of a question that is too large, whatever the status.
_TOO_LARGE_WORDS = (
    "too many samples",
    "maximum resolution of 11,000 points",
    "too many points",
    "maximum number of",
    "more than -search.max",
    "memory limit",
    "query timed out",
    "timeout exceeded",
    "expanding series: context deadline exceeded",
)


class PrometheusClient:
    """Questions to one Prometheus. The session is opened at the first one, so that a server may fork before.

    `url` may have a path (`/select/0/prometheus`) and credentials; at most one of bearer token, token file and user
    name is used, in this order. Raises InvalidInput for what could never be sent.
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
    def query(self, promql: str, *, time: float | None = None) -> Iterator[Answer]:
        """An instant query; None: at the server's now. The answer can be read inside the `with` block only."""
        form = {"query": promql} if time is None else {"query": promql, "time": f"{time:.3f}"}
        with self._stream("query", form) as answer:
            yield answer

    @contextmanager
    def query_range(self, promql: str, *, start: int, end: int, step_seconds: int) -> Iterator[Answer]:
        """Both ends included; unix seconds."""
        form = {"query": promql, "start": str(start), "end": str(end), "step": str(step_seconds)}
        with self._stream("query_range", form) as answer:
            yield answer

    def label_values(self, label: str, *, match: str, start: int, end: int) -> list[str]:
        """Those of the series that `match` selects; raises PrometheusNotUnderstood when there is no list."""
        question = {"match[]": match, "start": str(start), "end": str(end)}
        values = self._get(f"label/{label}/values", question)
        if not isinstance(values, list):
            raise PrometheusNotUnderstood(f"{self.address} gives no list of the values of the label {label}")
        return [str(value) for value in values]

    def version(self) -> str:
        """What the server says of itself; empty where it does not have the endpoint."""
        try:
            build = self._get("status/buildinfo", {})
        except PrometheusNotUnderstood:
            return ""
        return str(build.get("version", "")) if isinstance(build, dict) else ""

    def close(self) -> None:
        """A closed client opens a new session when it is asked again."""
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
    def _stream(self, endpoint: str, form: Mapping[str, str]) -> Iterator[Answer]:
        # Prometheus then gives up before we do, and says so, instead of working on for nobody.
        query_seconds = max(int(self._timeout_seconds * _SHARE_OF_TIMEOUT_FOR_THE_QUERY), 1)
        with self._answered("POST", endpoint, {**form, "timeout": f"{query_seconds}s"}) as response:
            yield Answer(self._chunks(response))

    def _get(self, endpoint: str, question: Mapping[str, str]) -> Any:
        body = bytearray()
        with self._answered("GET", endpoint, question) as response:
            for chunk in self._chunks(response):
                body += chunk
                if len(body) > LARGEST_SMALL_ANSWER_BYTES:
                    raise PrometheusNotUnderstood(f"{self.address} answers {endpoint} with more than 32 MiB")
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise PrometheusNotUnderstood(f"{self.address} does not answer {endpoint} as Prometheus does") from error

    @contextmanager
    def _answered(self, method: str, endpoint: str, fields: Mapping[str, str]) -> Iterator[requests.Response]:
        """A response with status 200, or one of our errors; also for what breaks while it is read."""
        pauses = iter(RETRY_PAUSES_SECONDS)
        while True:
            with self._translated(), self._send(method, endpoint, fields) as response:
                if response.status_code == 200:
                    self._refuse_foreign(response)
                    yield response
                    return
                error = self._error_of(response)
            pause = next(pauses, None)
            if pause is None or not isinstance(error, PrometheusUnreachable):
                raise error
            self._sleep(pause)

    def _send(self, method: str, endpoint: str, fields: Mapping[str, str]) -> requests.Response:
        return self._opened_session().request(
            method,
            f"{self.address}/api/v1/{endpoint}",
            data=fields if method == "POST" else None,
            params=fields if method == "GET" else None,
            # A redirect would turn the POST into a GET without its question, and could lead to a log-in page.
            allow_redirects=False,
            stream=True,
            timeout=self._timeout_seconds,
            # Said here and not in the session, where REQUESTS_CA_BUNDLE would win over it.
            verify=self._ca_file or None,
        )

    def _opened_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                _check_ca_file(self._ca_file)
                self._session = requests.Session()
                # In place also when there is nothing to say, or `requests` would look into a netrc file.
                self._session.auth = self._authorize
                self._session.headers.update(self._access.headers)
            return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if authorization := self._access.authorization():
            request.headers["Authorization"] = authorization
        return request

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        deadline = self._clock() + LONGEST_ANSWER_TIMEOUTS * self._timeout_seconds
        for chunk in response.iter_content(_CHUNK_BYTES):
            yield chunk
            if self._clock() > deadline:
                raise PrometheusUnreachable(
                    f"{self.address} sent its answer for more than {LONGEST_ANSWER_TIMEOUTS * self._timeout_seconds:g}"
                    " seconds and was not done"
                )

    def _refuse_foreign(self, response: requests.Response) -> None:
        if "html" in response.headers.get("Content-Type", ""):
            raise PrometheusNotUnderstood(
                f"{self.address} answers with a web page, not with JSON: the address is of something else, or behind a"
                " log-in"
            )

    def _error_of(self, response: requests.Response) -> PrometheusError:
        """What a status other than 200 means."""
        status = response.status_code
        if status in (401, 403, 407):
            return PrometheusRefused(f"{self.address} refuses the credentials ({status}): check token, user and tenant")
        if status in range(300, 400):
            return PrometheusNotUnderstood(
                f"{self.address} redirects elsewhere ({status}): set the final address, without a log-in page before it"
            )
        kind, words = _words_of(response)
        said = f"{self.address} answers {status}" + (f": {words}" if words else "")
        if _is_too_large(status, kind, words):
            return QueryTooLarge(said)
        if status in _RETRIED_STATUSES:
            return PrometheusUnreachable(f"{said}, after {len(RETRY_PAUSES_SECONDS) + 1} attempts")
        if status == 404:
            said += ": is the path right? VictoriaMetrics clusters need /select/0/prometheus, Mimir /prometheus"
        return PrometheusNotUnderstood(said)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except requests.exceptions.ContentDecodingError as error:
            raise PrometheusNotUnderstood(f"{self.address} sends an answer that cannot be decompressed") from error
        except requests.RequestException as error:
            raise PrometheusUnreachable(f"{self.address} {self._trouble(error)}") from error

    def _trouble(self, error: requests.RequestException) -> str:
        causes = {type(cause).__name__ for cause in _causes(error)}
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
    """`requests` would say of a bad one, in one of three ways, that the server cannot be reached."""
    if not ca_file:
        return
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise PrometheusUnreachable(f"the CA file {ca_file} cannot be read as certificates") from error


def _words_of(response: requests.Response) -> tuple[str, str]:
    """(`errorType`, `error`) of Prometheus' own JSON, the latter shortened; both empty for anything else."""
    body = next(response.iter_content(_CHUNK_BYTES), b"")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    words = " ".join(str(answer.get("error", "")).split())
    return str(answer.get("errorType", "")), words[:_LONGEST_QUOTE_CHARACTERS]


def _is_too_large(status: int, kind: str, words: str) -> bool:
    """422 is any failure while a query runs: most are of size, and smaller pieces will repeat the others' words."""
    if status in (413, 422) or (status == 503 and kind == "timeout"):
        return True
    return any(sign in words.lower() for sign in _TOO_LARGE_WORDS)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps: `requests` and `urllib3` keep causes in args and in `reason`, too."""
    waiting: list[object] = [error]
    known: set[int] = set()
    while waiting:
        candidate = waiting.pop()
        if isinstance(candidate, BaseException) and id(candidate) not in known:
            known.add(id(candidate))
            yield candidate
            wrapped = getattr(candidate, "reason", None)
            waiting += [candidate.__cause__, candidate.__context__, wrapped, *candidate.args]
