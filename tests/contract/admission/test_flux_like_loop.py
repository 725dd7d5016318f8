"""A loop as Flux runs it, over many workloads and nights: a dry run of each manifest, compared with what is stored.

What differs is applied. Control values move every night, as a collection moves them. No workload has pods here: rollouts
are counted by ReplicaSets.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kubedoor.model.collected import CollectedContainer, CollectedValues
from tests.contract.admission.senders import Manifest, path_of
from tests.contract.doors import door_instead
from tests.contract.lab import Lab, amounts, asks, resources_of
from tests.support.builders import DAY, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.toolbox.kubeapi import KubeApi

NIGHTS, MANY, FEW, FEW_WITH_NUMBERS = 10, 100, 5, 2
MANAGER = "kustomize-controller"
IGNORED = ("managedFields", "resourceVersion", "generation")


@pytest.fixture
def api(lab: Lab) -> Iterator[KubeApi]:
    with KubeApi(lab.plane) as client:
        yield client


def manifests_of(namespace: str, count: int) -> list[Manifest]:
    """Every other one says nothing of requests: what the door sets there is nobody's field."""
    return [
        make_deployment(
            f"web-{number:03d}",
            namespace=namespace,
            replicas=0,
            containers=[asks("500m", "1Gi") if number % 2 else {"name": "app", "image": "registry.test/app:1"}],
        )
        for number in range(count)
    ]


def collect(lab: Lab, manifests: Sequence[Manifest], night: int) -> None:
    """Another value for every workload."""
    values = []
    for number, manifest in enumerate(manifests):
        container = CollectedContainer("app", amounts(f"{100 + night * 7 + number}m", f"{200 + night * 11 + number}Mi"))
        metadata = manifest["metadata"]
        values.append(CollectedValues(metadata["namespace"], metadata["name"], 0, DAY, DAY, (container,), days=10))
    lab.control.replace_collected(values, run=time.time_ns(), rule="peak-day")
    lab.wait_for_door()


def reconcile(api: KubeApi, manifests: Sequence[Manifest]) -> int:
    """One round over all; gives how many were applied."""
    applied = 0
    for manifest in manifests:
        path = path_of(manifest)
        live = api.find(path)
        if live is None or seen(api.apply(path, manifest, manager=MANAGER, dry_run=True)) != seen(live):
            api.apply(path, manifest, manager=MANAGER)
            applied += 1
    return applied


def seen(manifest: Manifest) -> dict[str, Any]:
    """What the loop compares."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in IGNORED}
    return {"metadata": metadata, "spec": manifest["spec"]}


def settle(lab: Lab, api: KubeApi, namespace: str) -> None:
    def is_seen() -> bool:
        stored = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
        return all(one["status"].get("observedGeneration") == one["metadata"]["generation"] for one in stored)

    lab.plane.wait_for(is_seen, what="the controller has seen all Deployments")


def replicaset_count(lab: Lab, api: KubeApi, namespace: str) -> int:
    settle(lab, api, namespace)
    return len(api.get(f"/apis/apps/v1/namespaces/{namespace}/replicasets")["items"])


def test_ten_nights_with_moving_values_apply_and_restart_nothing(lab: Lab, namespace: str, api: KubeApi) -> None:
    manifests = manifests_of(namespace, MANY)
    collect(lab, manifests, 0)
    assert reconcile(api, manifests) == MANY
    settle(lab, api, namespace)
    assert resources_of(api.get(path_of(manifests[1])))["requests"] == {"cpu": "101m", "memory": "201Mi"}
    applied = 0
    for night in range(1, NIGHTS + 1):
        collect(lab, manifests, night)
        applied += reconcile(api, manifests)
    assert applied == 0
    assert replicaset_count(lab, api, namespace) == MANY


def test_with_the_setting_restart_every_night_restarts_everything(
    lab: Lab, namespace: str, api: KubeApi, tmp_path: Path, clickhouse: ClickHouse
) -> None:
    manifests = manifests_of(namespace, FEW)
    collect(lab, manifests, 0)
    reconcile(api, manifests)
    settle(lab, api, namespace)
    for night in (1, 2):
        collect(lab, manifests, night)
        # A door of the night's own: it starts with the night's values.
        folder = tmp_path / f"door-{night}"
        folder.mkdir()
        with door_instead(lab, folder, clickhouse.dsn, KUBEDOOR_UNCHANGED_MANIFESTS="restart"):
            assert reconcile(api, manifests) == FEW_WITH_NUMBERS, "their template arrives changed"
            assert reconcile(api, manifests) == 0, "until the values move again"
            settle(lab, api, namespace)
    assert replicaset_count(lab, api, namespace) == FEW + 2 * FEW_WITH_NUMBERS
