"""The command line as a process: directly on the store, and against a running KubeDoor."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import yaml

from kubedoor.store.connection import Connection
from tests.contract.commands import Command, run, run_in_image
from tests.support.accounts import dsn_of_new_database
from tests.support.builders import make_container, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.support.original_kubedoor import make_original


def test_a_report_has_every_workload_in_each_format(kubedoor: Command) -> None:
    rows = json.loads(kubedoor("report", "--format", "json").stdout)
    lines = kubedoor("report", "--format", "csv").stdout.splitlines()
    assert len(rows) == len(lines) - 1 > 30
    table = kubedoor("report", "--search", "storefront")
    assert "shop/storefront" in table.stdout
    assert "sample data" in table.stderr


def test_savings_are_shown_by_namespace_and_by_day(kubedoor: Command) -> None:
    found = json.loads(kubedoor("savings", "--format", "json").stdout)
    assert (found["workloads"], found["cpu_millicores"], found["cpu_asked_millicores"] > 0) == (0, 0, True)
    assert "all namespaces" in kubedoor("savings").stdout
    assert kubedoor("savings", "--format", "csv").stdout.startswith("namespace,workloads,cpu_millicores")
    assert json.loads(kubedoor("savings", "--days", "7", "--format", "json").stdout) == []
    assert json.loads(kubedoor("report", "--sized", "--format", "json").stdout) == []


def test_a_collection_shows_its_progress_and_its_end(kubedoor: Command) -> None:
    done = kubedoor("collect", "--days", "3")
    assert (done.returncode, "finished: 1 of 1 days" in done.stdout) == (0, True), done.stderr


def test_a_collection_on_the_store_itself_is_on_record(tmp_path: Path) -> None:
    two = {"KUBEDOOR_CLUSTERS": json.dumps([{"name": "east"}])}
    done = run(tmp_path, "collect", "--days", "1", environment=two)
    assert done.returncode == 0, done.stderr
    assert [line.partition(" of ")[0] for line in done.stdout.splitlines()] == [
        "default: finished: 1",
        "east: finished: 1",
    ]
    changes = json.loads(run(tmp_path, "record", "changes", "--format", "json", environment=two).stdout)
    assert {(one["action"], one["target"], one["via"]) for one in changes} == {
        ("collection.start", "default", "command-line"),
        ("collection.start", "east", "command-line"),
    }
    again = run(tmp_path, "collect", "--days", "1", "--cluster", "east", environment=two)
    assert again.stdout.startswith("finished: 0 of 0 days, 0 rows")
    unknown = run(tmp_path, "collect", "--cluster", "west", environment=two)
    assert (unknown.returncode, "west" in unknown.stderr) == (1, True)
    wrong = run(tmp_path, "collect", "--day", "tomorrow", environment=two)
    assert (wrong.returncode, "day must be a date" in wrong.stderr) == (1, True)


def test_a_collection_leaves_the_store_of_a_kubedoor_that_runs_to_it(served_api: dict[str, str]) -> None:
    done = run(Path(served_api["folder"]), "collect", environment={})
    assert (done.returncode, "KUBEDOOR_API_URL" in done.stderr) == (1, True)


def test_a_manifest_is_previewed_from_a_file_and_from_standard_input(kubedoor: Command, tmp_path: Path) -> None:
    manifest = make_deployment("storefront", namespace="shop", replicas=99, containers=[make_container("storefront")])
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([service, manifest]))
    shown = kubedoor("preview", str(file))
    assert "replicas 99 ->" in shown.stdout
    (answer,) = json.loads(kubedoor("preview", "-", "--format", "json", stdin=json.dumps(manifest)).stdout)
    assert answer["outcome"] == "patched"
    assert kubedoor("preview", str(tmp_path / "nowhere")).returncode == 1
    assert kubedoor("preview", "-", stdin="a: [").returncode == 1
    assert "neither a Deployment" in kubedoor("preview", "-", stdin=yaml.safe_dump(service)).stderr
    manifest["metadata"]["annotations"] = {"built": date(2026, 11, 27)}
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": 0.5}}
    assert "replicas 99 ->" in kubedoor("preview", "-", stdin=yaml.safe_dump(manifest)).stdout
    refused = kubedoor("preview", "-", stdin="kind: Deployment\na: !!binary aGk=\n")
    assert (refused.returncode, refused.stderr.startswith("kubedoor: - cannot be read")) == (1, True)


def test_control_and_checkup_say_how_it_is(kubedoor: Command) -> None:
    assert "no cluster is configured" in kubedoor("control", "status").stdout
    refused = kubedoor("control", "on")
    assert (refused.returncode, refused.stderr.startswith("kubedoor: no cluster is configured")) == (1, True)
    checkup = kubedoor("checkup")
    assert checkup.returncode == 1
    assert "NOT OK" in checkup.stdout


def test_users_are_kept(kubedoor: Command) -> None:
    assert "may log in as operator with" in kubedoor("users", "create", "olga", "--role", "operator").stdout
    assert kubedoor("users", "role", "olga", "viewer").stdout == "olga is viewer\n"
    users = {
        user["username"]: user["role"] for user in json.loads(kubedoor("users", "list", "--format", "json").stdout)
    }
    assert users == {"kubedoor": "admin", "olga": "viewer"}
    assert kubedoor("users", "password", "olga").returncode == 0
    assert kubedoor("users", "log-out", "olga").returncode == 0
    assert kubedoor("users", "delete", "olga").returncode == 0
    last = kubedoor("users", "delete", "kubedoor")
    assert (last.returncode, "last admin" in last.stderr) == (1, True)
    assert "cli" in kubedoor("tokens", "list").stdout


def test_values_go_out_and_come_back(kubedoor: Command, tmp_path: Path) -> None:
    sheet = tmp_path / "values.csv"
    assert kubedoor("export", "--output", str(sheet)).returncode == 0
    assert kubedoor("import", str(sheet)).stdout == "0 workloads would change\n"
    text = "namespace,deployment,manual_replicas\nshop,cart,5\n"
    assert "1 workloads would change" in kubedoor("import", "-", stdin=text).stdout
    assert "1 workloads changed" in kubedoor("import", "-", "--apply", stdin=text).stdout
    bad = kubedoor("import", "-", "--apply", stdin="namespace,deployment,manual_replicas\nshop,nobody,5\n")
    assert (bad.returncode, bad.stderr.startswith("line 2")) == (1, True)
    folder = tmp_path / "patches"
    assert kubedoor("export", "--format", "kustomize", "--namespace", "shop", "--output", str(folder)).returncode == 0
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["patches"]
    target = {"group": "apps", "kind": "Deployment", "name": "cart", "namespace": "shop"}
    assert {"path": "shop/cart.yaml", "target": target} in listed
    assert yaml.safe_load((folder / "shop" / "cart.yaml").read_text())["spec"]["replicas"] == 5


def test_a_role_that_is_too_small_is_told_so(kubedoor: Command, served_api: dict[str, str]) -> None:
    refused = kubedoor("users", "list", KUBEDOOR_API_TOKEN=served_api["viewer"])
    assert (refused.returncode, "needs the role admin" in refused.stderr) == (1, True)


def test_the_store_of_a_kubedoor_that_runs_is_left_to_it(served_api: dict[str, str]) -> None:
    done = run(Path(served_api["folder"]), "users", "list", environment={})
    assert done.returncode == 1
    assert "KUBEDOOR_API_URL" in done.stderr
    assert "Traceback" not in done.stderr


WRONG = {
    "no command": ((), {}, 2),
    "an unknown command": (("bogus",), {}, 2),
    "an unknown option": (("report", "--colour"), {}, 2),
    "a bad value": (("collect", "--days", "0"), {}, 2),
    "a bad setting": (("report",), {"KUBEDOOR_PORT": "eighty"}, 2),
    "an address without a token": (("report",), {"KUBEDOOR_API_URL": "http://127.0.0.1:9"}, 2),
    "nobody at the address": (("--url", "http://127.0.0.1:9", "--token", "x", "report"), {}, 1),
}


@pytest.mark.parametrize(("words", "environment", "code"), WRONG.values(), ids=WRONG.keys())
def test_the_exit_code_says_whose_fault_it_is(
    tmp_path: Path, words: tuple[str, ...], environment: dict[str, str], code: int
) -> None:
    done = run(tmp_path, *words, environment=environment)
    assert done.returncode == code, done.stderr
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_commands_of_the_chart_are_still_there(tmp_path: Path) -> None:
    assert "KUBEDOOR_PROMETHEUS_URL" in run(tmp_path, "settings", environment={}).stdout
    assert "0001_usage" in run(tmp_path, "migrate", environment={}).stdout
    assert run(tmp_path, "migrate", environment={}).stdout == "the schema is up to date\n"
    assert json.loads(run(tmp_path, "webhook", environment={}).stdout)["kind"] == "MutatingWebhookConfiguration"
    ping = run(tmp_path, "ping", environment={})
    assert (ping.returncode, "KUBEDOOR_COLLECT_URL" in ping.stderr) == (2, True)


def test_commands_work_in_the_image(clickhouse: ClickHouse) -> None:
    """As uid 10001, whom no passwd file names, on a file system that cannot be written: what `kubectl exec` gives."""
    original_dsn = dsn_of_new_database(clickhouse.dsn)
    with closing(Connection(original_dsn)) as original:
        make_original(original, env="prod", deployments={"image-resizer": 9}, days=(date(2026, 10, 1),))
    store = {"KUBEDOOR_STORE_DSN": dsn_of_new_database(clickhouse.dsn)}

    def done(*words: str) -> str:
        finished = run_in_image(*words, environment=store)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    assert "finished: 1 of 1 days" in done("collect", "--days", "1")
    assert "1 pod counts set by hand" in done("import-kubedoor", original_dsn, "--env", "prod")
    refused = run_in_image("export", "--output", "/values.csv", environment=store)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "/values.csv cannot be written" in refused.stderr
    changes = json.loads(done("record", "changes", "--format", "json"))
    assert {one["who"] for one in changes} == {"uid-10001"}
    assert {one["action"] for one in changes} >= {"collection.start"}


def test_an_original_kubedoor_is_taken_over(clickhouse: ClickHouse, tmp_path: Path) -> None:
    dsn = dsn_of_new_database(clickhouse.dsn)
    with closing(Connection(dsn)) as original:
        make_original(
            original,
            env="prod",
            deployments={"image-resizer": 9, "nobody": 4, "cart": -1},
            days=(date(2026, 10, 1),),
            ai={"cart": 2},
        )
    assert run(tmp_path, "collect", "--days", "1", environment={}).returncode == 0
    done = run(tmp_path, "import-kubedoor", dsn, "--env", "prod", environment={})
    assert done.returncode == 0, done.stderr
    assert "1 days with 1 rows, 1 pod counts set by hand" in done.stdout
    assert "left out: 1 usage of unknown Deployments" in done.stdout
    assert "left out: 1 usage of Deployments with several containers" in done.stdout, "cart's sidecar is injected"
    assert "set no values: what it calls P95 is a 0.80 quantile" in done.stdout
    assert "1 pod counts of its AI not set: --ai-pods sets them by hand" in done.stdout
    rows = json.loads(run(tmp_path, "report", "--search", "image-resizer", "--format", "json", environment={}).stdout)
    assert rows[0]["manual_replicas"] == 9
    unknown = run(tmp_path, "import-kubedoor", dsn, "--env", "test", environment={})
    assert (unknown.returncode, "it has prod" in unknown.stderr) == (1, True)
    own = run(tmp_path, "import-kubedoor", f"chdb://{tmp_path}/clickhouse", environment={})
    assert (own.returncode, "own store" in own.stderr) == (1, True)
