"""Reads the text of one setting; what is wrong is a ValueError that goes on after the value: "is not a number". Pure but for files."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from kubedoor import quantities
from kubedoor.peak_windows import PeakWindows
from kubedoor.roles import Role


def text(raw: str) -> str:
    return raw


def flag(raw: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if raw.lower() not in known:
        raise ValueError("is neither true nor false")
    return known[raw.lower()]


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        try:
            value = int(raw)
        except ValueError:
            raise ValueError("is not a whole number") from None
        if not minimum <= value <= maximum:
            raise ValueError(f"must be from {minimum} to {maximum}")
        return value

    return parse


def number(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            raise ValueError("is not a number") from None
        if not minimum <= value <= maximum:
            raise ValueError(f"must be from {minimum:g} to {maximum:g}")
        return value

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return raw

    return parse


def url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or (parts.scheme != "chdb" and not parts.hostname):
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return raw.rstrip("/") if parts.scheme != "chdb" else raw

    return lambda raw: parse(raw) if raw else ""


def address(raw: str) -> str:
    try:
        ipaddress.ip_address(raw)
    except ValueError:
        raise ValueError("is not an IP address") from None
    return raw


def names(raw: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in raw.split(",") if name.strip())


def headers(raw: str) -> Mapping[str, str]:
    pairs = [pair.partition("=") for pair in names(raw)]
    if any(not separator or not name.strip() for name, separator, _ in pairs):
        raise ValueError("must be name=value pairs with commas between them")
    return {name.strip(): value.strip() for name, _, value in pairs}


def networks(raw: str) -> tuple[str, ...]:
    found = names(raw)
    for network in found:
        ipaddress.ip_network(network)
    return found


def roles(raw: str) -> Mapping[str, str]:
    pairs = {name: role.strip() for name, _, role in (pair.rpartition("=") for pair in names(raw))}
    if any(not name.strip() or role not in tuple(Role) for name, role in pairs.items()):
        raise ValueError(f"must be value=role pairs with commas between them; roles are {', '.join(Role)}")
    return {name.strip(): role for name, role in pairs.items()}


def folder(raw: str) -> Path:
    return Path(raw).expanduser()


def file(raw: str) -> str:
    if raw and not Path(raw).expanduser().is_file():
        raise ValueError("names a file that is not there")
    return str(Path(raw).expanduser()) if raw else ""


def zone(raw: str) -> str:
    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database") from None
    return raw


def windows(raw: str) -> str:
    PeakWindows.parse(raw, "UTC", weekdays_only=False)
    return raw


def positive(read: Callable[[str], int]) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if (amount := read(raw)) <= 0:
            raise ValueError("must be more than zero")
        return amount

    return parse


cpu = positive(quantities.cpu_millicores)
memory = positive(quantities.memory_bytes)
