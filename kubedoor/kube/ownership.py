"""Who owns which fields of an object: `metadata.managedFields` without what KubeDoor took in passing. Pure.

A field that KubeDoor changes is its own from then on, so that the next server-side apply of another number by the
object's owner ends with a conflict; and a field that an owner no longer owns stays when the owner drops it from its
manifest. After a change, KubeDoor therefore gives the fields back.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

FIELD_MANAGER = "kubedoor"
"""The name under which KubeDoor changes objects."""
Entry = Mapping[str, Any]
Fields = Mapping[str, Any]
"""A set of fields as FieldsV1 writes it: a tree; a node is in the set if it is empty or has the key `.`."""
SCALE = "scale"


def lock(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The operation of a JSON patch that makes the API server answer with a conflict if the object has changed since."""
    # A `test` of the version would be a lock too, but its failure is a 422 without words.
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": manifest["metadata"]["resourceVersion"]}


def owns(manifest: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether the last to change the field was KubeDoor; `path` as in FieldsV1, e.g. `f:spec`, `f:replicas`."""
    return any(_has(one.get("fieldsV1") or {}, path) for one in _managed(manifest) if _is_own(one, None))


def given_back(
    before: Mapping[str, Any], now: Mapping[str, Any], *, subresource: str | None = None
) -> list[dict[str, Any]] | None:
    """`managedFields` without KubeDoor's entries; None if it has none.

    What KubeDoor owns now and somebody applied `before` KubeDoor's change is theirs again. With a `subresource` only the
    entry of that one is dropped.
    """
    own = [one for one in _managed(now) if _is_own(one, subresource)]
    if not own:
        return None
    kept = [copy.deepcopy(dict(one)) for one in _managed(now) if one not in own]
    for applied in _managed(before):
        if applied.get("operation") == "Apply":
            for taken in own:
                _return(applied, taken, kept)
    return kept


def _managed(manifest: Mapping[str, Any]) -> list[Entry]:
    return list(manifest["metadata"].get("managedFields") or ())


def _is_own(entry: Entry, subresource: str | None) -> bool:
    is_meant = subresource is None or entry.get("subresource", "") == subresource
    return entry.get("manager") == FIELD_MANAGER and is_meant


def _return(applied: Entry, taken: Entry, kept: list[dict[str, Any]]) -> None:
    fields = _common(applied.get("fieldsV1") or {}, taken.get("fieldsV1") or {})
    if not fields:
        return
    entry = next((one for one in kept if _identity(one) == _identity(applied)), None)
    if entry is None:
        kept.append({**copy.deepcopy(dict(applied)), "fieldsV1": fields})
    else:
        entry["fieldsV1"] = _union(entry.get("fieldsV1") or {}, fields)


def _identity(entry: Entry) -> tuple[str, ...]:
    return tuple(str(entry.get(name, "")) for name in ("manager", "operation", "apiVersion", "subresource"))


def _has(fields: Fields, path: Sequence[str]) -> bool:
    for name in path:
        if name not in fields:
            return False
        fields = fields[name]
    return _is_member(fields)


def _is_member(fields: Fields) -> bool:
    return not fields or "." in fields


def _common(one: Fields, other: Fields) -> dict[str, Any]:
    """The intersection; empty: they have nothing in common."""
    found: dict[str, Any] = {}
    for name in one.keys() & other.keys():
        below = _common(one[name], other[name])
        is_member = _is_member(one[name]) and _is_member(other[name])
        if is_member:
            found[name] = {".": {}, **below} if below and "." not in below else below
        elif below:
            found[name] = below
    return found


def _union(one: Fields, other: Fields) -> dict[str, Any]:
    found: dict[str, Any] = {name: dict(fields) for name, fields in one.items()}
    for name, fields in other.items():
        if name not in found:
            found[name] = dict(fields)
        elif found[name] and fields:
            found[name] = _union(found[name], fields)
        elif found[name] or fields:
            found[name] = {".": {}, **found[name], **fields}
    return found
