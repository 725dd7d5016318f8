"""KUBEDOOR_CLUSTERS: what it may say, and what becomes of the settings of each cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubedoor.config import settings
from kubedoor.config.settings import Settings
from kubedoor.errors import NotFound, SettingsError
from kubedoor.runtime.assembly import build_source, webhook_options
from tests.support.clock import utc_now

HOME = {"KUBEDOOR_PROMETHEUS_URL": "http://home:9090", "KUBEDOOR_CLUSTER": "home", "KUBEDOOR_CLUSTER_LABEL": "env"}


def load(clusters: str, **environ: str) -> Settings:
    return settings.load({**HOME, "KUBEDOOR_CLUSTERS": clusters, **environ})


def problems_of(clusters: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(clusters, **environ)
    found: list[str] = caught.value.details["problems"]
    return found


def test_without_the_setting_there_is_one_cluster() -> None:
    alone = settings.load(HOME)
    assert [one.cluster for one in alone.every_cluster] == ["home"]
    assert alone.is_alone
    assert alone.for_cluster("home") is alone
    with pytest.raises(NotFound, match="there is no cluster 'west' here: there is home"):
        alone.for_cluster("west")


def test_a_name_alone_is_a_cluster_in_the_same_prometheus_without_access() -> None:
    west = load("[{name: west}]").for_cluster("west")
    assert (west.prometheus_url, west.cluster_label, west.cluster) == ("http://home:9090", "env", "west")
    assert not west.is_home
    assert "no access to the API server of west" in west.no_access
    assert west.snapshot_configmap == ""


def test_a_list_may_be_json_yaml_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("- name: west\n- name: north\n")
    for raw in ('[{"name": "west"}, {"name": "north"}]', "- name: west\n- name: north", str(file)):
        assert [one.cluster for one in load(raw).every_cluster] == ["home", "west", "north"], raw


def test_a_prometheus_of_its_own_takes_nothing_of_the_home_clusters() -> None:
    own = load(
        "[{name: west, prometheus: {url: 'http://west:9090/', headers: {X-Scope-OrgID: west}, concurrency: 1}}]",
        KUBEDOOR_PROMETHEUS_BEARER_TOKEN="home's secret",
        KUBEDOOR_PROMETHEUS_TIMEOUT_SECONDS="33",
    ).for_cluster("west")
    assert (own.prometheus_url, own.cluster_label, own.prometheus_bearer_token) == ("http://west:9090", "", "")
    assert own.prometheus_headers == {"X-Scope-OrgID": "west"}
    assert (own.prometheus_concurrency, own.prometheus_timeout_seconds) == (1, 33)


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "headers").write_text("Authorization=Token abc\n")
    (tmp_path / "token").write_text("t")
    of = f"url: 'http://west', username: u, password_file: {tmp_path}/password, headers_file: {tmp_path}/headers"
    west = load(f"[{{name: west, prometheus: {{{of}}}}}]").for_cluster("west")
    assert west.prometheus_password == "s3cret"
    assert west.prometheus_headers == {"Authorization": "Token abc"}
    assert "s3cret" not in repr(west)
    north = load(f"[{{name: north, prometheus: {{url: 'http://n', bearer_token_file: {tmp_path}/token}}}}]")
    assert north.for_cluster("north").prometheus_bearer_token_file == f"{tmp_path}/token"


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
    assert webhook_options(found).ca == "home's"
    assert webhook_options(found.for_cluster("west")).ca == ""


def test_with_sample_data_every_cluster_without_a_prometheus_has_numbers_of_its_own() -> None:
    found = settings.load({"KUBEDOOR_CLUSTERS": "[{name: west}, {name: north, prometheus: {url: 'http://n'}}]"})
    west, north = found.further
    assert (found.uses_sample, west.uses_sample, north.uses_sample) == (True, True, False)
    days = [
        build_source(one).read_day(one.windows.peak_day(one.windows.newest_complete_day(utc_now())), step_seconds=300)
        for one in (found, west)
    ]
    assert days[0].rows != days[1].rows


WRONG: dict[str, tuple[str, str]] = {
    "no list": ("{name: west}", "must be a list"),
    "no YAML": ("[{name: ", "is not YAML"),
    "no file": ("/nowhere/clusters.yaml", "is neither a list nor a file"),
    "no mapping": ("[west]", "entry 1 must be a mapping"),
    "no name": ("[{kubeconfig: x}]", "entry 1: name must be letters"),
    "a name that is a path": ("[{name: a/b}]", "entry 1: name must be letters"),
    "a name twice": ("[{name: west}, {name: west}]", "entry 2: name west is taken already"),
    "the home cluster's name": ("[{name: home}]", "entry 1: name home is taken already"),
    "an unknown word": ("[{name: west, kubeconf: x}]", "west: kubeconf is not known: there are name, kubeconfig"),
    "an unknown word of prometheus": (
        "[{name: west, prometheus: {url: 'http://w', token: x}}]",
        "west: prometheus.token is not known: there are prometheus.url",
    ),
    "a prometheus that is a text": ("[{name: west, prometheus: 'http://w'}]", "west: prometheus must be a mapping"),
    "a prometheus without url": ("[{name: west, prometheus: {concurrency: 1}}]", "has a prometheus without its url"),
    "a url that is none": ("[{name: west, prometheus: {url: w}}]", "west: prometheus.url 'w' must be a URL"),
    "a kubeconfig that is not there": ("[{name: west, kubeconfig: /no}]", "west: kubeconfig '/no' names a file that"),
    "a secret header": (
        "[{name: west, prometheus: {url: 'http://w', headers: {Authorization: 'Bearer x'}}}]",
        "west: prometheus.headers has Authorization, which is a secret",
    ),
    "a user without password": (
        "[{name: west, prometheus: {url: 'http://w', username: u}}]",
        "needs prometheus.username and prometheus.password_file together",
    ),
    "a window that is none": ("[{name: west, peak_windows: noon}]", "west: peak_windows 'noon'"),
    "no value": ("[{name: west, time_zone: }]", "west: time_zone has no value"),
}


@pytest.mark.parametrize(("clusters", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_an_example(clusters: str, words: str) -> None:
    (problem,) = problems_of(clusters)
    assert problem.startswith("KUBEDOOR_CLUSTERS: ")
    assert words in problem
    assert "; write it like " in problem


def test_without_a_label_nothing_would_tell_two_clusters_apart() -> None:
    (problem,) = problems_of("[{name: west}]", KUBEDOOR_CLUSTER_LABEL="")
    assert "west has no Prometheus of its own" in problem
    assert "KUBEDOOR_CLUSTER_LABEL" in problem


def test_all_problems_of_all_clusters_and_settings_are_said_at_once() -> None:
    clusters = "[{name: west, kubeconfig: /no, time_zone: Mars}, {name: west2, prometheus: {url: w}}]"
    found = problems_of(clusters, KUBEDOOR_PORT="x")
    assert [problem.split(" ")[1] for problem in found] == ["'x'", "west:", "west:", "west2:"]


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("s3cret")
    (problem,) = problems_of(f"[{{name: w, prometheus: {{url: 'http://w', headers_file: {tmp_path}/headers}}}}]")
    assert "names a file whose content must be name=value pairs" in problem
    assert "s3cret" not in problem
