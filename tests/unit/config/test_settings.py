from __future__ import annotations

import json
import os

import pytest

from kubedoor.config import settings
from kubedoor.errors import SettingsError
from kubedoor.runtime.sources import build_source


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings.load(environ)
    found: list[str] = caught.value.details["problems"]
    return found


def test_without_any_variable_there_is_an_embedded_store_and_sample_data() -> None:
    loaded = settings.load({})
    assert loaded.is_embedded
    assert loaded.uses_sample
    assert loaded.dsn.startswith("chdb:///")
    assert loaded.windows.label
    assert "kubedoor" in loaded.all_excluded_namespaces
    assert "kube-system" in loaded.all_excluded_namespaces
    assert [loaded.controls(one) for one in ("shop", "kube-system", "kubedoor")] == [True, False, False]
    some = settings.load({"KUBEDOOR_NAMESPACES": "shop,kube-system"})
    assert [some.controls(one) for one in ("shop", "pay", "kube-system")] == [True, False, False]


def test_an_empty_variable_is_the_default() -> None:
    assert settings.load({"KUBEDOOR_CLUSTER": "  "}).cluster == "default"


def test_every_kind_of_value_is_read() -> None:
    loaded = settings.load(
        {
            "KUBEDOOR_PROMETHEUS_URL": "http://prometheus:9090/",
            "KUBEDOOR_PROMETHEUS_HEADERS": "X-Scope-OrgID=prod, X-Other = a=b",
            "KUBEDOOR_NAMESPACES": "shop, payment,",
            "KUBEDOOR_WEEKDAYS_ONLY": "Yes",
            "KUBEDOOR_MIN_CPU": "0.02",
            "KUBEDOOR_MIN_MEMORY": "32Mi",
            "KUBEDOOR_SNAPSHOT_FILE": "/tmp/s.json",
            "KUBEDOOR_STORE_DSN": "https://u:p@clickhouse:8443/kubedoor/",
        }
    )
    assert loaded.prometheus_url == "http://prometheus:9090"
    assert loaded.prometheus_headers == {"X-Scope-OrgID": "prod", "X-Other": "a=b"}
    assert loaded.namespaces == ("shop", "payment")
    assert loaded.weekdays_only
    assert (loaded.min_cpu_millicores, loaded.min_memory_bytes) == (20, 32 * 2**20)
    assert str(loaded.snapshot_path) == "/tmp/s.json"
    assert not loaded.uses_sample
    assert loaded.store_dsn == "https://u:p@clickhouse:8443/kubedoor"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KUBEDOOR_PORT", "eighty"),
        ("KUBEDOOR_PORT", "70000"),
        ("KUBEDOOR_PROMETHEUS_URL", "prometheus:9090"),
        ("KUBEDOOR_PROMETHEUS_TIMEOUT_SECONDS", "soon"),
        ("KUBEDOOR_PROMETHEUS_TIMEOUT_SECONDS", "0"),
        ("KUBEDOOR_PROMETHEUS_HEADERS", "X-Scope"),
        ("KUBEDOOR_PEAK_WINDOWS", "10-11"),
        ("KUBEDOOR_TIME_ZONE", "Mars/Olympus"),
        ("KUBEDOOR_WEEKDAYS_ONLY", "maybe"),
        ("KUBEDOOR_SOURCE", "guess"),
        ("KUBEDOOR_PRICE_VCPU_HOUR", "-1"),
        ("KUBEDOOR_PRICE_CURRENCY", "dollars"),
        ("KUBEDOOR_NODE_PRICES", "spot:0.01/0.002"),
        ("KUBEDOOR_NODE_PRICES", "pool=spot:0.01"),
        ("KUBEDOOR_MIN_CPU", "ten"),
        ("KUBEDOOR_TLS_CERT_FILE", "/nowhere/tls.crt"),
        ("KUBEDOOR_STORE_DSN", "postgres://x"),
        ("KUBEDOOR_PROMETHEUS_URL", "http://prometheus:9090?x=1"),
        ("KUBEDOOR_PROMETHEUS_URL", "http://prometheus:0"),
        ("KUBEDOOR_PROMETHEUS_BEARER_TOKEN", "two\nlines"),
        ("KUBEDOOR_PROMETHEUS_HEADERS", "X Scope=prod"),
        ("KUBEDOOR_PROMETHEUS_HEADERS", "X-Scope=pröd"),
        ("KUBEDOOR_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("KUBEDOOR_API_TOKEN", "tökén"),
        ("KUBEDOOR_HOST", "localhost"),
    ],
)
def test_a_wrong_value_names_its_variable_and_shows_an_example(variable: str, value: str) -> None:
    (problem,) = [problem for problem in problems_of(**{variable: value}) if problem.startswith(variable)]
    row = next(row for row in settings.table() if row.variable == variable)
    assert f"set it like {variable}={row.example}" in problem


