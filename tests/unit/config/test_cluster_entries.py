"""What an entry of KUBEDOOR_CLUSTERS may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cluster_lists import load, problems_of


def test_a_list_may_be_json_yaml_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text("- name: west\n- name: north\n")
    for raw in ('[{"name": "west"}, {"name": "north"}]', "- name: west\n- name: north", str(file)):
        assert [one.cluster for one in load(raw).every_cluster] == ["home", "west", "north"], raw


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
    "a url that is none": ("[{name: west, prometheus: {url: w}}]", "west: prometheus.url must be a URL"),
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


@pytest.mark.parametrize(("entries", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_an_example(entries: str, words: str) -> None:
    (problem,) = problems_of(entries)
    assert problem.startswith("KUBEDOOR_CLUSTERS: ")
    assert words in problem
    assert "; write it like " in problem


LISTS_WITH_A_PASSWORD = [
    "[{name: w, prometheus: {url: 'http//u:s3cret@w'}}]",
    "[{name: w, prometheus: {url: 'http://u:s3cret@w:port'}}]",
    "[{name: w, prometheus: {url: http://u:s3cret@w, }",
    "name: w\nprometheus: {url: 'http://u:s3cret@w'}",
    "name: w, prometheus: {url: 'http://u:s3cret@w'}",
    "[{name: w, prometheus: {url: 'http://w', username: *s3cret}}]",
    "[{name: 2026-99-99}, 's3cret']",
]


@pytest.mark.parametrize("entries", LISTS_WITH_A_PASSWORD)
def test_no_problem_shows_an_address(entries: str) -> None:
    for problem in problems_of(entries):
        assert "s3cret" not in problem
        assert "; write it like " in problem


def test_a_door_is_not_given_up_before_it_gives_up_its_store() -> None:
    (problem,) = problems_of("[{name: west, door: {timeout_seconds: 1}}]")
    assert "west: door.timeout_seconds must be more than the 1 s of KUBEDOOR_SNAPSHOT_WAIT_SECONDS" in problem
    assert load("[{name: west, door: {timeout_seconds: 1}}]", KUBEDOOR_SNAPSHOT_WAIT_SECONDS="0.5").further


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("s3cret")
    (problem,) = problems_of(f"[{{name: w, prometheus: {{url: 'http://w', headers_file: {tmp_path}/headers}}}}]")
    assert "names a file whose content must be name=value pairs" in problem
    assert "s3cret" not in problem
