"""The ways in which a manifest gets to the API server: the real programs, and a client's PUT."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import helm
from tests.toolbox.kubeapi import KubeApi
from tests.toolbox.processes import PartFailed

Manifest = dict[str, Any]


class HasPlane(Protocol):
    """A lab, or what has no more of it than the API server."""

    @property
    def plane(self) -> ControlPlane: ...


Send = Callable[[HasPlane, Manifest, Path], object]
"""Sends a manifest; the folder is the sender's own and stays the same."""


def kubectl_apply(lab: HasPlane, manifest: Manifest, _folder: Path, *words: str) -> str:
    """What kubectl said."""
    done = lab.plane.kubectl("apply", *words, "-f", "-", input=json.dumps(manifest))
    return done.stdout + done.stderr


def kubectl_replace(lab: HasPlane, manifest: Manifest, _folder: Path) -> None:
    verb = "create" if found(lab, manifest) is None else "replace"
    _retried(lab, lambda: lab.plane.kubectl(verb, "-f", "-", input=json.dumps(manifest)))


def put(lab: HasPlane, manifest: Manifest, _folder: Path, *, keeps_metadata: bool) -> None:
    """A client's PUT: with resourceVersion and annotations of what is stored, or with nothing but the manifest."""
    with KubeApi(lab.plane) as api:

        def send() -> object:
            live = api.find(path_of(manifest))
            if live is None:
                return api.post(_folder_of(manifest), manifest)
            return api.put(
                path_of(manifest), {**manifest, "metadata": live["metadata"]} if keeps_metadata else manifest
            )

        _retried(lab, send)


def _retried(lab: HasPlane, send: Callable[[], object]) -> None:
    """Until no controller writes the status in between, which is a conflict."""

    def is_sent() -> bool:
        try:
            send()
        except PartFailed as failure:
            if "the object has been modified" not in str(failure):
                raise
            return False
        return True

    lab.plane.wait_for(is_sent, what="a write without a conflict")


def helm_upgrade(lab: HasPlane, manifest: Manifest, folder: Path) -> None:
    name = manifest["metadata"]["name"]
    chart = folder / f"chart-{name}"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": name, "version": "1.0.0"}))
    (chart / "templates" / "deployment.yaml").write_text(json.dumps(manifest))
    words = ("upgrade", "--install", name, chart, "--namespace", manifest["metadata"]["namespace"])
    helm(folder, *words, kubeconfig=lab.plane.kubeconfig)


def kustomize(lab: HasPlane, manifest: Manifest, folder: Path) -> None:
    base = folder / f"kustomize-{manifest['metadata']['name']}"
    base.mkdir(exist_ok=True)
    (base / "deployment.yaml").write_text(json.dumps(manifest))
    (base / "kustomization.yaml").write_text(json.dumps({"resources": ["deployment.yaml"]}))
    lab.plane.kubectl("apply", "-k", base)


def found(lab: HasPlane, manifest: Manifest) -> Manifest | None:
    with KubeApi(lab.plane) as api:
        return api.find(path_of(manifest))


def path_of(manifest: Manifest) -> str:
    return f"{_folder_of(manifest)}/{manifest['metadata']['name']}"


def _folder_of(manifest: Manifest) -> str:
    return f"/apis/apps/v1/namespaces/{manifest['metadata']['namespace']}/deployments"


def _words(*words: str) -> Send:
    return lambda lab, manifest, folder: kubectl_apply(lab, manifest, folder, *words)


WAYS: dict[str, Send] = {
    "client-side": kubectl_apply,
    "server-side": _words("--server-side"),
    "forced": _words("--server-side", "--force-conflicts"),
    "replace": kubectl_replace,
    "put": partial(put, keeps_metadata=True),
    "bare-put": partial(put, keeps_metadata=False),
    "helm": helm_upgrade,
    "kustomize": kustomize,
}
