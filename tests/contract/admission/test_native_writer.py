"""Parameters of the policies follow the control table, on a real API server with a real store."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.native import parameters
from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.resources import Floors
from kubedoor.admission.snapshot.snapshot import Snapshot
from kubedoor.errors import NotFound
from kubedoor.kube.client import Cluster
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.contract.lab import amounts
from tests.contract.native_door import Api, Refused
from tests.toolbox.controlplane import ControlPlane

DEFINITION_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/controlvalues.kubedoor.io"
_serial = itertools.count(1)


class World:
    """A control table of its own, and the namespace `shop` of its own in the shared cluster."""

    def __init__(self, plane: ControlPlane, connection: Connection, folder: Path, namespace: str) -> None:
        self.api = Api(plane)
        self.namespace = namespace
        self.cluster_name = f"native-{namespace}"
        self.connection = connection
        self.control = ControlStore(connection, self.cluster_name)
        self.cluster = Cluster(kubeconfig=str(plane.kubeconfig))
        self.folder = folder
        self.writer = self.new_writer()

    def close(self) -> None:
        self.api.close()

    def new_writer(self) -> ParameterWriter:
        """As another process has it."""
        path = self.folder / f"{next(_serial)}.json"
        snapshot = Snapshot(
            self.control,
            cluster=self.cluster_name,
            path=path,
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
        )
        return ParameterWriter(snapshot, self.cluster, Floors(10, 2**20))

    def edit(self, name: str, replicas: int, namespace: str = "") -> None:
        key = WorkloadKey(self.cluster_name, namespace or self.namespace, name)
        values = ManualValues(replicas=replicas, containers={"app": amounts("120m", "256Mi")})
        self.control.edit(key, values, based_on=self.control.manual(key).version, who="test")

    def path(self, name: str = "control") -> str:
        return f"/apis/kubedoor.io/v1/namespaces/{self.namespace}/controlvalues/{name}"

    def stored(self, name: str = "control") -> dict[str, Any]:
        return self.api.send("GET", self.path(name))

    def replicas(self, name: str = "control") -> dict[str, int]:
        return {one: found["replicas"] for one, found in self.stored(name)["spec"]["deployments"].items()}


@pytest.fixture
def world(control_plane: ControlPlane, served: Connection, tmp_path: Path, namespace: str) -> Iterator[World]:
    with closing(World(control_plane, served, tmp_path, namespace)) as made:
        defined(control_plane, made)
        # It deletes what is in no control table: what tests before have left.
        made.writer.write()
        yield made


def defined(plane: ControlPlane, world: World) -> None:
    world.api.send("APPLY", DEFINITION_PATH, custom_resource_definition())
    plane.wait_for(lambda: is_served(world.api), what="the API server knows ControlValues")


def undefined(plane: ControlPlane, world: World) -> None:
    world.api.send("DELETE", DEFINITION_PATH)
    plane.wait_for(lambda: not is_served(world.api), what="the definition is gone")


def is_served(api: Api) -> bool:
    try:
        api.send("GET", "/apis/kubedoor.io/v1/controlvalues")
    except Refused:
        return False
    return True


def test_an_edit_is_written_and_nothing_is_written_twice(world: World) -> None:
    world.edit("web", 3)
    world.edit("api", 5)
    assert world.writer.write() == 1
    assert world.replicas() == {"api": 5, "web": 3}
    assert world.stored()["spec"]["deployments"]["web"]["containers"]["app"]["requests"] == {
        "cpu": "120m",
        "memory": "256Mi",
    }
    assert world.writer.write() == 0
    version = world.stored()["metadata"]["resourceVersion"]
    world.edit("web", 4)
    assert world.writer.write() == 1
    assert world.replicas() == {"api": 5, "web": 4}
    assert world.stored()["metadata"]["resourceVersion"] != version


def test_what_somebody_has_changed_or_deleted_is_put_back(world: World) -> None:
    world.edit("web", 3)
    world.writer.write()
    changed = world.stored()
    changed["spec"]["deployments"] = {"web": {"replicas": 9}, "more": {"replicas": 1}}
    world.api.send("PUT", world.path(), changed)
    assert world.writer.write() == 1
    assert world.replicas() == {"web": 3}
    world.api.send("DELETE", world.path())
    assert world.writer.write() == 1
    assert world.replicas() == {"web": 3}


def test_an_emptied_store_takes_no_values_away_by_itself(world: World) -> None:
    for name in ("web", "api", "cart"):
        world.edit(name, 3)
    world.writer.write()
    before = world.stored()
    # The same cluster, and a store that knows nothing of it: restored, or another one.
    world.cluster_name += "-emptied"
    world.control = ControlStore(world.connection, world.cluster_name)
    process = world.new_writer()
    assert process.write(may_lose=False) == 0
    assert world.stored() == before
    state = process.state()
    assert (state.is_kept, state.whole_at) == (True, None)
    assert str(state.trouble).startswith(
        "3 of 3 Deployments that have control values in the cluster have none in the store"
    )
    world.edit("web", 5)
    assert process.write(may_lose=False) == 0, "it is kept whole until somebody means it"
    assert process.write() == 1
    assert (world.replicas(), process.state().is_kept) == ({"web": 5}, False)


def test_two_processes_that_write_in_turns_never_leave_an_older_state(world: World) -> None:
    other = world.new_writer()
    world.edit("web", 3)
    assert (world.writer.write(), other.write()) == (1, 1)
    world.edit("web", 7)
    assert other.write() == 1
    world.edit("web", 3)
    assert world.writer.write() == 1, "its own last text is the same, but not what is in the cluster"
    assert world.replicas() == {"web": 3}


def test_a_namespace_that_is_gone_does_not_keep_the_others_from_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit("web", 3, namespace="no-such-namespace")
    world.edit("web", 3)
    apply = world.cluster.apply_large_object
    asked: list[str] = []

    def noted(path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        asked.append(path)
        return apply(path, manifest)

    monkeypatch.setattr(world.cluster, "apply_large_object", noted)
    assert (world.writer.write(), world.writer.write()) == (1, 0)
    assert asked == [world.path()], "nothing is sent in vain"
    assert world.replicas() == {"web": 3}


def test_a_namespace_that_is_being_deleted_does_not_keep_the_others_from_theirs(world: World) -> None:
    ending = f"{world.namespace}-ending"
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["kubedoor.test/held"]}}
    path = f"/api/v1/namespaces/{ending}/configmaps"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ending}}
    world.api.send("POST", "/api/v1/namespaces", namespace)
    world.api.send("POST", path, held)
    world.api.send("DELETE", f"/api/v1/namespaces/{ending}")
    world.edit("web", 3, namespace=ending)
    world.edit("web", 3)
    assert world.writer.write() == 1
    assert world.replicas() == {"web": 3}
    world.api.send("APPLY", f"{path}/held", {**held, "metadata": {"name": "held"}})


def test_a_divided_namespace_grows_together_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        world.edit(name, 3)
    monkeypatch.setattr(parameters, "MAX_BYTES", 150)
    world.writer.write()
    assert [world.replicas(name) for name in ("control", "control-2", "control-3")] == [{"a": 3}, {"b": 3}, {"c": 3}]
    monkeypatch.undo()
    world.writer.write()
    assert world.replicas() == {"a": 3, "b": 3, "c": 3}
    with pytest.raises(Refused, match="404"):
        world.stored("control-2")


def test_a_cluster_without_the_definition_is_said(world: World, control_plane: ControlPlane) -> None:
    undefined(control_plane, world)
    with pytest.raises(NotFound):
        world.writer.write()


@pytest.mark.parametrize(
    "spec",
    [
        {"deployments": {"web": {"replicas": -1}}},
        {"deployments": {"web": {"replicas": 2**31}}},
        {"deployments": {"web": {"mode": "on"}}},
        {"deployments": {"web": {"containers": {"app": {"requests": {"cpu": "many"}}}}}},
        {"deployments": {"web": {"containers": {"app": {"requests": {"cpu": "-1"}}}}}},
        {},
    ],
)
def test_what_no_deployment_may_have_is_refused(world: World, spec: dict[str, Any]) -> None:
    manifest = {"apiVersion": "kubedoor.io/v1", "kind": "ControlValues", "metadata": {"name": "x"}, "spec": spec}
    with pytest.raises(Refused, match="422"):
        world.api.send("APPLY", world.path("x"), manifest)
