"""Users in append-only versions, and shared keys. Of two concurrent edits of one version exactly one wins."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from kubedoor.errors import Conflict
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection, only

LOCAL = "local"
OIDC = "oidc"
_COLUMNS = "username, role, password_hash, must_change_password, sessions_valid_from, version, source, subject"

# The newest version, as the view `users` has it: every request asks this, and the view costs twice as much.
_USER_OF_SESSION = (
    f"SELECT {_COLUMNS}, deleted, (SELECT count() FROM ended_sessions WHERE session = {{session:String}}) AS ended"
    " FROM user_versions WHERE username = {username:String} ORDER BY version DESC, edit LIMIT 1"
)


@dataclass(frozen=True)
class User:
    """Sessions older than `sessions_valid_from` are void. `subject`: issuer and `sub` claim if `source` is oidc."""

    username: str
    role: str
    password_hash: str
    must_change_password: bool
    sessions_valid_from: datetime
    version: int = 0
    source: str = LOCAL
    subject: str = ""


@dataclass(frozen=True)
class UserEntry:
    """A user in a list; no secrets."""

    username: str
    role: str
    source: str
    must_change_password: bool
    version: int
    changed_at: datetime


class UserStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def user(self, username: str) -> User | None:
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM users WHERE username = {{username:String}} AND NOT deleted", username=username
        )
        return User(**rows[0]) if rows else None

    def user_of_session(self, username: str, session: str) -> User | None:
        """As `user`, but None also if this session has been ended."""
        rows = self._connection.rows(_USER_OF_SESSION, username=username, session=session)
        if not rows or rows[0].pop("deleted") or rows[0].pop("ended"):
            return None
        return User(**rows[0])

    def end_session(self, session: str, at: datetime) -> None:
        self._connection.insert("ended_sessions", [{"session": session, "ended_at": at}])

    def has_users(self) -> bool:
        return bool(self._connection.rows("SELECT 1 FROM user_versions LIMIT 1"))

    def all(self) -> list[UserEntry]:
        """All users that are not deleted, ordered by name."""
        rows = self._connection.rows(
            "SELECT username, role, source, must_change_password, version, changed_at FROM users WHERE NOT deleted"
            " ORDER BY username"
        )
        return [UserEntry(**row) for row in rows]

    def count(self, *, role: str, source: str = "") -> int:
        """The number of users with this role; `source`: only local or only oidc users."""
        row = only(
            self._connection.rows(
                "SELECT count() AS n FROM users WHERE NOT deleted AND role = {role:String}"
                " AND ({source:String} = '' OR source = {source:String})",
                role=role,
                source=source,
            )
        )
        return int(row["n"])

    def newest_version(self, username: str) -> int:
        """The newest version of this name, also of a deleted user, so that a name can be used again; 0 if none."""
        row = only(
            self._connection.rows(
                "SELECT max(version) AS version FROM user_versions WHERE username = {username:String}",
                username=username,
            )
        )
        return int(row["version"])

    def save(self, user: User, *, deleted: bool = False) -> User:
        """Write the next version of a user. Raises Conflict if `user.version` is stale."""
        next_version = replace(user, version=user.version + 1)
        edit = uuid.uuid4()
        row = {**asdict(next_version), "edit": edit, "deleted": deleted}
        self._connection.insert("user_versions", [row], token=f"{user.username}/{next_version.version}")
        winner = self._connection.rows(
            "SELECT edit FROM user_versions WHERE username = {username:String} AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            username=user.username,
            version=next_version.version,
        )
        if not winner or winner[0]["edit"] != edit:
            raise Conflict(sentence("people.user_changed_meanwhile", name=user.username))
        return next_version

    def shared_key(self, name: str, *, candidate: str) -> str:
        """The key of this name; stores `candidate` if there is none. All pods get the same key."""
        sql = "SELECT value FROM shared_keys WHERE name = {name:String} ORDER BY made_at, value LIMIT 1"
        if not self._connection.rows(sql, name=name):
            self._connection.insert("shared_keys", [{"name": name, "value": candidate}], token=name)
        return str(self._connection.rows(sql, name=name)[0]["value"])
