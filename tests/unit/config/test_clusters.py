"""The settings of each cluster that KUBEDOOR_CLUSTERS lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubedoor.config import clusters
from kubedoor.errors import NotFound
from kubedoor.runtime.assembly import webhook_options
from kubedoor.runtime.sources import build_source
from tests.support.clock import utc_now
from tests.support.cluster_lists import HOME, load, problems_of


def test_without_the_setting_there_is_one_cluster() -> None:
    alone = clusters.load(HOME)
    assert [one.cluster for one in alone.every_cluster] == ["home"]
    assert alone.is_alone
    assert alone.for_cluster("home") is alone.home
    with pytest.raises(NotFound, match="there is no cluster 'west' here: there is home"):
        alone.for_cluster("west")


def test_a_name_alone_is_a_cluster_in_the_same_prometheus_without_access() -> None:
    west = load("[{name: west}]").for_cluster("west")
    assert (west.prometheus_url, west.cluster_label, west.cluster) == ("http://home:9090", "env", "west")
    assert not west.is_home
    assert "no access to the API server of west" in west.no_access
    assert west.snapshot_configmap == ""


def test_a_prometheus_of_its_own_takes_nothing_of_the_home_clusters() -> None:
    own = load(
        "[{name: west, prometheus: {url: 'http://west:9090/', headers: {X-Scope-OrgID: west}, concurrency: 1}}]",
        KUBEDOOR_PROMETHEUS_BEARER_TOKEN="home's secret",
        KUBEDOOR_PROMETHEUS_TIMEOUT_SECONDS="33",
    ).for_cluster("west")
    assert (own.prometheus_url, own.cluster_label, own.prometheus_bearer_token) == ("http://west:9090", "", "")
    assert own.prometheus_headers == {"X-Scope-OrgID": "west"}
    assert (own.prometheus_concurrency, own.prometheus_timeout_seconds) == (1, 33)


def test_a_kubeconfig_or_a_context_is_access(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("")
    both = load(f"[{{name: west, kubeconfig: {file}}}, {{name: north, context: n}}]", KUBEDOOR_KUBECONFIG="/k")
    west, north = both.further
    assert (west.kubeconfig, west.kube_context, west.no_access) == (str(file), "", "")
    assert (north.kubeconfig, north.kube_context, north.no_access) == ("/k", "n", "")


def test_windows_zone_namespaces_and_door_may_be_a_clusters_own(tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("CA")
    west = load(
        "[{name: west, time_zone: Europe/Berlin, peak_windows: '20:00-21:00', weekdays_only: true,"
        f" namespaces: [shop, pay], door: {{namespace: doors, ca_file: {ca}, failure_policy: Fail}}}}]",
        KUBEDOOR_WEBHOOK_INJECT_CA_FROM="kubedoor/kubedoor-mutate",
    ).for_cluster("west")
    assert (west.time_zone, west.peak_windows, west.weekdays_only) == ("Europe/Berlin", "20:00-21:00", True)
    assert west.namespaces == ("shop", "pay")
    assert "doors" in west.all_excluded_namespaces
    options = webhook_options(west)
    assert (options.namespace, options.failure_policy, options.ca) == ("doors", "Fail", "CA")
    assert options.inject_ca_from == ""


def test_the_ca_of_the_home_clusters_door_is_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.crt").write_text("home's")
    found = load("[{name: west}]", KUBEDOOR_DATA_DIR=str(tmp_path))
    assert webhook_options(found.home).ca == "home's"
    assert webhook_options(found.for_cluster("west")).ca == ""


def test_with_sample_data_every_cluster_without_a_prometheus_has_numbers_of_its_own() -> None:
    found = clusters.load({"KUBEDOOR_CLUSTERS": "[{name: west}, {name: north, prometheus: {url: 'http://n'}}]"})
    west, north = found.further
    assert (found.home.uses_sample, west.uses_sample, north.uses_sample) == (True, True, False)
    days = [
        build_source(one).read_day(one.windows.peak_day(one.windows.newest_complete_day(utc_now())), step_seconds=300)
        for one in (found.home, west)
    ]
    assert days[0].rows != days[1].rows


def test_without_a_label_nothing_would_tell_two_clusters_apart() -> None:
    (problem,) = problems_of("[{name: west}]", KUBEDOOR_CLUSTER_LABEL="")
    assert "west has no Prometheus of its own" in problem
    assert "KUBEDOOR_CLUSTER_LABEL" in problem


def test_all_problems_of_all_clusters_and_settings_are_said_at_once() -> None:
    entries = "[{name: west, kubeconfig: /no, time_zone: Mars}, {name: west2, prometheus: {url: w}}]"
    found = problems_of(entries, KUBEDOOR_PORT="x")
    assert [problem.split(" ")[1] for problem in found] == ["'x'", "west:", "west:", "west2:"]
