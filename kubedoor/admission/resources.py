"""Sets requests and limits of containers so that the result is always valid. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from kubedoor import quantities
from kubedoor.admission.decision import Change, WithheldField, warning
from kubedoor.admission.restarts import template_of
from kubedoor.admission.work import ContainerWork, Work
from kubedoor.model.values import ControlContainer, ControlValues, Source, Value
from kubedoor.sentences import Sentence, sentence

_POD_LEVEL = sentence("door.pod_level")


@dataclass(frozen=True)
class Floors:
    """The smallest requests that are set."""

    cpu_millicores: int
    memory_bytes: int


def set_resources(work: Work, values: ControlValues, floors: Floors) -> None:
    template = template_of(work.object)
    if (template.get("spec") or {}).get("resources"):
        # Container requests must fit into the pod-level ones, for which there are no control values.
        work.left_alone.append(_POD_LEVEL)
        return
    for container in work.containers:
        wanted = values.containers.get(container.name)
        if wanted is None:
            work.left_alone.append(_container(container.name))
        else:
            _set_container(work, container, wanted, floors)


@lru_cache(maxsize=1024)
def _container(name: str) -> Sentence:
    return sentence("door.container", container=name)


class _Resource(NamedTuple):
    """CPU or memory: its unit and format."""

    name: str
    per_unit: int
    """Units of the control value (millicores, bytes) in one unit of Kubernetes (cores, bytes)."""
    write: Callable[[int], str]
    request_field: str
    limit_field: str
    request_name: str
    limit_name: str


def _resource(name: str, per_unit: int, write: Callable[[int], str]) -> _Resource:
    return _Resource(name, per_unit, write, f"requests.{name}", f"limits.{name}", f"{name} request", f"{name} limit")


_CPU = _resource("cpu", 1000, quantities.format_cpu)
_MEMORY = _resource("memory", 1, quantities.format_memory)


def _set_container(work: Work, container: ContainerWork, wanted: ControlContainer, floors: Floors) -> None:
    limits = wanted.cpu_limit_millicores, wanted.memory_limit_bytes
    _set_resource(work, container, _CPU, floors.cpu_millicores, wanted.cpu_request_millicores, limits[0])
    _set_resource(work, container, _MEMORY, floors.memory_bytes, wanted.memory_request_bytes, limits[1])
    if wanted.withheld:
        _note_withheld(work, container, wanted)


def _note_withheld(work: Work, container: ContainerWork, wanted: ControlContainer) -> None:
    """Note the fields that stay as the owner wrote them: not one set by hand, nor a request cut to a lower limit."""
    changed = {change.field for change in work.changes if change.container == container.name}
    for column, conditions in wanted.withheld.items():
        resource, part = column.split("_")[:2]
        if getattr(wanted, column) is None and f"{resource} {part}" not in changed:
            found = container.quantity(f"{part}s", resource)
            written = None if found is None else str(found)
            work.withheld.append(WithheldField(f"{resource} {part}", container.name, written, conditions))


def _set_resource(
    work: Work,
    container: ContainerWork,
    resource: _Resource,
    floor: int,
    request: Value | None,
    limit: Value | None,
) -> None:
    """Set limit and request of one resource so that the request never exceeds the limit.

    Quantities of the object are never rounded: a limit of `0.1Gi` is 107374182.4 bytes to the API server, which
    refuses a request of 107374183.
    """
    source = request or limit
    if source is None:
        return
    if limit is None and request is not None and not _leaves_room(work, container, resource, floor):
        return
    found_request = _found(container, "requests", resource)
    new_limit: Decimal | int | None = _found(container, "limits", resource)
    if limit is not None:
        work.controlled.add((container.name, resource.limit_field))
        new_limit = _set_limit(work, container, resource, limit, new_limit)
    work.controlled.add((container.name, resource.request_field))
    new_request = found_request if request is None else max(request.amount, floor)
    if new_request is None:
        return
    clamped = False
    if new_limit is not None and new_request > new_limit:
        new_request, clamped = math.floor(new_limit), True
    if new_request != found_request:
        _write(work, container, "requests", resource, int(new_request), source.source, clamped=clamped)


def _leaves_room(work: Work, container: ContainerWork, resource: _Resource, floor: int) -> bool:
    """Whether the owner's limit leaves room for a request of at least `floor`.

    A limit of 0, by which charts say that there is none, is taken out. One like `400m` of memory is a mistake that only
    its owner can mend: both numbers are left alone.
    """
    found = _found(container, "limits", resource)
    if found is None or found >= floor:
        return True
    written = container.quantity("limits", resource.name)
    if found == 0:
        container.write("limits", resource.name, None)
        work.remarks.append(
            warning("door.no_limit", resource=resource.name, limit=str(written), container=container.name)
        )
        return True
    work.remarks.append(
        warning("door.limit_too_low", resource=resource.name, limit=str(written), container=container.name)
    )
    return False


def _set_limit(
    work: Work, container: ContainerWork, resource: _Resource, limit: Value, found: Decimal | int | None
) -> Decimal | int:
    """The resulting limit. Control values are whole numbers, so a limit that differs by less than one unit is kept."""
    wanted = limit.amount
    if found is not None and (wanted == found or wanted in (math.floor(found), math.ceil(found))):
        return found
    _write(work, container, "limits", resource, wanted, limit.source)
    return wanted


def _found(container: ContainerWork, part: str, resource: _Resource) -> Decimal | None:
    quantity = container.quantity(part, resource.name)
    return None if quantity is None else _amount(str(quantity), resource.per_unit)


@lru_cache(maxsize=4096)
def _amount(quantity: str, per_unit: int) -> Decimal:
    return quantities.parse(quantity) * per_unit


def _write(
    work: Work,
    container: ContainerWork,
    part: str,
    resource: _Resource,
    amount: int,
    source: Source,
    *,
    clamped: bool = False,
) -> None:
    before = container.quantity(part, resource.name)
    after = resource.write(amount)
    container.write(part, resource.name, after)
    name = resource.limit_name if part == "limits" else resource.request_name
    work.changes.append(Change(name, container.name, before, after, source, clamped))
