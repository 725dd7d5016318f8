"""Which connections of a port stay open: how long each phase may take, and who goes first when there are too many.

Anybody inside the cluster network reaches the door's port, and the API server, which passes a release unsized when it
gets no answer in time, opens and reuses connections like any other client. So a full house never refuses newcomers
while somebody wastes time: the connection that has used the largest share of the time of its phase is closed. A
handshake of 5 ms has used as little as an idle connection of 120 ms; the API server's own are always young.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
ANSWER_SECONDS = 35.0
"""The API server waits at most 30 s for a webhook. Ends connections whose client does not read its answer."""


class Phase(StrEnum):
    HANDSHAKE = "handshake"
    IDLE = "idle"
    """Between requests, and before the first: Go opens connections that it may use later."""
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"


@dataclass(frozen=True)
class Limits:
    """`request_seconds` holds for handshake, head and body each."""

    connections: int = 1000
    request_seconds: float = 5.0
    idle_seconds: float = 120.0
    bodies_bytes: int = 64 * 2**20
    answer_seconds: float = ANSWER_SECONDS

    def seconds_of(self, phase: Phase) -> float:
        if phase is Phase.IDLE:
            return self.idle_seconds
        return self.answer_seconds if phase is Phase.ANSWER else self.request_seconds


class Connection:
    """One client, from accept until its socket is closed. `close` drops it at once, without an answer."""

    __slots__ = ("body_bytes", "close", "phase", "since")

    def __init__(self, close: Callable[[], object], since: float) -> None:
        self.close = close
        self.phase = Phase.HANDSHAKE
        self.since = since
        self.body_bytes = 0
        """Received and not answered yet; after the answer 0."""


class Connections:
    """All connections of one port. Used from the event loop only; `clock` is the loop's, `name` is for the log."""

    def __init__(self, limits: Limits, clock: Callable[[], float], *, name: str = "the door") -> None:
        self.limits = limits
        self._name = name
        self._clock = clock
        self._open: set[Connection] = set()
        self._swept_at = clock()
        self._dropped: Counter[str] = Counter()
        self.bodies_bytes = 0
        """Memory that bodies take, of connections that are gone too while their request is still worked on."""

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, close: Callable[[], object]) -> Connection | None:
        """A new connection; None if there is no room, because all others wait for an answer of ours."""
        if len(self._open) >= self.limits.connections and not self._drop_slowest(
            "too many connections", but_not=Phase.ANSWER
        ):
            self._dropped["too many connections"] += 1
            return None
        connection = Connection(close, self._clock())
        self._open.add(connection)
        return connection

    def entered(self, connection: Connection, phase: Phase) -> None:
        connection.phase = phase
        connection.since = self._clock()

    def body_grew(self, connection: Connection, count: int) -> None:
        """`count` more bytes of its body are in memory. Beyond the limit the slowest senders are dropped, at last itself."""
        connection.body_bytes += count
        self.bodies_bytes += count
        while self.bodies_bytes > self.limits.bodies_bytes:
            if not self._drop_slowest("too many bodies", only=Phase.BODY):
                break

    def answered(self, connection: Connection) -> None:
        """Nobody needs the body any more."""
        self.bodies_bytes -= connection.body_bytes
        connection.body_bytes = 0

    def gone(self, connection: Connection) -> None:
        """The socket is closed. Idempotent."""
        self._open.discard(connection)

    def sweep(self) -> None:
        """Drop those whose time is over; to be called every SWEEP_SECONDS."""
        now = self._clock()
        is_late = now - self._swept_at > 2 * SWEEP_SECONDS
        self._swept_at = now
        if is_late:
            # The loop stood still, and what the clients have sent meanwhile is not read yet: not their fault.
            return
        for connection in [one for one in self._open if self._used_share(one, now) >= 1]:
            self._drop(connection, f"slow {connection.phase}" if connection.phase is not Phase.IDLE else "")
        if self._dropped:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(self._dropped.items()))
            log.warning("%s dropped connections: %s", self._name, reasons)
            self._dropped.clear()

    def close_all(self) -> None:
        """Drop those that are between requests or have not sent a whole one."""
        for connection in [one for one in self._open if one.phase is not Phase.ANSWER]:
            self._drop(connection, "")

    def _used_share(self, connection: Connection, now: float) -> float:
        return (now - connection.since) / self.limits.seconds_of(connection.phase)

    def _drop_slowest(self, reason: str, *, only: Phase | None = None, but_not: Phase | None = None) -> bool:
        now = self._clock()
        candidates = (one for one in self._open if one.phase is not but_not and only in (None, one.phase))
        slowest = max(candidates, key=lambda one: self._used_share(one, now), default=None)
        if slowest is not None:
            self._drop(slowest, reason)
        return slowest is not None

    def _drop(self, connection: Connection, reason: str) -> None:
        if reason:
            self._dropped[reason] += 1
        self._open.discard(connection)
        if connection.phase is Phase.BODY:
            self.answered(connection)
        connection.close()
