"""The only importer of `apprise`: validates the URL of a channel and sends a message to it.

A URL is a secret, since most contain a token: no error repeats it, and the log of apprise, which contains URLs, is off.
Refuses URLs that reach or read the machine KubeDoor runs on.
"""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import unquote

from kubedoor.errors import InvalidInput, KubeDoorError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
_LOCAL_SCHEMES = frozenset({"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Desktop notifications and logs of the machine KubeDoor runs on."""

_FILE_PARAMETERS = re.compile(r"[?&]\s*(keyfile|subfile|pgppub|pgpprv|pgpkey)\s*=", re.IGNORECASE)
"""URL parameters of some services that name a local file."""


class NotDelivered(KubeDoorError):
    """The channel did not accept a message."""

    status = 502
    code = "not_delivered"


def service_of(url: str) -> str:
    """The name of the service as apprise calls it, such as "Slack". Raises InvalidInput."""
    return str(_channel(url).service_name)


def send(url: str, title: str, body: str) -> None:
    """Blocks until the timeouts at most. Raises NotDelivered, InvalidInput."""
    channel = _channel(url)
    channel.socket_connect_timeout = CONNECT_SECONDS
    channel.socket_read_timeout = READ_SECONDS
    try:
        is_delivered = channel.notify(body=body, title=title)
    except Exception as error:
        # Plugins of apprise raise anything, and the message may contain the URL.
        raise NotDelivered(f"{channel.service_name} failed: {type(error).__name__}") from None
    if not is_delivered:
        raise NotDelivered(f"{channel.service_name} did not take the message: check its address, and that it is up")


def _channel(url: str) -> Any:
    # The import takes a second, so only a process that has channels pays for it.
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    scheme = url.partition("://")[0].strip().lower()
    if scheme in _LOCAL_SCHEMES:
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
    """An editor of channels could otherwise have local files sent to them. Raises InvalidInput."""
    import apprise

    parameter = _FILE_PARAMETERS.search(unquote(url))
    templates = getattr(channel, "template", None)
    is_local = isinstance(templates, apprise.AppriseAttachment) and any(
        one.schema not in ("http", "https") for one in templates.attachments
    )
    if parameter or is_local:
        name = parameter[1].lower() if parameter else "template"
        raise InvalidInput(f"{name}= would be a file of the machine that KubeDoor runs on: leave it out", field="url")
