"""What a request to collect asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kubedoor.errors import InvalidInput
from kubedoor.peak_windows import KEPT_DAYS

_FIELDS = ("days", "day", "refresh", "before", "cluster", "then", "failed")


@dataclass(frozen=True)
class Wish:
    """What a collection is asked for. Everything absent: the missing days of the look-back."""

    days: int | None = None
    """How many days back to look for missing ones."""
    day: date | None = None
    """Just this day, whether it is there or not."""
    refresh: bool = False
    """Collect days anew that are there already."""
    before: date | None = None
    """Only days older than this: where an answer's `next` goes on."""
    cluster: str | None = None
    """Which cluster; absent: every one in turn."""
    then: tuple[str, ...] = ()
    """Clusters that come after it, which `before` is not about."""
    failed: tuple[str, ...] = ()
    """Clusters that earlier requests of the same round have failed at."""

    def as_json(self) -> dict[str, Any]:
        wish = {
            "days": self.days,
            "day": self.day,
            "refresh": self.refresh or None,
            "before": self.before,
            "cluster": self.cluster,
            "then": list(self.then) or None,
            "failed": list(self.failed) or None,
        }
        return {
            name: str(value) if isinstance(value, date) else value for name, value in wish.items() if value is not None
        }


def parse_wish(body: Any) -> Wish:
    """Read a request's body. Raises InvalidInput that names the field."""
    if not isinstance(body, Mapping):
        raise InvalidInput("the body must be a JSON object", field="body")
    if unknown := sorted(set(body) - set(_FIELDS)):
        raise InvalidInput(f"unknown field {unknown[0]}: there are {', '.join(_FIELDS)}", field=str(unknown[0]))
    days = body.get("days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= KEPT_DAYS):
        raise InvalidInput(f"days must be a whole number from 1 to {KEPT_DAYS}", field="days")
    refresh = body.get("refresh", False)
    if not isinstance(refresh, bool):
        raise InvalidInput("refresh must be true or false", field="refresh")
    if days is not None and body.get("day") is not None:
        raise InvalidInput("day and days exclude each other", field="day")
    return Wish(
        days=days,
        day=_date(body, "day"),
        refresh=refresh,
        before=_date(body, "before"),
        cluster=_cluster(body),
        then=_clusters(body, "then"),
        failed=_clusters(body, "failed"),
    )


def _cluster(body: Mapping[str, Any]) -> str | None:
    name = body.get("cluster")
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidInput("cluster must be the name of a cluster", field="cluster")
    return name


def _clusters(body: Mapping[str, Any], field: str) -> tuple[str, ...]:
    names = body.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"{field} must be a list of names of clusters", field=field)
    return tuple(names)


def _date(body: Mapping[str, Any], field: str) -> date | None:
    raw = body.get(field)
    if raw is None:
        return None
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise InvalidInput(f"{field} must be a date such as 2026-11-20", field=field) from None
