"""The result of one check of the checkup."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.sentences import Sentence


@dataclass(frozen=True)
class Check:
    """`remedy` says what to do if the check is not ok."""

    name: Sentence
    ok: bool
    detail: Sentence
    remedy: Sentence = Sentence()
