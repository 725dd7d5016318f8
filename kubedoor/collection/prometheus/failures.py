"""Classifies failed requests to Prometheus by status, error text and cause. Pure."""

from __future__ import annotations

from collections.abc import Iterator

# Error texts of Prometheus, Thanos, Mimir and VictoriaMetrics for a query that is too large, with any status.
_TOO_LARGE_PHRASES = (
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


def is_too_large(status: int, kind: str, text: str) -> bool:
    """422 is any failure of a running query. Most are due to size; the others fail again when the query is split."""
    if status in (413, 422) or (status == 503 and kind == "timeout"):
        return True
    return any(sign in text.lower() for sign in _TOO_LARGE_PHRASES)


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
