"""Streaming parser for Prometheus' JSON responses.

The curves of one day of 10,000 workloads are 150 MB of JSON and would be 2 GB of Python objects, so one series is
decoded at a time. Keys may come in any order: Prometheus sends `status` first and `warnings` last, VictoriaMetrics
sends `isPartial` in between, and neither guarantees it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kubedoor.collection.prometheus.failures import AnswerCut, Failure, classify, is_limit_warning
from kubedoor.errors import PrometheusNotUnderstood, QueryTooLarge
from kubedoor.sentences import sentence

MAX_VALUE_CHARACTERS = 64 * 2**20
"""Limit for one series or other value; far above the 11,000 points that Prometheus returns at most."""
MAX_ERROR_CHARACTERS = 300
_SPACE = " \t\n\r"
_EXCERPT_CHARACTERS = 60
_SERIES, _VALUES, _END_OF_SERIES = '{"metric":', ',"values":[[', "]]}"
"""How a series of a range query is written. None of them can be inside a string: there, quotes are escaped."""
_FLAT = {ord(char): None for char in '"[]'}
_QUERY_ANNOTATIONS = ("PromQL warning", "PromQL info")
"""Prefixes of warnings about the form of a query. Any other warning means that data is missing."""


class _JsonReader:
    """Reads JSON tokens and values from chunks of UTF-8; holds only what is not consumed yet."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._position = 0
        self._is_at_end = False
        self._has_begun = False

    def peek(self) -> str:
        """The next character that is not white space, not consumed; empty at the end."""
        while True:
            while self._position < len(self._buffer) and self._buffer[self._position] in _SPACE:
                self._position += 1
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._fill():
                return ""

    def take(self, expected: str) -> str:
        """Consume the next character. Raises PrometheusNotUnderstood if it is not one of `expected`."""
        char = self.peek()
        if not char or char not in expected:
            raise self._malformed()
        self._position += 1
        self._has_begun = True
        return char

    def value(self) -> Any:
        """Consume the next JSON value."""
        self.peek()
        while True:
            try:
                value, end = self._scan(self._buffer, self._position)
            except (ValueError, RecursionError) as error:
                if len(self._buffer) - self._position > MAX_VALUE_CHARACTERS or not self._fill():
                    raise self._malformed() from error
                continue
            # A number at the end of the buffer may continue in the next chunk.
            if end < len(self._buffer) or not self._fill():
                self._position = end
                return value

    def curve(self) -> dict[str, Any] | None:
        """Consume the next value if it is a series of plain numbers, as `QueryResult.series` yields it; else None."""
        found = self._find_curve()
        if not found and self._fill():
            found = self._find_curve()
        if not found:
            return None
        start, values, end = found
        pairs = self._buffer[values + len(_VALUES) : end]
        try:
            labels = orjson.loads(self._buffer[start + len(_SERIES) : values])
            numbers = orjson.loads(f"[{pairs.translate(_FLAT)}]")
        except orjson.JSONDecodeError:  # NaN, infinite, histograms, or no JSON at all
            return None
        if len(numbers) != 2 * (pairs.count("[") + 1):
            return None
        self._position = end + len(_END_OF_SERIES)
        return {"metric": labels, "numbers": numbers}

    def _find_curve(self) -> tuple[int, int, int] | None:
        """Where a series, its values and their end are; None: not, or not yet, in the buffer."""
        if not self._buffer.startswith(_SERIES, self._position):
            return None
        values = self._buffer.find(_VALUES, self._position)
        end = self._buffer.find(_END_OF_SERIES, values) if values > 0 else -1
        return (self._position, values, end) if end > 0 else None

    def _fill(self) -> bool:
        """Read until the unread part has doubled, so that a value in many small chunks is not rescanned per chunk."""
        pieces = [self._buffer[self._position :]]
        wanted = max(len(pieces[0]), 1)
        got = 0
        while got < wanted and not self._is_at_end:
            chunk = next(self._chunks, None)
            self._is_at_end = chunk is None
            try:
                pieces.append(self._decode(chunk or b"", self._is_at_end))
            except UnicodeDecodeError as error:
                raise PrometheusNotUnderstood(sentence("prometheus.not_utf8")) from error
            got += len(pieces[-1])
        self._buffer, self._position = "".join(pieces), 0
        return got > 0

    def _malformed(self) -> PrometheusNotUnderstood:
        if self._position >= len(self._buffer):
            return AnswerCut(sentence("prometheus.cut"))
        excerpt = self._buffer[self._position : self._position + _EXCERPT_CHARACTERS]
        if self._is_at_end:
            kind = AnswerCut if self._has_begun else PrometheusNotUnderstood
            return kind(sentence("prometheus.cut_at", excerpt=repr(excerpt)))
        return PrometheusNotUnderstood(sentence("prometheus.unexpected", excerpt=repr(excerpt)))


