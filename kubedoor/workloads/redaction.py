"""A Deployment as anybody may see it who may look: without what people keep secrets in. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

NOT_SHOWN = "(not shown)"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Repeats the whole manifest, with the values of its variables."""


def showable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which variables keep their names and lose their values."""
    shown = copy.deepcopy(dict(manifest))
    template = _part(_part(shown, "spec"), "template")
    for one in (shown, template):
        _part(_part(one, "metadata"), "annotations").pop(LAST_APPLIED, None)
    for container in _containers(_part(template, "spec")):
        for variable in container.get("env") or ():
            if "value" in variable:
                variable["value"] = NOT_SHOWN
    return shown


def _containers(spec: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _part(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}
