"""Many requests at once at the API server, and how long each of them took."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.support.builders import make_deployment
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.kubeapi import KubeApi

_serial = itertools.count(1)


@contextmanager
def clients(plane: ControlPlane, count: int) -> Iterator[list[KubeApi]]:
    """Each has its connection already."""
    with ExitStack() as stack:
        found = [stack.enter_context(KubeApi(plane)) for _ in range(count)]
        for one in found:
            one.get("/version")
        yield found


@contextmanager
def ignored_namespace(plane: ControlPlane) -> Iterator[str]:
    """One for which the API server calls no door."""
    name = f"ignored-{next(_serial)}"
    labels = {"kubedoor-ignore": "true"}
    plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")


def create_at_once(apis: Sequence[KubeApi], namespace: str) -> list[float]:
    """Each client creates a Deployment of a new name, all at one moment; seconds that each of them took."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    together = threading.Barrier(len(apis), timeout=30)

    def create(api: KubeApi) -> float:
        manifest = make_deployment(f"new-{next(_serial)}", namespace=namespace, replicas=0)
        together.wait()
        started = time.monotonic()
        api.post(path, manifest)
        return time.monotonic() - started

    with ThreadPoolExecutor(len(apis)) as pool:
        return list(pool.map(create, apis))
