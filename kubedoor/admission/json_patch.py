"""JSON patches as the difference of two objects: never written by hand, always checked before they are sent.

A patch that does not apply makes the API server reject the user's request in spite of `failurePolicy: Ignore`, so the
patch is applied here first and has to give exactly the object that is meant.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from kubedoor.errors import KubeDoorError

_SAFE_OPERATIONS = {"add", "replace", "remove"}


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The RFC 6902 operations that turn `before` into `after`; empty when they are equal."""
    # NB: without optimization the library writes neither `move` nor `copy`, whose meaning hangs on other paths.
    operations: list[dict[str, Any]] = jsonpatch.JsonPatch.from_diff(before, after, optimization=False).patch
    if jsonpatch.apply_patch(before, operations) != after or any(op["op"] not in _SAFE_OPERATIONS for op in operations):
        raise KubeDoorError("the patch does not give the object it was made for")
    return operations
