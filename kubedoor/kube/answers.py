"""Reads what the API server answers: errors, warnings, the events of a watch. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubedoor.errors import ClusterError, Conflict, Forbidden, KubeDoorError, NotFound
from kubedoor.sentences import as_sentence, sentence

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
"""The value of a `Warning` header (RFC 7234, 5.5); the API server escapes quotes in the text."""


@dataclass(frozen=True)
class DryRun:
    """What the API server says of a request that it does not store. `error`: it refuses it."""

    warnings: tuple[str, ...]
    error: KubeDoorError | None = None


def error_of(status: int, data: bytes) -> KubeDoorError:
    """With the message of the API server's Status object; any other body is not shown."""
    try:
        parsed = json.loads(data)
        text = str(parsed["message"]) if parsed.get("kind") == "Status" else ""
    except (ValueError, KeyError, AttributeError):
        text = ""
    message = as_sentence(text[:500]) if text else sentence("cluster.status", status=status)
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    if status in (401, 403):
        return Forbidden(sentence("cluster.not_allowed", message=message))
    return ClusterError(message, status=status)


def warnings_in(headers: Iterable[str]) -> tuple[str, ...]:
    """The texts of the values of `Warning` headers."""
    return tuple(re.sub(r"\\(.)", r"\1", text) for value in headers for text in _WARNING.findall(value))


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines of a body, as they come; what follows the last line break is dropped."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
