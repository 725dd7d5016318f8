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
from kubedoor.workloads.filters import Filter
from kubedoor.workloads.listing import Listing
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.prices import ClusterPrice, money_of
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
    price: ClusterPrice
    now: Callable[[], datetime]

    def show(self) -> dict[str, Any]:
        now = self.now()
        listing, days = self.listing.with_days(since=(now - timedelta(days=NEWEST_USAGE_DAYS)).date())
        recent = self.collections.recent(limit=1)
        net, savings = listing.net(), self.savings.show()
        return {
            "cluster": self.settings.cluster,
            "is_sample": self.settings.uses_sample,
            "sums": listing.sums,
            "net": net,
            "values": listing.values,
            "namespaces": listing.by_namespace,
            "days": days,
            "most_wasteful": self._top(listing, Filter(asked="over"), descending=True),
            "most_at_risk": self._at_risk(listing),
            "savings": savings,
            "money": self._money(net, savings),
            "admissions_today": self.records.outcomes_since(self._midnight(now)),
            "last_collection": recent[0] if recent else None,
            "refreshed_at": self.control.refreshed_at(),
        }

    def _money(self, net: dict[str, Any], savings: dict[str, Any]) -> dict[str, Any] | None:
        """None: no price is set, or no Deployment was ever seen."""
        price = self.price.current()
        if price is None or savings["observed_at"] is None:
            return None
        would_be = net["cpu_would_be_millicores"], net["memory_would_be_bytes"]
        asked = self.savings.asked_by_day()
        return money_of(price, self.settings.price_currency, savings, asked, would_be)

    def _at_risk(self, listing: Listing) -> list[dict[str, Any]]:
        """What was OOM-killed in the look-back, most often first; then what uses most CPU above its request."""
        killed = self._top(listing, Filter(oom_killed=True), sort="oom_kills", descending=True)
        starved = self._top(listing, Filter(asked="under", oom_killed=False), descending=False)
        return [*killed, *starved][:TOP_COUNT]

    def _top(
        self, listing: Listing, wanted: Filter, *, sort: str = "cpu_waste", descending: bool
    ) -> list[dict[str, Any]]:
        size = TOP_COUNT
        return self.workloads.page_of(listing, wanted, sort=sort, descending=descending, page=1, page_size=size).rows

    def _midnight(self, now: datetime) -> datetime:
        local = now.astimezone(ZoneInfo(self.settings.time_zone))
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)