def test_all_problems_are_said_at_once() -> None:
    found = problems_of(KUBEDOOR_PORT="x", KUBEDOOR_SOURCE="y", KUBEDOOR_NO_SUCH="z")
    assert len(found) == 3
    assert found[-1].startswith("KUBEDOOR_NO_SUCH: there is no such setting")


def test_a_secret_value_is_never_repeated() -> None:
    (problem,) = problems_of(KUBEDOOR_STORE_DSN="mysql://root:hunter2@db")
    assert "hunter2" not in problem
    secrets = {"KUBEDOOR_ADMIN_PASSWORD": "hunter2-and-more", "KUBEDOOR_PROMETHEUS_URL": "http://u:hunter2@prometheus"}
    assert "hunter2" not in repr(settings.load(secrets))


@pytest.mark.parametrize("variable", ["KUBEDOOR_SESSION_SECRET", "KUBEDOOR_COLLECT_TOKEN", "KUBEDOOR_METRICS_TOKEN"])
@pytest.mark.parametrize("value", ["x", "fourteen-chars", "%" * 40])
def test_a_secret_that_can_be_guessed_is_refused_and_not_repeated(variable: str, value: str) -> None:
    (problem,) = problems_of(**{variable: value})
    assert problem.startswith(f"{variable}: its value has fewer than")
    assert "fourteen" not in problem
    assert "%" not in problem


@pytest.mark.parametrize("value", ["x", "password", "Password1!", "12345678"])
def test_a_trivial_first_password_is_refused(value: str) -> None:
    (problem,) = problems_of(KUBEDOOR_ADMIN_PASSWORD=value)
    assert "is too easy to guess" in problem
    assert settings.load({"KUBEDOOR_ADMIN_PASSWORD": "kubedoor"}).admin_password == "kubedoor", "for this machine only"


URLS = [row.variable for row in settings.table() if row.variable.endswith(("_URL", "_ISSUER", "_DSN"))]
WRONG_URLS = [
    "http//u:hunter2@x",
    "prometheus:hunter2@db",
    "http://u:hunter2@db:port",
    "http://u:hunter2@[",
    "https://u:hunter2@:9",
    "http://u:hunter2@a\u2100b",
    "clickhouse://u:hunter2@db:9000/x",
]


@pytest.mark.parametrize("variable", URLS)
@pytest.mark.parametrize("value", WRONG_URLS)
def test_an_address_may_have_a_password_and_is_never_repeated(variable: str, value: str) -> None:
    (problem,) = [problem for problem in problems_of(**{variable: value}) if problem.startswith(variable)]
    assert "hunter2" not in problem
    assert f"set it like {variable}=" in problem


def test_a_store_that_could_not_be_opened_is_a_problem_of_its_setting() -> None:
    for dsn, words in (("https://db:8443/my-db", "a plain name such as kubedoor"), ("https://db:8443/k", "named k")):
        (problem,) = problems_of(KUBEDOOR_STORE_DSN=dsn)
        assert words in problem


