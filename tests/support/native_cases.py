"""Random requests that a real API server takes: of recorded kinds, with more of what templates may have."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from typing import Any

from kubedoor import quantities
from kubedoor.admission.review import AdmissionRequest, parse_review
from kubedoor.admission.rules import Rules
from kubedoor.control_values import UNKNOWN, compile_workload, with_facts
from kubedoor.model.values import ControlValues
from tests.support.builders import make_deployment
from tests.support.review_corpus import Maker

Json = dict[str, Any]
_SPELLINGS = (("1Gi", "1073741824"), ("512Mi", "536870912"), ("1Ki", "1024"))


def random_case(seed: int) -> tuple[AdmissionRequest, ControlValues, Rules]:
    """A request for a Deployment or its Scale, out of the ordinary in every way that the API server allows."""
    maker = Maker(seed)
    rules, facts = maker.rules(), {"opted_out": maker.chance(0.2), "hpa": maker.chance(0.2)}
    request, rows = parse_review(maker.review()), maker.rows()
    values = compile_workload(rows) if rows else with_facts(UNKNOWN, facts)
    decorate(random.Random(seed), request)
    return request, values, rules


def decorate(chooser: random.Random, request: AdmissionRequest) -> None:
    """Give both objects quantities in places that KubeDoor does not control; the update may spell them otherwise."""
    before, after = chooser.choice(_SPELLINGS)
    for manifest, text in ((request.old_object, before), (request.object, chooser.choice((before, before, after)))):
        if not manifest or manifest.get("kind") != "Deployment":
            continue
        spec = manifest["spec"]["template"]["spec"]
        if (choice := random.Random(request.uid + before + str(len(spec["containers"]))).random()) < 0.3:
            spec["volumes"] = [{"name": "cache", "emptyDir": {"sizeLimit": text}}]
        elif choice < 0.5:
            spec["containers"][0]["resources"].setdefault("requests", {})["ephemeral-storage"] = text
        elif choice < 0.7:
            # Server-side apply would refuse two variables of one name.
            variable = {
                "name": "SAME",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
            }
            spec["containers"][0]["env"] = [{"name": "SAME", "value": "1"}, variable]


def as_sent(request: AdmissionRequest, name: str) -> tuple[Json, Json | None]:
    """The object to send, and the valid Deployment that it changes; None: a creation."""
    manifest = _named(request.object, name)
    if request.operation == "CREATE":
        return manifest, None
    if request.is_scale:
        return manifest, make_deployment(name, replicas=(request.old_object.get("spec") or {}).get("replicas", 0))
    old = _named(request.old_object, name)
    for container in containers_of(old):
        container["resources"] = mended(container["resources"])
    return manifest, old


def _named(manifest: Mapping[str, Any], name: str) -> Json:
    """As the API server takes it."""
    changed = copy.deepcopy(dict(manifest))
    changed["metadata"]["name"] = name
    changed["spec"] = changed.get("spec") or {}
    for owner in changed["metadata"].get("ownerReferences", ()):
        owner |= {"uid": "7d0e", "name": owner.get("name", "owner"), "apiVersion": owner.get("apiVersion", "v1")}
    for container in containers_of(changed):
        resources = container.get("resources") or {}
        container["resources"] = {**resources, **_extended(resources)}
        claims = [{"name": one["name"], "resourceClaimName": "any"} for one in resources.get("claims", ())]
        if claims:
            changed["spec"]["template"]["spec"]["resourceClaims"] = claims
    return changed


def mended(resources: Json) -> Json:
    """No request above its limit."""
    requests, limits = dict(resources.get("requests") or {}), dict(resources.get("limits") or {})
    for name, text in limits.items():
        if name in requests and quantities.parse(requests[name]) > quantities.parse(text):
            limits[name] = requests[name]
    return {**resources, "requests": requests, "limits": limits}


def _extended(resources: Json) -> Json:
    """Extended resources have a limit that is the request."""
    parts = {part: dict(resources.get(part) or {}) for part in ("requests", "limits")}
    for part, other in (("requests", "limits"), ("limits", "requests")):
        parts[other] |= {name: text for name, text in parts[part].items() if "/" in name}
    return {part: amounts for part, amounts in parts.items() if amounts}


def containers_of(manifest: Json) -> list[Json]:
    spec = manifest["spec"].get("template", {}).get("spec", {})
    return [*spec.get("containers", ()), *spec.get("initContainers", ())]
