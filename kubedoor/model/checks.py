"""The result of one check of the checkup."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`remedy` says what to do if the check is not ok."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
