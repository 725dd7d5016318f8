"""Throttles log-in attempts for each account and each address; all pods of `api` share the counters in the store.

An attempt is stored as a failure before the password is verified, and the failures are counted after that: concurrent
attempts see each other, so sending them in parallel gains no guesses. A success is stored too and offsets its own
attempt. Refused attempts are not stored, which bounds the table by the limits. Each process remembers whom it has refused,
and until when, so that it refuses them again without asking the store.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from datetime import datetime, timedelta

from kubedoor.errors import TooManyRequests
from kubedoor.sentences import sentence
from kubedoor.store.login_attempts import LoginAttemptStore

WINDOW = timedelta(minutes=15)
ACCOUNT_FAILURES = 10
"""Per WINDOW. An attacker can lock a known account for that long; the alternative, more guesses, is worse."""
ADDRESS_FAILURES = 50
"""Per WINDOW; more than for an account, because a whole company may share one address."""
MAX_REMEMBERED = 20_000
"""Refused accounts and addresses, a few MB. Beyond it the oldest are forgotten, and looked up again."""
REMEMBERED = timedelta(seconds=60)
"""How long a refusal is taken from memory: another pod may let somebody in meanwhile, which ends it."""
ACCOUNT, ADDRESS = "account", "address"
Key = tuple[str, str]
"""What is throttled: ACCOUNT or ADDRESS, and its name."""


class Throttle:
    def __init__(self, store: LoginAttemptStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._refused: dict[Key, tuple[datetime, datetime]] = {}
        """Until when it is refused, and until when that is remembered; the oldest first."""

    def attempt(self, account: str, address: str) -> None:
        """Call it before verifying a password. Raises TooManyRequests. An empty address is not counted."""
        self._check(account, address, own=0)
        self._store.add(at=self._now(), account=account, address=normalized_address(address), succeeded=False)
        self._check(account, address, own=1)

    def refuse(self, account: str, address: str) -> None:
        """As `attempt`, but without counting one."""
        self.refuse_remembered(account, address)
        self._check(account, address, own=0)

    def refuse_remembered(self, account: str, address: str) -> None:
        """As `refuse`, as far as this process remembers: asks nobody. An empty account: only the address."""
        now = self._now()
        for key in _keys(account, address):
            until, forgotten_at = self._refused.get(key, (now, now))
            if now < min(until, forgotten_at):
                raise _too_many(until, now)

    def is_remembered(self, account: str, address: str) -> bool:
        """Whether `refuse_remembered` raises."""
        try:
            self.refuse_remembered(account, address)
        except TooManyRequests:
            return True
        return False

    def succeeded(self, account: str, address: str) -> None:
        """Call it after a correct password: resets the failures of the account."""
        self._store.add(at=self._now(), account=account, address=normalized_address(address), succeeded=True)
        self._refused.pop((ACCOUNT, account), None)

    def _check(self, account: str, address: str, *, own: int) -> None:
        """`own`: how many of the stored failures are this very attempt."""
        now = self._now()
        for key in _keys(account, address):
            kind, name = key
            find = self._store.failures_of_account if kind == ACCOUNT else self._store.failures_of_address
            limit = ACCOUNT_FAILURES if kind == ACCOUNT else ADDRESS_FAILURES
            failures = find(name, since=now - WINDOW)
            if len(failures) >= limit + own:
                until = failures[limit - 1] + WINDOW
                self._remember(key, until)
                raise _too_many(until, now)

    def _remember(self, key: Key, until: datetime) -> None:
        self._refused.pop(key, None)
        self._refused[key] = until, self._now() + REMEMBERED
        while len(self._refused) > MAX_REMEMBERED:
            # Another thread may be at it too.
            self._refused.pop(next(iter(self._refused)), None)


def _keys(account: str, address: str) -> list[Key]:
    keys = [(ACCOUNT, account), (ADDRESS, normalized_address(address))]
    return [key for key in keys if key[1]]


def _too_many(until: datetime, now: datetime) -> TooManyRequests:
    seconds = max(math.ceil((until - now).total_seconds()), 1)
    message = sentence("people.too_many_failed", minutes=math.ceil(seconds / 60))
    return TooManyRequests(message, retry_after_seconds=seconds)


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
