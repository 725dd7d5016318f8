"""Which Deployment a pod belongs to, and which of its ReplicaSets.

Exact where kube-state-metrics says so: `kube_pod_owner` names the ReplicaSet and `kube_replicaset_owner` its
Deployment; a pod whose owners are known and are not that chain (StatefulSet, DaemonSet, Job, Argo Rollout, bare pod)
is never taken. A pod of which no owner is known is judged by its name, `<deployment>-<hash>-<suffix>`, in the two
alphabets that Kubernetes really uses (`k8s.io/apimachinery/pkg/util/rand`): the suffix is 5 characters of ALPHABET, and
the hash, a decimal number put through `SafeEncodeString`, holds only the ten characters that digits are mapped to.

A name alone cannot solve names that Kubernetes cut short: the pods of a ReplicaSet whose name has more than 57
characters have lost the end of the hash. These need the owner metrics; without them they are left out, not guessed.
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
    """The Deployment of a pod, and the ReplicaSet: two of one Deployment at once are a rollout, not twice the pods."""

    deployment: str
    replicaset: str


def owner_by_pod_name(pod: str) -> Owner | None:
    """`cart-7d4b9c8f65-x7k2p` -> cart, cart-7d4b9c8f65. None for a name no Deployment's pod can have."""
    match = _POD.fullmatch(pod)
    return Owner(match["deployment"], match["replicaset"]) if match else None


@dataclass
class Ownership:
    """Owner series, gathered one by one and then asked. An owner is (kind, name); both are empty for a bare pod."""

    _pods: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    _replicasets: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)

    def add_pod_owner(self, namespace: str, pod: str, kind: str, name: str) -> None:
        self._pods.setdefault((namespace, pod), set()).add((kind, name))

    def add_replicaset_owner(self, namespace: str, replicaset: str, kind: str, name: str) -> None:
        self._replicasets.setdefault((namespace, replicaset), set()).add((kind, name))

    def owner_of(self, namespace: str, pod: str) -> Owner | None:
        """None: the pod is not a Deployment's."""
        owners = self._pods.get((namespace, pod))
        if owners is None:
            return owner_by_pod_name(pod)
        for kind, name in sorted(owners):
            if kind == REPLICASET and (deployment := self._deployment_of(namespace, name)):
                return Owner(deployment, name)
        return None

    def _deployment_of(self, namespace: str, replicaset: str) -> str | None:
        owners = self._replicasets.get((namespace, replicaset))
        if owners is None:  # kube_replicaset_owner is not collected, or not of this ReplicaSet: its name decides
            match = _REPLICASET.fullmatch(replicaset)
            return match["deployment"] if match else None
        return next((name for kind, name in sorted(owners) if kind == DEPLOYMENT), None)
