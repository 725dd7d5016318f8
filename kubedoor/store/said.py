"""Codes and parameters of sentences, in the columns beside their texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from kubedoor.sentences import Sentence, as_sentence, restored


def said_column(text: str) -> str:
    """JSON; empty for a text without a code."""
    said = as_sentence(text)
    if not said.code:
        return ""
    return _constant(said.code) if not said.parameters else _json(said)


def said_columns(texts: Iterable[str]) -> list[str]:
    return [said_column(text) for text in texts]


@lru_cache(maxsize=1024)
def _constant(code: str) -> str:
    return _json(Sentence("", code))


def _json(said: Sentence) -> str:
    fields = {"code": said.code, "parameters": said.parameters}
    return orjson.dumps(fields, default=_nested, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _nested(value: Any) -> Any:
    """What orjson leaves to it: sentences, and other kinds of strings and numbers."""
    if isinstance(value, Sentence):
        return {"code": value.code, "parameters": value.parameters, "text": str(value)}
    return str(value) if isinstance(value, str) else float(value)


def read_said(text: str, said: str) -> Sentence:
    """The inverse: of the column with the text, and the one beside it."""
    return restored(text, orjson.loads(said) if said else None)


def printed(text: str, said: str) -> Sentence:
    """As `read_said`, in the words of that time: what kubectl has printed."""
    found = read_said(text, said)
    return Sentence(text, found.code, found.parameters)


def read_all_said(texts: Sequence[str], said: Sequence[str]) -> list[Sentence]:
    """Older rows have none beside them."""
    return [read_said(text, one) for text, one in zip(texts, said or [""] * len(texts), strict=True)]
