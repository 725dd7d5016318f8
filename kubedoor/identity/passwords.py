"""Password hashing by argon2-cffi with its defaults (RFC 9106, low-memory), and the rules for new passwords."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kubedoor.errors import InvalidInput, TooManyRequests
from kubedoor.sentences import sentence
from kubedoor.weak_secrets import MIN_PASSWORD_CHARACTERS, WELL_KNOWN_PASSWORD, weak_password

MAX_PASSWORD_CHARACTERS = 200
MAX_CONCURRENT_HASHES = 2
"""A hash needs 64 MiB while it runs: without a limit a burst of log-ins would exhaust the pod's memory."""
HASH_WAIT_SECONDS = 5


class Passwords:
    """`default`: the first password of the settings, refused as a new one. `hasher`: a cheaper one, for tests."""

    def __init__(self, *, default: str, hasher: PasswordHasher | None = None) -> None:
        self._default = default
        self._hasher = hasher or PasswordHasher()
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)
        # Verified if the user does not exist, so that response times do not reveal user names.
        self.dummy_hash = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        with self.slot():
            return self._hasher.hash(password)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold it to call `is_right`. Raises TooManyRequests if none is free within HASH_WAIT_SECONDS."""
        if not self._slots.acquire(timeout=HASH_WAIT_SECONDS):
            raise TooManyRequests(sentence("people.many_log_ins"), retry_after_seconds=1)
        try:
            yield
        finally:
            self._slots.release()

    def is_right(self, password_hash: str, password: str) -> bool:
        """Call it only inside a `slot`. False also for an empty hash (a user without a local password)."""
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def check(self, new: str, *, username: str, old: str = "", field: str = "new_password") -> None:
        """Raises InvalidInput if `new` breaks a rule for passwords."""
        if not MIN_PASSWORD_CHARACTERS <= len(new) <= MAX_PASSWORD_CHARACTERS:
            least, most = MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS
            raise InvalidInput(sentence("people.password_length", least=least, most=most), field=field)
        if new in (old, username, self._default, WELL_KNOWN_PASSWORD):
            raise InvalidInput(sentence("people.password_not_new"), field=field)
        if why := weak_password(new, name=username):
            raise InvalidInput(sentence("people.password_weak", why=why), field=field)
