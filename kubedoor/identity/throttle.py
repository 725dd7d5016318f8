"""Throttles log-in attempts for each account and each address; all pods of `api` share the counters in the store.

An attempt is stored as a failure before the password is verified, and the failures are counted after that: concurrent
attempts see each other, so sending them in parallel gains no guesses. A success is stored too and offsets its own
attempt. Refused attempts are not stored, which bounds the table by the limits.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from datetime import datetime, timedelta

from kubedoor.errors import TooManyRequests
from kubedoor.store.login_attempts import LoginAttemptStore

WINDOW = timedelta(minutes=15)
ACCOUNT_FAILURES = 10
"""Per WINDOW. An attacker can lock a known account for that long; the alternative, more guesses, is worse."""
ADDRESS_FAILURES = 50
"""Per WINDOW; more than for an account, because a whole company may share one address."""


class Throttle:
    def __init__(self, store: LoginAttemptStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def attempt(self, account: str, address: str) -> None:
        """Call it before verifying a password. Raises TooManyRequests. An empty address is not counted."""
        address = normalized_address(address)
        self._refuse(account, address, own=0)
        self._store.add(at=self._now(), account=account, address=address, succeeded=False)
        self._refuse(account, address, own=1)

    def succeeded(self, account: str, address: str) -> None:
        """Call it after a correct password: resets the failures of the account."""
        self._store.add(at=self._now(), account=account, address=normalized_address(address), succeeded=True)

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


def normalized_address(address: str) -> str:
    """The key that failures of an address are counted by: for IPv6 its /64 network, which one client usually owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
