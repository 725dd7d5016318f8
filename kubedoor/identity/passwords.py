"""Passwords: hashed by argon2-cffi with its defaults (RFC 9106, low-memory), and what a new one must be like."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kubedoor.errors import InvalidInput, TooManyRequests

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 200
HASHES_AT_ONCE = 2
"""Each takes 64 MiB for the time it runs: without a bound, a burst of log-ins would take the pod's memory."""
HASH_WAIT_SECONDS = 5


class Passwords:
    """`default` is the first password of the settings, which nobody may choose; `hasher` only where it may be quick."""

    def __init__(self, *, default: str, hasher: PasswordHasher | None = None) -> None:
        self._default = default
        self._hasher = hasher or PasswordHasher()
        self._slots = threading.BoundedSemaphore(HASHES_AT_ONCE)
        # Verified when a user does not exist, so that the answer takes as long as for one who does.
        self.nobody = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        with self.turn():
            return self._hasher.hash(password)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For `is_right`. Raises TooManyRequests when it does not come within seconds."""
        if not self._slots.acquire(timeout=HASH_WAIT_SECONDS):
            raise TooManyRequests("many people are logging in just now: try again", retry_after_seconds=1)
        try:
            yield
        finally:
            self._slots.release()

    def is_right(self, password_hash: str, password: str) -> bool:
        """Only within a `turn`. False too for a user who has no password here."""
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def check(self, new: str, *, username: str, old: str = "", field: str = "new_password") -> None:
        """Raises InvalidInput when `new` must not be a password."""
        if not MIN_PASSWORD_CHARACTERS <= len(new) <= MAX_PASSWORD_CHARACTERS:
            raise InvalidInput(
                f"a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters", field=field
            )
        if new in (old, username, self._default):
            raise InvalidInput(
                "the new password must be neither the old one, the default nor the user name", field=field
            )
