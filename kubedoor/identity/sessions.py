"""Who is asking: log-ins, sessions, API tokens.

A session is a signed cookie that names the user and when it was made; the store decides at every request whether it
still counts, and what role its user has now.
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
from kubedoor.identity.audit import Editor, recorded
from kubedoor.identity.passwords import Passwords
from kubedoor.identity.throttle import Throttle
from kubedoor.roles import Role
from kubedoor.store.people import LOCAL, PeopleStore, User
from kubedoor.store.records import RecordStore
from kubedoor.store.tokens import Token, TokenStore

log = logging.getLogger(__name__)

ADMIN = Role.ADMIN
USE_NOTED_EVERY = timedelta(minutes=5)
SESSION, TOKEN, COMMAND_LINE = "session", "token", "command-line"
LOCAL_LOGIN = "kubedoor.login"
"""Key of the ASGI scope by which the command line, in the same process, says who it is; no request can set it."""


@dataclass(frozen=True)
class Login:
    """A user whose session or token was just checked. For a token, `user` has its name and its role."""

    user: User
    expires_at: datetime
    via: str = SESSION


def token_hash(token: str) -> str:
    """A token has 256 bits of its own, so a plain hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()


class People:
    def __init__(
        self,
        store: PeopleStore,
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
        self._uses_noted: dict[str, datetime] = {}

    def make_first_user(self, username: str, password: str) -> None:
        """The admin of the settings, when there are no users at all. Two pods at once make one."""
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
        """The login and its cookie.

        Raises Unauthorized, in the same words whatever was wrong, or TooManyRequests after many failures.
        """
        # The turn comes first: what is refused because many are logging in must not count as a failure.
        with self._passwords.turn():
            self._throttle.attempt(username, address)
            user = self._store.user(username)
            password_hash = user.password_hash if user and user.source == LOCAL else self._passwords.nobody
            is_right = self._passwords.is_right(password_hash, password)
        if not is_right or user is None:
            raise Unauthorized("the user name or the password is wrong")
        self._throttle.succeeded(username, address)
        return self.open_session(user)

    def session(self, cookie: str) -> Login:
        """Who this cookie is. Raises Unauthorized when it is forged, expired or revoked."""
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
        """Whose API token this is. Raises Unauthorized when it is unknown, expired or revoked."""
        found = self._tokens.by_hash(token_hash(token))
        if found is None or found.revoked or self._now() >= found.expires_at:
            raise Unauthorized("the API token is unknown, has expired or has been revoked")
        self._note_use(found)
        user = User(found.name, found.role, "", must_change_password=False, sessions_valid_from=found.made_at)
        return Login(user, found.expires_at, TOKEN)

    def _note_use(self, token: Token) -> None:
        """Not at every request, which would be a write for every read."""
        now, noted = self._now(), self._uses_noted.get(token.token_hash)
        if noted is not None and now - noted < USE_NOTED_EVERY:
            return
        self._uses_noted[token.token_hash] = now
        try:
            self._tokens.note_use(token.token_hash, now)
        except StoreError as error:
            # A pipeline does not have to fail because a list will be out of date.
            log.warning("the use of API token %s could not be noted: %s", token.name, error.message)

    def change_password(self, login: Login, old: str, new: str, editor: Editor) -> tuple[Login, str]:
        """Set one's own new password, which ends every other session; the new login and its cookie."""
        user = login.user
        if user.source != LOCAL:
            raise Conflict("your password is kept by the identity provider: change it there")
        with self._passwords.turn():
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
            sessions_valid_from=self._floor_now(),
        )
        with recorded(self._records, editor, "password.change", user.username):
            saved = self._store.save(changed)
        return self.open_session(saved)

    def log_out_everywhere(self, user: User, editor: Editor) -> None:
        """End every session of the user, this one too."""
        with recorded(self._records, editor, "user.log-out", user.username):
            self._store.save(replace(user, sessions_valid_from=self._now()))

    def _floor_now(self) -> datetime:
        # The store keeps milliseconds; a session made in the same one must not be older than that.
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def open_session(self, user: User) -> tuple[Login, str]:
        """A new session of a user who has just shown who they are, and its cookie."""
        made = self._now()
        cookie = self.signer("session").dumps([user.username, made.timestamp()])
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        return Login(user, expires_at), str(cookie)

    def signer(self, purpose: str) -> URLSafeSerializer:
        """Signs what browsers keep for us; what was signed for one purpose is worth nothing for another."""
        if not self._key:
            self._key = self._store.shared_key("session", candidate=secrets.token_urlsafe(32))
        return URLSafeSerializer(self._key, salt=f"kubedoor-{purpose}")
