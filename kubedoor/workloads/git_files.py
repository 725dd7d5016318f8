"""An export for Git as files: one for each workload, with what makes them Kustomize components, and how to use them. Pure."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from kubedoor.workloads.git_patches import GitValues, yaml_documents

KUSTOMIZATION = "kustomization.yaml"
README = "README.txt"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can name: the same values are the same archive."""
KUSTOMIZE_USAGE = """\
Strategic-merge patches with KubeDoor's control values, one file for each Deployment, in two kinds of Kustomize component.

Manifests that have their namespace in metadata: unpack beside your kustomization.yaml and list the folder.

    components:
      - patches

Manifests whose namespace is set by `namespace:` of the kustomization: list the folder of that namespace.

    components:
      - patches/NAMESPACE

A patch whose Deployment is not among your manifests does nothing. Look at the result before you commit it:

    kubectl kustomize . | kubectl diff -f -
    kubectl apply -k . --dry-run=server
"""
HELM_USAGE = """\
Values with KubeDoor's control values, one file for each Deployment: `replicaCount` and `resources`, as charts made by
`helm create` have them. Where a Deployment has several containers, each has its `resources` under its name: move them to
where your chart has them.

    helm upgrade RELEASE CHART --reuse-values -f NAMESPACE/DEPLOYMENT.yaml --dry-run=server

Several files in one command would overwrite each other: give each release its own.
"""


Name = tuple[str, str]
"""(namespace, deployment)"""


def workload_path(name: Name) -> PurePosixPath:
    namespace, deployment = name
    is_taken = f"{deployment}.yaml" == KUSTOMIZATION
    return PurePosixPath(namespace) / (f"deployment-{KUSTOMIZATION}" if is_taken else f"{deployment}.yaml")


def kustomizations(names: Iterable[Name]) -> dict[PurePosixPath, str]:
    """The components of these workloads' patches: one of all, for manifests with a namespace, and one a namespace.

    NB: a patch without a target must find its Deployment, or Kustomize fails; with a target it may not be there.
    """
    by_namespace: dict[str, list[Name]] = {}
    for name in names:
        by_namespace.setdefault(name[0], []).append(name)
    everything = [_patch(name, str(workload_path(name)), name[0]) for some in by_namespace.values() for name in some]
    files = {PurePosixPath(KUSTOMIZATION): _component(everything)} if everything else {}
    for namespace, some in by_namespace.items():
        patches = [_patch(name, workload_path(name).name, "") for name in some]
        files[PurePosixPath(namespace) / KUSTOMIZATION] = _component(patches)
    return files


def _patch(name: Name, path: str, namespace: str) -> dict[str, Any]:
    # The name of a target is a regular expression, which Kustomize anchors.
    target = {"group": "apps", "kind": "Deployment", "name": name[1].replace(".", r"\.")}
    return {"path": path, "target": {**target, **({"namespace": namespace} if namespace else {})}}


def _component(patches: list[dict[str, Any]]) -> str:
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": patches}
    return yaml.safe_dump(kustomization, sort_keys=False)


def archive(
    workloads: Iterable[GitValues], render: Callable[[GitValues], Mapping[str, Any]], *, is_kustomize: bool
) -> bytes:
    """A ZIP of what `kubedoor export --output` writes as a folder, with a README that names what is left out."""
    workloads = list(workloads)
    texts: dict[Name, str] = {}
    for one in workloads:
        if text := "".join(yaml_documents([one], render)).partition("---\n")[2]:
            texts[one.key.namespace, one.key.deployment] = text
    files = {workload_path(name): text for name, text in texts.items()}
    if is_kustomize:
        files |= kustomizations(texts)
    usage = KUSTOMIZE_USAGE if is_kustomize else HELM_USAGE
    left_out = "".join(
        f"\n- {one.key.namespace}/{one.key.deployment}: {one.left_out}" for one in workloads if one.left_out
    )
    files[PurePosixPath(README)] = f"{usage}\nLeft out:{left_out}\n" if left_out else usage
    return _zipped(files)


def _zipped(files: Mapping[PurePosixPath, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in files.items():
            entry = zipfile.ZipInfo(str(path), _EARLIEST)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, text)
    return content.getvalue()
