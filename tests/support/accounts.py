"""Users, sessions and tokens on a separate database, with a clock that the test sets."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher

from kubedoor.identity.accounts import Tokens, Users
from kubedoor.identity.audit import Editor
from kubedoor.identity.authentication import Authenticator
from kubedoor.identity.passwords import Passwords
from kubedoor.identity.throttle import Throttle
from kubedoor.store.connection import Connection
from kubedoor.store.login_attempts import LoginAttemptStore
from kubedoor.store.records import RecordStore
from kubedoor.store.tokens import TokenStore
from kubedoor.store.users import UserStore

EDITOR = Editor("root", "session", "192.0.2.1")
FIRST, PASSWORD = "kubedoor", "kubedoor-first"
_serial = itertools.count(1)


def dsn_of_new_database(dsn: str) -> str:
    """A new database of the same store, so that the users of other tests are not counted."""
    name = f"people_{os.getpid()}_{next(_serial)}"
    if dsn.startswith("chdb://"):
        return f"{dsn.partition('?')[0]}?database={name}"
    return f"{dsn.rpartition('/')[0]}/{name}"


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class IdentityServices:
    """The identity services of one `api` pod; several of them may share a store and a clock."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.clock = clock
        self.store = UserStore(connection)
        self.records = RecordStore(connection, "test")
        self.logins = LoginAttemptStore(connection)
        self.passwords = Passwords(default="kubedoor", hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.throttle = Throttle(self.logins, now=clock)
        self.people = Authenticator(
            self.store,
            tokens=TokenStore(connection),
            records=self.records,
            throttle=self.throttle,
            passwords=self.passwords,
            session_secret="",
            session_hours=12,
            now=clock,
        )
        self.users = Users(self.store, self.records, self.passwords, now=clock)
        self.tokens = Tokens(TokenStore(connection), self.records, now=clock)
