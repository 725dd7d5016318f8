"""Where notifications may go."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting

_NAME = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.IGNORECASE)


def hosts(raw: str) -> tuple[str, ...]:
    """Names, `*.domain`, addresses, networks or `*`, separated by commas."""
    found = parsers.names(raw)
    for one in found:
        if one != "*" and not _NAME.fullmatch(one) and not _is_network(one):
            raise ValueError(f"has {one}, which is no host: give a name, *.domain, an address, a network or *")
    return found


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class NotificationSettings:
    """Fields of `Settings`."""

    notification_hosts: tuple[str, ...] = setting(
        "",
        hosts,
        "*,chat.example.com,10.1.0.0/16",
        "Hosts that channels may lead to: names, `*.domain`, addresses, networks, `*` for all public ones; empty: `*`.",
    )
