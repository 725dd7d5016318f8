"""The real helm on the toolbox's control plane, and the chart of this checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.toolbox.build import need
from tests.toolbox.controlplane import ControlPlane, Manifest
from tests.toolbox.processes import PartFailed

CHART = Path(__file__).parents[2] / "knative"
RELEASE, NAMESPACE = "kubedoor", "kubedoor"
HELM_TIMEOUT_SECONDS = 90
Values = Mapping[str, Any]


def helm(
    folder: Path, *words: str | Path, values: Values | None = None, kubeconfig: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run helm; `folder` holds its caches and the values. With `check`, a failure raises PartFailed with its output."""
    environment = {
        **os.environ,
        "HELM_CACHE_HOME": str(folder / "helm-cache"),
        "HELM_CONFIG_HOME": str(folder / "helm-config"),
        "HELM_DATA_HOME": str(folder / "helm-data"),
        "KUBECONFIG": str(kubeconfig or os.devnull),
    }
    command = [str(need("helm")), *(str(word) for word in words)]
    if values is not None:
        path = folder / "values.yaml"
        path.write_text(yaml.safe_dump(dict(values)))
        command += ["--values", str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=HELM_TIMEOUT_SECONDS, check=False
    )
    if check and done.returncode:
        raise PartFailed(f"helm {' '.join(command[1:])}: {done.stderr.strip()}")
    return done


def render(folder: Path, values: Values) -> list[dict[str, Any]]:
    """All rendered objects of the chart, with hooks and tests. Raises PartFailed with the output of helm."""
    words = ("template", RELEASE, CHART, "--namespace", NAMESPACE)
    return [one for one in yaml.safe_load_all(helm(folder, *words, values=values).stdout) if one]


class Release:
    """The chart's release on one control plane."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self._folder = folder

    def install(self, values: Values, *words: str) -> str:
        return self._run("install", RELEASE, CHART, *words, values=values)

    def upgrade(self, values: Values, *words: str) -> str:
        return self._run("upgrade", RELEASE, CHART, *words, values=values)

    def uninstall(self, *words: str) -> str:
        return self._run("uninstall", RELEASE, *words)

    def manifests(self) -> list[dict[str, Any]]:
        """The installed objects, without hooks."""
        return [one for one in yaml.safe_load_all(self._run("get", "manifest", RELEASE)) if one]

    def test(self) -> str:
        return self._run("test", RELEASE)

    def _run(self, *words: str | Path, values: Values | None = None) -> str:
        done = helm(self._folder, *words, "--namespace", NAMESPACE, values=values, kubeconfig=self._plane.kubeconfig)
        return done.stdout + done.stderr


def documents(*paths: Path) -> list[Manifest]:
    """The objects of YAML files."""
    return [one for path in paths for one in yaml.safe_load_all(path.read_text()) if one]
