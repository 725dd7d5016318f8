"""Authentication: log-in with a password, session cookies, API tokens.

A session is a signed cookie with the user name and the time of log-in. Every request reads the user from the store, so
revoking a session or changing a role takes effect at once.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from kubedoor.errors import Conflict, InvalidInput, StoreError, Unauthorized
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.passwords import Passwords
from kubedoor.identity.throttle import Throttle
from kubedoor.roles import Role
from kubedoor.store.records import RecordStore
from kubedoor.store.tokens import Token, TokenStore
from kubedoor.store.users import LOCAL, User, UserStore

log = logging.getLogger(__name__)

ADMIN = Role.ADMIN
TOKEN_USE_INTERVAL = timedelta(minutes=5)
SESSION, TOKEN, COMMAND_LINE = "session", "token", "command-line"
LOCAL_LOGIN = "kubedoor.login"
"""Key of the ASGI scope with the Login of the command line in this process. No HTTP request can set it."""


@dataclass(frozen=True)
class Login:
    """An authenticated user. For an API token, `user` has the name and the role of the token."""

    user: User
    expires_at: datetime
    via: str = SESSION


def token_hash(token: str) -> str:
    """SHA-256. A token has 256 random bits, so a slow password hash would add nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


class Authenticator:
    def __init__(
        self,
        store: UserStore,
        *,
        tokens: TokenStore,
        records: RecordStore,
        throttle: Throttle,
        passwords: Passwords,
        session_secret: str,
        session_hours: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._records = records
        self._throttle = throttle
        self._passwords = passwords
        self._session_seconds = session_hours * 3600
        self._now = now
        self._key = session_secret
        self._last_recorded_use: dict[str, datetime] = {}

    def create_first_user(self, username: str, password: str) -> None:
        """Create the admin of the settings if there are no users. Safe to call from several pods at once."""
        if self._store.has_users():
            return
        user = User(
            username=username,
            role=ADMIN,
            password_hash=self._passwords.hash(password),
            must_change_password=True,
            sessions_valid_from=self._now(),
        )
        try:
            self._store.save(user)
        except Conflict:
            return

    def log_in(self, username: str, password: str, *, address: str) -> tuple[Login, str]:
        """The login and its session cookie.

        Raises Unauthorized, with the same message for a wrong name and a wrong password, and TooManyRequests.
        """
        # The slot comes first: an attempt that is refused for lack of one must not count as a failure.
        with self._passwords.slot():
            self._throttle.attempt(username, address)
            user = self._store.user(username)
            password_hash = user.password_hash if user and user.source == LOCAL else self._passwords.dummy_hash
            is_right = self._passwords.is_right(password_hash, password)
        if not is_right or user is None:
            raise Unauthorized("the user name or the password is wrong")
        self._throttle.succeeded(username, address)
        return self.open_session(user)

    def session(self, cookie: str) -> Login:
        """The login of a session cookie. Raises Unauthorized if it is forged, expired or revoked."""
        try:
            username, made_at = self.signer("session").loads(cookie)
            made = datetime.fromtimestamp(float(made_at), UTC)
        except (BadSignature, ValueError, TypeError, OverflowError):
            raise Unauthorized("log in first") from None
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        user = self._store.user(str(username))
        if user is None or self._now() >= expires_at or made < user.sessions_valid_from:
            raise Unauthorized("the session has ended: log in again")
        return Login(user, expires_at)

    def token(self, token: str) -> Login:
        """The login of an API token. Raises Unauthorized if it is unknown, expired or revoked."""
        stored = self._tokens.by_hash(token_hash(token))
        if stored is None or stored.revoked or self._now() >= stored.expires_at:
            raise Unauthorized("the API token is unknown, has expired or has been revoked")
        self._record_use(stored)
        user = User(stored.name, stored.role, "", must_change_password=False, sessions_valid_from=stored.made_at)
        return Login(user, stored.expires_at, TOKEN)

    def _record_use(self, token: Token) -> None:
        """At most once in TOKEN_USE_INTERVAL, to avoid a write for every request."""
        now, last = self._now(), self._last_recorded_use.get(token.token_hash)
        if last is not None and now - last < TOKEN_USE_INTERVAL:
            return
        self._last_recorded_use[token.token_hash] = now
        try:
            self._tokens.record_use(token.token_hash, now)
        except StoreError as error:
            # A stale "last used" is no reason to refuse the request.
            log.warning("the use of API token %s could not be recorded: %s", token.name, error.message)

    def change_password(self, login: Login, old: str, new: str, editor: Editor) -> tuple[Login, str]:
        """Change the own password and end all other sessions. Returns the new login and its session cookie."""
        user = login.user
        if user.source != LOCAL:
            raise Conflict("your password is kept by the identity provider: change it there")
        with self._passwords.slot():
            self._throttle.attempt(user.username, editor.address)
            is_right = self._passwords.is_right(user.password_hash, old)
        if not is_right:
            raise InvalidInput("the old password is wrong", field="old_password")
        self._throttle.succeeded(user.username, editor.address)
        self._passwords.check(new, username=user.username, old=old)
        changed = replace(
            user,
            password_hash=self._passwords.hash(new),
            must_change_password=False,
            sessions_valid_from=self._now_in_milliseconds(),
        )
        with audited(self._records, editor, "password.change", user.username):
            saved = self._store.save(changed)
        return self.open_session(saved)

    def log_out_everywhere(self, user: User, editor: Editor) -> None:
        """End all sessions of the user, the current one included."""
        with audited(self._records, editor, "user.log-out", user.username):
            self._store.save(replace(user, sessions_valid_from=self._now()))

    def _now_in_milliseconds(self) -> datetime:
        # Rounded down to the precision of the store: rounded up, it could void the session that is opened next.
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def open_session(self, user: User) -> tuple[Login, str]:
        """A new session of an authenticated user, and its cookie."""
        made = self._now()
        cookie = self.signer("session").dumps([user.username, made.timestamp()])
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        return Login(user, expires_at), str(cookie)

    def signer(self, purpose: str) -> URLSafeSerializer:
        """Signs cookies. A value signed for one purpose is invalid for any other."""
        if not self._key:
            self._key = self._store.shared_key("session", candidate=secrets.token_urlsafe(32))
        return URLSafeSerializer(self._key, salt=f"kubedoor-{purpose}")
