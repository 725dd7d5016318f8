"""The only importer of `apprise`: is this the address of a channel, and send it a message.

An address is a secret (most have a token in them): it is in no error, and apprise's own log is silenced, since that has
addresses in it.
"""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import unquote

from kubedoor.errors import InvalidInput, KubeDoorError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
_OF_THIS_MACHINE = frozenset({"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Desktops and logs of whatever machine KubeDoor runs on: nobody would ever see these."""

_FILE = re.compile(r"[?&]\s*(keyfile|subfile|pgppub|pgpprv|pgpkey)\s*=", re.IGNORECASE)
"""Parameters of some addresses that name files."""


class NotDelivered(KubeDoorError):
    """The channel did not take a message."""

    status = 502
    code = "not_delivered"


def service_of(url: str) -> str:
    """What kind of channel an address is of, in its maker's words. Raises InvalidInput, which does not repeat it."""
    return str(_channel(url).service_name)


def send(url: str, title: str, body: str) -> None:
    """Blocks for some seconds at most. Raises NotDelivered."""
    channel = _channel(url)
    channel.socket_connect_timeout = CONNECT_SECONDS
    channel.socket_read_timeout = READ_SECONDS
    try:
        is_delivered = channel.notify(body=body, title=title)
    except Exception as error:
        # Whatever a plugin of apprise raises; its words may have the address in them.
        raise NotDelivered(f"{channel.service_name} failed: {type(error).__name__}") from None
    if not is_delivered:
        raise NotDelivered(f"{channel.service_name} did not take the message: check its address, and that it is up")


def _channel(url: str) -> Any:
    # A second to import, and only needed where there are channels.
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    scheme = url.partition("://")[0].strip().lower()
    if scheme in _OF_THIS_MACHINE:
        raise InvalidInput(f"{scheme}:// reaches only the machine that KubeDoor runs on", field="url")
    try:
        channel = apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True)
    except (TypeError, ValueError, AttributeError):
        channel = None
    if channel is None:
        raise InvalidInput(
            "this is not the address of a channel, such as json://host/path, slack://…, wecombot://…, dingtalk://…,"
            " feishu://…, msteams://… or mailtos://…",
            field="url",
        )
    _refuse_files(url, channel)
    return channel


def _refuse_files(url: str, channel: Any) -> None:
    """Whoever keeps channels could send files of KubeDoor's machine to themselves. Raises InvalidInput."""
    import apprise

    found = _FILE.search(unquote(url))
    templates = getattr(channel, "template", None)
    is_local = isinstance(templates, apprise.AppriseAttachment) and any(
        one.schema not in ("http", "https") for one in templates.attachments
    )
    if found or is_local:
        name = found[1].lower() if found else "template"
        raise InvalidInput(f"{name}= would be a file of the machine that KubeDoor runs on: leave it out", field="url")
