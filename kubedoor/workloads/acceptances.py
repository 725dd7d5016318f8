"""The use case of accepting conditions: a person lets the door enforce what a condition withholds, on record.

One workload or many, for good or until an instant; taken back the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubedoor.errors import InvalidInput
from kubedoor.identity.audit import Editor, audited_all
from kubedoor.model.conditions import ACCEPTABLE, Condition, ConditionType
from kubedoor.model.values import WorkloadKey
from kubedoor.store.conditions import Acceptance, ConditionStore
from kubedoor.store.records import AuditRecord, RecordStore

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""The store's time ends soon after; whoever means for good names no instant."""
Name = tuple[str, str]
"""(namespace, deployment)"""


@dataclass(frozen=True)
class AcceptanceRequest:
    """`conditions` empty: every one that the workload has and a person may accept. `until`: ISO 8601; None: for good."""

    workloads: Sequence[Name]
    conditions: Sequence[str] = ()
    until: str | None = None
    note: str = ""
    is_accepted: bool = True
    """False: take the acceptance back."""


@dataclass(frozen=True)
class AcceptanceResult:
    accepted: Mapping[Name, Sequence[ConditionType]]
    """Of a withdrawal: what was taken back."""
    skipped: Mapping[Name, str]
    """Why nothing was written for these."""


class Acceptances:
    def __init__(
        self, *, cluster: str, conditions: ConditionStore, records: RecordStore, now: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._conditions = conditions
        self._records = records
        self._now = now

    def accept(self, request: AcceptanceRequest, editor: Editor) -> AcceptanceResult:
        """Accept, or take back. Raises InvalidInput that names the field; nothing is written then."""
        types, until = _types(request.conditions), self._until(request)
        names = list(dict.fromkeys(request.workloads))
        held = _held(self._conditions.acceptances(names))
        if request.is_accepted:
            chosen, skipped = _acceptable(names, self._conditions.conditions(names), types)
        else:
            chosen, skipped = _withdrawable(names, held, types)
        if chosen:
            self._write(chosen, held, request, until, editor)
        return AcceptanceResult(chosen, skipped)

    def _write(
        self,
        chosen: Mapping[Name, Sequence[ConditionType]],
        held: Mapping[Name, Sequence[ConditionType]],
        request: AcceptanceRequest,
        until: datetime | None,
        editor: Editor,
    ) -> None:
        keys = {WorkloadKey(self._cluster, *name): types for name, types in chosen.items()}
        action = "conditions.accept" if request.is_accepted else "conditions.withdraw"
        note = request.note.strip()
        records = [
            AuditRecord(
                *(editor.who, editor.via, editor.address, action, str(key)),
                before={"accepted": held.get((key.namespace, key.deployment), [])},
                after=_summary(held.get((key.namespace, key.deployment), []), types, until, note, request.is_accepted),
            )
            for key, types in keys.items()
        ]
        with audited_all(self._records, records):
            self._conditions.accept(keys, until=until, note=note, who=editor.who, is_accepted=request.is_accepted)

    def _until(self, request: AcceptanceRequest) -> datetime | None:
        if request.until is None:
            return None
        if not request.is_accepted:
            raise InvalidInput("until is of an acceptance: what is taken back ends now", field="until")
        try:
            until = datetime.fromisoformat(request.until)
        except ValueError:
            raise InvalidInput(f"{request.until!r} is no instant: {_EXAMPLE}", field="until") from None
        if until.tzinfo is None:
            raise InvalidInput(f"{request.until!r} has no offset from UTC: {_EXAMPLE}", field="until")
        if until <= self._now():
            raise InvalidInput(f"{request.until} is over already", field="until")
        if until > LATEST:
            raise InvalidInput(f"{request.until} is too far ahead: without `until`, it is for good", field="until")
        return until


_EXAMPLE = "write it like 2026-12-31T18:00:00Z"


def _types(names: Iterable[str]) -> list[ConditionType]:
    for name in names:
        if name not in tuple(ConditionType):
            raise InvalidInput(f"there is no condition {name!r}; {_choice()}", field="conditions")
        if name not in ACCEPTABLE:
            raise InvalidInput(
                f"{name} cannot be accepted: it ends by a setting or by a change in the cluster; {_choice()}",
                field="conditions",
            )
    return [ConditionType(name) for name in dict.fromkeys(names)]


def _choice() -> str:
    return f"a person may accept {', '.join(sorted(ACCEPTABLE))}"


def _acceptable(
    names: Iterable[Name], conditions: Mapping[Name, Sequence[Condition]], types: Sequence[ConditionType]
) -> tuple[dict[Name, list[ConditionType]], dict[Name, str]]:
    chosen, skipped = {}, {}
    for name in names:
        found = {one.type for one in conditions.get(name, ()) if one.is_acceptable and (not types or one.type in types)}
        if found:
            chosen[name] = sorted(found)
        elif name not in conditions:
            skipped[name] = "it has no collected values: check the name, or collect first"
        else:
            skipped[name] = "it has none of these conditions" if types else "nothing of it can be accepted"
    return chosen, skipped


def _withdrawable(
    names: Iterable[Name], held: Mapping[Name, Sequence[ConditionType]], types: Sequence[ConditionType]
) -> tuple[dict[Name, list[ConditionType]], dict[Name, str]]:
    chosen = {
        name: found for name in names if (found := [one for one in held.get(name, ()) if not types or one in types])
    }
    reason = "none of these is accepted" if types else "nothing of it is accepted"
    return chosen, {name: reason for name in names if name not in chosen}


def _held(acceptances: Iterable[Acceptance]) -> dict[Name, list[ConditionType]]:
    """What is accepted now."""
    held: dict[Name, list[ConditionType]] = {}
    for one in acceptances:
        if one.is_accepted and one.condition in tuple(ConditionType):
            held.setdefault((one.namespace, one.deployment), []).append(ConditionType(one.condition))
    return held


def _summary(
    held: Sequence[ConditionType], types: Sequence[ConditionType], until: datetime | None, note: str, accepted: bool
) -> dict[str, Any]:
    """What the record says of a workload after the change."""
    if not accepted:
        return {"accepted": [one for one in held if one not in types], "note": note}
    return {
        "accepted": [*held, *(one for one in types if one not in held)],
        "until": until.isoformat() if until else None,
        "note": note,
    }
