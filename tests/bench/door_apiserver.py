"""What the door adds to requests at a real API server, against no webhook and against functions that do nothing.

`python -m tests.bench.door_apiserver`. One namespace has no webhook, one the no-op function, one a no-op function that
gives the door's answer, one the door; their requests take turns, and each is compared with the one of its turn that met no
webhook. The controllers are stopped, so that nothing else works on what is stored.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools

from kubedoor.admission.webhook_configuration import NAMESPACE_LABEL, WebhookOptions, configuration
from kubedoor.asked import ANNOTATION
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.migrations import migrate
from tests.bench import running
from tests.bench.door_throughput import CLUSTER, WORKLOADS, Reached, servers
from tests.bench.filling import NAMESPACES, fill_control, key
from tests.bench.judging import Figures, quantile
from tests.bench.noop import PATCHED, REPLICAS
from tests.bench.realistic import ASKED, SMALL, deployment
from tests.bench.running import Effort
from tests.support.clickhouse import running_clickhouse
from tests.toolbox.controlplane import ControlPlane

TURNS = 400
PLAIN, NO_OP, PATCHES, DOOR = "plain", "noop", "patches", key(1)[0]
"""Namespaces. The door's has the known workloads whose number leaves 1 divided by NAMESPACES."""
ALL = (PLAIN, NO_OP, PATCHES, DOOR)
KNOWN = WORKLOADS // NAMESPACES
"""Workloads of the door's namespace that the control table has."""
SIZED_REPLICAS = REPLICAS
"""What the bench's control values and the patch of the no-op function say."""
TIMEOUT_SECONDS = 30


class _Answer:
    """One HTTP response, put together by httptools."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.is_whole = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True


class ApiServer:
    """Requests over one connection, each with the milliseconds until its answer is there.

    What this client makes of an answer is not measured: `http.client` takes a tenth of a millisecond for warnings, which come
    as headers, and kubectl nothing of the kind.
    """

    def __init__(self, plane: ControlPlane) -> None:
        context = ssl.create_default_context(cafile=str(plane.ca_file))
        context.load_cert_chain(plane.folder / "admin.crt", plane.folder / "admin.key")
        address = urlsplit(plane.url)
        self._host = address.hostname or ""
        plain = socket.create_connection((self._host, address.port or 443), timeout=TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = context.wrap_socket(plain, server_hostname=self._host)

    def close(self) -> None:
        self._connection.close()

    def create(self, namespace: str, name: str, query: str = "") -> tuple[float, dict[str, Any]]:
        manifest = deployment(namespace, name, image="registry.test/app:1", resources=ASKED, variables=SMALL)
        manifest["metadata"].pop("managedFields")
        manifest["metadata"]["annotations"].pop(ANNOTATION)
        return self._send("POST", _path(namespace) + query, manifest)

    def scale(self, namespace: str, name: str, replicas: int, query: str = "") -> tuple[float, dict[str, Any]]:
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": replicas}}
        scale["metadata"] = {"name": name, "namespace": namespace}
        return self._send("PUT", f"{_path(namespace)}/{name}/scale{query}", scale)

    def delete(self, namespace: str, name: str) -> None:
        self._send("DELETE", f"{_path(namespace)}/{name}", {"propagationPolicy": "Background"})

    def _send(self, method: str, path: str, content: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        body = json.dumps(content).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        started = time.perf_counter()
        self._connection.sendall(head.encode() + body)
        while not answer.is_whole:
            if not (data := self._connection.recv(65_536)):
                raise RuntimeError(f"{method} {path}: the connection ended before the answer")
            parser.feed_data(data)
        milliseconds = (time.perf_counter() - started) * 1000
        found: dict[str, Any] = json.loads(answer.body)
        if parser.get_status_code() >= 400:
            raise RuntimeError(f"{method} {path}: {parser.get_status_code()} {found.get('message')}")
        return milliseconds, found


def _path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def webhook(name: str, reached: Reached, *namespaces: str, path: str = "/mutate") -> dict[str, Any]:
    """KubeDoor's own configuration, for these namespaces, at an address on this machine."""
    made = configuration(WebhookOptions("kubedoor", "kubedoor-mutate", 443, 2, "Ignore", ()))
    made["metadata"] = {"name": name}
    (hook,) = made["webhooks"]
    ca = base64.b64encode(reached.ca.read_bytes()).decode()
    hook["clientConfig"] = {"url": reached.url.removesuffix("/mutate") + path, "caBundle": ca}
    selected = {"key": NAMESPACE_LABEL, "operator": "In", "values": list(namespaces)}
    hook["namespaceSelector"] = {"matchExpressions": [selected]}
    return made


