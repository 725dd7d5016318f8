"""How often the API server is asked which namespaces its label takes away from the door."""

from __future__ import annotations

from kubedoor.admission.webhook_configuration import LEFT_OUT_LABELS
from kubedoor.errors import ClusterError, Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.live.ignored import AGAIN_SECONDS, FAILED_SECONDS, FORBIDDEN_SECONDS, IgnoredNamespaces


class Labelled(Cluster):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] | KubeDoorError = {"bank"}
        self.asked = 0

    def namespaces_labelled(self, label: str) -> set[str]:
        # Both labels are asked for at once.
        self.asked += label == LEFT_OUT_LABELS[0]
        if isinstance(self.found, KubeDoorError):
            raise self.found
        return self.found if label == LEFT_OUT_LABELS[0] else {"shop"}


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_namespaces_are_asked_for_once_in_a_while_and_less_where_that_fails() -> None:
    cluster, clock = Labelled(), Clock()
    ignored = IgnoredNamespaces(cluster, clock)
    assert [ignored.names() for _ in range(3)] == [{"bank", "shop"}] * 3
    assert cluster.asked == 1
    cluster.found = ClusterError("it does not answer")
    clock.seconds += AGAIN_SECONDS
    assert ignored.names() == {"bank", "shop"}, "as it was known last"
    clock.seconds += FAILED_SECONDS - 1
    ignored.names()
    assert cluster.asked == 2
    cluster.found = Forbidden("namespaces may not be listed")
    clock.seconds += 1
    assert ignored.names() == frozenset()
    clock.seconds += FORBIDDEN_SECONDS - 1
    ignored.names()
    assert cluster.asked == 3
