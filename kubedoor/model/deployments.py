"""What Deployments in a cluster ask for: what their owners asked, and what runs since the door replaced it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubedoor.model.values import Resources


@dataclass(frozen=True)
class DeploymentContainer:
    """One container that runs as long as the pod. `asked` equals `runs` where the door has changed nothing."""

    name: str
    is_sidecar: bool
    """A native sidecar: it stands under `initContainers`."""
    asked: Resources
    runs: Resources


@dataclass(frozen=True)
class DeploymentState:
    """One Deployment as it is stored; containers in the order of its pod template, native sidecars last."""

    namespace: str
    deployment: str
    replicas: int
    containers: tuple[DeploymentContainer, ...]
    is_sized: bool
    """Its annotation says what the owner asked: the door has replaced requests or limits."""
    init_containers: tuple[str, ...] = ()
    """Names of all init containers in their order, those that only run at the start too: a patch must keep the order."""
    has_pod_resources: bool = False
    """The pod template sets pod-level resources: the door then leaves requests and limits alone."""
    generation: int = field(default=0, compare=False)
    """`metadata.generation` as it was seen; of an admission, the one under which it is stored. 0: not known."""

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.deployment
