"""The body of a request to collect, parsed and validated. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kubedoor.errors import InvalidInput
from kubedoor.peak_windows import KEPT_DAYS
from kubedoor.sentences import sentence

_FIELDS = ("days", "day", "refresh", "before", "cluster", "then", "failed")


@dataclass(frozen=True)
class CollectRequest:
    """Without any field: all missing days of the look-back, in every cluster."""

    days: int | None = None
    """Number of days to look back; None: the setting."""
    day: date | None = None
    """Only this day, even if it is stored already."""
    refresh: bool = False
    """Also collect days that are stored already."""
    before: date | None = None
    """Only days before this one. Set by `next` to resume a collection."""
    cluster: str | None = None
    """None: every cluster, one after the other."""
    then: tuple[str, ...] = ()
    """Clusters to collect after `cluster`; `before` does not apply to them. Set by `next`."""
    failed: tuple[str, ...] = ()
    """Clusters that failed in earlier requests of the same run over all clusters. Set by `next`."""

    def as_json(self) -> dict[str, Any]:
        fields = {
            "days": self.days,
            "day": self.day,
            "refresh": self.refresh or None,
            "before": self.before,
            "cluster": self.cluster,
            "then": list(self.then) or None,
            "failed": list(self.failed) or None,
        }
        return {
            name: str(value) if isinstance(value, date) else value
            for name, value in fields.items()
            if value is not None
        }


def parse_collect_request(body: Any) -> CollectRequest:
    """`body` is decoded JSON. Raises InvalidInput that names the field."""
    if not isinstance(body, Mapping):
        raise InvalidInput(sentence("collection.not_an_object"), field="body")
    if unknown := sorted(set(body) - set(_FIELDS)):
        field = str(unknown[0])
        raise InvalidInput(sentence("collection.unknown_field", field=field, fields=", ".join(_FIELDS)), field=field)
    days = body.get("days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= KEPT_DAYS):
        raise InvalidInput(sentence("collection.bad_days", most=KEPT_DAYS), field="days")
    refresh = body.get("refresh", False)
    if not isinstance(refresh, bool):
        raise InvalidInput(sentence("collection.not_a_boolean", field="refresh"), field="refresh")
    if days is not None and body.get("day") is not None:
        raise InvalidInput(sentence("collection.day_and_days"), field="day")
    return CollectRequest(
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
        raise InvalidInput(sentence("collection.bad_cluster"), field="cluster")
    return name


def _clusters(body: Mapping[str, Any], field: str) -> tuple[str, ...]:
    names = body.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(sentence("collection.bad_clusters", field=field), field=field)
    return tuple(names)


def _date(body: Mapping[str, Any], field: str) -> date | None:
    raw = body.get(field)
    if raw is None:
        return None
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise InvalidInput(sentence("collection.bad_date", field=field), field=field) from None
