"""Random lives of Deployments: how their owners, people and autoscalers change them, one request after the other."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubedoor.admission.review import parse_review
from kubedoor.admission.rules import CONTROL_LABEL, HPA_USER
from kubedoor.asked import ANNOTATION
from kubedoor.control_values import UNKNOWN, compile_workload, with_facts
from kubedoor.model.values import ControlValues
from tests.support.builders import make_request, make_review, make_scale
from tests.support.native_cases import as_sent, containers_of, decorate, mended
from tests.support.review_corpus import Maker

Json = dict[str, Any]
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace")
_CPU, _MEMORY = ("100m", "0.5", "250u", "2"), ("64Mi", "0.1Gi", "1073741824", "107374182400m")
_SPELLINGS = {
    "500m": "0.5",
    "0.5": "500m",
    "1": "1000m",
    "1Gi": "1073741824",
    "1073741824": "1Gi",
    "128Mi": "134217728",
}


@dataclass(frozen=True)
class Change:
    """A request for one Deployment. `method`: of HTTP, or APPLY; `tail`: what follows the path of all Deployments."""

    kind: str
    method: str
    tail: str
    body: Json | None
    user: str = "alice"


class Life:
    """Of one Deployment. `manifest` is what its owner keeps, also where something else is stored."""

    def __init__(self, seed: int, name: str) -> None:
        self.name = name
        self._maker, self._random = Maker(seed), random.Random(seed)
        self._image = 1
        self.manifest = self._new_manifest(seed)

    def _new_manifest(self, seed: int) -> Json:
        request = parse_review(make_review(make_request(self._maker.deployment())))
        decorate(random.Random(seed), request)
        manifest, _ = as_sent(request, self.name)
        # What has a request above its limit is refused, unless the door cuts it.
        if self._random.random() < 0.9:
            for container in containers_of(manifest):
                container["resources"] = mended(container["resources"])
        manifest["spec"]["paused"] = True
        return manifest

    def values(self) -> ControlValues:
        rows = self._maker.rows()
        return compile_workload(rows) if rows else with_facts(UNKNOWN, {"hpa": False, "opted_out": False})

    def next(self, stored: Json | None) -> Change:
        """`stored`: the Deployment as it is now; None: there is none."""
        if stored is None:
            return self._creation()
        kinds: dict[Callable[[Json], Change], int] = {
            self._same: 4,
            self._release: 5,
            self._wish: 5,
            self._respelled: 2,
            self._edit: 4,
            self._scale: 5,
            self._labelled: 2,
            self._forgotten: 1,
            self._patched: 3,
            self._removal: 1,
        }
        return self._random.choices(list(kinds), list(kinds.values()))[0](stored)

    def _creation(self) -> Change:
        if self._random.random() < 0.5:
            return Change("create", "POST", "", self._sent())
        return Change("create by apply", "APPLY", f"/{self.name}", self._sent())

    def _sent(self) -> Json:
        return copy.deepcopy(self.manifest)

    def _manifest_again(self, kind: str) -> Change:
        """As the owner's tools send it: whole, or by server-side apply."""
        method = self._random.choice(("PUT", "APPLY"))
        return Change(f"{kind} by {method}", method, f"/{self.name}", self._sent())

    def _same(self, _stored: Json) -> Change:
        return self._manifest_again("same manifest")

    def _release(self, _stored: Json) -> Change:
        self._set_image(self.manifest)
        if self._random.random() < 0.3:
            self._say_new(self.manifest)
        return self._manifest_again("release")

    def _set_image(self, manifest: Json) -> None:
        self._image += 1
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.test/app:{self._image}"

    def _wish(self, _stored: Json) -> Change:
        self._say_new(self.manifest)
        return self._manifest_again("new wish")

    def _say_new(self, manifest: Json) -> None:
        """Other numbers for one container, or none any more; other replicas."""
        container = self._random.choice(containers_of(manifest))
        resources = {part: dict(amounts) for part, amounts in container["resources"].items() if part != "claims"}
        for part in ("requests", "limits"):
            for resource, texts in (("cpu", _CPU), ("memory", _MEMORY)):
                choice = self._random.random()
                if choice < 0.4:
                    resources.setdefault(part, {})[resource] = self._random.choice(texts)
                elif choice < 0.55:
                    resources.get(part, {}).pop(resource, None)
        container["resources"] = {
            **container["resources"],
            **(mended(resources) if self._random.random() < 0.8 else resources),
        }
        if self._random.random() < 0.4:
            manifest["spec"]["replicas"] = self._random.randrange(0, 12)

    def _respelled(self, _stored: Json) -> Change:
        for container in containers_of(self.manifest):
            for part in ("requests", "limits"):
                amounts = container["resources"].get(part) or {}
                amounts |= {name: _SPELLINGS.get(text, text) for name, text in amounts.items()}
        return self._manifest_again("other spelling")

    def _edit(self, stored: Json) -> Change:
        """`kubectl edit`: what is stored, with something new."""
        edited = _as_found(stored)
        for change in self._random.sample((self._set_image, self._say_new, self._set_replicas), 2):
            change(edited)
        return Change("edit", "PUT", f"/{self.name}", edited)

    def _set_replicas(self, manifest: Json) -> None:
        manifest["spec"]["replicas"] = self._random.randrange(0, 12)

    def _scale(self, _stored: Json) -> Change:
        user = self._random.choices(("alice", HPA_USER), (4, 1))[0]
        replicas = self._random.randrange(0, 12)
        if self._random.random() < 0.5:
            return Change("scale", "PUT", f"/{self.name}/scale", make_scale(replicas, name=self.name), user)
        return Change("scale by patch", "MERGE", f"/{self.name}/scale", {"spec": {"replicas": replicas}}, user)

    def _labelled(self, stored: Json) -> Change:
        edited = _as_found(stored)
        edited["metadata"]["labels"] |= self._random.choice(
            ({"team": "b"}, {CONTROL_LABEL: "off"}, {CONTROL_LABEL: "on"})
        )
        return Change("label", "PUT", f"/{self.name}", edited)

    def _forgotten(self, stored: Json) -> Change:
        """The annotation is lost, or somebody has written it."""
        edited = _as_found(stored)
        texts = ("", "app:requests.cpu=1", "app:requests.cpu=1,requests.cpu=2", "no such text")
        edited["metadata"].setdefault("annotations", {})[ANNOTATION] = self._random.choice(texts)
        if not edited["metadata"]["annotations"][ANNOTATION]:
            del edited["metadata"]["annotations"][ANNOTATION]
        return Change("annotation", "PUT", f"/{self.name}", edited)

    def _patched(self, stored: Json) -> Change:
        """`kubectl set image`, `set resources` or `scale` of a program that patches the Deployment itself."""
        self._image += 1
        name = stored["spec"]["template"]["spec"]["containers"][0]["name"]
        container = self._random.choice(
            (
                {"image": f"registry.test/app:{self._image}"},
                {"resources": {"requests": {"cpu": self._random.choice(_CPU)}}},
                {"resources": {"limits": {"memory": "2Gi"}}},
            )
        )
        spec: Json = {"template": {"spec": {"containers": [{"name": name, **container}]}}}
        if self._random.random() < 0.3:
            spec = {"replicas": self._random.randrange(0, 12)}
        return Change("patch", "PATCH", f"/{self.name}", {"spec": spec})

    def _removal(self, _stored: Json) -> Change:
        return Change("delete", "DELETE", f"/{self.name}", None)


def _as_found(stored: Json) -> Json:
    found = copy.deepcopy(stored)
    found["metadata"] = {name: value for name, value in found["metadata"].items() if name not in _OF_THE_SERVER}
    found.pop("status", None)
    return found
