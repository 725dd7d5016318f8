"""The KubeDoor that the command line sends requests to."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class CommandLineSettings:
    """Fields of `Settings`."""

    api_url: str = setting(
        "",
        parsers.url("http", "https"),
        "https://kubedoor.example.com",
        "A running KubeDoor that the command line talks to; empty: it works on the store itself.",
    )
    api_token: str = setting("", parsers.token, "kubedoor_…", "API token for `KUBEDOOR_API_URL`.", secret=True)
    api_ca_file: str = setting(
        "",
        parsers.file,
        "/etc/ssl/kubedoor-ca.crt",
        "CA file that the certificate of `KUBEDOOR_API_URL` is checked with.",
    )
