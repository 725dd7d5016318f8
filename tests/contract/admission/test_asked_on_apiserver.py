"""What an owner asked for, as the API server keeps it: through new wishes, releases, undos, edits and other writers."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kubedoor.admission.asked import MAX_ANNOTATIONS_BYTES
from kubedoor.admission.switch import BOTH, NATIVE, WEBHOOK
from kubedoor.asked import ANNOTATION
from tests.contract.admission.later_webhook import LaterWebhook, inject
from tests.contract.admission.senders import WAYS, Manifest, kubectl_apply, path_of
from tests.contract.lab import Lab, amounts, asks, new_image, resources_of
from tests.support.builders import make_container, make_deployment
from tests.toolbox.kubeapi import KubeApi

DOORS = (WEBHOOK, NATIVE)
ASKED = "app:requests.cpu=500m,requests.memory=1Gi"
SIZED = {"requests": {"cpu": "120m", "memory": "256Mi"}}
NOW = {"requests": {"cpu": "130m", "memory": "256Mi"}}
FEW_WAYS = ("client-side", "server-side", "replace", "helm")


def manifest_of(namespace: str, cpu: str = "500m", memory: str = "1Gi", **fields: Any) -> Manifest:
    image = fields.pop("image", "registry.test/app:1")
    return make_deployment(namespace=namespace, replicas=3, containers=[asks(cpu, memory, image=image)], **fields)


def set_values(lab: Lab, namespace: str, cpu: str = "120m", **containers: Any) -> None:
    lab.set_values(namespace, app=amounts(cpu, "256Mi"), **containers)


def asked(lab: Lab, namespace: str) -> str | None:
    text: str | None = lab.stored(namespace)["metadata"]["annotations"].get(ANNOTATION)
    return text


@pytest.fixture
def web(lab: Lab, namespace: str, tmp_path: Path) -> str:
    """The namespace of a Deployment `web`, sized to 120m and 256Mi by client-side apply."""
    set_values(lab, namespace)
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    lab.settle(namespace)
    assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, ASKED)
    return namespace


# New wishes


@pytest.mark.parametrize("way", FEW_WAYS)
def test_a_changed_request_is_a_new_wish_once(lab: Lab, namespace: str, way: str, tmp_path: Path) -> None:
    send = WAYS[way]
    set_values(lab, namespace)
    for cpu in ("500m", "600m", "600m"):
        send(lab, manifest_of(namespace, cpu), tmp_path)
        assert asked(lab, namespace) == f"app:requests.cpu={cpu},requests.memory=1Gi"
    assert lab.replicaset_count(namespace) == 1, "the control values are those that run"
    set_values(lab, namespace, "130m")
    send(lab, manifest_of(namespace, "600m"), tmp_path)
    assert resources_of(lab.stored(namespace)) == SIZED, "it was asked before"
    for _ in range(2):
        send(lab, manifest_of(namespace, "700m"), tmp_path)
        assert asked(lab, namespace) == "app:requests.cpu=700m,requests.memory=1Gi"
        assert resources_of(lab.stored(namespace)) == NOW
    assert lab.replicaset_count(namespace) == 2


@pytest.mark.parametrize("way", FEW_WAYS)
def test_removed_resources_are_a_new_wish_once(lab: Lab, namespace: str, way: str, tmp_path: Path) -> None:
    send = WAYS[way]
    set_values(lab, namespace)
    send(lab, manifest_of(namespace), tmp_path)
    lab.settle(namespace)
    bare = make_deployment(namespace=namespace, replicas=3, containers=[make_container()])
    for cpu in ("130m", "140m"):
        set_values(lab, namespace, cpu)
        send(lab, bare, tmp_path)
        assert (asked(lab, namespace), resources_of(lab.stored(namespace))) == ("app:", NOW)
    assert lab.replicaset_count(namespace) == 2


def test_set_resources_is_a_wish_until_the_manifest_comes_again(lab: Lab, web: str, tmp_path: Path) -> None:
    lab.kubectl(web, "set", "resources", "deployment/web", "--requests=cpu=2,memory=4Gi")
    assert (resources_of(lab.stored(web)), asked(lab, web)) == (SIZED, "app:requests.cpu=2,requests.memory=4Gi")
    kubectl_apply(lab, manifest_of(web), tmp_path)
    assert (resources_of(lab.stored(web)), asked(lab, web)) == (SIZED, ASKED)
    assert lab.replicaset_count(web) == 1


# Undos


def test_an_undo_across_a_sizing_gets_the_values_of_now_and_the_owners_own_wish(
    lab: Lab, namespace: str, tmp_path: Path
) -> None:
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    lab.settle(namespace)
    set_values(lab, namespace)
    kubectl_apply(lab, manifest_of(namespace, image=new_image()), tmp_path)
    lab.settle(namespace)
    assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, ASKED)
    lab.kubectl(namespace, "rollout", "undo", "deployment/web")
    assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, ASKED)
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    assert lab.replicaset_count(namespace) == 3, "unsized, sized, and sized with the first image"


def test_an_undo_brings_back_what_was_asked_then(lab: Lab, web: str, tmp_path: Path) -> None:
    set_values(lab, web, "130m")
    kubectl_apply(lab, manifest_of(web, "600m", image=new_image()), tmp_path)
    lab.settle(web)
    assert asked(lab, web) == "app:requests.cpu=600m,requests.memory=1Gi"
    lab.kubectl(web, "rollout", "undo", "deployment/web")
    assert (resources_of(lab.stored(web)), asked(lab, web)) == (NOW, ASKED)
    count = lab.replicaset_count(web)
    set_values(lab, web, "140m")
    kubectl_apply(lab, manifest_of(web), tmp_path)
    assert resources_of(lab.stored(web)) == NOW, "an unchanged manifest again"
    assert lab.replicaset_count(web) == count


def test_after_an_undo_across_moved_values_the_next_manifest_says_what_is_asked(
    lab: Lab, web: str, tmp_path: Path
) -> None:
    set_values(lab, web, "130m")
    kubectl_apply(lab, manifest_of(web, image=new_image()), tmp_path)
    lab.settle(web)
    lab.kubectl(web, "rollout", "undo", "deployment/web")
    assert resources_of(lab.stored(web)) == NOW
    count = lab.replicaset_count(web)
    # The numbers of an old revision cannot be told from a wish of the same size.
    assert asked(lab, web) == "app:requests.cpu=120m,requests.memory=1Gi"
    kubectl_apply(lab, manifest_of(web), tmp_path)
    assert asked(lab, web) == ASKED
    assert lab.replicaset_count(web) == count


# Containers


def test_a_container_that_is_added_or_renamed_asks_anew(lab: Lab, web: str, tmp_path: Path) -> None:
    for name in ("proxy", "envoy"):
        manifest = manifest_of(web)
        manifest["spec"]["template"]["spec"]["containers"].append(asks("50m", "64Mi", name=name))
        for cpu in ("120m", "130m"):
            set_values(lab, web, cpu)
            kubectl_apply(lab, manifest, tmp_path)
            lab.settle(web)
            assert asked(lab, web) == f"{ASKED};{name}:requests.cpu=50m,requests.memory=64Mi"
            assert resources_of(lab.stored(web), name) == {"requests": {"cpu": "50m", "memory": "64Mi"}}
    set_values(lab, web, envoy=amounts("20m", "32Mi"))
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = new_image()
    kubectl_apply(lab, manifest, tmp_path)
    assert asked(lab, web) == f"{ASKED};envoy:requests.cpu=50m,requests.memory=64Mi"
    assert resources_of(lab.stored(web), "envoy") == {"requests": {"cpu": "20m", "memory": "32Mi"}}
    assert lab.replicaset_count(web) == 4


# The annotation itself


def test_a_person_who_deletes_the_annotation_or_breaks_it_gets_it_back(lab: Lab, web: str, tmp_path: Path) -> None:
    set_values(lab, web, "130m")
    before = lab.stored(web)
    for words in (f"{ANNOTATION}-", f"{ANNOTATION}=nonsense", f"{ANNOTATION}="):
        lab.kubectl(web, "annotate", "--overwrite", "deployment/web", words)
        assert asked(lab, web) == ASKED
    lab.kubectl(web, "annotate", "deployment/web", "note=mine")
    kubectl_apply(lab, manifest_of(web), tmp_path)
    after = lab.stored(web)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"].pop("note") == "mine"
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert lab.replicaset_count(web) == 1


def test_a_person_who_edits_the_annotation_readably_is_believed_until_the_manifest_comes(
    lab: Lab, web: str, tmp_path: Path
) -> None:
    edited = "app:requests.cpu=7,requests.memory=1Gi"
    lab.kubectl(web, "annotate", "--overwrite", "deployment/web", f"{ANNOTATION}={edited}")
    assert (asked(lab, web), resources_of(lab.stored(web))) == (edited, SIZED)
    for cpu in ("120m", "130m", "140m"):
        set_values(lab, web, cpu)
        kubectl_apply(lab, manifest_of(web), tmp_path)
        assert (asked(lab, web), resources_of(lab.stored(web))) == (ASKED, SIZED)
    assert lab.replicaset_count(web) == 1


def test_an_exported_manifest_with_its_annotation_comes_to_rest(lab: Lab, web: str, tmp_path: Path) -> None:
    """`kubectl get -o yaml` into Git: the door's numbers and what was asked, both as of then."""
    exported = lab.stored(web)
    exported["metadata"] = {name: exported["metadata"][name] for name in ("name", "namespace", "labels", "annotations")}
    del exported["status"]
    set_values(lab, web, "130m")
    kubectl_apply(lab, manifest_of(web, "600m"), tmp_path)
    lab.settle(web)
    assert resources_of(lab.stored(web)) == NOW
    # Its old numbers are a new wish once; the annotation that comes along is what was asked before that.
    for _ in range(2):
        kubectl_apply(lab, exported, tmp_path)
    for cpu in ("140m", "150m", "160m"):
        set_values(lab, web, cpu)
        kubectl_apply(lab, exported, tmp_path)
        assert resources_of(lab.stored(web)) == NOW
    assert lab.replicaset_count(web) == 2


