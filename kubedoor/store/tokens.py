"""API tokens in append-only versions. Only hashes are stored, never a token."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from kubedoor.errors import Conflict
from kubedoor.sentences import sentence
from kubedoor.store.connection import Connection

_COLUMNS = "name, token_hash, role, made_by, made_at, expires_at, revoked, version"


@dataclass(frozen=True)
class Token:
    """Revoked and expired tokens stay stored; their names can be used again."""

    name: str
    token_hash: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked: bool = False
    version: int = 0


@dataclass(frozen=True)
class TokenEntry:
    """A token in a list. `last_used_at` may be a few minutes old; None if the token was never used."""

    token: Token
    last_used_at: datetime | None


class TokenStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_hash(self, token_hash: str) -> Token | None:
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM tokens WHERE token_hash = {{token_hash:String}}", token_hash=token_hash
        )
        return Token(**rows[0]) if rows else None

    def by_name(self, name: str) -> Token | None:
        rows = self._connection.rows(f"SELECT {_COLUMNS} FROM tokens WHERE name = {{name:String}}", name=name)
        return Token(**rows[0]) if rows else None

    def all(self) -> list[TokenEntry]:
        """All tokens that are not revoked, ordered by name."""
        tokens = self._connection.rows(f"SELECT {_COLUMNS} FROM tokens WHERE NOT revoked ORDER BY name")
        uses = self._connection.rows("SELECT token_hash, max(used_at) AS used_at FROM token_uses GROUP BY token_hash")
        last = {row["token_hash"]: row["used_at"] for row in uses}
        return [TokenEntry(Token(**row), last.get(row["token_hash"])) for row in tokens]

    def record_use(self, token_hash: str, at: datetime) -> None:
        self._connection.insert("token_uses", [{"token_hash": token_hash, "used_at": at}])

    def save(self, token: Token) -> Token:
        """Write the next version. Raises Conflict if `token.version` is stale."""
        next_version = replace(token, version=token.version + 1)
        edit = uuid.uuid4()
        key = f"{token.name}/{next_version.version}"
        self._connection.insert("token_versions", [{**asdict(next_version), "edit": edit}], token=key)
        winner = self._connection.rows(
            "SELECT edit FROM token_versions WHERE name = {name:String} AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            name=token.name,
            version=next_version.version,
        )
        if not winner or winner[0]["edit"] != edit:
            raise Conflict(sentence("people.token_changed", name=token.name))
        return next_version
