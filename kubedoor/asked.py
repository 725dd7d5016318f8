"""What the owner of a Deployment asked for before the door set requests and limits: the annotation that keeps it. Pure.

`app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1;istio-proxy:` has one entry for each container, in the order of
the pod template. A field that the owner did not set is absent. Quantities are spelled as the API server spells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kubedoor import quantities

ANNOTATION = "kubedoor.io/asked"
FIELDS = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""The fields of a container that KubeDoor controls, in the order of the annotation."""
Asked = Mapping[str, Mapping[str, str]]
"""Container -> field -> quantity, in the order of the containers and of FIELDS."""
_ENTRY = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?):([^:;]*)")


def format_asked(asked: Asked) -> str:
    """The inverse of `parse_asked`."""
    return ";".join(
        f"{container}:{','.join(f'{field}={found[field]}' for field in FIELDS if field in found)}"
        for container, found in asked.items()
    )


@lru_cache(maxsize=4096)
def parse_asked(text: str) -> Asked | None:
    """None if a person has changed the text so that it cannot be read: then nothing is known to have been asked."""
    asked: dict[str, dict[str, str]] = {}
    for part in text.split(";"):
        entry = _ENTRY.fullmatch(part)
        fields = _fields(entry[3]) if entry else None
        if entry is None or fields is None or entry[1] in asked:
            return None
        asked[entry[1]] = fields
    return asked


def _fields(text: str) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, _, quantity = part.partition("=")
        if name not in FIELDS or name in fields or not quantities.is_quantity(quantity):
            return None
        fields[name] = quantity
    return fields


def asked_of(manifest: Mapping[str, Any]) -> Asked | None:
    """What the Deployment's annotation says; None without one, or if it cannot be read."""
    text = ((manifest.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    return parse_asked(text) if isinstance(text, str) else None


def controllable(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The containers that run as long as the pod: all regular ones, then native sidecars."""
    spec = template.get("spec") or {}
    yield from spec.get("containers") or ()
    if init_containers := spec.get("initContainers"):
        yield from (one for one in init_containers if one.get("restartPolicy") == "Always")


def requirements_of(container: Mapping[str, Any]) -> dict[str, str]:
    """Field -> quantity, as spelled; without the fields that are not set."""
    return requirements_in(container.get("resources"))


def requirements_in(resources: Mapping[str, Any] | None) -> dict[str, str]:
    """As `requirements_of`, from the container's `resources`."""
    found: dict[str, str] = {}
    if not resources:
        return found
    # Without a loop over FIELDS: this runs several times for each container of an admission.
    if requests := resources.get("requests"):
        if (quantity := requests.get("cpu")) is not None:
            found["requests.cpu"] = str(quantity)
        if (quantity := requests.get("memory")) is not None:
            found["requests.memory"] = str(quantity)
    if limits := resources.get("limits"):
        if (quantity := limits.get("cpu")) is not None:
            found["limits.cpu"] = str(quantity)
        if (quantity := limits.get("memory")) is not None:
            found["limits.memory"] = str(quantity)
    return found


def requirements(manifest: Mapping[str, Any]) -> Asked:
    """The requests and limits of a Deployment's pod template as they are."""
    template = (manifest.get("spec") or {}).get("template") or {}
    return {str(one.get("name", "")): requirements_in(one.get("resources")) for one in controllable(template)}