def test_an_annotation_of_ones_own_is_not_believed(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace)
    copied = manifest_of(namespace)
    copied["metadata"]["annotations"] = {ANNOTATION: "app:requests.cpu=9"}
    kubectl_apply(lab, copied, tmp_path)
    before = lab.stored(namespace)
    assert (asked(lab, namespace), resources_of(before)) == (ASKED, SIZED)
    for words in ((), ("--server-side", "--force-conflicts")):
        kubectl_apply(lab, copied, tmp_path, *words)
        assert (asked(lab, namespace), lab.stored(namespace)["spec"]) == (ASKED, before["spec"])
    assert lab.replicaset_count(namespace) == 1


def full_manifest(namespace: str, name: str, free_bytes: int) -> Manifest:
    """40 containers, and annotations that leave so much of what the door may fill."""
    containers = [asks("5m", "2Mi", name=f"c{number:02d}") for number in range(40)]
    manifest = make_deployment(name, namespace=namespace, replicas=1, containers=containers)
    manifest["metadata"]["annotations"] = {"note": "x" * (MAX_ANNOTATIONS_BYTES - free_bytes - len("note"))}
    return manifest


def test_annotations_are_filled_no_further_than_a_rollout_needs(lab: Lab, namespace: str) -> None:
    sized: dict[str, Any] = {f"c{number:02d}": amounts("20m", "4Mi") for number in range(40)}
    text = ";".join(f"{name}:requests.cpu=5m,requests.memory=2Mi" for name in sized)
    room = len(ANNOTATION) + len(text)
    for name, free_bytes, expected in (("fits", room, text), ("full", room - 1, None)):
        lab.set_values(namespace, name, replicas=1, **sized)
        manifest = full_manifest(namespace, name, free_bytes)
        said = lab.plane.kubectl("create", "-f", "-", input=json.dumps(manifest)).stderr
        stored = lab.stored(namespace, name)
        assert resources_of(stored, "c39") == {"requests": {"cpu": "20m", "memory": "4Mi"}}
        assert stored["metadata"]["annotations"].get(ANNOTATION) == expected
        is_told = "no room in the annotations to remember what was asked" in said
        assert is_told is (expected is None and lab.tells)
        # A ReplicaSet carries the Deployment's annotations and those of the controller.
        lab.kubectl(namespace, "rollout", "status", f"deployment/{name}", "--timeout=55s")


