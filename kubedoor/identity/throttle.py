"""Guessing passwords is slowed down, for each account and for each address; all pods of `api` count as one.

An attempt is written down as a failure before the password is looked at, and counted after that: attempts sent side by
side see each other, so a burst gets no more guesses than a queue. A success is written down as well and excuses its own
attempt. What is refused is not written, so the record grows by no more than the limits.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from datetime import datetime, timedelta

from kubedoor.errors import TooManyRequests
from kubedoor.store.logins import LoginStore

WINDOW = timedelta(minutes=15)
ACCOUNT_FAILURES = 10
"""In a window. A stranger can so lock a known account for a quarter of an hour; nine guesses more would be worse."""
ADDRESS_FAILURES = 50
"""In a window; more than for an account, because a whole company may come from one address."""


class Throttle:
    def __init__(self, store: LoginStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def attempt(self, account: str, address: str) -> None:
        """To be called before a password is looked at. Raises TooManyRequests. An empty address is not counted."""
        address = counted_as(address)
        self._refuse(account, address, own=0)
        self._store.add(at=self._now(), account=account, address=address, succeeded=False)
        self._refuse(account, address, own=1)

    def succeeded(self, account: str, address: str) -> None:
        """The password was right: the account's failures are forgotten."""
        self._store.add(at=self._now(), account=account, address=counted_as(address), succeeded=True)

    def _refuse(self, account: str, address: str, *, own: int) -> None:
        since = self._now() - WINDOW
        self._check(self._store.failures_of_account(account, since=since), ACCOUNT_FAILURES, own)
        if address:
            self._check(self._store.failures_of_address(address, since=since), ADDRESS_FAILURES, own)

    def _check(self, failures: list[datetime], limit: int, own: int) -> None:
        if len(failures) < limit + own:
            return
        seconds = math.ceil((failures[limit - 1] + WINDOW - self._now()).total_seconds())
        raise TooManyRequests(
            f"too many log-ins have failed: try again in {math.ceil(seconds / 60)} minutes",
            retry_after_seconds=max(seconds, 1),
        )


def counted_as(address: str) -> str:
    """Of IPv6 a whole /64: whoever has one of its addresses has them all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))
