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
from kubedoor.sentences import Sentence, sentence
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
    skipped: Mapping[Name, Sentence]
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
            raise InvalidInput(sentence("workloads.until_of_withdrawal"), field="until")
        try:
            until = datetime.fromisoformat(request.until)
        except ValueError:
            raise InvalidInput(sentence("workloads.no_instant", text=repr(request.until)), field="until") from None
        if until.tzinfo is None:
            raise InvalidInput(sentence("workloads.no_offset", text=repr(request.until)), field="until")
        if until <= self._now():
            raise InvalidInput(sentence("workloads.until_over", text=request.until), field="until")
        if until > LATEST:
            raise InvalidInput(sentence("workloads.until_too_far", text=request.until), field="until")
        return until


def _types(names: Iterable[str]) -> list[ConditionType]:
    for name in names:
        if name not in tuple(ConditionType):
            message = sentence("workloads.unknown_condition", condition=repr(name), conditions=_choice())
            raise InvalidInput(message, field="conditions")
        if name not in ACCEPTABLE:
            message = sentence("workloads.not_acceptable", condition=name, conditions=_choice())
            raise InvalidInput(message, field="conditions")
    return [ConditionType(name) for name in dict.fromkeys(names)]


def _choice() -> str:
    return ", ".join(sorted(ACCEPTABLE))


def _acceptable(
    names: Iterable[Name], conditions: Mapping[Name, Sequence[Condition]], types: Sequence[ConditionType]
) -> tuple[dict[Name, list[ConditionType]], dict[Name, Sentence]]:
    chosen: dict[Name, list[ConditionType]] = {}
    skipped: dict[Name, Sentence] = {}
    for name in names:
        found = {one.type for one in conditions.get(name, ()) if one.is_acceptable and (not types or one.type in types)}
        if found:
            chosen[name] = sorted(found)
        elif name not in conditions:
            skipped[name] = sentence("workloads.not_collected")
        else:
            skipped[name] = sentence("workloads.none_of_these") if types else sentence("workloads.nothing_acceptable")
    return chosen, skipped


def _withdrawable(
    names: Iterable[Name], held: Mapping[Name, Sequence[ConditionType]], types: Sequence[ConditionType]
) -> tuple[dict[Name, list[ConditionType]], dict[Name, Sentence]]:
    chosen = {
        name: found for name in names if (found := [one for one in held.get(name, ()) if not types or one in types])
    }
    reason = sentence("workloads.none_accepted") if types else sentence("workloads.nothing_accepted")
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
