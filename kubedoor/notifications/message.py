"""Builds one message from any number of events, in the language of the channel, and rate limits messages. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubedoor.model.events import Event, Notice, Stream

MAX_EXAMPLES = 5
"""Of each kind of event in a message."""
MAX_EXAMPLE_CHARACTERS = 160
MAX_QUIET_PERIOD = timedelta(hours=6)
_MENTION = re.compile(r"(?<!\w)@(?=\w)|@(?=(?:everyone|here|all|channel)\b)|<(?=[!@#]|/?at\b)|\](?=\()", re.IGNORECASE)
_INVISIBLE = "\u200b"
"""A space of no width: it breaks a mention or a link, and is not seen."""

STREAMS = {
    Event.DOOR_OVERRODE: Stream.DOOR,
    Event.CLAMPED: Stream.DOOR,
    Event.UNKNOWN_WORKLOAD: Stream.DOOR,
    Event.DOOR_FAILED: Stream.DOOR,
    Event.COLLECTION_FAILED: Stream.OPERATIONS,
    Event.COLLECTION_INCOMPLETE: Stream.OPERATIONS,
    Event.VALUES_WAITING: Stream.OPERATIONS,
    Event.ACTION_FINISHED: Stream.OPERATIONS,
    Event.ACTION_FAILED: Stream.OPERATIONS,
    Event.SWITCH_USED: Stream.OPERATIONS,
    Event.CERTIFICATE_ENDS: Stream.CERTIFICATE,
}
_TEXTS = {
    "en": {
        "title": "KubeDoor {cluster}: {what}",
        "others": "{what} and {count} more",
        "more": "… and {count} more",
        "times": "{example} (×{count})",
        "mark": "Message {mark}: one that comes again has the same number",
        "test": "KubeDoor {cluster}: a test, nothing has happened",
        Event.DOOR_OVERRODE: "The door set control values ({count})",
        Event.CLAMPED: "Requests were cut to their limits ({count})",
        Event.UNKNOWN_WORKLOAD: "Workloads that are not in the control table ({count})",
        Event.DOOR_FAILED: "The door failed and set nothing itself ({count})",
        Event.COLLECTION_FAILED: "Collections failed ({count})",
        Event.COLLECTION_INCOMPLETE: "Days were collected incompletely ({count})",
        Event.VALUES_WAITING: "Workloads wait for you to accept their values ({count})",
        Event.ACTION_FINISHED: "Actions are done ({count})",
        Event.ACTION_FAILED: "Actions failed, were cancelled or interrupted ({count})",
        Event.SWITCH_USED: "Enforcement was switched ({count})",
        Event.CERTIFICATE_ENDS: "The door's certificate ends soon",
    },
    "zh-CN": {
        "title": "KubeDoor {cluster}：{what}",
        "others": "{what}，另有 {count} 条事件",
        "more": "…… 另有 {count} 项",
        "times": "{example}（×{count}）",
        "mark": "消息编号 {mark}：重复送达的消息编号相同",
        "test": "KubeDoor {cluster}：测试消息，未发生任何事件",
        Event.DOOR_OVERRODE: "准入已写入管控值（{count}）",
        Event.CLAMPED: "请求值已压低至限制值（{count}）",
        Event.UNKNOWN_WORKLOAD: "不在管控表中的工作负载（{count}）",
        Event.DOOR_FAILED: "准入自身出错，本身未写入任何值（{count}）",
        Event.COLLECTION_FAILED: "采集失败（{count}）",
        Event.COLLECTION_INCOMPLETE: "采集不完整（{count}）",
        Event.VALUES_WAITING: "有数值等待您决定的工作负载（{count}）",
        Event.ACTION_FINISHED: "操作已完成（{count}）",
        Event.ACTION_FAILED: "操作失败、取消或中断（{count}）",
        Event.SWITCH_USED: "管控开关被切换（{count}）",
        Event.CERTIFICATE_ENDS: "准入证书即将到期",
    },
}
LANGUAGES = tuple(_TEXTS)
_MOST_URGENT_FIRST = (
    Event.DOOR_FAILED,
    Event.ACTION_FAILED,
    Event.COLLECTION_FAILED,
    Event.CERTIFICATE_ENDS,
    Event.SWITCH_USED,
    Event.UNKNOWN_WORKLOAD,
    Event.CLAMPED,
    Event.COLLECTION_INCOMPLETE,
    Event.VALUES_WAITING,
    Event.DOOR_OVERRODE,
    Event.ACTION_FINISHED,
)
"""Which kind of event the title names."""


@dataclass(frozen=True)
class Message:
    title: str
    body: str


def quiet_period(stream: Stream, min_minutes: int, sent_within_a_day: int) -> timedelta:
    """The minimum time between two messages of a stream.

    DOOR: exponential backoff by the messages of the last 24 hours. CERTIFICATE: a day.
    """
    if stream is Stream.CERTIFICATE:
        return timedelta(days=1)
    least = timedelta(minutes=min_minutes)
    if stream is Stream.OPERATIONS or not sent_within_a_day:
        return least
    doubled: timedelta = least * (1 << min(sent_within_a_day - 1, 20))
    return max(least, min(doubled, MAX_QUIET_PERIOD))


def mark_of(channel: str, stream: str, since: datetime, until: datetime) -> str:
    """The same for a message that is sent again because nobody knows whether it arrived."""
    what = f"{channel}/{stream}/{since.isoformat()}/{until.isoformat()}"
    return hashlib.sha256(what.encode()).hexdigest()[:8]


def without_mentions(text: str) -> str:
    """What a service would take for a mention of people or for a link is broken; it looks the same."""
    return _MENTION.sub(lambda found: found[0] + _INVISIBLE, text)


def build_message(
    cluster: str, language: str, notices: Sequence[Notice], *, mark: str = "", keyword: str = ""
) -> Message:
    """A title that says the most urgent of what happened, and a paragraph for each kind of event: its count and the most
    frequent examples.

    `keyword`: a word that the channel's robot wants to find in every message.
    """
    texts = _TEXTS[language]
    title = texts["title"].format(cluster=cluster, what=_headline(texts, notices))
    paragraphs = [
        _paragraph(texts, event, [notice for notice in notices if notice.event is event])
        for event in Event
        if any(notice.event is event for notice in notices)
    ]
    marked = [texts["mark"].format(mark=mark)] if mark else []
    return Message(_with_keyword(title, keyword), "\n\n".join([*paragraphs, *marked]))


def trial_message(cluster: str, language: str, *, keyword: str = "") -> Message:
    text = _with_keyword(_TEXTS[language]["test"].format(cluster=cluster), keyword)
    return Message(text, text)


def _headline(texts: dict[str, str], notices: Sequence[Notice]) -> str:
    """What happened, of the most urgent kind, and how many events of other kinds there are."""
    urgent = min((notice.event for notice in notices), key=_MOST_URGENT_FIRST.index)
    count = sum(notice.count for notice in notices if notice.event is urgent)
    others = sum(notice.count for notice in notices) - count
    what = texts[urgent].format(count=count)
    what = what[:1].lower() + what[1:]
    return texts["others"].format(what=what, count=others) if others else what


def _with_keyword(title: str, keyword: str) -> str:
    return f"{keyword} {title}" if keyword and keyword not in title else title


def _paragraph(texts: dict[str, str], event: Event, notices: Iterable[Notice]) -> str:
    ranked = sorted(notices, key=lambda notice: -notice.count)
    lines = [texts[event].format(count=sum(notice.count for notice in ranked))]
    for notice in ranked[:MAX_EXAMPLES]:
        example = _truncated(notice.text)
        lines.append(
            f"- {example if notice.count == 1 else texts['times'].format(example=example, count=notice.count)}"
        )
    if len(ranked) > MAX_EXAMPLES:
        lines.append(texts["more"].format(count=len(ranked) - MAX_EXAMPLES))
    return "\n".join(lines)


def _truncated(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_EXAMPLE_CHARACTERS else line[: MAX_EXAMPLE_CHARACTERS - 1] + "…"
