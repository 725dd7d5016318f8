"""Names in messages are text: what looks like markup, or like a mention of people, is neither for any service."""

from __future__ import annotations

import email
import email.message
import json
import smtplib
from email.policy import default
from typing import Any

import pytest
import requests

from kubedoor.notifications.channel import send
from kubedoor.notifications.message import without_mentions

LIVE = 'shop/<b>web</b> <!channel> <@U1> @everyone [ok](http://evil.test) <at user_id="all"></at> & more'


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is posted. The services themselves cannot be asked here."""
    found: list[dict[str, Any]] = []

    def post(_url: str, data: Any = None, **_options: Any) -> requests.Response:
        found.append(json.loads(data))
        response = requests.Response()
        response.status_code, response._content = 200, b'{"ok": true, "code": 0, "errcode": 0}'
        return response

    monkeypatch.setattr(requests, "post", post)
    monkeypatch.setattr(requests, "request", lambda _method, url, **options: post(url, **options))
    return found


def test_telegram_gets_no_live_html(sent: list[dict[str, Any]]) -> None:
    send("tgram://123456789:abcdefg_hijklmnop/12315544/", "t <i>", LIVE)
    text = sent[-1]["text"]
    assert "&lt;b&gt;web&lt;/b&gt;" in text
    assert "<b>web" not in text


def test_slack_calls_no_channel(sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="Slack"):
        # Its answer is `ok`, and not JSON.
        send("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "t <!here>", LIVE)
    said = json.dumps(sent[-1])
    for live in ("<!channel>", "<!here>", "<@U1>"):
        assert live not in said


@pytest.mark.parametrize(
    "url",
    [
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "mmost://chat.test/3ccdd113474722377935511fc85d3dd4",
        "dingtalk://abcdefgh1234",
        "wecombot://693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
        "feishu://abcdefgh1234",
    ],
)
def test_nobody_is_mentioned(sent: list[dict[str, Any]], url: str) -> None:
    send(url, "t @here", LIVE)
    said = json.dumps(sent[-1], ensure_ascii=False)
    for live in ("@everyone", "@here", "<@U1>", "<!channel>", "<at ", "](http"):
        assert live not in said
    assert "@\u200beveryone" in said, "it looks the same"


def test_a_program_gets_the_text_as_it_is(sent: list[dict[str, Any]]) -> None:
    send("json://hooks.test/x", "t", LIVE)
    assert sent[-1]["message"] == LIVE


@pytest.mark.parametrize("options", ["", "&format=html"])
def test_mail_shows_markup_as_text(monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    mails: list[str] = []

    class Server:
        def __init__(self, *_where: Any, **_options: Any) -> None: ...

        def sendmail(self, _sender: str, _to: list[str], message: str) -> dict[str, Any]:
            mails.append(message)
            return {}

        def __getattr__(self, _name: str) -> Any:
            return lambda *_arguments, **_options: None

    monkeypatch.setattr(smtplib, "SMTP", Server)
    send(f"mailto://user:pass@example.com?smtp=mail.example.com&mode=insecure{options}", "t", LIVE)
    message = email.message_from_string(mails[-1], policy=default)
    assert isinstance(message, email.message.EmailMessage)
    for part in message.walk():
        if part.get_content_type() == "text/html":
            assert "<b>web" not in part.get_content()
        elif part.get_content_type() == "text/plain" and not options:
            assert "<b>web</b>" in part.get_content()


@pytest.mark.parametrize("text", ["alice@example.com", "100% of 3 < 4", "a [b] (c)", "https://prometheus.test/x"])
def test_plain_text_stays(text: str) -> None:
    assert without_mentions(text) == text
