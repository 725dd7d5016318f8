"""The address of the client, behind proxies that say whom they forward."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from fastapi import Request

from kubedoor.config.topics.identity import IdentitySettings

_FORWARDED = ("x-forwarded-for", "forwarded")


@dataclass(frozen=True)
class Route:
    """`address`: of the client, empty if unknown; `proxies`: what it came by, the one that connected last."""

    address: str
    proxies: tuple[str, ...] = ()


def route_of(request: Request, settings: IdentitySettings) -> Route:
    """By X-Forwarded-For, read from its end, where every proxy adds whom it forwards: what is before can be made up.

    It is read as far as KUBEDOOR_TRUSTED_HOPS goes, and KUBEDOOR_TRUSTED_PROXIES: each limits, if it is set.
    """
    networks = [ipaddress.ip_network(network) for network in settings.trusted_proxies]
    most = settings.trusted_hops or (len(forwarded_of(request)) if networks else 0)
    chain = forwarded_of(request)
    passed = [_plain(request.client.host) if request.client else ""]
    while chain and len(passed) <= most and (not networks or _is_within(passed[0], networks)):
        passed.insert(0, chain.pop())
    return Route(passed[0][:64], tuple(passed[1:]))


def client_address(request: Request, settings: IdentitySettings) -> str:
    return route_of(request, settings).address


def forwarded_of(request: Request) -> list[str]:
    """The entries of X-Forwarded-For, the client's first, if it has not made up any."""
    # A proxy may add its own header line instead of extending the existing one.
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    return [_plain(_without_port(part.strip())) for part in lines.split(",") if part.strip()]


def is_loopback(request: Request) -> bool:
    """Whether the client is on this machine; False for a request that a proxy forwarded."""
    host = request.client.host if request.client else ""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(_plain(host)).is_loopback
    except ValueError:
        return False


def _without_port(entry: str) -> str:
    """Removes the port that some proxies add: with it, every connection would count as another address."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _plain(address: str) -> str:
    """`::ffff:10.0.0.1`, as a socket for both families shows an IPv4 peer, is 10.0.0.1. What is no address stays."""
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return str(mapped) if mapped else address


def _is_within(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return False
