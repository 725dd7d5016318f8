"""Runs pods as processes of this machine, as a kubelet runs them as containers.

kwok simulates pods; a Kubelet runs those that kwok leaves out (see ControlPlane), with the command, environment,
files and service account token of the stored manifest. Differences from containers: paths below a mount or the
image's /app become local paths, 0.0.0.0 becomes a loopback address per pod, and cluster-internal names are replaced
as the test says.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.toolbox import processes
from tests.toolbox.kubeapi import KubeApi
from tests.toolbox.processes import Child, PartFailed

ROOT = Path(__file__).parents[2]
POLL_SECONDS = 0.15
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
Manifest = dict[str, Any]


@dataclass
class RunningPod:
    """One pod with its process; `address` is where it listens."""

    uid: str
    name: str
    folder: Path
    address: str
    manifest: Manifest
    child: Child | None = None
    is_ready: bool = False
    stopping_until: float = 0.0
    reported: tuple[str, bool] = ("", False)
    waits_for: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def container(self) -> Manifest:
        found: Manifest = self.manifest["spec"]["containers"][0]
        return found

    @property
    def is_stopping(self) -> bool:
        return self.stopping_until > 0


class Kubelet:
    """A context manager: inside, scheduled pods of `namespace` with the label part-of=`part_of` run.

    `replacing` returns the replacements in environment values; it is called at each pod start.
    """

    def __init__(
        self,
        api: KubeApi,
        *,
        namespace: str,
        part_of: str,
        folder: Path,
        replacing: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._part_of = part_of
        self._folder = folder
        self._replacing = replacing
        self._pods: dict[str, RunningPod] = {}
        self._count = 0
        self._stop = threading.Event()
        # Children end with the thread that started them, so one thread starts them all.
        self._thread = threading.Thread(target=self._run, name="kubelet")
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30)
        if self.error is not None and error is None:
            raise self.error

    def pods(self, component: str) -> list[RunningPod]:
        """Running pods of one component, also those that are not ready, oldest first."""
        return [
            pod
            for pod in list(self._pods.values())
            if pod.manifest["metadata"]["labels"].get("app.kubernetes.io/component") == component and pod.child
        ]

    def endpoints(self, component: str, port: int) -> list[tuple[str, int]]:
        """The endpoints of a Service: ready pods that are not terminating."""
        return [(pod.address, port) for pod in self.pods(component) if pod.is_ready and not pod.is_stopping]

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
                self._stop.wait(POLL_SECONDS)
        except BaseException as error:
            self.error = error
        finally:
            for pod in self._pods.values():
                if pod.child:
                    pod.child.kill()

    def _turn(self) -> None:
        query = {"labelSelector": f"app.kubernetes.io/part-of={self._part_of}"}
        found = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods", query)["items"]
        scheduled = {pod["metadata"]["uid"]: pod for pod in found if pod["spec"].get("nodeName")}
        for uid in set(self._pods) - set(scheduled):
            self._forget(self._pods.pop(uid))
        for uid, manifest in scheduled.items():
            if manifest["status"].get("phase") in ("Succeeded", "Failed"):
                self._end_if_deleted(manifest)
                continue
            pod = self._pods.get(uid) or self._admit(manifest)
            pod.manifest = manifest
            self._care_for(pod)

    def _admit(self, manifest: Manifest) -> RunningPod:
        self._count += 1
        name, uid = manifest["metadata"]["name"], manifest["metadata"]["uid"]
        address = f"127.{64 + os.getpid() % 128}.{self._count // 250}.{self._count % 250 + 1}"
        pod = RunningPod(uid, name, self._folder / name, address, manifest)
        pod.folder.mkdir(parents=True, exist_ok=True)
        self._pods[uid] = pod
        return pod

    def _end_if_deleted(self, manifest: Manifest) -> None:
        if "deletionTimestamp" in manifest["metadata"]:
            self._delete(manifest["metadata"]["name"])

    def _forget(self, pod: RunningPod) -> None:
        if pod.child:
            pod.child.kill()

    def _care_for(self, pod: RunningPod) -> None:
        if "deletionTimestamp" in pod.manifest["metadata"]:
            self._end(pod)
        elif (missing := self._mount(pod)) and pod.child is None:
            pod.waits_for = missing
        elif pod.child is None:
            pod.child = self._start(pod)
        elif not pod.child.is_running:
            self._ended(pod, pod.child.process.returncode)
        else:
            pod.is_ready = self._probe(pod)
            self._report(pod, "Running", ready=pod.is_ready)

    # Files

    def _mount(self, pod: RunningPod) -> str:
        """Update the files of every volume; returns the name of a missing source, if any."""
        volumes = {volume["name"]: volume for volume in pod.manifest["spec"].get("volumes", ())}
        for mount in pod.container.get("volumeMounts", ()):
            if mount["mountPath"] == TOKEN_FOLDER:
                continue
            target = self._path(pod, mount["mountPath"])
            target.mkdir(parents=True, exist_ok=True)
            try:
                files = dict(self._files(volumes[mount["name"]]))
            except LookupError as error:
                return str(error)
            for name, content in files.items():
                _replace(target / name, content)
        return ""

    def _files(self, volume: Manifest) -> Iterator[tuple[str, bytes]]:
        if "secret" in volume:
            yield from self._items("secrets", volume["secret"], volume["secret"]["secretName"])
        elif "configMap" in volume:
            yield from self._items("configmaps", volume["configMap"], volume["configMap"]["name"])
        elif "projected" in volume:
            for source in volume["projected"]["sources"]:
                yield from self._items("configmaps", source["configMap"], source["configMap"]["name"])

    def _items(self, kind: str, source: Manifest, name: str) -> Iterator[tuple[str, bytes]]:
        data = self._data(kind, name)
        if data is None:
            if source.get("optional"):
                return
            raise LookupError(f"{kind} {name}")
        wanted = {item["key"]: item["path"] for item in source.get("items", ())} or {key: key for key in data}
        for key, path in wanted.items():
            if key not in data:
                raise LookupError(f"{key} in {kind} {name}")
            yield path, data[key]

    def _data(self, kind: str, name: str) -> dict[str, bytes] | None:
        found = self._api.find(f"/api/v1/namespaces/{self._namespace}/{kind}/{name}")
        if found is None:
            return None
        if kind == "secrets":
            return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
        plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return plain | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}

    def _path(self, pod: RunningPod, path: str) -> Path:
        return pod.folder / "root" / path.lstrip("/")

    # The process

    def _start(self, pod: RunningPod) -> Child:
        pod.environment = self._environment(pod)
        command = [self._word(pod, word) for word in [*pod.container["command"], *pod.container.get("args", ())]]
        return processes.start(pod.name, command, log=pod.folder / "log", environment=pod.environment, folder=ROOT)

    def _environment(self, pod: RunningPod) -> dict[str, str]:
        replaced = self._replacing()
        values = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOST": pod.address}
        values["TMPDIR"] = str(self._path(pod, "/tmp"))
        for variable in pod.container.get("env", ()):
            value = self._word(pod, self._value(variable))
            for old, new in replaced.items():
                value = value.replace(old, new)
            values[variable["name"]] = pod.address if value == "0.0.0.0" else value
        if any(mount["mountPath"] == TOKEN_FOLDER for mount in pod.container.get("volumeMounts", ())):
            values["KUBEDOOR_KUBECONFIG"] = str(self._kubeconfig(pod))
        return values

    def _value(self, variable: Manifest) -> str:
        if "valueFrom" not in variable:
            return str(variable.get("value", ""))
        reference = variable["valueFrom"]["secretKeyRef"]
        data = self._data("secrets", reference["name"]) or {}
        if reference["key"] not in data:
            raise PartFailed(f"there is no key {reference['key']} in the Secret {reference['name']}")
        return data[reference["key"]].decode()

    def _word(self, pod: RunningPod, word: str) -> str:
        mounts = [mount["mountPath"] for mount in pod.container.get("volumeMounts", ())]
        for mount in mounts:
            if word == mount or word.startswith(f"{mount}/"):
                return str(self._path(pod, word))
        return str(ROOT / word.removeprefix("/app/")) if word.startswith("/app/") else word

    def _kubeconfig(self, pod: RunningPod) -> Path:
        """A kubeconfig with the token of this pod's service account only, in place of the mounted token and CA."""
        account = pod.manifest["spec"]["serviceAccountName"]
        token = self._api.token(self._namespace, account)
        path = pod.folder / "kubeconfig"
        path.write_text(json.dumps(self._api.kubeconfig(token)))
        path.chmod(0o600)
        return path

    def _end(self, pod: RunningPod) -> None:
        """SIGTERM, then SIGKILL after the grace period; then the pod is deleted."""
        if pod.child is None or not pod.child.is_running:
            self._delete(pod.name)
        elif not pod.is_stopping:
            grace = pod.manifest["metadata"].get("deletionGracePeriodSeconds", 30)
            pod.stopping_until = time.monotonic() + grace
            pod.child.terminate()
        elif time.monotonic() > pod.stopping_until:
            pod.child.kill()

    def _delete(self, name: str) -> None:
        self._api.delete(f"/api/v1/namespaces/{self._namespace}/pods/{name}", {"gracePeriodSeconds": 0})

    def _ended(self, pod: RunningPod, status: int) -> None:
        pod.is_ready = False
        if pod.manifest["spec"]["restartPolicy"] == "Never":
            self._report(pod, "Failed" if status else "Succeeded", ready=False, exit_code=status)
        else:
            pod.child = self._start(pod)

    def _probe(self, pod: RunningPod) -> bool:
        if pod.is_stopping:
            return False
        probe = pod.container.get("readinessProbe", {})
        port = pod.container.get("ports", [{}])[0].get("containerPort", 0)
        if "tcpSocket" in probe:
            return _accepts(pod.address, int(probe["tcpSocket"]["port"]))
        if "httpGet" in probe:
            get = probe["httpGet"]
            url = f"{get.get('scheme', 'HTTP').lower()}://{pod.address}:{get.get('port', port)}{get['path']}"
            return processes.answers(url, context=_without_a_look_at_the_certificate())
        return True

    def _report(self, pod: RunningPod, phase: str, *, ready: bool, exit_code: int | None = None) -> None:
        if pod.reported == (phase, ready):
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        truths = {"ContainersReady": ready, "Ready": ready}
        conditions = [
            {"type": kind, "status": str(truths.get(kind, True)), "lastTransitionTime": now} for kind in kinds
        ]
        state: Manifest = {"running": {"startedAt": now}}
        if exit_code is not None:
            state = {"terminated": {"exitCode": exit_code, "reason": phase, "finishedAt": now, "startedAt": now}}
        container = {
            "name": pod.container["name"],
            "image": pod.container["image"],
            "imageID": "",
            "ready": ready,
            "restartCount": 0,
            "started": exit_code is None,
            "state": state,
        }
        # An unused address outside loopback: endpoints must not be loopback addresses.
        status = {
            "phase": phase,
            "podIP": f"10.64.{pod.address.split('.')[2]}.{pod.address.split('.')[3]}",
            "startTime": now,
            "conditions": conditions,
            "containerStatuses": [container],
        }
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod.name}/status"
        self._api.patch(path, {"status": status})
        pod.reported = (phase, ready)


def pod_of(service: Manifest, number: int) -> Manifest:
    """The pod of a Knative Service's template, with the environment that Knative's controller adds."""
    template = json.loads(json.dumps(service["spec"]["template"]))
    spec = template["spec"]
    container = spec["containers"][0]
    container.setdefault("env", []).append({"name": "PORT", "value": str(container["ports"][0]["containerPort"])})
    container.get("readinessProbe", {}).get("httpGet", {}).setdefault("port", container["ports"][0]["containerPort"])
    for name in ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds"):
        spec.pop(name, None)
    metadata = {"name": f"{service['metadata']['name']}-{number:05}", "namespace": service["metadata"]["namespace"]}
    labels = {**template["metadata"]["labels"], "serving.knative.dev/service": service["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": labels}, "spec": spec}


def _without_a_look_at_the_certificate() -> ssl.SSLContext:
    """As the kubelet's probes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _replace(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_bytes(content)
    scratch.replace(path)


def _accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
