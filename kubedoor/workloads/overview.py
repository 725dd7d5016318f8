"""The data of the overview page: requested against used, waste, risk, savings, admissions of today, the last collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kubedoor.collection.background import Collections
from kubedoor.config.settings import Settings
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.workloads.listing import Filter, Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.savings import Savings
from kubedoor.workloads.service import NEWEST_USAGE_DAYS, Workloads

TOP_COUNT = 10


@dataclass(frozen=True)
class Overview:
    settings: Settings
    workloads: Workloads
    listing: ListingCache
    records: RecordStore
    control: ControlStore
    collections: Collections
    savings: Savings
    now: Callable[[], datetime]

    def show(self) -> dict[str, Any]:
        now = self.now()
        listing, days = self.listing.with_days(since=(now - timedelta(days=NEWEST_USAGE_DAYS)).date())
        recent = self.collections.recent(limit=1)
        return {
            "cluster": self.settings.cluster,
            "is_sample": self.settings.uses_sample,
            "sums": listing.sums,
            "values": listing.values,
            "namespaces": listing.by_namespace,
            "days": days,
            "most_wasteful": self._top(listing, Filter(asked="over"), descending=True),
            "most_at_risk": self._top(listing, Filter(asked="under"), descending=False),
            "savings": self.savings.show(),
            "admissions_today": self.records.outcomes_since(self._midnight(now)),
            "last_collection": recent[0] if recent else None,
            "refreshed_at": self.control.refreshed_at(),
        }

    def _top(self, listing: Listing, wanted: Filter, *, descending: bool) -> list[dict[str, Any]]:
        size = TOP_COUNT
        found = self.workloads.page_of(listing, wanted, sort="cpu_waste", descending=descending, page=1, page_size=size)
        return found.rows

    def _midnight(self, now: datetime) -> datetime:
        local = now.astimezone(ZoneInfo(self.settings.time_zone))
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)
