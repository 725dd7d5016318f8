"""What an update says of requests and limits, compared with what runs and with what was asked before. Pure.

How a field arrives (tried on a real API server): by PUT as the manifest has it; by server-side apply and by patches a
field that the manifest does not mention arrives as it runs, also when the door wrote it. So a field that arrives

- as it runs has not been spoken of;
- as it was asked before is unchanged;
- otherwise is a new wish.

An update without a new wish, whose template differs from the stored one in these fields only, is an unchanged manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kubedoor import quantities
from kubedoor.admission.decision import warning
from kubedoor.admission.restarts import restarts_beyond_numbers
from kubedoor.admission.work import ContainerWork, Work, annotation_of, work_on
from kubedoor.asked import (
    ANNOTATION,
    FIELDS,
    Asked,
    asked_of,
    format_asked,
    requirements,
)

_NOTHING: Mapping[str, str] = {}
_LIMITS = (("cpu", "limits.cpu"), ("memory", "limits.memory"))
MAX_ANNOTATIONS_BYTES = (256 - 4) * 1024
"""Up to which the door fills the annotations, keys and values: the API server's limit is 256 KiB.

The rest is the Deployment controller's. It copies them to ReplicaSets and adds its own, 2 KiB at most with the history of
revisions; a ReplicaSet beyond the limit is never made.
"""


class Spoken(NamedTuple):
    """`arrives`: the numbers as sent. `asked`: as of after the update. `differs`: whether a field arrives other than it runs."""

    arrives: Asked
    asked: Asked
    has_new_wish: bool
    differs: bool


def spoken_of(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> Spoken:
    """`stored` empty: a creation, where all that arrives is asked for."""
    sent = requirements(manifest)
    if not stored:
        return Spoken(sent, sent, has_new_wish=any(sent.values()), differs=any(sent.values()))
    runs, before, carried = requirements(stored), asked_of(stored) or {}, _carried(manifest, stored)
    asked: dict[str, Mapping[str, str]] = {}
    has_new_wish = differs = False
    for container, arrives in sent.items():
        running = runs.get(container, _NOTHING)
        was = before.get(container, running)
        if arrives == running:
            asked[container] = was
        elif arrives == was:
            asked[container] = was
            differs = differs or _differ(arrives, running)
        else:
            differs = differs or _differ(arrives, running)
            wished = _wished(arrives, running, was, carried.get(container, arrives))
            has_new_wish = has_new_wish or _differ(wished, was)
            asked[container] = wished
    return Spoken(sent, asked, has_new_wish, differs)


def _wished(
    arrives: Mapping[str, str], running: Mapping[str, str], was: Mapping[str, str], carried: Mapping[str, str]
) -> dict[str, str]:
    """Of one container whose numbers arrive neither as they run nor as they were asked before."""
    wished: dict[str, str] = {}
    for field in FIELDS:
        found, asked = arrives.get(field), was.get(field)
        if not _same(found, running.get(field)):
            wish = found if _same(found, asked) else carried.get(field)
            if not _same(wish, asked):
                asked = wish
        if asked is not None:
            wished[field] = asked
    return wished


def _differ(some: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether a field is another number, not only spelled otherwise."""
    return some != others and any(not _same(some.get(field), others.get(field)) for field in FIELDS)


def _carried(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    """What was asked for the numbers that arrive, where they arrive with an annotation of their own.

    `kubectl rollout undo` sends the template and the annotations of an earlier revision, whose numbers may be the door's.
    """
    if not stored or annotation_of(manifest) == annotation_of(stored):
        return {}
    return asked_of(manifest) or {}


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
    was = asked_of(stored)
    if not was:
        return
    for container in work.containers:
        before = was.get(container.name)
        for resource, field in _LIMITS if before is not None else ():
            # Most limits are the owner's.
            if field not in before and _is_leftover(container, resource, field, stored):  # type: ignore[operator]
                request = container.quantity("requests", resource)
                container.write("limits", resource, None)
                work.remarks.append(
                    warning("door.limit_dropped", resource=resource, container=container.name, request=str(request))
                )


def _is_leftover(container: ContainerWork, resource: str, field: str, stored: Mapping[str, Any]) -> bool:
    """Whether the limit arrives as it runs, and the request is more."""
    request, limit = container.quantity("requests", resource), container.quantity("limits", resource)
    if request is None or limit is None:
        return False
    running = requirements(stored).get(container.name, _NOTHING).get(field)
    return _same(str(limit), running) and quantities.parse(request) > quantities.parse(limit)


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
    final, asked = work.requirements(), spoken.asked
    if (carried := asked_of(work.object)) and carried != asked:
        asked = _with_carried(asked, carried, work, spoken.arrives, final)
    is_ours = asked != final and any(_differ(fields, final[name]) for name, fields in asked.items())
    _set_annotation(work, format_asked(asked) if is_ours else None)


def _with_carried(asked: Asked, carried: Asked, work: Work, arrives: Asked, final: Asked) -> Asked:
    """`asked`, with the entries that the object carries for controlled fields that arrive as they are to be stored."""
    result: dict[str, Mapping[str, str]] = dict(asked)
    for container, field in (*work.controlled, *_taken_out(carried, arrives, final)):
        if container not in carried or not _same(arrives[container].get(field), final[container].get(field)):
            continue
        if (entry := carried[container].get(field)) != result[container].get(field):
            rest = {name: quantity for name, quantity in result[container].items() if name != field}
            result[container] = rest if entry is None else {**rest, field: entry}
    return result


def _taken_out(carried: Asked, arrives: Asked, final: Asked) -> Iterator[tuple[str, str]]:
    """Limits of 0 that the door has taken out of the object which arrives: their requests arrive as they are to be stored."""
    for container, entries in carried.items():
        for resource, field in _LIMITS:
            request = f"requests.{resource}"
            if container not in final or field in arrives[container] or request not in arrives[container]:
                continue
            is_ours = _same(arrives[container][request], final[container].get(request))
            if is_ours and field in entries and quantities.parse(entries[field]) == 0:
                yield container, field


def _set_annotation(work: Work, text: str | None) -> None:
    if text is not None and not _fits(work.object, text):
        work.remarks.append(warning("door.no_room"))
        text = None
    if text != work.found_annotation:
        work.annotation, work.sets_annotation = text, True


def _fits(manifest: Mapping[str, Any], text: str) -> bool:
    others = {**((manifest.get("metadata") or {}).get("annotations") or {}), ANNOTATION: text}
    # A character has four bytes at most: only of large annotations the bytes are counted.
    if 4 * sum(len(name) + len(value) for name, value in others.items()) <= MAX_ANNOTATIONS_BYTES:
        return True
    return sum(len(name.encode()) + len(value.encode()) for name, value in others.items()) <= MAX_ANNOTATIONS_BYTES
