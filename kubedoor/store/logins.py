"""Attempts to log in, counted in the store so that all pods of `api` throttle as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kubedoor.store.connection import Connection


@dataclass(frozen=True)
class Attempts:
    """Failures within a window. `oldest`: when the one ended its life that has to leave the window first."""

    count: int
    times: tuple[datetime, ...]


class LoginStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *, at: datetime, account: str, address: str, succeeded: bool) -> None:
        row = {"at": at, "account": account, "address": address, "succeeded": succeeded}
        self._connection.insert("login_attempts", [row])

    def of_account(self, account: str, *, since: datetime, limit: int) -> list[datetime]:
        """The account's newest attempts since `since` and since it last logged in, newest first."""
        return self._times(
            "account = {name:String} AND at > (SELECT max(at) FROM login_attempts WHERE account = {name:String}"
            " AND succeeded)",
            account,
            since,
            limit,
        )

    def of_address(self, address: str, *, since: datetime, limit: int) -> list[datetime]:
        """The address's newest attempts, whatever the account: a success of one does not excuse the others."""
        return self._times("address = {name:String}", address, since, limit)

    def _times(self, condition: str, name: str, since: datetime, limit: int) -> list[datetime]:
        rows = self._connection.rows(
            f"SELECT at FROM login_attempts WHERE at > {{since:DateTime64(3, 'UTC')}} AND NOT succeeded AND {condition}"
            " ORDER BY at DESC LIMIT {limit:UInt32}",
            name=name,
            since=since,
            limit=limit,
        )
        return [row["at"] for row in rows]
