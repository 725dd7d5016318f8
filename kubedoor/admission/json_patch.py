"""JSON patches, computed as the difference of two objects and verified before they are sent.

The API server rejects the user's request if a patch does not apply, in spite of `failurePolicy: Ignore`. So the patch
is applied here first, and must give exactly the intended object.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from kubedoor.errors import KubeDoorError

_SAFE_OPERATIONS = {"add", "replace", "remove"}


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The RFC 6902 operations from `before` to `after`; empty if equal. Raises KubeDoorError if verification fails."""
    # NB: without optimization the library writes neither `move` nor `copy`, which depend on other paths.
    operations: list[dict[str, Any]] = jsonpatch.JsonPatch.from_diff(before, after, optimization=False).patch
    if jsonpatch.apply_patch(before, operations) != after or any(op["op"] not in _SAFE_OPERATIONS for op in operations):
        raise KubeDoorError("the patch does not give the object it was made for")
    return operations
