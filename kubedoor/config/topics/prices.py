"""What CPU and memory cost, for those who want to see savings as money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting

MOST_PER_HOUR = 1000


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class PriceSettings:
    """Fields of `Settings`."""

    price_vcpu_hour: float = setting(
        "0", parsers.number(0, MOST_PER_HOUR), "0.031", "Price of one core for an hour; 0 for both: no money is shown."
    )
    price_gib_hour: float = setting(
        "0", parsers.number(0, MOST_PER_HOUR), "0.0042", "Price of one GiB of memory for an hour."
    )
    price_currency: str = setting(
        "USD", parsers.currency, "EUR", "Currency of the prices, by its code of three letters."
    )
    node_prices: Mapping[str, tuple[float, float]] = setting(
        "",
        parsers.node_prices,
        "karpenter.sh/capacity-type=spot:0.011/0.0015",
        "Prices of nodes by a label, `label=value:core/GiB` with commas between, the first that fits; the cluster's price is the mean over its nodes by size.",
    )
