"""What is being changed of a Deployment: the numbers of its containers, replicas, one annotation. Pure.

The object itself is never copied as a whole and never changed: the patch is made of what is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubedoor.admission.decision import Change, WithheldField
from kubedoor.admission.restarts import template_of
from kubedoor.asked import ANNOTATION, Asked, requirements_in
from kubedoor.sentences import Sentence, sentence

_AS_IT_SHOULD_BE = sentence("door.as_it_should_be")


@dataclass(slots=True)
class ContainerWork:
    """One container: `found` as it arrives, `resources` a copy of its resources that may be changed."""

    name: str
    found: Mapping[str, Any]
    path: str
    resources: dict[str, Any]

    @property
    def is_changed(self) -> bool:
        return self.resources != (self.found.get("resources") or {})

    def quantity(self, part: str, resource: str) -> Any:
        """As it is now; None: not set."""
        amounts = self.resources.get(part)
        return amounts.get(resource) if amounts else None

    def write(self, part: str, resource: str, quantity: Any) -> None:
        """None unsets the field, and drops a part that is empty by that."""
        amounts = self.resources.get(part) or {}
        if quantity is None:
            amounts.pop(resource, None)
        else:
            amounts[resource] = quantity
        if amounts:
            self.resources[part] = amounts
        else:
            self.resources.pop(part, None)


@dataclass(slots=True)
class Work:
    """`object` as it arrives. `withheld`: fields that have a collected value, which conditions withhold."""

    object: Mapping[str, Any]
    containers: tuple[ContainerWork, ...] = ()
    replicas: int | None = None
    """The number to store; None: as it arrives."""
    annotation: str | None = None
    """The text that ANNOTATION shall have; None: no such annotation."""
    sets_annotation: bool = False
    changes: list[Change] = field(default_factory=list)
    left_alone: list[Sentence] = field(default_factory=list)
    withheld: list[WithheldField] = field(default_factory=list)
    controlled: set[tuple[str, str]] = field(default_factory=set)
    """(container, field) of what has a control value, or follows from one."""
    remarks: list[Sentence] = field(default_factory=list)
    """Further warnings."""
    unchanged_reason: Sentence = _AS_IT_SHOULD_BE

    @property
    def found_annotation(self) -> str | None:
        return annotation_of(self.object)

    def requirements(self) -> Asked:
        """The numbers as they are to be stored."""
        return {one.name: requirements_in(one.resources) for one in self.containers}


def annotation_of(manifest: Mapping[str, Any]) -> str | None:
    """The text of ANNOTATION, readable or not."""
    text = ((manifest.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    return text if isinstance(text, str) else None


def work_on(manifest: Mapping[str, Any]) -> Work:
    """Nothing changed yet."""
    return Work(manifest, tuple(_containers(template_of(manifest))))


def _containers(template: Mapping[str, Any]) -> Iterator[ContainerWork]:
    """In the order of `kubedoor.asked.controllable`."""
    spec = template.get("spec") or {}
    for number, one in enumerate(spec.get("containers") or ()):
        yield _container(one, f"/spec/template/spec/containers/{number}")
    for number, one in enumerate(spec.get("initContainers") or ()):
        if one.get("restartPolicy") == "Always":
            yield _container(one, f"/spec/template/spec/initContainers/{number}")


def _container(found: Mapping[str, Any], path: str) -> ContainerWork:
    resources = found.get("resources") or {}
    copied = {part: amounts.copy() if type(amounts) is dict else amounts for part, amounts in resources.items()}
    return ContainerWork(str(found.get("name", "")), found, path, copied)