@contextmanager
def lab(effort: Effort) -> Iterator[ApiServer]:
    """An API server whose webhooks answer."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clickhouse = stack.enter_context(running_clickhouse(folder))
        connection = Connection(clickhouse.dsn)
        migrate(connection)
        fill_control(ControlStore(connection, CLUSTER), effort.size(WORKLOADS, 10 * NAMESPACES))
        connection.close()
        reached = stack.enter_context(servers(clickhouse, folder))
        plane = stack.enter_context(ControlPlane(nodes=1))
        plane.stop_controllers()
        plane.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one}} for one in ALL))
        patches = webhook("patches.bench", reached["noop"], PATCHES, path=PATCHED)
        plane.apply(
            webhook("noop.bench", reached["noop"], NO_OP), patches, webhook("door.bench", reached["door"], DOOR)
        )
        server = ApiServer(plane)
        stack.callback(server.close)
        plane.wait_for(lambda: _is_sized(server), what="the door answers the API server")
        yield server


def _is_sized(server: ApiServer) -> bool:
    _, name = key(1)
    server.create(DOOR, name)
    _, found = server.scale(DOOR, name, SIZED_REPLICAS + 1)
    server.delete(DOOR, name)
    return int(found["spec"]["replicas"]) == SIZED_REPLICAS


def one_run(server: ApiServer, turns: int) -> dict[str, list[float]]:
    """`create/NAMESPACE`, `scale/NAMESPACE` and `create/unknown` -> milliseconds, one for each turn."""
    took: dict[str, list[float]] = {"create/unknown": []}
    for turn in range(turns):
        # Deleted at the end of its turn, so that it can come again.
        _, name = key(1 + NAMESPACES * (turn % KNOWN))
        sized: dict[str, Any] = {}
        for namespace in rotated(ALL, turn):
            created, sized[namespace] = server.create(namespace, name)
            scaled, found = server.scale(namespace, name, SIZED_REPLICAS + 1 + turn % 2)
            took.setdefault(f"create/{namespace}", []).append(created)
            took.setdefault(f"scale/{namespace}", []).append(scaled)
            if namespace in (PATCHES, DOOR) and found["spec"]["replicas"] != SIZED_REPLICAS:
                raise RuntimeError(f"{namespace}: the webhook was asked and did not size")
            if namespace == DOOR:
                unknown, _ = server.create(namespace, f"unknown-{turn}")
                took["create/unknown"].append(unknown)
        if _sizes(sized[PATCHES]) != _sizes(sized[DOOR]):
            raise RuntimeError(f"{name}: the no-op function does not answer as the door does")
        for namespace in ALL:
            server.delete(namespace, name)
        server.delete(DOOR, f"unknown-{turn}")
    return took


def _sizes(deployment: dict[str, Any]) -> tuple[object, ...]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return (deployment["metadata"]["annotations"], *(one["resources"] for one in containers))


def rotated(namespaces: tuple[str, ...], turn: int) -> tuple[str, ...]:
    first = turn % len(namespaces)
    return namespaces[first:] + namespaces[:first]


def figures_of(took: dict[str, list[float]]) -> dict[str, float]:
    """Pure."""

    def added(line: str, plain: str) -> float:
        return statistics.median(one - other for one, other in zip(took[line], took[plain], strict=True))

    def late(namespace: str) -> float:
        return quantile(took[f"create/{namespace}"] + took[f"scale/{namespace}"], 0.99)

    create, scale = f"create/{PLAIN}", f"scale/{PLAIN}"
    noop, patches = added(f"create/{NO_OP}", create), added(f"create/{PATCHES}", create)
    scale_noop, scale_patches = added(f"scale/{NO_OP}", scale), added(f"scale/{PATCHES}", scale)
    door, scale_door = added(f"create/{DOOR}", create), added(f"scale/{DOOR}", scale)
    return {
        "api_create": statistics.median(took[create]),
        "api_create_noop": noop,
        "api_create_patches": patches,
        "api_create_door": door,
        "api_create_over_patches": door / patches,
        "api_create_over_noop": door / noop,
        "api_create_unknown": added("create/unknown", create) / noop,
        "api_scale": statistics.median(took[scale]),
        "api_scale_noop": scale_noop,
        "api_scale_door": scale_door,
        "api_scale_over_patches": scale_door / scale_patches,
        "api_scale_over_noop": scale_door / scale_noop,
        "api_late": late(DOOR) / late(PATCHES),
    }


def measure(effort: Effort) -> Figures:
    with lab(effort) as server:
        one_run(server, effort.size(50, 5))  # the first requests compile expressions and open connections
        runs = [figures_of(one_run(server, effort.size(TURNS, 10))) for _ in range(effort.runs)]
    return {line: [run[line] for run in runs] for line in runs[0]}


if __name__ == "__main__":
    running.run("door_apiserver", measure)
