"""What is said of a soak in the end, and what of it must not be."""

from __future__ import annotations

from dataclasses import dataclass

from tests.soak.asking import CONNECTIONS, Outcome
from tests.soak.watching import Held

SPARE = 2
"""So many handles and threads may come and go: a file that is written, one more thread of a pool."""


@dataclass
class Report:
    """`throughput`: answers per second of the door alone with the client, before the soak.

    `max_growth`: of memory, from the warm-up to the end, as a part of what it was.
    """

    throughput: float
    rate: float
    outcome: Outcome
    max_growth: float = 0.05
    cycles: int = 0
    edits: int = 0
    collections: int = 0
    renewals: int = 0
    stored: int = 0
    distinct: int = 0
    dropped: int = 0
    warm: Held | None = None
    end: Held | None = None
    clients_left: int = 0
    """Connections that the door still had some seconds after its clients had closed theirs."""
    tracebacks: str = ""
    """From the door's log: it has errors of its own, however it answered."""

    @property
    def growth(self) -> float:
        return self.end.memory_mib / self.warm.memory_mib - 1 if self.warm and self.end else float("nan")

    def problems(self) -> list[str]:
        """What must not be, as sentences; empty if all is well."""
        outcome, found = self.outcome, [f"the door's log: {self.tracebacks}"] if self.tracebacks else []
        if outcome.wrong or outcome.unanswered:
            found += [f"{outcome.wrong} wrong answers, {outcome.unanswered} requests without one", *outcome.problems]
        if self.stored != self.distinct or self.stored + self.dropped != outcome.recorded:
            found.append(
                f"of {outcome.recorded} rows {self.stored} are stored ({self.distinct} different), {self.dropped} dropped"
            )
        if self.warm is None or self.end is None:
            found.append("there was no time for two cycles")
        else:
            if not self.growth < self.max_growth:
                found.append(f"memory has grown by {self.growth:.1%}: {self.warm} to {self.end}")
            found += self._kept_open(self.warm, self.end)
        return found

    def _kept_open(self, warm: Held, end: Held) -> list[str]:
        found = []
        if end.handles > warm.handles + SPARE or end.threads > warm.threads + SPARE:
            found.append(f"handles or threads have grown: {warm} to {end}")
        # A thread that asks the store has one connection at a time, and the pool keeps those for the next ones.
        if end.connections > end.threads:
            found.append(f"there are more connections to the store than threads that could use them: {end}")
        # A client opens the next one once it has closed the one before.
        if end.clients > 2 * CONNECTIONS or self.clients_left:
            found.append(f"connections of clients stay open: {end}, and {self.clients_left} after the last answer")
        return found

    def text(self) -> str:
        seconds = sorted(self.outcome.seconds) or [0.0]
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.outcome.kinds.items()))
        return "\n".join(
            [
                f"throughput {self.throughput:.0f}/s, soaked at {self.rate:.0f}/s: {self.outcome.answered} answers",
                f"  {kinds}",
                f"  p50 {seconds[len(seconds) // 2] * 1000:.1f} ms, p99 {seconds[len(seconds) * 99 // 100] * 1000:.1f} ms,"
                f" slowest {seconds[-1] * 1000:.0f} ms; {self.outcome.old_values} said how old their values were",
                f"{self.cycles} cycles: {self.edits} edits, {self.collections} collections, {self.renewals} certificates",
                f"rows: {self.outcome.recorded} to be stored, {self.stored} stored, {self.dropped} dropped",
                f"memory: {self.warm} after warm-up, {self.end} at the end ({self.growth:+.1%})",
                *(f"PROBLEM {one}" for one in self.problems()),
            ]
        )
