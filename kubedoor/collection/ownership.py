"""Which Deployment a pod belongs to, and which of its ReplicaSets.

Owner metrics decide where they exist: `kube_pod_owner` names the ReplicaSet and `kube_replicaset_owner` its Deployment.
A pod with any other known owner (StatefulSet, DaemonSet, Job, Argo Rollout, none) is not a Deployment's pod. For a pod
without owner metrics the fallback is its name, `<deployment>-<hash>-<suffix>`, matched against the alphabets of
Kubernetes (`k8s.io/apimachinery/pkg/util/rand`): the suffix has 5 characters of ALPHABET; the hash is a decimal number
encoded by `SafeEncodeString`, so it has only the ten characters of HASH_ALPHABET.

The fallback refuses to guess: Kubernetes truncates the pod names of a ReplicaSet whose name has more than 57
characters, and the end of the hash is lost. Without owner metrics these pods are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
HASH_ALPHABET = "456789bcdf"
_REPLICASET = re.compile(rf"(?P<deployment>.+)-[{HASH_ALPHABET}]{{6,10}}")
_POD = re.compile(rf"(?P<replicaset>(?P<deployment>.+)-[{HASH_ALPHABET}]{{6,10}})-[{ALPHABET}]{{5}}")

REPLICASET = "ReplicaSet"
DEPLOYMENT = "Deployment"


@dataclass(frozen=True)
class Owner:
    """The ReplicaSet is kept to recognise a rollout: two ReplicaSets at once do not mean twice the pods."""

    deployment: str
    replicaset: str


def owner_by_pod_name(pod: str) -> Owner | None:
    """`cart-7d4b9c8f65-x7k2p` -> cart, cart-7d4b9c8f65. None if no pod of a Deployment can have this name."""
    match = _POD.fullmatch(pod)
    return Owner(match["deployment"], match["replicaset"]) if match else None


@dataclass
class Ownership:
    """Index of the owner series. An owner is (kind, name); both are empty for a pod without owner."""

    _pods: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    _replicasets: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    _found: dict[tuple[str, str], Owner | None] = field(default_factory=dict)
    """Of pods that were asked for since the last series."""

    def add_pod_owner(self, namespace: str, pod: str, kind: str, name: str) -> None:
        self._pods.setdefault((namespace, pod), set()).add((kind, name))
        self._found.clear()

    def add_replicaset_owner(self, namespace: str, replicaset: str, kind: str, name: str) -> None:
        self._replicasets.setdefault((namespace, replicaset), set()).add((kind, name))
        self._found.clear()

    def is_known(self, namespace: str, pod: str) -> bool:
        """Whether an owner series says what the pod belongs to."""
        return (namespace, pod) in self._pods

    def owner_of(self, namespace: str, pod: str) -> Owner | None:
        """None if the pod does not belong to a Deployment."""
        if (namespace, pod) not in self._found:
            self._found[namespace, pod] = self._look_up(namespace, pod)
        return self._found[namespace, pod]

    def _look_up(self, namespace: str, pod: str) -> Owner | None:
        owners = self._pods.get((namespace, pod))
        if owners is None:
            return owner_by_pod_name(pod)
        for kind, name in sorted(owners):
            if kind == REPLICASET and (deployment := self._deployment_of(namespace, name)):
                return Owner(deployment, name)
        return None

    def _deployment_of(self, namespace: str, replicaset: str) -> str | None:
        owners = self._replicasets.get((namespace, replicaset))
        if owners is None:  # kube_replicaset_owner has no series of this ReplicaSet: fall back to its name
            match = _REPLICASET.fullmatch(replicaset)
            return match["deployment"] if match else None
        return next((name for kind, name in sorted(owners) if kind == DEPLOYMENT), None)
