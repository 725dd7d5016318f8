"""Authentication: log-in with a password, session cookies, API tokens.

A session is a signed cookie with the user name, the time of log-in and a random id. Every request reads the user from the
store, and whether the session has been ended, so logging out, revoking sessions and changing a role take effect at once.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from kubedoor.errors import Conflict, Forbidden, InvalidInput, KubeDoorError, StoreError, TooManyRequests, Unauthorized
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.passwords import Passwords
from kubedoor.identity.throttle import Throttle
from kubedoor.roles import Role
from kubedoor.sentences import sentence
from kubedoor.store.records import AuditRecord, RecordStore
from kubedoor.store.tokens import Token, TokenStore
from kubedoor.store.users import LOCAL, User, UserStore
from kubedoor.weak_secrets import WELL_KNOWN_PASSWORD

log = logging.getLogger(__name__)

ADMIN = Role.ADMIN
TOKEN_USE_INTERVAL = timedelta(minutes=5)
SESSION, OIDC_LOGIN, TOKEN, COMMAND_LINE = "session", "oidc", "token", "command-line"
LOG_IN, LOG_OUT = "session.log-in", "session.log-out"
"""Actions in the audit."""
UNKNOWN_NAME = "(unknown name)"
"""Recorded for a log-in with a name that no user has: people type passwords into the wrong field."""
LOCAL_LOGIN = "kubedoor.login"
"""Key of the ASGI scope with the Login of the command line in this process. No HTTP request can set it."""


@dataclass(frozen=True)
class Login:
    """An authenticated user. For an API token, `user` has the name and the role of the token, and there is no session."""

    user: User
    expires_at: datetime
    via: str = SESSION
    session: str = ""


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

    def refuse_throttled(self, username: str, address: str) -> None:
        """As `log_in` would, as far as this process remembers it: asks nobody and never waits. Raises TooManyRequests."""
        self._throttle.refuse_remembered(username, address)

    def log_in(self, username: str, password: str, *, address: str, is_local: bool = False) -> tuple[Login, str]:
        """The login and its session cookie; on record, whatever comes of it. `is_local`: the person is at this machine.

        Raises Unauthorized, with the same message for a wrong name and a wrong password, TooManyRequests, and Forbidden
        for the well-known first password from elsewhere.
        """
        self.refuse_throttled(username, address)
        try:
            user = self._checked(username, password, address, is_local=is_local)
        except (Forbidden, TooManyRequests, Unauthorized) as error:
            self._record_password_refusal(username, address, error)
            raise
        return self.open_session(user, Editor(user.username, SESSION, address))

    def _checked(self, username: str, password: str, address: str, *, is_local: bool) -> User:
        # Asked before a slot is waited for, and again inside one.
        self._throttle.refuse(username, address)
        # The slot comes first: an attempt that is refused for lack of one must not count as a failure.
        with self._passwords.slot():
            self._throttle.attempt(username, address)
            if password == WELL_KNOWN_PASSWORD and not is_local:
                raise Forbidden(sentence("people.first_password_is_local"))
            user = self._store.user(username)
            password_hash = user.password_hash if user and user.source == LOCAL else self._passwords.dummy_hash
            is_right = self._passwords.is_right(password_hash, password)
        if not is_right or user is None:
            raise Unauthorized(sentence("people.wrong_password"))
        self._throttle.succeeded(username, address)
        return user

    def _record_password_refusal(self, username: str, address: str, error: KubeDoorError) -> None:
        """Bounded by the throttle: what it refuses is recorded once, and then answered from memory."""
        if isinstance(error, TooManyRequests) and not self._throttle.is_remembered(username, address):
            return
        is_known = self._store.user(username) is not None
        self.record_refusal(username if is_known else UNKNOWN_NAME, SESSION, address, error)

    def record_refusal(self, who: str, via: str, address: str, error: KubeDoorError) -> None:
        """A log-in that failed. Raises StoreError."""
        self._records.add_audit(_refused(who, via, address, LOG_IN, error))

    def session(self, cookie: str) -> Login:
        """The login of a session cookie. Raises Unauthorized if it is forged, expired or revoked."""
        try:
            username, made_at, session = self.signer("session").loads(cookie)
            made = datetime.fromtimestamp(float(made_at), UTC)
        except (BadSignature, ValueError, TypeError, OverflowError):
            raise Unauthorized(sentence("people.log_in_first")) from None
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        user = self._store.user_of_session(str(username), str(session))
        if user is None or self._now() >= expires_at or made < user.sessions_valid_from:
            raise Unauthorized(sentence("people.session_ended"))
        return Login(user, expires_at, session=str(session))

    def log_out(self, login: Login, editor: Editor) -> None:
        """End this session: whoever has its cookie is not let in any more."""
        with audited(self._records, editor, LOG_OUT, login.user.username):
            self._store.end_session(login.session, self._now())

    def token(self, token: str) -> Login:
        """The login of an API token. Raises Unauthorized if it is unknown, expired or revoked."""
        stored = self._tokens.by_hash(token_hash(token))
        if stored is None or stored.revoked or self._now() >= stored.expires_at:
            raise Unauthorized(sentence("people.unknown_token"))
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
            raise Conflict(sentence("people.your_password_of_provider"))
        self._throttle.refuse(user.username, editor.address)
        with self._passwords.slot():
            self._throttle.attempt(user.username, editor.address)
            is_right = self._passwords.is_right(user.password_hash, old)
        if not is_right:
            error = InvalidInput(sentence("people.old_password_wrong"), field="old_password")
            self._records.add_audit(_refused(user.username, editor.via, editor.address, "password.change", error))
            raise error
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
        return self._new_session(saved)

    def log_out_everywhere(self, user: User, editor: Editor) -> None:
        """End all sessions of the user, the current one included."""
        with audited(self._records, editor, "user.log-out", user.username):
            self._store.save(replace(user, sessions_valid_from=self._now()))

    def _now_in_milliseconds(self) -> datetime:
        # Rounded down to the precision of the store: rounded up, it could void the session that is opened next.
        now = self._now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def open_session(self, user: User, editor: Editor) -> tuple[Login, str]:
        """A new session of a user who has just been authenticated, and its cookie; on record. Raises StoreError."""
        with audited(self._records, editor, LOG_IN, user.username):
            return self._new_session(user)

    def _new_session(self, user: User) -> tuple[Login, str]:
        made, session = self._now(), secrets.token_urlsafe(16)
        cookie = self.signer("session").dumps([user.username, made.timestamp(), session])
        expires_at = datetime.fromtimestamp(made.timestamp() + self._session_seconds, UTC)
        return Login(user, expires_at, session=session), str(cookie)

    def signer(self, purpose: str) -> URLSafeSerializer:
        """Signs cookies. A value signed for one purpose is invalid for any other."""
        if not self._key:
            self._key = self._store.shared_key("session", candidate=secrets.token_urlsafe(32))
        return URLSafeSerializer(self._key, salt=f"kubedoor-{purpose}")


def _refused(who: str, via: str, address: str, action: str, error: KubeDoorError) -> AuditRecord:
    return AuditRecord(who, via, address, action, who, before={}, after={"error": error.message}, outcome="failed")
