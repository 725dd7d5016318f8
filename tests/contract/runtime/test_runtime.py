"""Each function alone under the plain `functions-framework` command, selected only by its two environment variables."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from tests.support.builders import make_deployment, make_request, make_review
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.processes import Child
from tests.toolbox.running import ROOT

BLOCKED = (
    "import sys\nfor name in {names!r}: sys.modules[name] = None\nfrom functions_framework._cli import _cli\n_cli()\n"
)
NOT_FOR_MUTATE = ("kubernetes", "pandas", "chdb", "requests", "numpy", "pyarrow", "apprise", "fastapi")


def is_healthy(url: str) -> bool:
    return processes.answers(f"{url}/healthz")


def answers_at_all(url: str) -> bool:
    try:
        return bool(requests.get(f"{url}/healthz", timeout=30).headers)
    except requests.ConnectionError:
        return False


@contextmanager
def function(
    name: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    without: tuple[str, ...] = (),
    is_up: Callable[[str], bool] = is_healthy,
) -> Iterator[tuple[str, Child]]:
    """Run the function as a process in which the modules of `without` cannot be imported."""
    port = processes.free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "FUNCTION_SOURCE": str(ROOT / "functions" / name / "main.py"),
        "FUNCTION_TARGET": name,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "KUBEDOOR_DATA_DIR": str(folder),
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_KUBECONFIG": "none",
        **(settings or {}),
    }
    command = [sys.executable, "-c", BLOCKED.format(names=without)]
    child = processes.start(name, command, log=folder / f"{name}.log", environment=environment, folder=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(lambda: is_up(url), what=f"{name} is up", children=[child], timeout_seconds=60)
        yield url, child
    finally:
        child.kill()


def test_mutate_alone_needs_neither_kubernetes_nor_pandas_nor_chdb(
    clickhouse: ClickHouse, served: Connection, cluster: str, tmp_path: Path
) -> None:
    key = WorkloadKey(cluster, "shop", "web")
    ControlStore(served, cluster).edit(key, ManualValues(replicas=3), based_on=0, who="test")
    settings = {
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_CLUSTER": cluster,
        "KUBEDOOR_SNAPSHOT_WAIT_SECONDS": "8",
        "KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS": "20",
    }
    with function("mutate", tmp_path, settings, without=NOT_FOR_MUTATE) as (url, child):
        assert requests.get(f"{url}/readyz", timeout=30).json() == {"status": "ready"}
        review = make_review(make_request(make_deployment(replicas=10)))

        def ask(_: int) -> bool:
            answer = requests.post(f"{url}/mutate", json=review, timeout=30)
            return bool(answer.json()["response"]["patch"])

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, range(40)))
        metrics = requests.get(f"{url}/metrics", timeout=30).text
        assert "kubedoor_admissions_total" in metrics
        assert "kubedoor_webhook_timeout_seconds 20.0" in metrics
        assert requests.get(f"{url}/mutate", timeout=30).status_code == 404
        broken = requests.post(f"{url}/", data="{", timeout=30)
        assert (broken.status_code, broken.json()["error"]["code"]) == (400, "bad_request")
        foreign = requests.post(f"{url}/", json={"kind": "Pod"}, timeout=30)
        assert foreign.json()["error"]["details"] == {"field": "kind"}
        too_large = requests.post(f"{url}/", data=b" " * (5 * 2**20), timeout=30)
        assert too_large.status_code == 413
        cart = WorkloadKey(cluster, "shop", "cart")
        ControlStore(served, cluster).edit(cart, ManualValues(replicas=2), based_on=0, who="test")

        def has_both() -> bool:
            return "kubedoor_snapshot_workloads 2.0" in requests.get(f"{url}/metrics", timeout=30).text

        processes.wait_until(has_both, what="the snapshot is renewed without an admission", children=[child])
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(timeout=40) == 0


def test_mutate_is_ready_once_it_has_values_and_on_a_store_that_nobody_has_set_up(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    away = f"http://kubedoor:x@127.0.0.1:{processes.free_port()}/kubedoor"
    for name, dsn, status in (("new", clickhouse.on("nobody_was_here"), 200), ("away", away, 503)):
        folder = tmp_path / name
        folder.mkdir()
        with function("mutate", folder, {"KUBEDOOR_STORE_DSN": dsn}) as (url, _):
            assert requests.get(f"{url}/readyz", timeout=30).status_code == status
            assert requests.get(f"{url}/healthz", timeout=30).status_code == 200


def test_api_alone_serves_on_the_embedded_store(tmp_path: Path) -> None:
    with function("api", tmp_path) as (url, child):
        assert requests.get(f"{url}/readyz", timeout=60).json() == {"status": "ready"}
        session = requests.Session()
        with session:
            who = {"username": "kubedoor", "password": "kubedoor"}
            session.post(f"{url}/api/v1/session", json=who, timeout=30).raise_for_status()
            assert session.get(f"{url}/api/v1/workloads", timeout=30).json()["total"] == 0
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(timeout=40) == 0


def test_with_the_images_environment_nobody_makes_an_address_up(tmp_path: Path) -> None:
    """By default the framework's server trusts X-Forwarded-For from any client on its machine."""
    with function("api", tmp_path, {"FORWARDED_ALLOW_IPS": ""}) as (url, _), requests.Session() as session:
        who = {"username": "kubedoor", "password": "kubedoor"}
        session.post(f"{url}/api/v1/session", json=who, timeout=30).raise_for_status()
        body = {"name": "ci", "role": "admin"}
        token = session.post(f"{url}/api/v1/tokens", json=body, timeout=30).json()["token"]
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.5"}
        requests.delete(f"{url}/api/v1/tokens/ci", headers=headers, timeout=30).raise_for_status()
        last = session.get(f"{url}/api/v1/audit", params={"limit": 1}, timeout=30).json()[0]
        assert (last["action"], last["address"]) == ("token.revoke", "127.0.0.1")


