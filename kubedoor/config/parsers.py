"""Parsers of the text of one setting.

Each raises ValueError for a wrong value, with a message that continues a sentence about the value: "is not a number".
`peak_windows`, `cpu` and `memory` also raise KubeDoorError. `file` and `time_zone` read the file system.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from kubedoor import quantities
from kubedoor.config.store_address import parse_dsn
from kubedoor.errors import InvalidInput
from kubedoor.peak_windows import PeakWindows
from kubedoor.roles import Role
from kubedoor.weak_secrets import WELL_KNOWN_PASSWORD, weak_password, weak_secret


def text(raw: str) -> str:
    return raw


def secret(raw: str) -> str:
    """A text that signs or lets in, made up by whoever installs KubeDoor; an empty text stays empty."""
    if raw and (why := weak_secret(raw)):
        raise ValueError(f"{why}: take a long random text, e.g. of `openssl rand -hex 32`")
    return raw


def first_password(raw: str) -> str:
    """WELL_KNOWN_PASSWORD, which opens nothing to other machines, or one as a person may choose it."""
    if raw != WELL_KNOWN_PASSWORD and (why := weak_password(raw)):
        raise ValueError(f"is too easy to guess: it {why}")
    return raw


def boolean(raw: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if raw.lower() not in known:
        raise ValueError("is neither true nor false")
    return known[raw.lower()]


def integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """Both limits are allowed values."""

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
    """Both limits are allowed values."""

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


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class Url:
    """The URL without a trailing slash, except for `chdb`; an empty text stays empty. Its errors never repeat the URL."""

    schemes: tuple[str, ...]
    may_have_query: bool = True

    def __call__(self, raw: str) -> str:
        if not raw:
            return ""
        try:
            parts = urlsplit(raw)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("is no URL: look at its host and its port") from None
        if parts.scheme not in self.schemes or (parts.scheme != "chdb" and not host) or port == 0:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in self.schemes)}")
        if not self.may_have_query and (parts.query or parts.fragment):
            raise ValueError("must be a URL without ? and #")
        return raw.rstrip("/") if parts.scheme != "chdb" else raw


def url(*schemes: str, may_have_query: bool = True) -> Url:
    return Url(schemes, may_have_query)


def token(raw: str) -> str:
    """What an Authorization header can carry."""
    if not (raw.isascii() and raw.isprintable()):
        raise ValueError("has characters that no header can carry, such as line feeds")
    return raw


def without_credentials(address: str) -> str:
    """A URL as it may be shown: scheme, host, port and path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def dsn(raw: str) -> str:
    """Of the store, as `parse_dsn` takes it; an empty text stays empty."""
    address = url("chdb", "http", "https")(raw)
    try:
        if address:
            parse_dsn(address)
    except InvalidInput as error:
        raise ValueError(f"is wrong: {error.message}") from None
    return address


def ip_address(raw: str) -> str:
    try:
        ipaddress.ip_address(raw)
    except ValueError:
        raise ValueError("is not an IP address") from None
    return raw


def names(raw: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in raw.split(",") if name.strip())


def headers(raw: str) -> Mapping[str, str]:
    """Header values by header name, from name=value pairs separated by commas."""
    pairs = [pair.partition("=") for pair in names(raw)]
    if any(not separator or not _HEADER_NAME.fullmatch(name.strip()) for name, separator, _ in pairs):
        raise ValueError("must be name=value pairs with commas between them")
    for _, _, value in pairs:
        token(value)
    return {name.strip(): value.strip() for name, _, value in pairs}


def networks(raw: str) -> tuple[str, ...]:
    """Networks in CIDR notation, separated by commas; as for most tools, 10.1.2.3/8 is 10.0.0.0/8."""
    try:
        return tuple(str(ipaddress.ip_network(network, strict=False)) for network in names(raw))
    except ValueError:
        raise ValueError("has what is no network: they are written like 10.0.0.0/8 or fd00::/8") from None


def role_mapping(raw: str) -> Mapping[str, str]:
    """Role by claim value, from value=role pairs separated by commas; the claim value may contain `=`.

    A claim value with a comma, such as the DN of an LDAP group, needs a JSON object: `{"cn=sre,dc=example": "admin"}`.
    """
    pairs: Mapping[str, Any] = _json_object(raw) if raw.startswith("{") else _role_pairs(raw)
    if any(not name.strip() or role not in tuple(Role) for name, role in pairs.items()):
        raise ValueError(
            f"must be value=role pairs with commas between them; roles are {', '.join(Role)}; values that have commas"
            ' themselves need a JSON object such as {"cn=sre,dc=example": "admin"}'
        )
    return {name.strip(): role for name, role in pairs.items()}


def _role_pairs(raw: str) -> Mapping[str, str]:
    return {name: role.strip() for name, _, role in (pair.rpartition("=") for pair in names(raw))}


def _json_object(raw: str) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def folder(raw: str) -> Path:
    try:
        return Path(raw).expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, and this user has no home folder: write the whole path") from None


def path(raw: str) -> str:
    """With `~` expanded; an empty text stays empty."""
    return str(folder(raw)) if raw else ""


POD_FIELDS: Mapping[str, type] = {"labels": dict, "annotations": dict, "nodeSelector": dict, "tolerations": list}


def pod_fields(raw: str) -> Mapping[str, Any]:
    """Some of POD_FIELDS, as Kubernetes writes them, from a JSON object; an empty text has none."""
    try:
        found = json.loads(raw or "{}")
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict) or not found.keys() <= POD_FIELDS.keys():
        raise ValueError(f"must be a JSON object of {', '.join(POD_FIELDS)}")
    for name, value in found.items():
        texts = value.values() if isinstance(value, dict) else ()
        if not isinstance(value, POD_FIELDS[name]) or not all(isinstance(text, str) for text in texts):
            kind = "a list" if POD_FIELDS[name] is list else "an object of texts"
            raise ValueError(f"has {name} that is not {kind}")
    return found


def file(raw: str) -> str:
    """The path of an existing file, with `~` expanded; an empty text stays empty."""
    if raw and not folder(raw).is_file():
        raise ValueError("names a file that is not there")
    return path(raw)


def time_zone(raw: str) -> str:
    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database") from None
    return raw


def peak_windows(raw: str) -> str:
    """The text unchanged, checked by `PeakWindows`."""
    PeakWindows.parse(raw, "UTC", weekdays_only=False)
    return raw


def _positive(parse_amount: Callable[[str], int]) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if (amount := parse_amount(raw)) <= 0:
            raise ValueError("must be more than zero")
        return amount

    return parse


cpu = _positive(quantities.cpu_millicores)
"""Millicores."""
memory = _positive(quantities.memory_bytes)
"""Bytes."""


def currency(raw: str) -> str:
    if not re.fullmatch("[A-Z]{3}", raw):
        raise ValueError("is not a code of three letters, like USD")
    return raw


def node_prices(raw: str) -> Mapping[str, tuple[float, float]]:
    """`label=value` -> prices of a core and of a GiB for an hour, in the order of the text."""
    found: dict[str, tuple[float, float]] = {}
    for item in filter(None, map(str.strip, raw.split(","))):
        label, _, prices = item.rpartition(":")
        core, slash, gib = prices.partition("/")
        if not (slash and re.fullmatch(r"[^=\s]+=[^=\s]*", label)):
            raise ValueError("has a price that is not like label=value:0.031/0.0042")
        found[label] = (number(0, 1000)(core), number(0, 1000)(gib))
    return found
