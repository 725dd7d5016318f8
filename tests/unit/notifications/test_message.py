"""What the title of a message says."""

from __future__ import annotations

import pytest

from kubedoor.model.events import Event, Notice
from kubedoor.notifications.message import build_message

FAILED = Notice(Event.ACTION_FAILED, "restart shop/web: failed")
BROKEN = Notice(Event.DOOR_FAILED, "shop/web: the store is away, what native policies have set stands")
MANY = Notice(Event.DOOR_OVERRODE, "shop/web: replicas 10 -> 3", count=40)


@pytest.mark.parametrize(
    ("language", "notices", "title"),
    [
        ("en", [MANY], "KubeDoor main: the door set control values (40)"),
        ("en", [MANY, FAILED], "KubeDoor main: actions failed, were cancelled or interrupted (1) and 40 more"),
        # Policies of the API server may have set values before.
        ("en", [BROKEN], "KubeDoor main: the door failed and set nothing itself (1)"),
        ("zh-CN", [BROKEN], "KubeDoor main：准入自身出错，本身未写入任何值（1）"),
        ("zh-CN", [MANY, FAILED], "KubeDoor main：操作失败、取消或中断（1），另有 40 条事件"),
    ],
)
def test_the_title_says_the_most_urgent_of_what_happened(language: str, notices: list[Notice], title: str) -> None:
    assert build_message("main", language, notices).title == title


def test_every_kind_of_event_has_a_place_in_the_title() -> None:
    assert all(build_message("main", "en", [Notice(event, "")]).title for event in Event)
