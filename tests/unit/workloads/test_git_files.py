"""An export for Git as files: components that fit manifests with and without a namespace, and no two files of one name."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

import yaml

from kubedoor.model.values import WorkloadKey
from kubedoor.workloads.git_files import archive, kustomizations, workload_path
from kubedoor.workloads.git_patches import GitValues, helm_values, kustomize_patch

WEB = GitValues(WorkloadKey("prod", "shop", "web"), replicas=3, remarks=("istio-proxy: not in the template",))
UNSEEN = GitValues(WorkloadKey("prod", "shop", "cart"), left_out="nobody has seen it")
NOTHING = GitValues(WorkloadKey("prod", "shop", "idle"))


def files_of(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def test_an_archive_has_a_file_for_each_workload_and_says_what_is_left_out() -> None:
    files = files_of(archive([WEB, UNSEEN, NOTHING], kustomize_patch, is_kustomize=True))
    assert set(files) == {"shop/web.yaml", "shop/kustomization.yaml", "kustomization.yaml", "README.txt"}
    assert "# left out: istio-proxy" in files["shop/web.yaml"]
    assert "Left out:\n- shop/cart: nobody has seen it\n" in files["README.txt"]
    assert "shop/idle" not in files["README.txt"]
    helm = files_of(archive([WEB], helm_values, is_kustomize=False))
    assert set(helm) == {"shop/web.yaml", "README.txt"}
    assert yaml.safe_load(helm["shop/web.yaml"]) == {"replicaCount": 3}
    assert "Left out" not in helm["README.txt"]


def test_the_same_values_are_the_same_archive() -> None:
    first, second = (archive([WEB], helm_values, is_kustomize=False) for _ in range(2))
    assert first == second


def test_patches_name_their_target_so_that_a_deployment_may_be_missing() -> None:
    found = {str(path): yaml.safe_load(text)["patches"] for path, text in kustomizations([("shop", "a.b")]).items()}
    target = {"group": "apps", "kind": "Deployment", "name": r"a\.b"}
    assert found == {
        "kustomization.yaml": [{"path": "shop/a.b.yaml", "target": {**target, "namespace": "shop"}}],
        "shop/kustomization.yaml": [{"path": "a.b.yaml", "target": target}],
    }


def test_a_deployment_named_kustomization_does_not_overwrite_the_component() -> None:
    assert workload_path(("shop", "kustomization")) == PurePosixPath("shop/deployment-kustomization.yaml")
