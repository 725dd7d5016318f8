"""The decision on an admission, and its texts: warnings for kubectl, annotations for the audit log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from kubedoor.model.values import Source

MAX_WARNING_CHARACTERS = 120
MAX_CONTAINER_WARNINGS = 8
_SOURCE_WORDS = {
    Source.MANUAL: "set in KubeDoor",
    Source.COLLECTED: "collected",
    Source.RUNNING: "an HPA scales it, 0 would switch it off",
}


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
    reason: str
    allowed: bool = True
    patch: tuple[dict[str, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    keeps_running_numbers: bool = False
    """An unchanged manifest: requests and limits stay as they run."""


class WithheldField(NamedTuple):
    """A field that has a collected value, which conditions withhold. `found`: as the owner wrote it; None: not set."""

    field: str
    container: str
    found: str | None
    conditions: tuple[str, ...]


def withheld_reason(fields: Sequence[WithheldField]) -> str:
    """`withheld: ShortHistory`."""
    return f"withheld: {', '.join(dict.fromkeys(one for field in fields for one in field.conditions))}"


def withheld_warning(fields: Sequence[WithheldField]) -> str:
    """One line for all fields: `cpu request of app left at 1, memory request of app at 2Gi (withheld: ShortHistory)`.

    Fields that do not fit are only counted.
    """
    names = [
        f"{one.field}{f' of {one.container}' if one.container else ''}{'' if number else ' left'}"
        f" {'unset' if one.found is None else f'at {one.found}'}"
        for number, one in enumerate(fields)
    ]
    end = f"({withheld_reason(fields)})"
    texts = [f"{', '.join(names)} {end}"]
    for shown in range(len(names) - 1, 0, -1):
        texts.append(f"{', '.join(names[:shown])}, {len(names) - shown} more {end}")
    rest = f"{len(names)} fields left as they are {end}"
    return warning(next((text for text in texts if warning(text).endswith(end)), rest))


def change_warnings(changes: tuple[Change, ...], *, would: bool) -> tuple[str, ...]:
    """A line for replicas, then MAX_CONTAINER_WARNINGS at most for containers, then one that counts those left out."""
    if not changes:
        return ()
    prefix = "would set " if would else ""
    lines: list[str] = []
    groups: dict[tuple[str, str, Source], list[Change]] = {}
    for change in changes:
        if not change.container:
            replicas = f"replicas {change.before} -> {change.after}"
            lines.append(warning(f"{prefix}{replicas} ({_SOURCE_WORDS[change.source]})"))
        elif group := groups.get(key := (change.container, change.field[-5:], change.source)):
            group.append(change)
        else:
            groups[key] = [change]
    for (name, _, source), group in list(groups.items())[:MAX_CONTAINER_WARNINGS]:
        lines.append(_container_warning(name, source, group, prefix))
    if len(groups) > MAX_CONTAINER_WARNINGS:
        lines.append(warning(f"{prefix}{len(groups) - MAX_CONTAINER_WARNINGS} more such lines left out"))
    return tuple(lines)


def _container_warning(name: str, source: Source, changes: list[Change], prefix: str) -> str:
    """`app requests: cpu 500m -> 120m, memory 1Gi -> 256Mi (collected)`."""
    parts = []
    for change in changes:
        resource, part = change.field.split(" ")
        parts.append(f"{resource} {change.before or 'none'} -> {change.after}{', its limit' if change.clamped else ''}")
    return warning(f"{prefix}{name} {part}s: {', '.join(parts)} ({_SOURCE_WORDS[source]})")


def warning(text: str) -> str:
    """Kubernetes advises 120 characters at most and may cut what is longer."""
    line = f"KubeDoor: {text}"
    return line if len(line) <= MAX_WARNING_CHARACTERS else line[: MAX_WARNING_CHARACTERS - 1] + "…"


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
