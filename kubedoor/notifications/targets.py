"""Which hosts a channel may lead to, checked at the moment of each connection: a name may point somewhere else by then.

Python reports every connection to an audit hook before it is made, whichever library makes it, with the address that
was resolved. So what is checked is what is connected to, also after a redirect.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from kubedoor.sentences import NOTHING, Sentence, sentence

ANY_PUBLIC = "*"
SETTING = "KUBEDOOR_NOTIFICATION_HOSTS"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class TargetRefused(OSError):
    """A connection that the settings do not allow; the message says why. OSError: what libraries expect of a connection."""


@dataclass(frozen=True)
class Targets:
    """`hosts`: names, `*.domain`, addresses and networks; `*`: every public address. Empty: every public address, no other."""

    hosts: tuple[str, ...] = ()

    def refuses_host(self, host: str) -> Sentence:
        """Why no channel may name this host; empty: it may, as far as its name says."""
        if self._has_name(host) or not host:
            return NOTHING
        try:
            # Also the spellings that only a resolver takes for an address, such as 127.1 and 0x7f000001.
            address = socket.inet_ntoa(socket.inet_aton(host)) if ":" not in host else host.strip("[]")
            return self.refuses_address(address)
        except OSError:
            if host.rstrip(".").lower() in ("localhost", "localhost.localdomain") or host.lower().endswith(
                ".localhost"
            ):
                return _private(host)
            return NOTHING

    def refuses_name(self, host: str) -> Sentence:
        """Why a name that is about to be resolved is no target."""
        if not self.hosts or ANY_PUBLIC in self.hosts or self._has_name(host) or _is_address(host):
            return NOTHING
        return sentence("channels.host_not_allowed", host=host, setting=SETTING)

    def refuses_address(self, address: str, *, name: str = "") -> Sentence:
        """Why nothing connects to this address; `name`: what it was resolved from."""
        try:
            found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return sentence("channels.not_an_address_of_host", host=address)
        if (name and self._has_name(name)) or any(found in network for network in self._networks()):
            return NOTHING
        if not found.is_global or found.is_multicast:
            return _private(f"{name} ({address})" if name and name != address else address)
        if self.hosts and ANY_PUBLIC not in self.hosts:
            return sentence("channels.host_not_allowed", host=name or address, setting=SETTING)
        return NOTHING

    def _has_name(self, host: str) -> bool:
        plain = host.rstrip(".").lower()
        return any(
            plain == one or (one.startswith("*.") and plain.endswith(one[1:])) for one in map(str.lower, self.hosts)
        )

    def _networks(self) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        for one in self.hosts:
            try:
                yield ipaddress.ip_network(one, strict=False)
            except ValueError:
                continue


@dataclass
class Connecting:
    """What one message may connect to while it is sent. `refused`: why it could not, newest last."""

    targets: Targets
    name: str = ""
    refused: list[Sentence] = field(default_factory=list)

    def check(self, why: Sentence) -> None:
        if why:
            self.refused.append(why)
            raise TargetRefused(why)


_current: ContextVar[Connecting | None] = ContextVar("connecting", default=None)
"""A context, since apprise sends in a thread of its own, which gets a copy of it."""
_installing = threading.Lock()
_installed = False


@contextmanager
def connecting_only_to(targets: Targets, *, host: str = "") -> Iterator[Connecting]:
    """Every connection that is made within it is checked. `host`: the one that the channel names."""
    _install()
    found = Connecting(targets, host)
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)


def _install() -> None:
    """Once in a process: an audit hook cannot be removed."""
    global _installed
    with _installing:
        if not _installed:
            sys.addaudithook(_audit)
            _installed = True


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or (found := _current.get()) is None:
        return
    if event == "socket.getaddrinfo":
        found.name = _text(arguments[0])
        found.check(found.targets.refuses_name(found.name))
    elif event in _CONNECTING:
        address = arguments[1]
        host = _text(address[0]) if isinstance(address, tuple) and address else str(address)
        found.check(found.targets.refuses_address(host, name=found.name))


def _text(host: object) -> str:
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _private(host: str) -> Sentence:
    return sentence("channels.not_public", host=host, setting=SETTING)