WRONG_SETTINGS = {
    "KUBEDOOR_PROMETHEUS_URL": "http//admin:hunter2@prometheus",
    "KUBEDOOR_STORE_DSN": "http://kubedoor:hunter2@clickhouse:8123/my-database",
    "KUBEDOOR_TIME_ZONE": "Mars/Olympus",
    "KUBEDOOR_OIDC_ROLE_MAPPING": "sre=boss",
}


@pytest.mark.parametrize("name", ["api", "collect"])
def test_a_function_with_wrong_settings_is_not_ready_and_only_its_log_says_why(tmp_path: Path, name: str) -> None:
    with function(name, tmp_path, WRONG_SETTINGS, is_up=answers_at_all) as (url, child):
        answers = [requests.get(f"{url}{path}", timeout=30) for path in ("/healthz", "/healthz", "/readyz")]
        answers.append(requests.post(url, json={}, timeout=30))
        log = child.log.read_text()
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["details"]) == (
            500,
            "settings",
            {},
        )
        for words in ("hunter2", "Mars", "boss"):
            assert words not in answer.text
    assert "hunter2" not in log
    assert [log.count(f"the settings are wrong: {variable}: ") for variable in WRONG_SETTINGS] == [1, 1, 1, 1]


def test_a_part_that_collects_is_not_ready_without_a_source(clickhouse: ClickHouse, tmp_path: Path) -> None:
    settings = {"KUBEDOOR_SOURCE": "auto", "KUBEDOOR_STORE_DSN": clickhouse.on("nobody_was_here")}
    with function("collect", tmp_path, settings, is_up=answers_at_all) as (url, child):
        assert requests.get(f"{url}/healthz", timeout=30).status_code == 500
        assert "KUBEDOOR_PROMETHEUS_URL is not set" in child.log.read_text()


def test_what_keeps_api_from_answering_is_logged_once(tmp_path: Path) -> None:
    away = f"http://kubedoor:hunter2@127.0.0.1:{processes.free_port()}/kubedoor"
    with function("api", tmp_path, {"KUBEDOOR_STORE_DSN": away}) as (url, child):
        assert [requests.get(url, timeout=30).status_code for _ in range(3)] == [503, 503, 503]
        log = child.log.read_text()
    assert (log.count("the function cannot answer: ClickHouse cannot be reached"), "hunter2" in log) == (1, False)


@pytest.mark.parametrize("command", ["serve", "mutate"])
def test_a_port_that_is_taken_is_one_sentence_and_exit_code_two(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "kubedoor", command],
            env={"PATH": os.environ["PATH"], "KUBEDOOR_DATA_DIR": str(tmp_path), "KUBEDOOR_DOOR_PORT": str(port)}
            | {"KUBEDOOR_PORT": str(processes.free_port())},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[1:] == [
        f"  KUBEDOOR_DOOR_PORT: port {port} of 127.0.0.1 cannot be listened on: another program listens there; set it like"
        f" KUBEDOOR_DOOR_PORT={port + 1}"
    ]


def test_wrong_settings_are_said_all_at_once_with_exit_two(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEDOOR_PORT": "x",
        "KUBEDOOR_TIME_ZONE": "Mars",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "kubedoor", "serve"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "KUBEDOOR_PORT" in done.stderr
    assert "KUBEDOOR_TIME_ZONE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["collect", "mutate", "api"])
def test_importing_a_function_does_nothing(name: str) -> None:
    """It starts no thread and opens no store, because the framework imports it before it forks."""
    program = (
        "import sys, threading\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from kubedoor.runtime.serving import load_function\n"
        f"load_function({name!r})\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'chdb' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
