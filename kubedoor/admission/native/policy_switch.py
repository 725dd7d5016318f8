"""Brings the policies into a cluster and out of it. Policies and bindings in the cluster are the only state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kubedoor.admission.native.custom_resource import NAME as DEFINITION
from kubedoor.admission.native.parameters import GROUP, PLURAL, VERSION
from kubedoor.admission.native.policies import API_VERSIONS, policies
from kubedoor.admission.native.policy_probe import PolicyProbe
from kubedoor.admission.native.writer import WriteState
from kubedoor.admission.rules import Rules
from kubedoor.admission.webhook_configuration import DOOR
from kubedoor.errors import Conflict, Forbidden, NotFound
from kubedoor.kube.client import Cluster, path_segment
from kubedoor.sentences import NOTHING, Sentence, sentence

_GROUP = "/apis/admissionregistration.k8s.io"
BINDINGS = "mutatingadmissionpolicybindings"
_PLURALS = {
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": BINDINGS,
}


@dataclass(frozen=True)
class PolicyState:
    """`is_possible`: the cluster has such policies and knows the kind of their parameters; without it they do nothing."""

    is_on: bool
    is_current: bool = True
    missing: tuple[str, ...] = ()
    """Names of policies and bindings that are not there, of policies that are in force in part."""
    is_possible: bool = True
    is_idle: bool = False
    """The API server takes policies and does nothing with them: they are there, and not on."""
    unread: Sentence = NOTHING
    """Why nobody may tell whether policies are in force; `is_on` says nothing then."""
    made_for: frozenset[str] = frozenset()
    """The doors (KUBEDOOR_DOOR) for which the policies that are in force were made."""
    written: WriteState = field(default_factory=WriteState)
    """How control values were written last."""


class PolicySwitch:
    """`write` writes the control values into the cluster: policies must never find older ones.

    `keep`: the same, where nobody has just asked for it. `traced`: the webhook enforces, too. `written`: how the last write went.
    """

    def __init__(
        self,
        cluster: Cluster,
        rules: Rules,
        write: Callable[[], object] = lambda: None,
        *,
        keep: Callable[[], object] = lambda: None,
        traced: bool = False,
        written: Callable[[], WriteState] = WriteState,
    ) -> None:
        self._cluster = cluster
        self._rules = rules
        self._write = write
        self._keep = keep
        self._traced = traced
        self._written = written
        self._probe = PolicyProbe(cluster, rules)

    def api_version(self) -> str:
        """The version of MutatingAdmissionPolicies that the cluster serves; empty: none. Raises ClusterError."""
        for version in API_VERSIONS:
            with suppress(NotFound):
                found = self._cluster.request("GET", f"{_GROUP}/{version}").get("resources") or ()
                if any(one.get("name") == "mutatingadmissionpolicies" for one in found):
                    return version
        return ""

    def check(self) -> str:
        """The version of the API to use. Raises Conflict where the cluster cannot, with the reason; ClusterError."""
        version = self.api_version()
        if not version:
            raise Conflict(sentence("cluster.no_policies"))
        if not self.knows_values():
            raise Conflict(sentence("cluster.no_control_values", definition=DEFINITION))
        return version

    def is_possible(self) -> bool:
        """Whether the cluster has such policies and knows the kind of their parameters. Raises ClusterError."""
        return bool(self.api_version()) and self.knows_values()

    def knows_values(self) -> bool:
        """Whether the cluster knows the kind ControlValues. Raises ClusterError, Forbidden."""
        try:
            self._cluster.request("GET", f"/apis/{GROUP}/{VERSION}/{PLURAL}", query={"limit": "1"})
        except NotFound:
            return False
        except Forbidden:
            # So it answers of an unknown kind, too. What kinds there are, everybody may ask.
            return self._lists_values()
        return True

    def _lists_values(self) -> bool:
        try:
            found = self._cluster.request("GET", f"/apis/{GROUP}/{VERSION}").get("resources") or ()
        except NotFound:
            return False
        return any(one.get("name") == PLURAL for one in found)

    def state(self) -> PolicyState:
        """Raises ClusterError, Forbidden."""
        version = self.api_version()
        if not version or not self.knows_values():
            return PolicyState(False, is_possible=False)
        wanted = self._policies(version)
        found = [self._found(one) for one in wanted]
        missing = tuple(_name(one) for one, there in zip(wanted, found, strict=True) if there is None)
        made_for = frozenset(map(made_for_door, found)) - {""} if is_any_in_force(found) else frozenset()
        if missing:
            return PolicyState(False, missing=missing if is_any_in_force(found) else (), made_for=made_for)
        is_current = all(there and there["spec"] == one["spec"] for one, there in zip(wanted, found, strict=True))
        # Policies of another version may not answer.
        is_idle = is_current and self._probe.is_answered() is False
        return PolicyState(not is_idle, is_current, is_idle=is_idle, made_for=made_for, written=self._written())

    def wait_until_in_force(self) -> bool | None:
        """Whether the policies that have just been made do something; None: that is not to be found out."""
        return self._probe.wait_for_answer()

    def turn_on(self, *, by_itself: bool = False) -> None:
        """Write the control values, then the policies, and their bindings last: before those nothing is in force.

        `by_itself`: nobody has just asked for it. Idempotent. Raises Conflict where the cluster cannot, StoreError, ClusterError, Forbidden.
        """
        version = self.check()
        (self._keep if by_itself else self._write)()
        made = self._policies(version)
        half = len(made) // 2
        # Last the binding of the policy that answers the probe: then the others are in force, too.
        for one in (*made[:half], *reversed(made[half:])):
            self._cluster.apply_object(_path(one), one)

    def turn_off(self) -> None:
        """Delete the bindings first. Idempotent. Raises ClusterError; Forbidden where policies may stay in force."""
        if version := self.api_version():
            try:
                for one in reversed(self._policies(version)):
                    with suppress(NotFound):
                        self._cluster.request("DELETE", _path(one), query={"propagationPolicy": "Background"})
            except Forbidden:
                if self.knows_values():
                    raise

    def _policies(self, version: str) -> tuple[dict[str, Any], ...]:
        return policies(self._rules, traced=self._traced, api_version=version)

    def _found(self, manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._cluster.request("GET", _path(manifest))
        except NotFound:
            return None
        return found


def made_for_door(found: Mapping[str, Any] | None) -> str:
    """The setting for which an object in the cluster was made; empty: it does not say so."""
    return str((((found or {}).get("metadata") or {}).get("annotations") or {}).get(DOOR, ""))


def is_any_in_force(found: Sequence[object]) -> bool:
    """`found`: each policy, then each binding, in the same order; None: it is not there. One without the other does nothing."""
    half = len(found) // 2
    return any(policy and binding for policy, binding in zip(found[:half], found[half:], strict=True))


def _name(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _path(manifest: Mapping[str, Any]) -> str:
    name = path_segment(manifest["metadata"]["name"])
    return f"/apis/{manifest['apiVersion']}/{_PLURALS[manifest['kind']]}/{name}"
