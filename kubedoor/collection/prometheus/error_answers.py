"""Answers with a status other than 200: what they say, and the error whose message says what to do. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from kubedoor.collection.prometheus.failures import Failure, GatewayTimeout, ServerBusy, StoresAway, classify
from kubedoor.errors import PrometheusError, PrometheusNotUnderstood, PrometheusRefused, QueryTooLarge
from kubedoor.sentences import Sentence, sentence

MAX_ERROR_BYTES = 64 * 1024
_HEAD_CHARACTERS = 220
_TAIL_CHARACTERS = 80
"""Servers written in Go put the cause last."""
_REFUSED_STATUSES = frozenset({401, 403, 407})

_SIGV4 = sentence("prometheus.amazon")
# What to put in front of hosted Prometheuses, by a pattern of the host.
_IN_FRONT = (
    (re.compile(r"^aps-workspaces.*\.amazonaws\.com(\.cn)?$"), _SIGV4),
    (re.compile(r"\.prometheus\.monitor\.azure\.(com|us|cn)$"), sentence("prometheus.azure")),
    (re.compile(r"^monitoring\.googleapis\.com$"), sentence("prometheus.google")),
)
_SIGV4_WORDS = re.compile(r"missing authentication ?token|sigv4|request signature|credential should be scoped|x-amz-")


@dataclass(frozen=True)
class ErrorAnswer:
    """`kind` is `errorType`, `text` the whole message without the query that some servers quote in it."""

    status: int
    kind: str = ""
    text: str = ""
    retry_after_seconds: float = 0.0

    @classmethod
    def parsed(cls, status: int, body: bytes, *, content_type: str, query: str, retry_after: str, now: float) -> Self:
        kind, text = _fields(body, content_type)
        for quoted in (query, query.replace("\\", "\\\\").replace('"', '\\"')):
            text = text.replace(quoted, "…") if quoted else text
        return cls(status, kind, " ".join(text.split()), _seconds(retry_after, now))

    def error(self, address: str) -> PrometheusError:
        """The error to raise; of class ServerBusy, StoresAway or GatewayTimeout if another attempt may succeed."""
        if self.status in _REFUSED_STATUSES:
            advice = self._advice(address)
            return PrometheusRefused(sentence("prometheus.refused", address=address, status=self.status, advice=advice))
        if self.status in range(300, 400):
            return PrometheusNotUnderstood(sentence("prometheus.redirects", address=address, status=self.status))
        message = sentence("prometheus.answers", address=address, status=self.status)
        if self.text:
            text = shortened(self.text)
            message = sentence("prometheus.answers_with", address=address, status=self.status, text=text)
        match classify(self.status, self.kind, self.text):
            case Failure.TOO_LARGE:
                return QueryTooLarge(message)
            case Failure.BUSY:
                return ServerBusy(message)
            case Failure.SLOW:
                return GatewayTimeout(message)
            case Failure.STORES_AWAY:
                return StoresAway(message)
        if self.status == 404:
            message = sentence("prometheus.not_found", answer=message)
        return PrometheusNotUnderstood(message)

    def refuses_field(self, name: str) -> bool:
        """Whether a form field of this name is what the server does not accept."""
        return self.status == 400 and name in self.text

    def _advice(self, address: str) -> Sentence:
        host = urlsplit(address).hostname or ""
        for pattern, advice in _IN_FRONT:
            if pattern.search(host):
                return advice
        return _SIGV4 if _SIGV4_WORDS.search(self.text.lower()) else sentence("prometheus.check_credentials")


def shortened(text: str) -> str:
    if len(text) <= _HEAD_CHARACTERS + _TAIL_CHARACTERS:
        return text
    return f"{text[:_HEAD_CHARACTERS]} … {text[-_TAIL_CHARACTERS:]}"


def _fields(body: bytes, content_type: str) -> tuple[str, str]:
    """(kind, text) of Prometheus' JSON, of the JSON of Google and Amazon, or of plain text; of a page nothing."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        is_page = "html" in content_type.lower() or body.lstrip().startswith(b"<")
        return "", "" if is_page else body.decode("utf-8", "replace")
    if isinstance(answer, list) and answer:
        answer = answer[0]  # Google's, from some of its front ends
    if not isinstance(answer, dict):
        return "", ""
    error: Any = answer.get("error") or answer.get("message") or answer.get("Message") or ""
    if isinstance(error, dict):
        return str(error.get("status") or error.get("code") or ""), str(error.get("message", ""))
    return str(answer.get("errorType", "")), str(error)


def _seconds(retry_after: str, now: float) -> float:
    """The header Retry-After, a number of seconds or a date, as seconds from `now` (unix seconds); 0 without one."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
