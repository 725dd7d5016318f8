"""Metrics and logs."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class MetricsSettings:
    """Fields of `Settings`."""

    metrics_workloads: int = setting(
        "1000",
        parsers.integer(0, 100_000),
        "200",
        "How many workloads of each cluster `api` shows singly on /metrics, those that ask for most CPU; 0: sums only.",
    )
    metrics_token: str = setting(
        "",
        parsers.secret,
        "a long random text",
        "Bearer token that /metrics of `api` asks for, since it names workloads; empty: it is open.",
        secret=True,
    )


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LogSettings:
    """Fields of `Settings`."""

    log_level: str = setting(
        "info", parsers.one_of("debug", "info", "warning", "error"), "debug", "Least severity that is logged."
    )
