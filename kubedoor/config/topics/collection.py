"""Requests to the `collect` function."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class CollectionSettings:
    """Fields of `Settings`."""

    collect_budget_seconds: float = setting(
        "240", parsers.number(1, 3000), "120", "How long one request to `collect` may work before it answers `next`."
    )
    collect_url: str = setting(
        "",
        parsers.url("http", "https"),
        "http://collect.kubedoor.svc.cluster.local",
        "Where `api` sends collections; empty: they run in `api` itself.",
    )
    collect_token: str = setting(
        "",
        parsers.secret,
        "a long random text",
        "Bearer token that `collect` asks for; without it only loopback is served.",
        secret=True,
    )
