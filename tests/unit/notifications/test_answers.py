"""DingTalk, WeCom and Feishu say no with HTTP 200: their codes are read from real answers of a server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from kubedoor.notifications.channel import NotDelivered, send
from kubedoor.notifications.targets import Targets

LOOPBACK = Targets(("127.0.0.1",))
TOKEN = "abcdefgh12345678"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the services answer, always with HTTP 200."""
    answered: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answered).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/{{token}}"
    monkeypatch.setattr(NotifyDingTalk, "notify_url", url)
    monkeypatch.setattr(NotifyFeishu, "notify_url", url)
    monkeypatch.setattr(NotifyWeComBot, "notify_url", url.replace("token", "key"))
    yield answered
    server.shutdown()
    server.server_close()
    thread.join()


SAYS_NO: dict[str, tuple[str, dict[str, Any], str]] = {
    "DingTalk": (
        f"dingtalk://{TOKEN}",
        {"errcode": 310000, "errmsg": "keywords not in content"},
        "errcode 310000: keywords not in content",
    ),
    "WeCom": (f"wecombot://{TOKEN}", {"errcode": 93000, "errmsg": "invalid webhook url"}, "93000: invalid webhook url"),
    "Feishu": (f"feishu://{TOKEN}", {"code": 19024, "msg": "Key Words Not Found"}, "code 19024: Key Words Not Found"),
    "Feishu, as it was": (
        f"feishu://{TOKEN}",
        {"StatusCode": 9499, "StatusMessage": "Bad Request"},
        "StatusCode 9499: Bad Request",
    ),
    "a token that is repeated": (
        f"dingtalk://{TOKEN}",
        {"errcode": 300001, "errmsg": f"token {TOKEN} is not exist"},
        "errcode 300001: token … is not exist",
    ),
}


@pytest.mark.parametrize(("url", "said", "words"), SAYS_NO.values(), ids=SAYS_NO.keys())
def test_a_no_with_http_200_is_told_in_the_services_words(
    answer: dict[str, Any], url: str, said: dict[str, Any], words: str
) -> None:
    answer.update(said)
    with pytest.raises(NotDelivered) as refused:
        send(url, "t", "b", LOOPBACK)
    assert words in refused.value.message
    assert TOKEN not in refused.value.message


@pytest.mark.parametrize("url", [f"dingtalk://{TOKEN}", f"wecombot://{TOKEN}", f"feishu://{TOKEN}"])
def test_a_yes_is_a_yes(answer: dict[str, Any], url: str) -> None:
    answer.update({"errcode": 0, "errmsg": "ok", "code": 0, "StatusCode": 0})
    send(url, "t", "b", LOOPBACK)
