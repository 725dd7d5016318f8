"""Classifies failed requests to Prometheus, and to what speaks its protocol, by status, error text and cause. Pure.

Every wording here is one of Prometheus, Thanos, Cortex, Mimir, Grafana Cloud, VictoriaMetrics, Google Managed Prometheus,
Amazon Managed Prometheus, Azure Monitor, or a gateway in front. A status alone says little: Mimir answers "too large" with
400, 422 and 500, Thanos with 200 and a warning, and VictoriaMetrics answers 422 for a storage node that is away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from kubedoor.errors import PrometheusNotUnderstood, PrometheusUnreachable, QueryTooLarge


class ConnectionBroken(PrometheusUnreachable):
    """No connection, or it ended before the answer did. The whole request may be repeated."""


class AnswerCut(PrometheusNotUnderstood):
    """The answer is complete HTTP but only the beginning of its JSON. The whole request may be repeated."""


class ServerBusy(PrometheusUnreachable):
    """Overloaded, starting, or a rate limit: the same request succeeds later."""


class StoresAway(PrometheusUnreachable):
    """Some of the servers behind are away, and the rest alone was not wanted."""


class GatewayTimeout(PrometheusUnreachable):
    """A gateway gave up waiting. The query is slow, or the server behind hangs."""


class AnswerLimited(QueryTooLarge):
    """The answer is a success with a warning that a limit left data out."""


class Failure(Enum):
    TOO_LARGE = "a smaller query may succeed"
    BUSY = "the same query succeeds later"
    STORES_AWAY = "some of the servers behind are away"
    SLOW = "a gateway gave up waiting"
    OTHER = "the same query fails again, and so does its half"


# What is counted or measured where a query is too large.
_AMOUNT = (
    r"(?:(?:time ?)?series|samples?|(?:data ?)?points|chunks?|bytes|[kmgt]i?b|postings|resolution|memory|lengths?|size|range"
    r"|rows|blocks|number of (?!retries|attempts)|data|duration|days|hours)"
)
_NOT_A_QUERY = re.compile(r"parse error|unknown function|unknown metric|parameter .* (?:is )?missing")
_BUSY = re.compile(
    r"rate.?limit|request.?rate|(?:requests|queries|calls) per|too many (?:outstanding |concurrent |in-flight )?(?:requests|queries)"
    r"|concurrent requests are executed|(?:number|limit) of concurrent|max.?concurren|concurrency|max.?queue|quota exceeded|exceed\w* .{0,40}quota|throttl"
    r"|overloaded|waiting for memory"
)
_TOO_LARGE = re.compile(
    rf"(?:larger|greater|bigger|longer|higher) than .{{0,20}}(?:max|limit|allowed|\d)"
    rf"|more than .{{0,40}}{_AMOUNT}"
    rf"|too (?:many|much) (?:\S+ ){{0,2}}{_AMOUNT}"
    r"|too (?:large|long|big|expensive|heavy|complex)"
    rf"|{_AMOUNT}\b.{{0,60}}(?<!deadline )(?<!deadline)exceed"
    rf"|exceed(?:s|ed|ing)?\b.{{0,80}}{_AMOUNT}"
    rf"|(?:hit|reach\w*|violat\w*|over|above) .{{0,60}}(?:max\w*|limit\w*)\b.{{0,20}}{_AMOUNT}"
    r"|exceed(?:s|ed|ing)?\b.{0,80}\blimits?\b|\blimits? (?:\w+ ){0,3}exceeded|max\w*per.?query"
    rf"|{_AMOUNT} limit|limit \S+ violated|hit the aggregated"
    rf"|max(?:imum)? (?:allowed )?(?:number|amount|{_AMOUNT})"
    r"|-search\.max|err-mimir-max-|not enough memory|out of memory|refusing to grant|truncated"
)
_CONNECTION = re.compile(
    r"code ?= ?unavailable|connection (?:refused|error|reset)|no such host|no route to host|i/o timeout|while dialing"
    r"|cannot dial|transport is closing|unexpected eof|broken pipe|unhealthy instances|live replicas|healthy replicas"
    r"|no ?store ?apis? matched|stores? .{0,40}(?:unavailable|not available|unhealthy)|cannot return full response"
    r"|(?:nodes?|replicas?|instances?) (?:is|are|was|were) (?:unavailable|not available)"
)
_TIMEOUT = re.compile(
    r"timed out|timeout (?:exceeded|reached)|(?:query|request) timeout|deadline ?exceeded|took too long"
)
_STORAGE = re.compile(r"vmstorage|store.?gateway|ingester")
_EXHAUSTED = re.compile(r"resource.?(?:is |are |has been )?exhausted")
BROKEN_CONNECTIONS = frozenset(
    {
        "ConnectionRefusedError",
        "ConnectionResetError",
        "ConnectionAbortedError",
        "BrokenPipeError",
        "RemoteDisconnected",
    }
    | {"NameResolutionError", "IncompleteRead", "ProtocolError"}
)
"""Causes after which the same request may succeed: a restart, a rollout, a name that is not resolved for a moment."""
_BUSY_STATUSES = frozenset({429, 502, 503})
_SLOW_STATUSES = frozenset({408, 504, 524})


def classify(status: int, kind: str, text: str) -> Failure:
    """`kind` and `text` are `errorType` and `error` of the answer, without the query that some servers quote.

    422 is any failure of a running query. Most are due to size; the others fail again when the query is split.
    """
    said = text.lower()
    if status == 413 or (status in (503, 504) and kind == "timeout"):
        return Failure.TOO_LARGE
    if _NOT_A_QUERY.search(said):
        return Failure.OTHER
    if failure := _by_text(status, said):
        return failure
    if _EXHAUSTED.search(f"{kind} {text}".lower()):
        return Failure.BUSY if status == 429 else Failure.TOO_LARGE
    if status == 422:
        return Failure.TOO_LARGE
    if status in _SLOW_STATUSES:
        return Failure.SLOW
    return Failure.BUSY if status in _BUSY_STATUSES else Failure.OTHER


def _by_text(status: int, said: str) -> Failure | None:
    """The order matters: a message may name a limit of requests, a storage node and the cause in it."""
    if _BUSY.search(said):
        return Failure.BUSY
    if _TOO_LARGE.search(said):
        return Failure.TOO_LARGE
    if _CONNECTION.search(said):
        return Failure.STORES_AWAY
    if _TIMEOUT.search(said):
        return Failure.SLOW if status in _SLOW_STATUSES else Failure.TOO_LARGE
    return Failure.STORES_AWAY if _STORAGE.search(said) and status >= 500 else None


def is_limit_warning(warning: str) -> bool:
    """Whether a warning of a successful answer says that a limit left data out."""
    return classify(200, "", warning) is Failure.TOO_LARGE


def wrapped_errors(error: BaseException) -> Iterator[BaseException]:
    """The error and every error it wraps; `requests` and `urllib3` also keep causes in `args` and `reason`."""
    waiting: list[object] = [error]
    known: set[int] = set()
    while waiting:
        candidate = waiting.pop()
        if isinstance(candidate, BaseException) and id(candidate) not in known:
            known.add(id(candidate))
            yield candidate
            wrapped = getattr(candidate, "reason", None)
            waiting += [candidate.__cause__, candidate.__context__, wrapped, *candidate.args]
