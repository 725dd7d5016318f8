"""Attempts to log in, counted in the store so that all pods of `api` throttle as one."""

from __future__ import annotations

from datetime import datetime

from kubedoor.store.connection import Connection, only


class LoginStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *, at: datetime, account: str, address: str, succeeded: bool) -> None:
        row = {"at": at, "account": account, "address": address, "succeeded": succeeded}
        self._connection.insert("login_attempts", [row])

    def failures_of_account(self, account: str, *, since: datetime) -> list[datetime]:
        """The account's failures since `since` and since it last logged in, newest first."""
        return self._failures(
            "account = {name:String} AND at > (SELECT max(at) FROM login_attempts WHERE account = {name:String}"
            " AND succeeded)",
            account,
            since,
        )

    def failures_of_address(self, address: str, *, since: datetime) -> list[datetime]:
        """The address's failures whatever the account, newest first: a success excuses its own attempt and no other."""
        times = self._failures("address = {name:String}", address, since)
        row = only(
            self._connection.rows(
                "SELECT count() AS successes FROM login_attempts WHERE at > {since:DateTime64(3, 'UTC')}"
                " AND address = {name:String} AND succeeded",
                name=address,
                since=since,
            )
        )
        return times[: max(len(times) - int(row["successes"]), 0)]

    def _failures(self, condition: str, name: str, since: datetime) -> list[datetime]:
        rows = self._connection.rows(
            f"SELECT at FROM login_attempts WHERE at > {{since:DateTime64(3, 'UTC')}} AND NOT succeeded AND {condition}"
            " ORDER BY at DESC",
            name=name,
            since=since,
        )
        return [row["at"] for row in rows]
