"""Who may use KubeDoor: passwords, logins, sessions.

Passwords are hashed by argon2-cffi with its defaults (RFC 9106, low-memory). A session is a signed cookie that names the
user and when it was made; the store decides at every request whether it still counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, URLSafeSerializer

from kubedoor.errors import Conflict, InvalidInput, Unauthorized
from kubedoor.store.people import PeopleStore, User

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 200
ADMIN = "admin"


@dataclass(frozen=True)
class Login:
    """A user whose session was just made or checked."""

    user: User
    expires_at: datetime


class People:
    def __init__(
        self,
        store: PeopleStore,
        *,
        first_username: str,
        first_password: str,
        session_secret: str,
        session_hours: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._first_username = first_username
        self._first_password = first_password
        self._session_secret = session_secret
        self._session_seconds = session_hours * 3600
        self._now = now
        self._hasher = PasswordHasher()
        self._signer: URLSafeSerializer | None = None
        # Verified when a user does not exist, so that the answer takes as long as for one who does.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def make_first_user(self) -> None:
        """The admin of the settings, when there are no users at all. Two pods at once make one."""
        if self._store.has_users():
            return
        user = User(
            username=self._first_username,
            role=ADMIN,
            password_hash=self._hasher.hash(self._first_password),
            must_change_password=True,
            sessions_valid_from=self._now(),
        )
        try:
            self._store.save(user)
        except Conflict:
            return

    def log_in(self, username: str, password: str) -> tuple[Login, str]:
        """The login and its cookie. Raises Unauthorized, in the same words whatever was wrong."""
        user = self._store.user(username)
        if not self._is_right(user.password_hash if user else self._nobody, password) or user is None:
            raise Unauthorized("the user name or the password is wrong")
        return self._session(user)

    def session(self, cookie: str) -> Login:
        """Who this cookie is. Raises Unauthorized when it is forged, expired or revoked."""
        try:
            username, made_at = self._serializer().loads(cookie)
            made = datetime.fromtimestamp(float(made_at), UTC)
        except (BadSignature, ValueError, TypeError, OverflowError):
            raise Unauthorized("log in first") from None
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        user = self._store.user(str(username))
        if user is None or self._now() >= expires_at or made < user.sessions_valid_from:
            raise Unauthorized("the session has ended: log in again")
        return Login(user, expires_at)

    def change_password(self, user: User, old: str, new: str) -> tuple[Login, str]:
        """Set a new password, which ends every other session; the new login and its cookie."""
        if not self._is_right(user.password_hash, old):
            raise InvalidInput("the old password is wrong", field="old_password")
        if not MIN_PASSWORD_CHARACTERS <= len(new) <= MAX_PASSWORD_CHARACTERS:
            raise InvalidInput(
                f"a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters",
                field="new_password",
            )
        if new in (old, user.username, self._first_password):
            raise InvalidInput(
                "the new password must be neither the old one, the default nor the user name", field="new_password"
            )
        changed = replace(
            user,
            password_hash=self._hasher.hash(new),
            must_change_password=False,
            sessions_valid_from=self._floor_now(),
        )
        return self._session(self._store.save(changed))

    def log_out_everywhere(self, user: User) -> None:
        """End every session of the user, this one too."""
        self._store.save(replace(user, sessions_valid_from=self._now()))

    def _floor_now(self) -> datetime:
        # The store keeps milliseconds; a session made in the same one must not be older than that.
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _session(self, user: User) -> tuple[Login, str]:
        made = self._now()
        cookie = self._serializer().dumps([user.username, made.timestamp()])
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        return Login(user, expires_at), str(cookie)

    def _is_right(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def _serializer(self) -> URLSafeSerializer:
        if self._signer is None:
            key = self._session_secret or self._store.shared_key("session", candidate=secrets.token_urlsafe(32))
            self._signer = URLSafeSerializer(key, salt="kubedoor-session")
        return self._signer
