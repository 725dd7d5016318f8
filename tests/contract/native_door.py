"""Policies on the real API server beside the rules: the same requests for both, and what would be stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jsonpatch
import requests

from kubedoor import quantities
from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.parameters import parameter_objects
from kubedoor.admission.native.policies import policies
from kubedoor.admission.resources import Floors
from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import Rules, decide
from kubedoor.admission.webhook_configuration import IGNORE_LABEL
from kubedoor.model.values import ControlValues, Source, Value, WorkloadKey
from tests.support.builders import make_deployment, make_scale
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane

Json = dict[str, Any]
_POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
_BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
_CONTENT_TYPES = {
    "APPLY": "application/apply-patch+yaml",
    "MERGE": "application/merge-patch+json",
    "PATCH": "application/strategic-merge-patch+json",
}
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Refused(Exception):
    """The API server's answer to a request that it does not take."""


class Api:
    """The API server, asked by the administrator or as somebody else."""

    def __init__(self, plane: ControlPlane) -> None:
        self._url = plane.url
        self._session = requests.Session()
        self._session.trust_env = False  # REQUESTS_CA_BUNDLE would win over `verify`.
        self._session.cert = (str(plane.folder / "admin.crt"), str(plane.folder / "admin.key"))
        self._session.verify = str(plane.ca_file)

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, path: str, body: Any = None, *, user: str = "", **query: str) -> Json:
        """Raises Refused. The method APPLY is a server-side apply, MERGE a merge patch, PATCH a strategic one."""
        headers = {"Content-Type": _CONTENT_TYPES.get(method, "application/json")}
        if method == "APPLY":
            query |= {"fieldManager": "kubedoor", "force": "true"}
        method = "PATCH" if method in _CONTENT_TYPES else method
        if user:
            headers |= {"Impersonate-User": user, "Impersonate-Group": "system:masters"}
        content = None if body is None else json.dumps(body)
        url = self._url + path
        answer = self._session.request(method, url, data=content, params=query, headers=headers, timeout=60)
        if not answer.ok:
            raise Refused(f"{answer.status_code} {answer.text[:3000]}")
        found: Json = answer.json()
        return found


@dataclass
class Sent:
    """A request for a Deployment or its Scale. `old`: the Deployment that is stored; None: a creation."""

    manifest: Json
    old: Json | None
    values: ControlValues
    user: str = "alice"
    label: str = ""
    stored: Json | None = field(default=None, init=False)
    """As the API server has stored it without the policies: the Deployment, or its Scale."""

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def is_scale(self) -> bool:
        return bool(self.manifest["kind"] == "Scale")


@dataclass
class Difference:
    sent: Sent
    enforced: Any
    decided: Any

    def __str__(self) -> str:
        return f"{self.sent.label}: {self.enforced}\n  by the rules: {self.decided}"


