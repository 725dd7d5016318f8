"""The decision on an admission, and its texts: warnings for kubectl, annotations for the audit log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from kubedoor.model.values import Source
from kubedoor.sentences import Sentence, listed, sentence
from kubedoor.wording import CATALOGUE

MAX_WARNING_CHARACTERS = 120
MAX_CONTAINER_WARNINGS = 8
MAX_NAMED_FIELDS = 8
"""More do not fit into a warning."""


class Outcome(StrEnum):
    PATCHED = "patched"
    UNCHANGED = "unchanged"
    """Controlled, but nothing was due, nothing differed, or the manifest was an unchanged one."""
    OBSERVED = "observed"
    """Mode observe: `changes` has what would have been patched."""
    IGNORED = "ignored"
    """Not controlled: another kind, excluded, opted out, owned, mode off."""
    UNKNOWN = "unknown"
    """Not in the control table."""
    DENIED = "denied"
    FAILED = "failed"
    """KubeDoor itself failed."""


class Change(NamedTuple):
    """One changed field. `before` and `after` are as Kubernetes writes them; `before` is None if it was not set."""

    field: str
    container: str
    before: str | None
    after: str
    source: Source
    clamped: bool = False
    """The request was lowered to its limit."""


class Decision(NamedTuple):
    """`patch` puts back what runs and the annotation with any outcome that allows; control values only with PATCHED."""

    outcome: Outcome
    reason: Sentence
    allowed: bool = True
    patch: tuple[dict[str, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[Sentence, ...] = ()
    """As kubectl prints them."""
    keeps_running_numbers: bool = False
    """An unchanged manifest: requests and limits stay as they run."""


class WithheldField(NamedTuple):
    """A field that has a collected value, which conditions withhold. `found`: as the owner wrote it; None: not set."""

    field: str
    container: str
    found: str | None
    conditions: tuple[str, ...]


@lru_cache(maxsize=1024)
def withheld_reason(fields: tuple[WithheldField, ...]) -> Sentence:
    """`withheld: ShortHistory`."""
    return sentence("door.withheld", conditions=_conditions(fields))


def _conditions(fields: Sequence[WithheldField]) -> str:
    return ", ".join(dict.fromkeys(one for field in fields for one in field.conditions))


@lru_cache(maxsize=4096)
def withheld_warning(fields: tuple[WithheldField, ...]) -> Sentence:
    """One line for all fields: `cpu request of app left at 1, memory request of app at 2Gi (withheld: ShortHistory)`.

    Fields that do not fit are only counted.
    """
    conditions = _conditions(fields)
    names = [_left(one, is_first=not number) for number, one in enumerate(fields[:MAX_NAMED_FIELDS])]
    for shown in range(len(names), 0, -1):
        first, more = listed(names[:shown]), len(fields) - shown
        line = (
            warning("door.fields_withheld_more", fields=first, more=more, conditions=conditions)
            if more
            else warning("door.fields_withheld", fields=first, conditions=conditions)
        )
        if line.endswith(f"(withheld: {conditions})"):
            return line
    return warning("door.fields_withheld_count", count=len(fields), conditions=conditions)


def _left(one: WithheldField, *, is_first: bool) -> Sentence:
    field = sentence("door.field_of", field=one.field, container=one.container) if one.container else one.field
    if one.found is None:
        return sentence("door.left_unset", field=field) if is_first else sentence("door.unset", field=field)
    if is_first:
        return sentence("door.left_at", field=field, found=one.found)
    return sentence("door.at", field=field, found=one.found)


@lru_cache(maxsize=4096)
def left_alone_warning(parts: tuple[Sentence, ...]) -> Sentence:
    """What has no control value."""
    return warning("door.left_alone", parts=listed(parts))


@lru_cache(maxsize=1024)
def change_warnings(changes: tuple[Change, ...], *, would: bool) -> tuple[Sentence, ...]:
    """A line for replicas, then MAX_CONTAINER_WARNINGS at most for containers, then one that counts those left out."""
    if not changes:
        return ()
    prefix = "would_" if would else ""
    lines: list[Sentence] = []
    groups: dict[tuple[str, str, Source], list[Change]] = {}
    for change in changes:
        if not change.container:
            code = f"door.{prefix}replicas_{change.source}"
            lines.append(warning(code, before=change.before or "", after=change.after))
        elif group := groups.get(key := (change.container, change.field[-5:], change.source)):
            group.append(change)
        else:
            groups[key] = [change]
    for (name, _, source), group in list(groups.items())[:MAX_CONTAINER_WARNINGS]:
        lines.append(_container_warning(name, source, group, prefix))
    if left_out := max(len(groups) - MAX_CONTAINER_WARNINGS, 0):
        lines.append(warning(f"door.{prefix}more_lines", lines=left_out))
    return tuple(lines)


def _container_warning(name: str, source: Source, changes: list[Change], prefix: str) -> Sentence:
    """`app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (collected)`."""
    parts: list[str] = []
    is_plain = True
    for change in changes:
        resource, part = change.field.split(" ")
        if change.clamped or change.before is None:
            parts.append(_in_words(resource, change))
            is_plain = False
        else:
            parts.append(f"{resource} {change.before} -> {change.after}")
    said = ", ".join(parts) if is_plain else listed(parts)
    return warning(f"door.{prefix}{part}s_{source}", container=name, changes=said)


def _in_words(resource: str, change: Change) -> Sentence:
    if change.before is None:
        found = sentence("door.from_nothing", resource=resource, after=change.after)
        return sentence("door.cut_from_nothing", change=found) if change.clamped else found
    return sentence("door.cut", resource=resource, before=change.before, after=change.after)


def warning(code: str, /, **parameters: str | int) -> Sentence:
    """The line that kubectl prints: Kubernetes advises 120 characters at most and may cut what is longer."""
    line = f"KubeDoor: {CATALOGUE[code].format_map(parameters)}"
    if len(line) > MAX_WARNING_CHARACTERS:
        line = f"{line[: MAX_WARNING_CHARACTERS - 1]}…"
    return Sentence(line, code, parameters)


def annotations_of(decision: Decision) -> dict[str, str]:
    """Annotations of the API server's audit event; none if the request was ignored or nothing changed."""
    if decision.outcome in (Outcome.IGNORED, Outcome.UNCHANGED):
        return {}
    annotations = {"decision": str(decision.outcome), "reason": decision.reason}
    if decision.changes:
        annotations["changes"] = "; ".join(
            f"{change.container or 'deployment'} {change.field} {change.before} -> {change.after}"
            for change in decision.changes
        )
    return annotations
