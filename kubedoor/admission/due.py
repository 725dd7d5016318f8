"""What a request asks of the door: worked out once, before any control value is looked up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubedoor.admission.asked import Spoken, is_annotation_lost, is_unchanged_manifest, spoken_of
from kubedoor.admission.restarts import restarts
from kubedoor.admission.review import AdmissionRequest


class Due(NamedTuple):
    """`replicas`, `resources`: to be set to the control values."""

    replicas: bool = False
    resources: bool = False
    puts_back: bool = False
    """An unchanged manifest: requests and limits go back to what runs."""
    keeps_annotation: bool = False
    """The update drops the annotation of what was asked, or makes it unreadable."""
    spoken: Spoken | None = None
    """Of a creation, and of an update that changes a number or restarts."""

    @property
    def needs_values(self) -> bool:
        return self.replicas or self.resources

    def __bool__(self) -> bool:
        return self.replicas or self.resources or self.puts_back or self.keeps_annotation


def due_of(request: AdmissionRequest, *, keeps_unchanged: bool) -> Due:
    """Of a Deployment or a Scale. `keeps_unchanged` False: an unchanged manifest is a restart like any other."""
    manifest, stored = request.object, request.old_object
    if request.is_scale:
        return Due(replicas=True)
    if request.operation == "CREATE":
        return Due(replicas=True, resources=True, spoken=spoken_of(manifest, {}))
    replicas = replicas_of(manifest) != replicas_of(stored)
    if not restarts(stored, manifest):
        return Due(replicas, keeps_annotation=is_annotation_lost(manifest, stored))
    spoken = spoken_of(manifest, stored)
    if keeps_unchanged and is_unchanged_manifest(manifest, stored, spoken):
        return Due(replicas, puts_back=True, spoken=spoken)
    return Due(replicas=True, resources=True, spoken=spoken)


def replicas_of(manifest: Mapping[str, Any]) -> int:
    """`spec.replicas` of a Deployment (absent: 1, the API server's default) or of a Scale (absent: 0)."""
    replicas = (manifest.get("spec") or {}).get("replicas")
    if replicas is None:
        return 0 if manifest.get("kind") == "Scale" else 1
    return int(replicas)
