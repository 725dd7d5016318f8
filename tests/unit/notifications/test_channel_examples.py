"""Channel URLs: the examples that the web UI shows are valid, and URLs that name local files are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubedoor.errors import InvalidInput
from kubedoor.notifications.channel import service_of

SOURCE = Path(__file__).parents[3] / "web/src/views/notifications/modules/services.ts"
EXAMPLES = dict(re.findall(r'^  (\w+): "(\w+://.+)",$', SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_the_services_that_are_used_most_have_an_example() -> None:
    assert {"wecom", "dingtalk", "feishu", "slack", "teams", "email", "webhook"} <= set(EXAMPLES)


@pytest.mark.parametrize("url", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_an_example_is_a_valid_url(url: str) -> None:
    assert service_of(url)


DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
FILES = {
    "a template": (f"{DISCORD}/?template=/etc/passwd", "template"),
    "a template by its URL": (f"{DISCORD}/?template=file:///etc/passwd", "template"),
    "a template beside it": ("tgram://123456789:abcdefg_hijklmnop/12315544/?Template=secret.txt", "template"),
    "a key": ("fcm://project/device/?keyfile=/etc/passwd", "keyfile"),
    "a key, spelt in another way": ("vapid://user@example.com/a@example.com?key%66ile=/etc/passwd", "keyfile"),
}


@pytest.mark.parametrize(("url", "name"), FILES.values(), ids=FILES.keys())
def test_a_url_that_names_a_local_file_is_refused(url: str, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name}= would be a file") as caught:
        service_of(url)
    assert caught.value.details["field"] == "url"
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"{DISCORD}/?template=https://example.com/card.json",
        "sendgrid://abc123:me@example.com/you@example.com/?template=a6882027-5da0-4b5e-b33b-fbbbbbbbbbbb",
    ],
    ids=["a template on the web", "a template of the service's own"],
)
def test_a_template_that_is_no_local_file_is_allowed(url: str) -> None:
    assert service_of(url)
