"""Facts about a Deployment that a Scale does not show (label, owner, HPA), as observations with an order of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kubedoor.model.values import WorkloadKey

TICK = timedelta(microseconds=1)
"""The smallest difference of two moments that the store keeps."""


class ObservationKind(StrEnum):
    STORED = "stored"
    """Label and owner of a Deployment as it was stored."""
    SHOWN = "shown"
    """Label and owner as an update would have them, which validation may still refuse."""
    CREATION = "creation"
    """Label and owner of a creation, which may be refused as well: the name may exist."""
    HPA = "hpa"
    """Whether an HPA scales the Deployment."""


@dataclass(frozen=True)
class Observation:
    """What was seen of one Deployment: `opted_out` and `owned`, or `hpa` where the kind is HPA."""

    key: WorkloadKey
    kind: ObservationKind
    seen_at: datetime
    uid: str = ""
    """Of the Deployment; empty if it has none yet, or is not known."""
    resource_version: int = 0
    """Of the stored Deployment; 0 if there is none yet, or it is no number."""
    opted_out: bool = False
    owned: bool = False
    hpa: bool = False
    created_at: datetime | None = None
    """Of a creation: when the API server got it, by its clock, in whole seconds."""

    @property
    def exemptions(self) -> tuple[bool, bool]:
        return self.opted_out, self.owned

    def is_newer_than(self, other: Observation) -> bool:
        """By resource version, then moment; of Deployments made one after the other under one name by moment."""
        if self.uid != other.uid:
            return self.seen_at > other.seen_at
        return (self.resource_version, self.seen_at) > (other.resource_version, other.seen_at)


@dataclass(frozen=True)
class Facts:
    """The newest observation of each kind; None: nothing was ever observed, as good as that nothing holds.

    `shown` and `creation` are None as well where something stored is newer.
    """

    stored: Observation | None = None
    shown: Observation | None = None
    creation: Observation | None = None
    hpa: Observation | None = None

    @property
    def exempting(self) -> list[Observation]:
        """All that is known of label and owner."""
        return [one for one in (self.stored, self.shown, self.creation) if one]

    def with_newer(self, one: Observation) -> Facts:
        """With `one` in its place, if that is newer than what is there."""
        before: Observation | None = getattr(self, one.kind)
        if before is not None and not one.is_newer_than(before):
            return self
        found = replace(self, **{one.kind: one})
        older = {
            str(shown.kind): None
            for shown in (found.shown, found.creation)
            if shown and found.stored and found.stored.is_newer_than(shown)
        }
        return replace(found, **older) if older else found

    def moment(self, at: datetime) -> datetime:
        """`at`, or right after all that is known: a clock may have stepped back, or another door's be ahead."""
        known = self.exempting if self.hpa is None else [*self.exempting, self.hpa]
        return max([at, *(one.seen_at + TICK for one in known)])

    def cleared(self, at: datetime) -> list[Observation]:
        """The observations by which nothing holds any more since `at`. What was seen later stays."""
        found = []
        known = self.exempting
        if any(any(one.exemptions) for one in known) and all(at > one.seen_at for one in known):
            # What is shown is never older than what is stored.
            newest = self.shown or self.stored or known[0]
            found.append(Observation(newest.key, ObservationKind.STORED, at, newest.uid, newest.resource_version))
        if self.hpa and self.hpa.hpa and at > self.hpa.seen_at:
            found.append(replace(self.hpa, hpa=False, seen_at=at))
        return found
