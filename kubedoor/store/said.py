"""Codes and parameters of sentences, in the columns beside their texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from kubedoor.sentences import Sentence, as_sentence, restored


def said_column(text: str) -> str:
    """JSON; empty for a text without a code."""
    said = as_sentence(text).as_json()
    del said["text"]
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False) if said["code"] else ""


def said_columns(texts: Iterable[str]) -> list[str]:
    return [said_column(text) for text in texts]


def read_said(text: str, said: str) -> Sentence:
    """The inverse: of the column with the text, and the one beside it."""
    return restored(text, json.loads(said) if said else None)


def read_all_said(texts: Sequence[str], said: Sequence[str]) -> list[Sentence]:
    """Older rows have none beside them."""
    return [read_said(text, one) for text, one in zip(texts, said or [""] * len(texts), strict=True)]