def test_the_label_of_a_replicaset_in_the_template_makes_no_replicaset(lab: Lab, web: str, tmp_path: Path) -> None:
    set_values(lab, web, "130m")
    patch = {"spec": {"template": {"metadata": {"labels": {"pod-template-hash": "5d8f"}}}}}
    lab.kubectl(web, "patch", "deployment", "web", "-p", json.dumps(patch))
    assert (resources_of(lab.stored(web)), asked(lab, web)) == (SIZED, ASKED)
    assert lab.replicaset_count(web) == 1
    kubectl_apply(lab, manifest_of(web), tmp_path)
    assert (resources_of(lab.stored(web)), asked(lab, web)) == (SIZED, ASKED)
    assert lab.replicaset_count(web) == 1


# Other writers


# A policy evaluates creations once: it does not see what a webhook adds later.
@pytest.mark.doors(WEBHOOK, BOTH)
def test_another_webhook_that_runs_later_does_not_change_what_was_asked(
    lab: Lab, namespace: str, tmp_path: Path
) -> None:
    set_values(lab, namespace)
    with LaterWebhook(lab.plane, namespace, inject) as later:
        for _ in range(2):
            kubectl_apply(lab, manifest_of(namespace), tmp_path)
            assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, f"{ASKED};injected:")
        # Without the other webhook's container, which it then adds once more.
        WAYS["replace"](lab, manifest_of(namespace), tmp_path)
        assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, ASKED)
        assert lab.replicaset_count(namespace) == 1
        set_values(lab, namespace, "130m")
        kubectl_apply(lab, manifest_of(namespace), tmp_path)
        assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (SIZED, ASKED)
        for words in ((), ("--server-side", "--force-conflicts")):
            kubectl_apply(lab, manifest_of(namespace, image=new_image()), tmp_path, *words)
            assert (resources_of(lab.stored(namespace)), asked(lab, namespace)) == (NOW, f"{ASKED};injected:")
            lab.settle(namespace)
        assert later.is_called
    assert lab.replicaset_count(namespace) == 3


def test_two_writers_at_once_neither_lose_what_was_asked_nor_restart_more_than_they_say(lab: Lab, web: str) -> None:
    set_values(lab, web, "130m")
    manifest = manifest_of(web)
    restarts = 4

    def apply(_number: int) -> None:
        with KubeApi(lab.plane) as api:
            api.apply(path_of(manifest), manifest, manager="owner")

    def restart(number: int) -> None:
        template = {"metadata": {"annotations": {"restarted": str(number)}}}
        with KubeApi(lab.plane) as api:
            api.patch(path_of(manifest), {"spec": {"template": template}})

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, number) for number in range(restarts) for write in (apply, restart, apply)]:
            done.result()
    lab.settle(web)
    stored = copy.deepcopy(lab.stored(web))
    assert (resources_of(stored), stored["metadata"]["annotations"][ANNOTATION]) == (NOW, ASKED)
    # The controller may see several restarts as one.
    assert 2 <= lab.replicaset_count(web) <= 1 + restarts
