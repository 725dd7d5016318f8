"""Administration of users and API tokens. Every change is audited; removing the last admin is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kubedoor.errors import Conflict, InvalidInput, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.identity.authentication import token_hash
from kubedoor.identity.names import TOKEN_NAME, USERNAME, check_name, look_alike
from kubedoor.identity.oidc import Identity
from kubedoor.identity.passwords import Passwords
from kubedoor.roles import Role, role_named
from kubedoor.sentences import sentence
from kubedoor.store.records import RecordStore
from kubedoor.store.tokens import Token, TokenEntry, TokenStore
from kubedoor.store.users import LOCAL, OIDC, User, UserEntry, UserStore

MAX_TOKEN_DAYS = 3650
TOKEN_PREFIX = "kubedoor_"  # noqa: S105 -- lets secret scanners find tokens in repositories
_NAMES_OF_USERS = sentence("people.user_names", most=128)
_NAMES_OF_TOKENS = sentence("people.token_names", most=64)


class Users:
    def __init__(
        self, store: UserStore, records: RecordStore, passwords: Passwords, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._records = records
        self._passwords = passwords
        self._now = now

    def all(self) -> list[UserEntry]:
        return self._store.all()

    def one(self, username: str) -> User:
        """Raises NotFound."""
        if (user := self._store.user(username)) is None:
            raise NotFound(sentence("people.no_user", name=username))
        return user

    def create(self, username: str, password: str, role: str, editor: Editor) -> User:
        """The user must change the password at the first log-in.

        Raises InvalidInput, or Conflict for a name that is in use or looks like one.
        """
        wanted = role_named(role)
        if why := check_name(username, USERNAME, _NAMES_OF_USERS):
            raise InvalidInput(why, field="username")
        self._passwords.check(password, username=username, field="password")
        version = self._free_version(username)
        user = User(
            username=username,
            role=wanted,
            password_hash=self._passwords.hash(password),
            must_change_password=True,
            sessions_valid_from=self._now(),
            version=version,
        )
        with audited(self._records, editor, "user.create", username, after=_audit_fields(user)):
            return self._save_new(user)

    def _free_version(self, username: str) -> int:
        """The version that a new user of this name is based on. Raises Conflict if the name, or one like it, is in use.

        The version is read first: a user who is created in between is found here, or has taken the next version.
        """
        version = self._store.newest_version(username)
        if self._store.user(username) is not None:
            raise Conflict(sentence("people.user_exists", name=username), field="username")
        if alike := look_alike(username, [entry.username for entry in self._store.all()]):
            raise _looks_like(username, alike)
        return version

    def _save_new(self, user: User) -> User:
        """Undone if somebody with a name like it has been created at the same moment: the earlier one stays."""
        try:
            saved = self._store.save(user)
        except Conflict:
            raise Conflict(sentence("people.user_exists", name=user.username), field="username") from None
        entries = {entry.username: entry for entry in self._store.all()}
        own = entries.pop(user.username, None)
        alike = look_alike(user.username, entries)
        if own and alike and (entries[alike].changed_at, alike) < (own.changed_at, user.username):
            self._store.save(saved, deleted=True)
            raise _looks_like(user.username, alike)
        return saved

    def set_role(self, username: str, role: str, editor: Editor, *, version: int | None = None) -> User:
        """`version`: the one that the change is based on. Raises Conflict if it is stale, and for the last admin."""
        wanted, user = role_named(role), self.one(username)
        _check_version(user, version)
        if user.source != LOCAL:
            raise Conflict(sentence("people.role_of_provider", name=username))
        if wanted == user.role:
            return user
        self._check_not_last_admin(user)
        changed = replace(user, role=wanted)
        with audited(
            self._records, editor, "user.role", username, before=_audit_fields(user), after=_audit_fields(changed)
        ):
            saved = self._store.save(changed)
        self._restore_if_last(saved, user, editor)
        return saved

    def reset_password(self, username: str, password: str, editor: Editor) -> User:
        """The user must change the new password at the next log-in. Ends all sessions of the user."""
        user = self.one(username)
        if user.source != LOCAL:
            raise Conflict(sentence("people.password_of_provider", name=username))
        self._passwords.check(password, username=username, field="password")
        changed = replace(
            user,
            password_hash=self._passwords.hash(password),
            must_change_password=True,
            sessions_valid_from=self._now(),
        )
        with audited(self._records, editor, "password.reset", username):
            return self._store.save(changed)

    def log_out(self, username: str, editor: Editor) -> None:
        """End all sessions of the user."""
        user = self.one(username)
        with audited(self._records, editor, "user.log-out", username):
            self._store.save(replace(user, sessions_valid_from=self._now()))

    def delete(self, username: str, editor: Editor, *, version: int | None = None) -> None:
        """Ends all sessions too. Raises Conflict for a stale `version` and for the last admin."""
        user = self.one(username)
        _check_version(user, version)
        self._check_not_last_admin(user)
        with audited(self._records, editor, "user.delete", username, before=_audit_fields(user)):
            deleted = self._store.save(replace(user, sessions_valid_from=self._now()), deleted=True)
        self._restore_if_last(deleted, user, editor)

    def provision(self, identity: Identity, editor: Editor) -> User:
        """Just-in-time provisioning: create the user of an identity, or update the role.

        Raises Conflict if the name belongs to a local user or to another subject: a provider cannot take users over.
        """
        user = self._store.user(identity.username)
        if user is None:
            return self._add_identity(identity, editor)
        if user.source != OIDC or user.subject != identity.subject:
            raise Conflict(sentence("people.name_taken", name=identity.username), field="username")
        if user.role == identity.role:
            return user
        changed = replace(user, role=identity.role)
        with audited(
            self._records, editor, "user.role", user.username, before=_audit_fields(user), after=_audit_fields(changed)
        ):
            return self._store.save(changed)

    def _add_identity(self, identity: Identity, editor: Editor) -> User:
        if check_name(identity.username, USERNAME, _NAMES_OF_USERS):
            raise Conflict(sentence("people.name_unusable", name=repr(identity.username)), field="username")
        version = self._free_version(identity.username)
        user = User(
            username=identity.username,
            role=identity.role,
            password_hash="",
            must_change_password=False,
            sessions_valid_from=self._now(),
            version=version,
            source=OIDC,
            subject=identity.subject,
        )
        with audited(self._records, editor, "user.create", user.username, after=_audit_fields(user)):
            return self._save_new(user)

    def _check_not_last_admin(self, user: User) -> None:
        if user.role == Role.ADMIN and self._count_admins_like(user) <= 1:
            raise self._last_admin(user)

    def _count_admins_like(self, user: User) -> int:
        """The number of admins, this one included, that count as a replacement for it.

        For a local admin only local ones do: the identity provider can take the role from its users at any time.
        """
        return self._store.count(role=Role.ADMIN, source=LOCAL if user.source == LOCAL else "")

    def _last_admin(self, user: User) -> Conflict:
        if self._store.count(role=Role.ADMIN, source=OIDC) and user.source == LOCAL:
            return Conflict(sentence("people.last_local_admin", name=user.username))
        return Conflict(sentence("people.last_admin", name=user.username))

    def _restore_if_last(self, changed: User, before: User, editor: Editor) -> None:
        """Undo the change if no admin is left: of two admins removed concurrently both pass the check before it."""
        if before.role != Role.ADMIN or self._count_admins_like(before) > 0:
            return
        with audited(self._records, editor, "user.restore", before.username, after=_audit_fields(before)):
            self._store.save(replace(before, version=changed.version))
        raise self._last_admin(before)


class Tokens:
    def __init__(self, store: TokenStore, records: RecordStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._records = records
        self._now = now

    def all(self) -> list[TokenEntry]:
        """All tokens but revoked ones. Expired ones are included: they explain why a pipeline fails."""
        return self._store.all()

    def create(self, name: str, role: str, *, days: int, editor: Editor) -> tuple[Token, str]:
        """The token and its secret, which is not stored. Raises InvalidInput, or Conflict for a name in use."""
        wanted = role_named(role)
        if why := check_name(name, TOKEN_NAME, _NAMES_OF_TOKENS):
            raise InvalidInput(why, field="name")
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise InvalidInput(sentence("people.token_days", least=1, most=MAX_TOKEN_DAYS), field="expires_in_days")
        now, former = self._now(), self._store.by_name(name)
        if former is not None and not former.revoked and former.expires_at > now:
            raise Conflict(sentence("people.token_exists", name=name), field="name")
        others = [entry.token.name for entry in self._store.all() if entry.token.name != name]
        if alike := look_alike(name, others):
            raise Conflict(sentence("people.token_looks_like", other=alike, name=name), field="name")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            name=name,
            token_hash=token_hash(secret),
            role=wanted,
            made_by=editor.who,
            made_at=now,
            expires_at=now + timedelta(days=days),
            version=former.version if former else 0,
        )
        shown = {"role": token.role, "expires_at": token.expires_at}
        with audited(self._records, editor, "token.create", name, after=shown):
            return self._store.save(token), secret

    def revoke(self, name: str, editor: Editor) -> None:
        """Takes effect at once. Raises NotFound."""
        token = self._store.by_name(name)
        if token is None or token.revoked:
            raise NotFound(sentence("people.no_token", name=name))
        before = {"role": token.role, "expires_at": token.expires_at}
        with audited(self._records, editor, "token.revoke", name, before=before):
            self._store.save(replace(token, revoked=True))


def _looks_like(username: str, alike: str) -> Conflict:
    return Conflict(sentence("people.looks_like", other=alike, name=username), field="username")


def _check_version(user: User, version: int | None) -> None:
    if version is not None and version != user.version:
        message = sentence("people.user_changed", name=user.username, version=user.version)
        raise Conflict(message, field="version", version=user.version)


def _audit_fields(user: User) -> dict[str, Any]:
    return {"role": user.role, "source": user.source, "must_change_password": user.must_change_password}