@dataclass
class QueryResult:
    """One response. The other fields are complete only after `series` is exhausted."""

    chunks: Iterable[bytes]
    has_curves: bool = False
    """Of a range query."""
    status: str = ""
    warnings: list[str] = field(default_factory=list)
    is_partial: bool = False
    error: str = ""

    @property
    def is_limited(self) -> bool:
        """A warning says that a limit left data out: Thanos answers so, and a smaller query is answered whole."""
        return any(is_limit_warning(warning) for warning in self._warnings_of_data())

    def _warnings_of_data(self) -> Iterator[str]:
        return (warning for warning in self.warnings if not warning.startswith(_QUERY_ANNOTATIONS))

    @property
    def is_incomplete(self) -> bool:
        """Data is missing, by the server's own word or by a warning that is not about the form of the query."""
        return self.is_partial or any(self._warnings_of_data())

    def series(self) -> Iterator[dict[str, Any]]:
        """Yields the objects of `data.result`; with `has_curves` most of them with `numbers` instead of `values`.

        `numbers` is a flat list: time, value, time, value. Decoded so, it takes a fraction of the time. Raises
        PrometheusNotUnderstood if the response is not a success.
        """
        reader = _JsonReader(self.chunks)
        for key in _keys(reader):
            if key != "data":
                self._set(key, reader.value())
            elif reader.peek() == "{":
                yield from _result(reader, self.has_curves)
            else:
                raise PrometheusNotUnderstood(sentence("prometheus.no_result"))
        if self.status != "success":
            is_too_large = classify(200, "", self.error) is Failure.TOO_LARGE
            status, error = repr(self.status), self.error[:MAX_ERROR_CHARACTERS]
            raise (QueryTooLarge if is_too_large else PrometheusNotUnderstood)(
                sentence("prometheus.not_success_why", status=status, error=error)
                if error
                else sentence("prometheus.not_success", status=status)
            )

    def _set(self, key: str, value: Any) -> None:
        match key, value:
            case "status", str():
                self.status = value
            case "warnings", list():
                self.warnings.extend(str(warning) for warning in value)
            case "isPartial", bool():
                self.is_partial = value
            case "error", str():
                self.error = value


def _keys(reader: _JsonReader) -> Iterator[str]:
    """Yields the keys of the next object. The caller must consume the value of each key before the next one."""
    reader.take("{")
    if reader.peek() == "}":
        reader.take("}")
        return
    while True:
        key = reader.value()
        if not isinstance(key, str):
            raise PrometheusNotUnderstood(sentence("prometheus.no_key", key=repr(key)))
        reader.take(":")
        yield key
        if reader.take(",}") == "}":
            return


def _result(reader: _JsonReader, has_curves: bool) -> Iterator[dict[str, Any]]:
    for key in _keys(reader):
        if key == "result" and reader.peek() == "[":
            yield from _items(reader, has_curves)
        else:
            reader.value()


def _items(reader: _JsonReader, has_curves: bool) -> Iterator[dict[str, Any]]:
    reader.take("[")
    if reader.peek() == "]":
        reader.take("]")
        return
    while True:
        reader.peek()
        item = (reader.curve() if has_curves else None) or reader.value()
        if not isinstance(item, dict):
            raise PrometheusNotUnderstood(sentence("prometheus.no_series"))
        yield item
        if reader.take(",]") == "]":
            return


def instant_value(series: Mapping[str, Any]) -> float:
    """The value of a series of an instant query; may be NaN or infinite.

    Raises PrometheusNotUnderstood for a series without a value, such as a histogram.
    """
    try:
        return float(series["value"][1])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PrometheusNotUnderstood(sentence("prometheus.no_value")) from error
