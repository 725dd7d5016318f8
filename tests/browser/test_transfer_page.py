"""Control values out in every format, manual values in from a sheet: looked at first, all of it or nothing."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.browser.seeding import OPERATOR, PASSWORD, VIEWER, seed
from tests.browser.serving import sample_kubedoor
from tests.toolbox.running import RunningKubeDoor

HEADER = "namespace,deployment,container,manual_replicas,manual_cpu_request\n"
FORMATS = {"CSV": "kubedoor-values.csv", "JSON": "kubedoor-values.json"}
ARCHIVES = {"Kustomize": "kubedoor-patches.zip", "Helm": "kubedoor-helm-values.zip"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    folder: Path = tmp_path_factory.mktemp("transfer")
    seed(folder / "data", viewer=True, workloads=6)
    with sample_kubedoor(folder, days=0) as found:
        yield found


def _names(page: Page, at: RunningKubeDoor) -> list[tuple[str, str]]:
    found = page.request.get(f"{at.url}/api/v1/workloads").json()["items"]
    return [(one["namespace"], one["deployment"]) for one in found]


def _download(page: Page, name: str) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.suggested_filename == name
    return Path(started.value.path())


def _workload_files(page: Page, name: str) -> dict[str, Any]:
    """What the files of an archive say, by workload."""
    with zipfile.ZipFile(_download(page, name)) as packed:
        paths = [path for path in packed.namelist() if "/" in path and not path.endswith("/kustomization.yaml")]
        return {path.removesuffix(".yaml"): yaml.safe_load(packed.read(path)) for path in paths}


def _give(page: Page, text: str, name: str = "values.csv") -> None:
    page.get_by_label("CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def _button(page: Page, count: int) -> Locator:
    return page.get_by_role("button", name=f"Change {count} workload")


def _workload(page: Page, at: RunningKubeDoor, key: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = page.request.get(f"{at.url}/api/v1/workloads/default/{key[0]}/{key[1]}").json()
    return found


def test_a_sheet_and_json_have_a_line_for_each_container(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer", at=running, username=VIEWER, password=PASSWORD)
    expect(page.get_by_text("6 workloads")).to_be_visible()
    expect(page.get_by_label("What the file has in it")).to_contain_text("namespace,deployment,container")
    rows = list(csv.DictReader(io.StringIO(_download(page, FORMATS["CSV"]).read_text("utf-8"))))
    assert {(row["namespace"], row["deployment"]) for row in rows} == set(_names(page, running))
    page.get_by_role("button", name="JSON").click()
    expect(page.get_by_label("What the file has in it")).to_contain_text('"container": "app"')
    assert [row["deployment"] for row in json.loads(_download(page, FORMATS["JSON"]).read_text("utf-8"))] == [
        row["deployment"] for row in rows
    ]


@pytest.mark.parametrize(("name", "file"), ARCHIVES.items(), ids=ARCHIVES)
def test_files_for_git_are_those_of_what_is_chosen_and_say_how_to_use_them(
    visit: Visits, running: RunningKubeDoor, name: str, file: str
) -> None:
    page = visit("/transfer", at=running, username=VIEWER, password=PASSWORD)
    (namespace, deployment), *_ = _names(page, running)
    page.get_by_role("button", name=name).click()
    assert set(_workload_files(page, file)) == {"/".join(key) for key in _names(page, running)}
    page.get_by_role("combobox", name="Workload").click()
    page.get_by_role("option", name=f"{namespace}/{deployment}").click()
    expect(page.get_by_role("heading", name="The whole file")).to_be_visible()
    assert f"deployment={deployment}" in page.url
    (document,) = _workload_files(page, file).values()
    resources = document["spec"]["template"]["spec"]["containers"][0] if name == "Kustomize" else document
    assert set(resources["resources"]["requests"]) == {"cpu", "memory"}
    page.get_by_text("How to use it").click()
    command = page.get_by_label("The same from the command line:", exact=True)
    expect(command).to_contain_text(f"--format {name.lower()} --namespace {namespace} --deployment {deployment}")


def test_one_bad_line_is_shown_and_nothing_is_imported(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer", at=running, username=OPERATOR, password=PASSWORD)
    good, bad, *_ = _names(page, running)
    _give(page, f"{HEADER}{','.join(good)},app,7,\n{','.join(bad)},app,,lots\nshop,nobody,app,1,\n")
    problems = page.get_by_role("alert").filter(has_text="2 lines cannot be imported")
    expect(problems.get_by_role("row").nth(1)).to_contain_text("3manual_cpu_request'lots' is not a quantity")
    expect(problems.get_by_role("row").nth(2)).to_contain_text("shop/nobody is not in the control table")
    expect(page.get_by_role("list", name="What would change")).to_contain_text("Replicas collected → 7")
    expect(_button(page, 1)).to_be_disabled()
    assert _workload(page, running, good)["manual_replicas"] is None
    _give(page, "this,is,no\nsheet,at,all\n")
    expect(page.get_by_role("alert")).to_contain_text("the header lacks namespace, deployment")


def test_a_good_sheet_is_shown_then_changes_the_values(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer?manual=true", at=running, username=OPERATOR, password=PASSWORD)
    expect(page.get_by_text("Nothing to export")).to_be_visible()
    one, other, *_ = _names(page, running)
    _give(page, f"{HEADER}{','.join(one)},app,9,\n{','.join(other)},app,,20m\n")
    changes = page.get_by_role("list", name="What would change")
    expect(changes).to_contain_text("Replicas collected → 9")
    expect(changes).to_contain_text("app · CPU request collected → 20m")
    assert _workload(page, running, one)["manual_replicas"] is None
    _button(page, 2).click()
    expect(page.get_by_role("status").filter(has_text="2 workloads are changed, from values.csv")).to_be_visible()
    assert _workload(page, running, one)["manual_replicas"] == 9
    expect(page.get_by_label("What the file has in it")).to_contain_text(f"{one[0]},{one[1]},app,1")
    page.get_by_role("link", name="See it in the audit log").click()
    expect(page.locator("tbody tr").filter(has_text="Replicas collected → 9")).to_contain_text(OPERATOR)


def test_what_somebody_has_edited_meanwhile_is_shown_anew(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer", at=running, username=OPERATOR, password=PASSWORD)
    key = _names(page, running)[3]
    page.get_by_role("button", name="Paste instead").click()
    page.get_by_role("textbox", name="CSV as text").fill(f"{HEADER}{','.join(key)},app,5,\n")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("list", name="What would change")).to_contain_text("Replicas collected → 5")
    path = f"{running.url}/api/v1/workloads/default/{key[0]}/{key[1]}"
    assert page.request.patch(path, data={"version": 0, "replicas": 8}).ok
    _button(page, 1).click()
    expect(page.get_by_text("Somebody has edited these workloads in the meantime")).to_be_visible()
    expect(page.get_by_role("list", name="What would change")).to_contain_text("Replicas 8 → 5")
    assert _workload(page, running, key)["manual_replicas"] == 8
    _button(page, 1).click()
    expect(page.get_by_role("status").filter(has_text="1 workload is changed")).to_be_visible()
    assert _workload(page, running, key)["manual_replicas"] == 5

    stale = f"namespace,deployment,version,manual_replicas\n{','.join(key)},1,6\n"
    page.get_by_role("button", name="Import another sheet").click()
    _give(page, stale)
    expect(page.get_by_role("alert")).to_contain_text("has been edited since: version 2 by operator")
    expect(_button(page, 0)).to_be_disabled()


def test_a_sheet_that_ends_pods_is_agreed_to_first_in_chinese(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer?format=helm", at=running, username=OPERATOR, password=PASSWORD, locale="zh-CN")
    page.get_by_text("使用方法").click()
    expect(page.get_by_text("--format helm").first).to_be_visible()
    key = _names(page, running)[4]
    page.get_by_role("button", name="改为粘贴").click()
    page.get_by_role("textbox", name="CSV 文本").fill(f"{HEADER}{','.join(key)},app,0,\n")
    page.get_by_role("button", name="查看将要改变的内容").click()
    expect(page.get_by_role("list", name="将要改变的内容")).to_contain_text("副本数 0 会结束所有 Pod")
    change = page.get_by_role("button", name="修改 1 个工作负载")
    expect(change).to_be_disabled()
    page.get_by_text("我知道这会结束或杀死 Pod (1)").click()
    change.click()
    expect(page.get_by_role("status").filter(has_text="修改 1 个工作负载")).to_be_visible()
    assert _workload(page, running, key)["manual_replicas"] == 0


def test_a_viewer_may_export_and_not_import(visit: Visits, running: RunningKubeDoor) -> None:
    page = visit("/transfer", at=running, username=VIEWER, password=PASSWORD)
    expect(page.get_by_text("Your role may export, not import")).to_be_visible()
    expect(page.get_by_label("CSV file")).to_be_disabled()
    expect(page.get_by_role("button", name="Paste instead")).to_have_count(0)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