class NativeDoor:
    """Policies of one set of rules for a namespace of their own, and a namespace without any.

    No webhook is called for either: both are labelled, and these policies do not look at the label.
    """

    def __init__(self, api: Api, rules: Rules, name: str, *, traced: bool = False) -> None:
        self.api = api
        self.traced = traced
        self.controlled, self.free = f"native-{name}", f"free-{name}"
        self.rules = replace(rules, namespaces=frozenset({self.controlled}), excluded_namespaces=frozenset())

    def install(self) -> None:
        manifest = custom_resource_definition()
        self.api.send("APPLY", f"{_CRDS}/{manifest['metadata']['name']}", manifest)
        for name in (self.controlled, self.free):
            metadata = {"name": name, "labels": {IGNORE_LABEL: "test"}}
            self.api.send("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for path, one in self._manifests():
            self.api.send("APPLY", path, one)

    def remove(self) -> None:
        for path, _ in self._manifests():
            self.api.send("DELETE", path)
        for name in (self.controlled, self.free):
            self.api.send("DELETE", f"/api/v1/namespaces/{name}")

    def _manifests(self) -> Iterable[tuple[str, Json]]:
        """With names of their own, so that several sets of rules are in force at once."""
        for made in policies(self.rules, traced=self.traced):
            one = copy.deepcopy(made)
            one["metadata"]["name"] += f"-{self.controlled}"
            if "policyName" in one["spec"]:
                one["spec"]["policyName"] += f"-{self.controlled}"
                yield f"{_BINDINGS}/{one['metadata']['name']}", one
                continue
            expressions = one["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"]
            expressions[:] = [each for each in expressions if each["key"] != IGNORE_LABEL]
            yield f"{_POLICIES}/{one['metadata']['name']}", one

    def set_values(self, values: Mapping[str, ControlValues]) -> None:
        """`values` by the names of the Deployments: all that there are."""
        keyed = {WorkloadKey("", self.controlled, name): one for name, one in values.items()}
        floors = Floors(self.rules.min_cpu_millicores, self.rules.min_memory_bytes)
        for one in parameter_objects(keyed, floors).get(self.controlled, ()):
            path = f"/apis/kubedoor.io/v1/namespaces/{self.controlled}/controlvalues/{one['metadata']['name']}"
            self.api.send("APPLY", path, one)

    def differences(
        self, requests: Iterable[Sent], others: Mapping[str, ControlValues] | None = None
    ) -> list[Difference]:
        """Where the policies would store something else than the rules decide. To be called once.

        `others`: values of further workloads. Nothing is stored but the Deployments that updates need, and these before there are any values.
        """
        known = []
        for one in requests:
            if one.old is not None:
                self._store(one)
            known.append(one)
        self.store_probe()
        probed = ControlValues(replicas=Value(9, Source.MANUAL))
        self.set_values(
            {**(others or {}), **{one.name: one.values for one in known}} | {"probe": probed, "new": probed}
        )
        processes.wait_until(lambda: self.is_in_force(9), what="policies and values are in force")
        found = [one for sent in known for one in self._compared(sent)]
        return [one for one in found if one.enforced != one.decided]

    def _compared(self, one: Sent) -> Iterator[Difference]:
        """With the rules; and once more, as a webhook without a trace does that is asked about what the policies have made."""
        enforced, decided = self.enforced(one), self.decided(one)
        yield Difference(one, relevant(enforced), relevant(decided))
        if not isinstance(enforced, str) and not isinstance(decided, str):
            yield Difference(one, relevant(self._again(one, enforced)), relevant(self._again(one, decided)))

    def _again(self, one: Sent, manifest: Json) -> Json:
        decision = decide(_request(one, manifest), one.values, self.rules)
        changed: Json = jsonpatch.apply_patch(copy.deepcopy(manifest), list(decision.patch))
        return changed

    def store_probe(self) -> None:
        probe = make_deployment("probe", replicas=1)
        self._store(Sent(probe, probe, ControlValues()))

    def is_in_force(self, replicas: int) -> bool:
        """Whether `probe`, and a new Deployment `new`, get so many. The API server watches policies and parameters: they count
        a moment after they are stored."""
        tried = (
            self.send(make_deployment("new", replicas=1), self.controlled, "POST", dryRun="All"),
            self.send(make_scale(1, name="probe"), self.controlled, "PUT", dryRun="All"),
        )
        return all(one["spec"]["replicas"] == replicas for one in tried)

    def _store(self, one: Sent) -> None:
        # Paused: no controller makes pods of it.
        self.send(one.old or {}, self.controlled, "POST")
        one.stored = self.send(one.old or {}, self.free, "POST")
        if one.is_scale:
            one.stored = self.api.send("GET", f"{_path(self.free)}/{one.name}/scale")

    def enforced(self, one: Sent) -> Json | str:
        """What the API server would store with the policies; the reason if it refuses."""
        return self._tried(one, one.manifest, self.controlled)

    def decided(self, one: Sent) -> Json | str:
        """What it would store with the webhook; the reason if it or KubeDoor refuses."""
        whole = self._tried(one, one.manifest, self.free)
        arrives = whole if not isinstance(whole, str) else self._arrives(one)
        if arrives is None:
            return whole
        decision = decide(_request(one, arrives), one.values, self.rules)
        if not decision.allowed:
            return str(decision.reason)
        if not decision.patch and arrives is whole:
            return whole
        return self._tried(one, jsonpatch.apply_patch(_as_sent(arrives), list(decision.patch)), self.free)

    def _arrives(self, one: Sent) -> Json | None:
        """As admission sees what the API server refuses as it is: with defaults and as it spells it.

        A request above its limit may be cut by the door: requests and limits are asked for one after the other. None: it
        is refused all the same.
        """
        limited, requested = (
            self._tried(one, _without(one.manifest, part), self.free) for part in ("requests", "limits")
        )
        if isinstance(limited, str) or isinstance(requested, str):
            return None
        for container, other in zip(containers_of(limited), containers_of(requested), strict=True):
            resources = container.setdefault("resources", {})
            for part in ("requests", "limits"):
                amounts = {**other.get("resources", {}).get(part, {}), **resources.get(part, {})}
                resources |= {part: amounts} if amounts else {}
        return limited

    def _tried(self, one: Sent, manifest: Json, namespace: str) -> Json | str:
        try:
            return self.send(manifest, namespace, "PUT" if one.old is not None else "POST", user=one.user, dryRun="All")
        except Refused as refused:
            return str(refused)

    def send(self, manifest: Json, namespace: str, method: str, *, user: str = "", **query: str) -> Json:
        sent = copy.deepcopy(manifest)
        sent["metadata"]["namespace"] = namespace
        path = _path(namespace)
        if sent["kind"] != "Scale":
            sent["spec"]["paused"] = True
        if method == "PUT":
            path += f"/{sent['metadata']['name']}" + ("/scale" if sent["kind"] == "Scale" else "")
        return self.api.send(method, path, sent, user=user, **query)


def _path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def _request(one: Sent, manifest: Json) -> AdmissionRequest:
    return AdmissionRequest(
        uid="1",
        operation="CREATE" if one.old is None else "UPDATE",
        group="apps",
        resource="deployments",
        subresource="scale" if one.is_scale else "",
        namespace=manifest["metadata"]["namespace"].replace("free-", "native-"),
        name=one.name,
        username=one.user,
        dry_run=True,
        object=manifest,
        old_object=one.stored or {},
    )


def containers_of(manifest: Json) -> list[Json]:
    spec = (manifest.get("spec") or {}).get("template", {}).get("spec", {})
    return [*spec.get("containers", ()), *spec.get("initContainers", ())]


def _without(manifest: Json, part: str) -> Json:
    """Without the CPU and memory of requests or limits."""
    rest = copy.deepcopy(manifest)
    for container in containers_of(rest):
        amounts = (container.get("resources") or {}).get(part) or {}
        for resource in ("cpu", "memory"):
            amounts.pop(resource, None)
    return rest


def _as_sent(manifest: Json) -> Json:
    """Without what only the API server sets."""
    sent = copy.deepcopy(manifest)
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        sent["metadata"].pop(name, None)
    sent.pop("status", None)
    return sent


def relevant(answer: Json | str) -> Any:
    """What policies and rules must agree on, with quantities as numbers; of a refusal its status."""
    if isinstance(answer, str):
        return answer.partition(" ")[0]
    answer, metadata = copy.deepcopy(answer), answer["metadata"]
    for container in containers_of(answer):
        resources = container.get("resources", {})
        for part in ("requests", "limits"):
            resources |= {part: {name: quantities.parse(text) for name, text in resources.get(part, {}).items()}}
    return {"spec": answer["spec"], "annotations": metadata.get("annotations") or {}, "labels": metadata.get("labels")}
