"""What an update says of requests and limits, compared with what runs and with what was asked before. Pure.

How a field arrives (tried on a real API server): by PUT as the manifest has it; by server-side apply and by patches a
field that the manifest does not mention arrives as it runs, also when the door wrote it. So a field that arrives

- as it runs has not been spoken of;
- as it was asked before is unchanged;
- otherwise is a new wish.

An update without a new wish, whose template differs from the stored one in these fields only, is an unchanged manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubedoor import quantities
from kubedoor.admission.restarts import restarts_beyond_numbers
from kubedoor.admission.work import Work, annotation_of, work_on
from kubedoor.asked import (
    ANNOTATION,
    FIELDS,
    Asked,
    asked_of,
    format_asked,
    requirements,
)

MAX_ANNOTATIONS_BYTES = (256 - 4) * 1024
"""Up to which the door fills the annotations, keys and values: the API server's limit is 256 KiB.

The rest is the Deployment controller's. It copies them to ReplicaSets and adds its own, 2 KiB at most with the history of
revisions; a ReplicaSet beyond the limit is never made.
"""


@dataclass(frozen=True)
class Spoken:
    """`arrives`: the numbers as sent. `asked`: as of after the update. `differs`: whether a field arrives other than it runs."""

    arrives: Asked
    asked: Asked
    has_new_wish: bool
    differs: bool


def spoken_of(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> Spoken:
    """`stored` empty: a creation, where all that arrives is asked for."""
    runs, before, carried = requirements(stored), asked_of(stored) or {}, _carried(manifest, stored)
    asked: Asked = {}
    has_new_wish = differs = False
    sent = requirements(manifest)
    for container, arrives in sent.items():
        running = runs.get(container, {})
        was = before.get(container, running)
        asked[container] = {}
        for field in FIELDS:
            found = arrives.get(field)
            if not _same(found, running.get(field)):
                differs = True
                is_known = _same(found, was.get(field))
                wish = found if is_known else carried.get(container, arrives).get(field)
                if not _same(wish, was.get(field)):
                    has_new_wish = True
                    _note(asked[container], field, wish)
                    continue
            _note(asked[container], field, was.get(field))
    return Spoken(sent, asked, has_new_wish, differs)


def _carried(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    """What was asked for the numbers that arrive, where they arrive with an annotation of their own.

    `kubectl rollout undo` sends the template and the annotations of an earlier revision, whose numbers may be the door's.
    """
    if not stored or annotation_of(manifest) == annotation_of(stored):
        return {}
    return asked_of(manifest) or {}


def _note(fields: dict[str, str], field: str, quantity: str | None) -> None:
    if quantity is not None:
        fields[field] = quantity


def _same(one: str | None, other: str | None) -> bool:
    if one == other:
        return True
    return one is not None and other is not None and quantities.are_equal(one, other)


def is_unchanged_manifest(manifest: Mapping[str, Any], stored: Mapping[str, Any], spoken: Spoken) -> bool:
    """Whether the template differs from the stored one only in numbers, and none of them is a new wish."""
    return spoken.differs and not spoken.has_new_wish and not restarts_beyond_numbers(stored, manifest)


def put_back(work: Work, stored: Mapping[str, Any]) -> None:
    """Give every container the resources that run, from which only numbers differ, and the annotation its stored text."""
    running = {one.name: one.resources for one in work_on(stored).containers}
    for container in work.containers:
        container.resources = running[container.name]
    keep_annotation(work, stored)


def drop_leftovers(work: Work, stored: Mapping[str, Any]) -> None:
    """Drop limits that only the door has set, where the request that arrives exceeds them: the API server would refuse it.

    For requests whose numbers are not controlled: patches and applies leave such a limit as it runs.
    """
    was, runs = asked_of(stored) or {}, requirements(stored)
    for container in work.containers:
        before, running = was.get(container.name), runs.get(container.name, {})
        for resource in ("cpu", "memory") if before is not None else ():
            request, limit = container.quantity("requests", resource), container.quantity("limits", resource)
            is_ours = limit is not None and f"limits.{resource}" not in (before or {})
            if request is None or not is_ours or not _same(str(limit), running.get(f"limits.{resource}")):
                continue
            if quantities.parse(request) > quantities.parse(limit):
                container.write("limits", resource, None)
                work.remarks.append(
                    f"{resource} limit of {container.name} dropped: the door had set it, and {request} is more"
                )


def keep_annotation(work: Work, stored: Mapping[str, Any]) -> None:
    """Give the annotation its stored text."""
    _set_annotation(work, annotation_of(stored))


def is_annotation_lost(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether an update drops the annotation or makes it unreadable, as `kubectl replace` does.

    A readable one stands: it may be the door's own, when the API server calls it once more for one request.
    """
    if annotation_of(manifest) == annotation_of(stored):
        return False
    return asked_of(stored) is not None and asked_of(manifest) is None


def remember(work: Work, spoken: Spoken) -> None:
    """Note what was asked, where something else is to be stored; no annotation where nothing of the door's is left.

    The API server calls the door once more if a later webhook changes the object. Then the door's own numbers arrive:
    a controlled field that arrives as it is to be stored keeps the entry that the object carries.
    """
    final, carried, asked = work.requirements(), asked_of(work.object) or {}, spoken.asked
    for container, field in work.controlled if carried else ():
        if container in carried and _same(spoken.arrives[container].get(field), final[container].get(field)):
            asked[container].pop(field, None)
            _note(asked[container], field, carried[container].get(field))
    is_ours = asked != final and any(
        not _same(asked[name].get(field), final[name].get(field)) for name in asked for field in FIELDS
    )
    _set_annotation(work, format_asked(asked) if is_ours else None)


def _set_annotation(work: Work, text: str | None) -> None:
    if text is not None and not _fits(work.object, text):
        work.remarks.append("no room in the annotations to remember what was asked (256 KiB)")
        text = None
    if text != work.found_annotation:
        work.annotation, work.sets_annotation = text, True


def _fits(manifest: Mapping[str, Any], text: str) -> bool:
    others = {**((manifest.get("metadata") or {}).get("annotations") or {}), ANNOTATION: text}
    # A character has four bytes at most: only of large annotations the bytes are counted.
    if 4 * sum(len(name) + len(value) for name, value in others.items()) <= MAX_ANNOTATIONS_BYTES:
        return True
    return sum(len(name.encode()) + len(value.encode()) for name, value in others.items()) <= MAX_ANNOTATIONS_BYTES
