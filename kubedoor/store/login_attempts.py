"""Log-in attempts, stored so that all pods of `api` share one throttle."""

from __future__ import annotations

from datetime import datetime

from kubedoor.store.connection import Connection, only


class LoginAttemptStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *, at: datetime, account: str, address: str, succeeded: bool) -> None:
        row = {"at": at, "account": account, "address": address, "succeeded": succeeded}
        self._connection.insert("login_attempts", [row])

    def failures_of_account(self, account: str, *, since: datetime) -> list[datetime]:
        """Times of failures since `since` and since the last successful log-in of the account, newest first."""
        return self._failures(
            "account = {name:String} AND at > (SELECT max(at) FROM login_attempts WHERE account = {name:String}"
            " AND succeeded)",
            account,
            since,
        )

    def failures_of_address(self, address: str, *, since: datetime) -> list[datetime]:
        """Times of failures from this address for any account, newest first, without the attempts that succeeded.

        An attempt is first stored as a failure, so each success cancels one of them.
        """
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
