"""What docs/gitops.md says of tools and people, where no other test does."""

from __future__ import annotations

import json
from pathlib import Path

from kubedoor.asked import ANNOTATION
from tests.contract.admission.senders import helm_upgrade, kubectl_apply
from tests.contract.lab import Lab, amounts, asks, new_image, resources_of
from tests.support.builders import make_deployment
from tests.toolbox.helm import helm

ASKED = "app:requests.cpu=500m,requests.memory=1Gi"


def manifest_of(namespace: str, **container: str) -> dict[str, object]:
    return make_deployment(namespace=namespace, containers=[asks("500m", "1Gi", **container)])


def set_values(lab: Lab, namespace: str, cpu: str) -> None:
    lab.set_values(namespace, app=amounts(cpu, "256Mi"))


def cpu_and_asked(lab: Lab, namespace: str) -> tuple[str, str | None]:
    stored = lab.stored(namespace)
    return resources_of(stored)["requests"]["cpu"], stored["metadata"]["annotations"].get(ANNOTATION)


def test_kubectl_diff_shows_no_difference(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace, "120m")
    manifest = manifest_of(namespace)
    kubectl_apply(lab, manifest, tmp_path)
    set_values(lab, namespace, "130m")
    # Any difference is exit code 1, which kubectl() raises.
    assert not lab.plane.kubectl("diff", "-f", "-", input=json.dumps(manifest)).stdout
    assert cpu_and_asked(lab, namespace) == ("120m", ASKED)


def test_helm_rollback_is_a_release(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace, "120m")
    helm_upgrade(lab, manifest_of(namespace), tmp_path)
    helm_upgrade(lab, manifest_of(namespace, image=new_image()), tmp_path)
    set_values(lab, namespace, "130m")
    helm(tmp_path, "rollback", "web", "1", "--namespace", namespace, kubeconfig=lab.plane.kubeconfig)
    assert cpu_and_asked(lab, namespace) == ("130m", ASKED)
    assert lab.replicaset_count(namespace) == 3, "a ReplicaSet with the first image and the new value"


def test_rollout_undo_asks_for_numbers_that_the_door_had_set(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace, "120m")
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    set_values(lab, namespace, "130m")
    released = manifest_of(namespace, image=new_image())
    kubectl_apply(lab, released, tmp_path)
    set_values(lab, namespace, "140m")
    lab.kubectl(namespace, "rollout", "undo", "deployment/web")
    assert cpu_and_asked(lab, namespace) == ("140m", "app:requests.cpu=120m,requests.memory=1Gi")
    kubectl_apply(lab, released, tmp_path)
    assert cpu_and_asked(lab, namespace) == ("140m", ASKED)
    count = lab.replicaset_count(namespace)
    kubectl_apply(lab, released, tmp_path)
    assert lab.replicaset_count(namespace) == count


def test_a_person_may_neither_break_nor_delete_the_annotation(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace, "120m")
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    for change in (f"{ANNOTATION}=nonsense", f"{ANNOTATION}-"):
        lab.kubectl(namespace, "annotate", "--overwrite", "deployment/web", change)
        assert cpu_and_asked(lab, namespace) == ("120m", ASKED)


def test_a_readable_edit_costs_one_rollout_and_no_more(lab: Lab, namespace: str, tmp_path: Path) -> None:
    set_values(lab, namespace, "120m")
    kubectl_apply(lab, manifest_of(namespace), tmp_path)
    count = lab.replicaset_count(namespace)
    lab.kubectl(namespace, "annotate", "--overwrite", "deployment/web", f"{ANNOTATION}=app:requests.cpu=7")
    assert lab.replicaset_count(namespace) == count
    set_values(lab, namespace, "130m")
    for _ in range(2):
        kubectl_apply(lab, manifest_of(namespace), tmp_path)
        assert cpu_and_asked(lab, namespace) == ("130m", ASKED)
        assert lab.replicaset_count(namespace) == count + 1


def test_an_annotation_that_comes_along_with_a_new_deployment_is_not_believed(
    lab: Lab, namespace: str, tmp_path: Path
) -> None:
    set_values(lab, namespace, "120m")
    manifest = make_deployment(namespace=namespace, containers=[asks("500m", "1Gi")])
    manifest["metadata"]["annotations"] = {ANNOTATION: "app:requests.cpu=7"}
    kubectl_apply(lab, manifest, tmp_path)
    assert cpu_and_asked(lab, namespace) == ("120m", ASKED)
