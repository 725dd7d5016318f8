"""The JSON patch (RFC 6902) of what the door changes, written from the changes themselves. Pure.

The API server rejects the user's request if a patch does not apply, in spite of `failurePolicy: Ignore`. So every
operation is checked against the object: what it is added to, or replaces, must be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kubedoor.admission.work import Work
from kubedoor.asked import ANNOTATION
from kubedoor.errors import KubeDoorError

Operation = dict[str, Any]


def operations(work: Work) -> tuple[Operation, ...]:
    """Empty if nothing changes. Raises KubeDoorError for an operation that would not apply."""
    patch = tuple(_operations(work))
    for one in patch:
        _check(work.object, one)
    return patch


def _operations(work: Work) -> Iterator[Operation]:
    manifest = work.object
    if work.replicas is not None:
        spec = manifest.get("spec")
        if spec:
            yield _put(spec, "/spec", "replicas", work.replicas)
        else:
            yield _put(manifest, "", "spec", {"replicas": work.replicas})
    for container in work.containers:
        if container.is_changed:
            yield _put(container.found, container.path, "resources", container.resources)
    if work.sets_annotation:
        yield from _annotation(manifest, work.annotation)


def _annotation(manifest: Mapping[str, Any], text: str | None) -> Iterator[Operation]:
    metadata = manifest.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    path = f"/metadata/annotations/{ANNOTATION.replace('/', '~1')}"
    if text is None:
        if ANNOTATION in annotations:
            yield {"op": "remove", "path": path}
    elif annotations:
        yield {"op": "replace" if ANNOTATION in annotations else "add", "path": path, "value": text}
    else:
        yield _put(metadata, "/metadata", "annotations", {ANNOTATION: text})


def _put(parent: Mapping[str, Any], path: str, name: str, value: Any) -> Operation:
    return {"op": "replace" if name in parent else "add", "path": f"{path}/{name}", "value": value}


def _check(manifest: Mapping[str, Any], operation: Operation) -> None:
    _, *parents, name = operation["path"].split("/")
    node: Any = manifest
    try:
        for part in parents:
            node = node[int(part)] if type(node) is list else node[part]
    except (KeyError, IndexError, TypeError, ValueError):
        node = None
    if not isinstance(node, Mapping) or (operation["op"] != "add" and name.replace("~1", "/") not in node):
        raise KubeDoorError(f"the patch does not apply: {operation['op']} {operation['path']}")


def applied(manifest: Mapping[str, Any], patch: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The object with a patch of `operations`; shares with `manifest` whatever the patch does not touch."""
    result = dict(manifest)
    for one in patch:
        _, *parents, name = one["path"].split("/")
        node: Any = result
        for part in parents:
            key = int(part) if isinstance(node, list) else part
            node[key] = node[key].copy()
            node = node[key]
        name = name.replace("~1", "/")
        if one["op"] == "remove":
            del node[name]
        else:
            node[name] = one["value"]
    return result
