"""Prometheus' JSON answers, read while they arrive.

A day's curves of 10,000 workloads are 150 MB of JSON and would be 2 GB of Python objects. Here one series is decoded at
a time, and what is not a series (status, warnings, statistics) is kept. The keys may come in any order: Prometheus says
`status` first and `warnings` last, VictoriaMetrics puts `isPartial` between, and both may change their minds.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubedoor.errors import PrometheusNotUnderstood

MOST_CHARACTERS_OF_A_VALUE = 64 * 2**20
"""Of one series or one other value; far above the 11,000 points that Prometheus gives at most."""
_SPACE = " \t\n\r"
_EXCERPT_CHARACTERS = 60


class _Text:
    """A growing buffer over chunks of UTF-8, read from the front."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._position = 0
        self._is_at_end = False

    def peek(self) -> str:
        """The next character that is not white space, left in place; empty at the end."""
        while True:
            while self._position < len(self._buffer) and self._buffer[self._position] in _SPACE:
                self._position += 1
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._fill():
                return ""

    def take(self, expected: str) -> str:
        """The next character, which has to be one of `expected`."""
        char = self.peek()
        if not char or char not in expected:
            raise self._broken()
        self._position += 1
        return char

    def value(self) -> Any:
        """The next whole JSON value."""
        self.peek()
        while True:
            try:
                value, end = self._scan(self._buffer, self._position)
            except (ValueError, RecursionError) as error:
                if len(self._buffer) - self._position > MOST_CHARACTERS_OF_A_VALUE or not self._fill():
                    raise self._broken() from error
                continue
            # A number that ends where the buffer ends may go on in the next chunk.
            if end < len(self._buffer) or not self._fill():
                self._position = end
                return value

    def _fill(self) -> bool:
        """At least double what is unread, so that a value arriving in crumbs is not scanned once per crumb."""
        pieces = [self._buffer[self._position :]]
        wanted = max(len(pieces[0]), 1)
        got = 0
        while got < wanted and not self._is_at_end:
            chunk = next(self._chunks, None)
            self._is_at_end = chunk is None
            try:
                pieces.append(self._decode(chunk or b"", self._is_at_end))
            except UnicodeDecodeError as error:
                raise PrometheusNotUnderstood("Prometheus' answer is not UTF-8") from error
            got += len(pieces[-1])
        self._buffer, self._position = "".join(pieces), 0
        return got > 0

    def _broken(self) -> PrometheusNotUnderstood:
        if self._position >= len(self._buffer):
            return PrometheusNotUnderstood("Prometheus' answer ends in the middle of its JSON")
        excerpt = self._buffer[self._position : self._position + _EXCERPT_CHARACTERS]
        if self._is_at_end:
            return PrometheusNotUnderstood(f"Prometheus' answer is cut short or not JSON, at {excerpt!r}")
        return PrometheusNotUnderstood(f"Prometheus' answer is not the JSON expected, at {excerpt!r}")


@dataclass
class Answer:
    """One answer: go through `series` to its end, then ask the rest."""

    chunks: Iterable[bytes]
    status: str = ""
    warnings: list[str] = field(default_factory=list)
    is_partial: bool = False

    def series(self) -> Iterator[dict[str, Any]]:
        """The objects of `data.result`, one at a time. PrometheusNotUnderstood when this is no successful answer."""
        text = _Text(self.chunks)
        for key in _keys(text):
            if key != "data":
                self._note(key, text.value())
            elif text.peek() == "{":
                yield from _result(text)
            else:
                raise PrometheusNotUnderstood("Prometheus' answer has no result: `data` is not an object")
        if self.status != "success":
            raise PrometheusNotUnderstood(f"Prometheus' answer has the status {self.status!r}, not 'success'")

    def _note(self, key: str, value: Any) -> None:
        match key, value:
            case "status", str():
                self.status = value
            case "warnings", list():
                self.warnings.extend(str(warning) for warning in value)
            case "isPartial", bool():
                self.is_partial = value


def _keys(text: _Text) -> Iterator[str]:
    """The keys of the object that comes next; whoever iterates takes each one's value before going on."""
    text.take("{")
    if text.peek() == "}":
        text.take("}")
        return
    while True:
        key = text.value()
        if not isinstance(key, str):
            raise PrometheusNotUnderstood(f"Prometheus' answer is not JSON: {key!r} where a key should be")
        text.take(":")
        yield key
        if text.take(",}") == "}":
            return


def _result(text: _Text) -> Iterator[dict[str, Any]]:
    for key in _keys(text):
        if key == "result" and text.peek() == "[":
            yield from _items(text)
        else:
            text.value()


def _items(text: _Text) -> Iterator[dict[str, Any]]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        item = text.value()
        if not isinstance(item, dict):
            raise PrometheusNotUnderstood("Prometheus' answer has no series where series should be")
        yield item
        if text.take(",]") == "]":
            return


def instant_value(series: Mapping[str, Any]) -> float:
    """The value of a series of an instant query; may be NaN or infinite. A histogram has none."""
    try:
        return float(series["value"][1])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PrometheusNotUnderstood("Prometheus' answer holds a series without a value") from error
