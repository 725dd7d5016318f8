"""Users and shared keys, append-only: of two edits of one version exactly one wins."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from kubedoor.errors import Conflict
from kubedoor.store.connection import Connection


@dataclass(frozen=True)
class User:
    """`sessions_valid_from`: older sessions are void."""

    username: str
    role: str
    password_hash: str
    must_change_password: bool
    sessions_valid_from: datetime
    version: int = 0


class PeopleStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def user(self, username: str) -> User | None:
        rows = self._connection.rows(
            "SELECT username, role, password_hash, must_change_password, sessions_valid_from, version FROM users"
            " WHERE username = {username:String} AND NOT deleted",
            username=username,
        )
        return User(**rows[0]) if rows else None

    def has_users(self) -> bool:
        return bool(self._connection.rows("SELECT 1 FROM user_versions LIMIT 1"))

    def save(self, user: User) -> User:
        """Write the next version of a user. Raises Conflict when another edit of `user.version` was first."""
        following = replace(user, version=user.version + 1)
        edit = uuid.uuid4()
        row = {
            "username": user.username,
            "version": following.version,
            "edit": edit,
            "password_hash": user.password_hash,
            "role": user.role,
            "must_change_password": user.must_change_password,
            "sessions_valid_from": user.sessions_valid_from,
            "deleted": False,
        }
        self._connection.insert("user_versions", [row], token=f"{user.username}/{following.version}")
        winner = self._connection.rows(
            "SELECT edit FROM user_versions WHERE username = {username:String} AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            username=user.username,
            version=following.version,
        )
        if not winner or winner[0]["edit"] != edit:
            raise Conflict(f"user {user.username} has been changed by somebody else in the meantime")
        return following

    def shared_key(self, name: str, *, candidate: str) -> str:
        """The key of this name; `candidate` becomes it when there is none yet, for all pods the same."""
        sql = "SELECT value FROM shared_keys WHERE name = {name:String} ORDER BY made_at, value LIMIT 1"
        if not self._connection.rows(sql, name=name):
            self._connection.insert("shared_keys", [{"name": name, "value": candidate}], token=name)
        return str(self._connection.rows(sql, name=name)[0]["value"])
