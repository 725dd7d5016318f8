"""Gives a Deployment back what its owner asked for before the door set requests and limits. Pure."""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping
from typing import Any

from kubedoor.admission.comparison import template_changes
from kubedoor.admission.deployment_state import state_of
from kubedoor.asked import ANNOTATION, FIELDS, controllable, parse_asked
from kubedoor.kube.ownership import owns
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import ControlValues
from kubedoor.operations.planned import Refused
from kubedoor.operations.rollout import RESTARTED_AT
from kubedoor.sentences import Sentence, sentence

_AMOUNTS = {
    "cpu_request_millicores": "requests.cpu",
    "memory_request_bytes": "requests.memory",
    "cpu_limit_millicores": "limits.cpu",
    "memory_limit_bytes": "limits.memory",
}
"""The name in the store -> the name in the annotation."""
_RESTARTED_AT_PATH = ("f:spec", "f:template", "f:metadata", "f:annotations", f"f:{RESTARTED_AT}")


def restored(manifest: Mapping[str, Any], *, kept: Container[tuple[str, str]] = frozenset()) -> dict[str, Any] | None:
    """The Deployment as its owner asked for it; None without the annotation: nothing was replaced.

    Fields that were not asked for are absent, and so are maps that this empties. The time of a restart by KubeDoor goes
    too. What the annotation does not name, and the fields `kept`, stay as they are. Raises Refused if it cannot be read.
    """
    if ANNOTATION not in ((manifest.get("metadata") or {}).get("annotations") or {}):
        return None
    asked = parse_asked(str(manifest["metadata"]["annotations"][ANNOTATION]))
    if asked is None:
        raise Refused(sentence("operations.asked_unreadable", annotation=ANNOTATION))
    result = copy.deepcopy(dict(manifest))
    for container in controllable(result["spec"]["template"]):
        if (fields := asked.get(container["name"])) is not None:
            _set(container, fields, [field for field in FIELDS if (container["name"], field) not in kept])
    if owns(manifest, _RESTARTED_AT_PATH):
        _remove(result["spec"]["template"]["metadata"], "annotations", RESTARTED_AT)
    _remove(result["metadata"], "annotations", ANNOTATION)
    return result


def _set(container: dict[str, Any], fields: Mapping[str, str], due: Iterable[str]) -> None:
    resources = container["resources"] = container.get("resources") or {}
    for field in due:
        part, _, resource = field.partition(".")
        if field in fields:
            resources[part] = {**(resources.get(part) or {}), resource: fields[field]}
        else:
            _remove(resources, part, resource)


def _remove(parent: dict[str, Any], name: str, key: str) -> None:
    """Remove `key` of the map `name`, and the map if that empties it."""
    found = parent.get(name) or {}
    found.pop(key, None)
    if not found:
        parent.pop(name, None)


def restore_patch(manifest: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch (RFC 6902) from a Deployment to the one that `restored` gave for it.

    It replaces the whole template, so it must be sent with a lock on the resource version.
    """
    patch = [{"op": "remove", "path": f"/metadata/annotations/{ANNOTATION.replace('/', '~1')}"}]
    if wanted["spec"]["template"] != manifest["spec"]["template"]:
        patch.append({"op": "replace", "path": "/spec/template", "value": wanted["spec"]["template"]})
    return patch


def asked_since(
    manifest: Mapping[str, Any], sized: Iterable[DeploymentState], values: ControlValues
) -> frozenset[tuple[str, str]]:
    """(container, field) of requests and limits that the owner has asked for while the door did nothing.

    The annotation then still says what was asked before. So a value that the door has neither stored (`sized`) nor would
    set now is the owner's, unless `sized` is empty: then nothing is known about what the door has set.
    """
    set_by_door: set[tuple[str, str, int | None]] = set()
    for state in sized:
        set_by_door.update((one.name, name, getattr(one.runs, name)) for one in state.containers for name in _AMOUNTS)
    if not set_by_door:
        return frozenset()
    for name, one in values.containers.items():
        set_by_door.update((name, field, value.amount) for field in _AMOUNTS if (value := getattr(one, field)))
    return frozenset(
        (one.name, field)
        for one in state_of(manifest).containers
        for name, field in _AMOUNTS.items()
        if getattr(one.runs, name) != getattr(one.asked, name)
        and (one.name, name, getattr(one.runs, name)) not in set_by_door
    )


def restore_mismatch(wanted: Mapping[str, Any], after: Mapping[str, Any]) -> Sentence:
    """How the Deployment that the API server made of a restore differs from the one that it was to be; empty: it does not."""
    changes = [f"{one.container} {one.field} {one.before} -> {one.after}" for one in template_changes(wanted, after)]
    return sentence("operations.other_values", changes=", ".join(changes)) if changes else Sentence()
