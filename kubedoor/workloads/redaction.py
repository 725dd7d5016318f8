"""Redaction of Deployments for viewers: removes the values of environment variables, which may hold secrets. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

PLACEHOLDER = "(not shown)"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Removed: it holds the whole manifest, with the values of all variables."""


def redacted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without values of environment variables; names and `valueFrom` references stay."""
    copied = copy.deepcopy(dict(manifest))
    template = _section(_section(copied, "spec"), "template")
    for annotated in (copied, template):
        _section(_section(annotated, "metadata"), "annotations").pop(LAST_APPLIED, None)
    for container in _containers(_section(template, "spec")):
        for variable in container.get("env") or ():
            if "value" in variable:
                variable["value"] = PLACEHOLDER
    return copied


def _containers(spec: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _section(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = whole.get(name)
    return section if isinstance(section, dict) else {}
