"""Sets requests and limits of containers so that the result is always valid. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from kubedoor import quantities
from kubedoor.admission.decision import Change, WithheldField
from kubedoor.admission.restarts import template_of
from kubedoor.admission.work import ContainerWork, Work
from kubedoor.model.values import ControlContainer, ControlValues, Source, Value


@dataclass(frozen=True)
class Floors:
    """The smallest requests that are set."""

    cpu_millicores: int
    memory_bytes: int


def set_resources(work: Work, values: ControlValues, floors: Floors) -> None:
    template = template_of(work.object)
    if (template.get("spec") or {}).get("resources"):
        # Container requests must fit into the pod-level ones, for which there are no control values.
        work.left_alone.append("requests and limits (the pod template sets pod-level resources)")
        return
    for container in work.containers:
        wanted = values.containers.get(container.name)
        if wanted is None:
            work.left_alone.append(f"container {container.name}")
        else:
            _set_container(work, container, wanted, floors)


@dataclass(frozen=True)
class _Resource:
    """CPU or memory: its unit and format."""

    name: str
    per_unit: int
    """Units of the control value (millicores, bytes) in one unit of Kubernetes (cores, bytes)."""
    write: Callable[[int], str]


_CPU = _Resource("cpu", 1000, quantities.format_cpu)
_MEMORY = _Resource("memory", 1, quantities.format_memory)


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
            work.withheld.append(WithheldField(f"{resource} {part}", container.name, found, conditions))


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
    found_limit, found_request = (_found(container, part, resource) for part in ("limits", "requests"))
    new_limit = _limit(limit, found_limit)
    new_request = max(request.amount, floor) if request else found_request
    clamped = False
    if new_limit is not None and new_request is not None and new_request > new_limit:
        new_request, clamped = math.floor(new_limit), True
    if limit:
        work.controlled.add((container.name, f"limits.{resource.name}"))
    if limit and new_limit is not None and new_limit != found_limit:
        _write(work, container, "limits", resource, int(new_limit), limit.source)
    source = request or limit
    if source:
        work.controlled.add((container.name, f"requests.{resource.name}"))
    if source and new_request is not None and new_request != found_request:
        _write(work, container, "requests", resource, int(new_request), source.source, clamped=clamped)


def _limit(wanted: Value | None, found: Decimal | None) -> Decimal | None:
    """The resulting limit. Control values are whole numbers, so a limit that differs by less than one unit is kept."""
    if wanted is None or (found is not None and wanted.amount in (math.floor(found), math.ceil(found))):
        return found
    return Decimal(wanted.amount)


def _found(container: ContainerWork, part: str, resource: _Resource) -> Decimal | None:
    quantity = container.quantity(part, resource.name)
    return None if quantity is None else quantities.parse(quantity) * resource.per_unit


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
    name = f"{resource.name} {part.removesuffix('s')}"
    work.changes.append(Change(name, container.name, before, after, source, clamped))
