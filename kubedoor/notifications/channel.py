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
from kubedoor.notifications.answers import recording_answers, refusal_of
from kubedoor.notifications.message import without_mentions
from kubedoor.notifications.targets import Targets, connecting_only_to
from kubedoor.sentences import as_sentence, sentence

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
PUBLIC = Targets()
SECRET_CHARACTERS = 8
"""Parts of a URL that are at least as long may be tokens."""
_LOCAL_SCHEMES = frozenset({"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Desktop notifications and logs of the machine KubeDoor runs on."""

_VERBATIM = ("json", "xml", "form", "mailto")
"""Services that show no markup and know no mentions: programs read them, or they are sent as plain text."""
_FILE_PARAMETERS = re.compile(r"[?&]\s*(keyfile|subfile|pgppub|pgpprv|pgpkey)\s*=", re.IGNORECASE)
"""URL parameters of some services that name a local file."""


class NotDelivered(KubeDoorError):
    """The channel did not accept a message."""

    status = 502
    code = "not_delivered"


def service_of(url: str, targets: Targets = PUBLIC) -> str:
    """The name of the service as apprise calls it, such as "Slack". Raises InvalidInput, also for a host that is refused."""
    channel = _channel(url)
    hosts = (getattr(channel, "smtp_host", ""), channel.host if _names_host(channel) else "")
    for host in hosts:
        if why := targets.refuses_host(str(host or "")):
            raise InvalidInput(why, field="url")
    return str(channel.service_name)


def send(url: str, title: str, body: str, targets: Targets = PUBLIC) -> None:
    """Blocks until the timeouts at most. Raises NotDelivered, InvalidInput.

    Title and body are text: what looks like markup in them, or like a mention of people, is shown as it is written.
    """
    import apprise

    channel = _channel(url)
    channel.socket_connect_timeout = CONNECT_SECONDS
    channel.socket_read_timeout = READ_SECONDS
    sender = apprise.Apprise(channel)
    if not url.strip().lower().startswith(_VERBATIM):
        title, body = without_mentions(title), without_mentions(body)
    host = str(channel.host or "") if _names_host(channel) else ""
    with connecting_only_to(targets, host=host) as connecting, recording_answers(channel) as answers:
        try:
            # Declared as text, it is escaped where the service reads HTML or Markdown.
            is_delivered = sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:
            # Plugins of apprise raise anything, and the message may contain the URL.
            raise NotDelivered(
                sentence("channels.failed", service=channel.service_name, error=type(error).__name__)
            ) from None
    why = refusal_of(type(channel).__module__, answers, is_delivered=bool(is_delivered))
    if connecting.refused:
        why = connecting.refused[-1]
    if why or not is_delivered:
        why = as_sentence(_without_secrets(why, url)) or sentence("channels.check_address")
        raise NotDelivered(sentence("channels.not_taken", service=channel.service_name, reason=why))


def _names_host(channel: Any) -> bool:
    """Whether its URL has a host, and not a token in the host's place."""
    return any("{host" in template for template in channel.templates or ())


def _without_secrets(text: str, url: str) -> str:
    """A provider may repeat the token that it does not know."""
    for part in re.split(r"[/?&=@:,;#]+", unquote(url)):
        if len(part) >= SECRET_CHARACTERS and part in text:
            text = text.replace(part, "…")
    return text


def _channel(url: str) -> Any:
    # The import takes a second, so only a process that has channels pays for it.
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    scheme = url.partition("://")[0].strip().lower()
    if scheme in _LOCAL_SCHEMES:
        raise InvalidInput(sentence("channels.local", scheme=f"{scheme}://"), field="url")
    try:
        channel = apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True)
    except (TypeError, ValueError, AttributeError):
        channel = None
    if channel is None:
        raise InvalidInput(sentence("channels.not_an_address"), field="url")
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
        raise InvalidInput(sentence("channels.local_file", parameter=name), field="url")
