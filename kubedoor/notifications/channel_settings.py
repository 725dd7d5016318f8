"""What may be set of a channel, and what the audit log shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kubedoor.errors import InvalidInput
from kubedoor.model.events import Event
from kubedoor.notifications.channel import service_of
from kubedoor.notifications.message import LANGUAGES
from kubedoor.notifications.targets import Targets
from kubedoor.sentences import sentence
from kubedoor.store.channels import Channel

MAX_KEYWORD_CHARACTERS = 50
MIN_MINUTES_BOUNDS = (1, 1440)


def validated(channel: Channel, fields: Mapping[str, Any], targets: Targets) -> Channel:
    """`channel` with `fields`, those of an edit. Raises InvalidInput naming the field."""
    changed = replace(channel, **{name: value for name, value in fields.items() if name != "events"})
    if "events" in fields:
        changed = replace(changed, events=tuple(dict.fromkeys(fields["events"])))
    if not 1 <= len(changed.name.strip()) <= 100:
        raise InvalidInput(sentence("channels.bad_name", least=1, most=100), field="name")
    if unknown := [event for event in changed.events if event not in tuple(Event)]:
        message = sentence("channels.unknown_event", event=repr(unknown[0]), events=", ".join(Event))
        raise InvalidInput(message, field="events")
    if not changed.events:
        raise InvalidInput(sentence("channels.no_event", events=", ".join(Event)), field="events")
    if changed.language not in LANGUAGES:
        raise InvalidInput(sentence("channels.bad_language", languages=", ".join(LANGUAGES)), field="language")
    if not MIN_MINUTES_BOUNDS[0] <= changed.min_minutes <= MIN_MINUTES_BOUNDS[1]:
        least, most = MIN_MINUTES_BOUNDS
        raise InvalidInput(sentence("channels.bad_minutes", least=least, most=most), field="min_minutes")
    keyword = " ".join(changed.keyword.split())
    if len(keyword) > MAX_KEYWORD_CHARACTERS:
        raise InvalidInput(sentence("channels.bad_keyword", most=MAX_KEYWORD_CHARACTERS), field="keyword")
    service = service_of(changed.url, targets)
    return replace(changed, name=changed.name.strip(), keyword=keyword, service=service)


def audit_view(channel: Channel) -> dict[str, Any]:
    """Without the URL, which is a secret."""
    return {
        "name": channel.name,
        "service": channel.service,
        "events": list(channel.events),
        "min_minutes": channel.min_minutes,
        "language": channel.language,
        "enabled": channel.enabled,
        "keyword": channel.keyword or None,
    }
