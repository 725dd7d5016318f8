"""Schedules as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """Either `cron` or `at` is set. `version` 0: not saved yet."""

    schedule: str
    name: str
    wish: Mapping[str, Any]
    time_zone: str
    made_by: str
    cron: str = ""
    at: datetime | None = None
    return_after_minutes: int = 0
    """0: not a temporary scale."""
    parent: str = ""
    """The schedule whose temporary scale this one ends; empty: none."""
    paused: bool = False
    deleted: bool = False
    token_hash: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None
    version: int = 0