def test_the_dn_of_an_ldap_group_has_a_role_in_a_json_object() -> None:
    dn = "cn=sre,ou=groups,dc=example,dc=com"
    loaded = settings.load({"KUBEDOOR_OIDC_ROLE_MAPPING": json.dumps({dn: "admin", "*": "viewer"})})
    assert loaded.oidc_role_mapping == {dn: "admin", "*": "viewer"}
    loaded = settings.load({"KUBEDOOR_OIDC_ROLE_MAPPING": "sre=admin,a=b=viewer"})
    assert loaded.oidc_role_mapping == {"sre": "admin", "a=b": "viewer"}
    for wrong in (f"{dn}=admin", '{"sre": "root"}', '{"sre": {}}', '{"": "admin"}', '{"sre": "admin"', '{"sre"}'):
        (problem,) = problems_of(KUBEDOOR_OIDC_ROLE_MAPPING=wrong)
        assert problem.startswith("KUBEDOOR_OIDC_ROLE_MAPPING: ")


def test_a_folder_of_a_user_without_home_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 10001)
    (problem,) = problems_of(KUBEDOOR_DATA_DIR="~/data")
    assert "this user has no home folder" in problem


@pytest.mark.parametrize(
    ("environ", "want"),
    [
        ({"KUBEDOOR_SOURCE": "prometheus"}, "set KUBEDOOR_PROMETHEUS_URL too"),
        ({"KUBEDOOR_TLS_CERT_FILE": __file__}, "go together"),
        (
            {"KUBEDOOR_PROMETHEUS_BEARER_TOKEN": "t", "KUBEDOOR_PROMETHEUS_USERNAME": "u"},
            "exclude each other",
        ),
        ({"KUBEDOOR_OIDC_ISSUER": "https://id", "KUBEDOOR_OIDC_CLIENT_ID": "k"}, "KUBEDOOR_PUBLIC_URL"),
        ({"KUBEDOOR_OIDC_ISSUER": "https://id", "KUBEDOOR_PUBLIC_URL": "https://k"}, "KUBEDOOR_OIDC_CLIENT_ID"),
    ],
)
def test_contradictions_are_found(environ: dict[str, str], want: str) -> None:
    assert want in problems_of(**environ)[0]


def test_a_server_store_without_prometheus_is_no_sample_and_no_source() -> None:
    loaded = settings.load({"KUBEDOOR_STORE_DSN": "http://clickhouse"})
    assert not loaded.uses_sample
    with pytest.raises(SettingsError, match="KUBEDOOR_PROMETHEUS_URL is not set"):
        build_source(loaded)


def test_the_links_that_kubernetes_puts_into_pods_are_no_settings() -> None:
    links = {
        "KUBEDOOR_MUTATE_SERVICE_HOST": "10.0.0.1",
        "KUBEDOOR_MUTATE_PORT": "tcp://10.0.0.1:443",
        "KUBEDOOR_MUTATE_PORT_443_TCP_ADDR": "10.0.0.1",
        "KUBEDOOR_PORT": "tcp://10.0.0.1:80",
    }
    assert settings.load(links).port == 8080


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object of labels, annotations, nodeSelector, tolerations"),
        ('{"affinity": {}}', "must be a JSON object of labels"),
        ('{"labels": {"a": 1}}', "has labels that is not an object of texts"),
        ('{"tolerations": {}}', "has tolerations that is not a list"),
    ],
)
def test_fields_of_pods_are_checked(value: str, words: str) -> None:
    (problem,) = problems_of(KUBEDOOR_SCHEDULE_POD=value)
    assert words in problem
    assert settings.load({"KUBEDOOR_SCHEDULE_POD": '{"labels": {"a": "b"}}'}).schedule_pod == {"labels": {"a": "b"}}


def test_prices_by_node_label_are_read_in_order() -> None:
    loaded = settings.load({"KUBEDOOR_NODE_PRICES": "example.com/pool=a:0.01/0.002, zone=:1/0"})
    assert list(loaded.node_prices.items()) == [("example.com/pool=a", (0.01, 0.002)), ("zone=", (1.0, 0.0))]
