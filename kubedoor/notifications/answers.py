"""What a service answered to a message: some say no with HTTP 200, and only their body says so.

apprise tells neither status nor body, so the answers that its plugin gets are noted on their way.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from kubedoor.sentences import NOTHING, Sentence, sentence

MAX_WORDS = 300
_CODES = {"errcode": "errmsg", "code": "msg", "StatusCode": "StatusMessage"}
"""Fields of an answer: the code, 0 for yes, and its words."""
_SAY_NO_WITH_200 = frozenset({"dingtalk", "wecombot", "feishu", "lark"})
"""Plugins whose services do. https://open.dingtalk.com/document/orgapp/custom-robot-access,
https://developer.work.weixin.qq.com/document/path/90313, https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot"""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = field(repr=False)


_current: ContextVar[list[Answer] | None] = ContextVar("answers", default=None)


@contextmanager
def recording_answers(channel: object) -> Iterator[list[Answer]]:
    """The answers that the plugin of `channel` gets while it sends."""
    module: Any = sys.modules[type(channel).__module__]
    if (requests := getattr(module, "requests", None)) is not None and not isinstance(requests, _Recording):
        module.requests = _Recording(requests)
    answers: list[Answer] = []
    token = _current.set(answers)
    try:
        yield answers
    finally:
        _current.reset(token)


def refusal_of(module: str, answers: list[Answer], *, is_delivered: bool) -> Sentence:
    """Why a message was refused, in the service's words; empty: nothing says so. `module`: of the plugin."""
    says_no_with_200 = module.rpartition(".")[2] in _SAY_NO_WITH_200
    if says_no_with_200 and (words := next(filter(None, map(_words, answers)), NOTHING)):
        return words
    status = next((answer.status for answer in answers if answer.status >= 300), None)
    return sentence("channels.http_status", status=status) if status and not is_delivered else NOTHING


def _words(answer: Answer) -> Sentence:
    """Of a refusal."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return NOTHING
    for name, words in _CODES.items():
        if isinstance(body, dict) and body.get(name) not in (None, 0, "0"):
            said = " ".join(str(body.get(words) or "").split())[:MAX_WORDS] or sentence("channels.without_words")
            return sentence("channels.code", field=name, code=str(body[name])[:MAX_WORDS], words=said)
    return NOTHING


class _Recording:
    """The module `requests` as one plugin sees it."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._requests, name)
        if name not in ("get", "post", "put", "patch", "delete", "request"):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            response = found(*arguments, **options)
            if (answers := _current.get()) is not None:
                answers.append(Answer(int(response.status_code), bytes(response.content or b"")))
            return response

        return call
