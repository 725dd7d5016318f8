"""The chart: every set of values renders to objects that the API server and Knative's webhook accept."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import SettingsError
from tests.contract.lab import replicas_of
from tests.contract.production import RESTRICTED, install_definitions
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import CHART, NAMESPACE, RELEASE, Release, helm, render
from tests.toolbox.knative import IMAGES, Knative
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import Client, start_kubedoor

Values = dict[str, Any]
LEAST: Values = {
    "prometheus": {"url": "http://prometheus.monitoring:9090"},
    "clickhouse": {"existingSecret": {"name": "store"}},
    "image": {"repository": f"{IMAGES}/kubedoor"},
}
DIGEST = "sha256:" + "a" * 64
MATRIX: dict[str, Values] = {
    "the least": {},
    "sample data": {"prometheus": {"url": "", "sample": True}},
    "clickhouse by dsn": {"clickhouse": {"dsn": "https://u:p%40ss@clickhouse:8443/kubedoor"}},
    "clickhouse built in": {"clickhouse": {"existingSecret": {"name": ""}, "builtin": {"enabled": True}}},
    "clickhouse replicas, own ca": {"clickhouse": {"cluster": "main", "ca": {"secretName": "ch-ca"}}},
    "prometheus with everything": {
        "prometheus": {
            "url": "https://vm.monitoring/select/0/prometheus",
            "basicAuth": {"secretName": "prom"},
            "headers": {"secretName": "prom"},
            "ca": {"secretName": "prom-ca"},
        },
        "cluster": {"name": "prod-1", "label": "env"},
    },
    "prometheus with a token": {"prometheus": {"bearerToken": {"secretName": "prom", "key": "token"}}},
    "certificates generated": {"tls": {"mode": "generated"}},
    "certificates given": {"tls": {"mode": "secret", "secretName": "my-tls"}},
    "mutate as a deployment": {"mutate": {"mode": "deployment", "replicas": 3, "priorityClassName": "high"}},
    "strict door": {"door": {"failurePolicy": "Fail", "unknownWorkloads": "deny", "onInternalError": "deny"}},
    "policies beside the webhook": {"control": {"door": "both"}},
    "policies, switched with kubectl": {"control": {"door": "native"}, "api": {"canSwitch": False}},
    "node port": {"api": {"nodePort": {"enabled": True, "port": 30080}}, "networkPolicy": {"enabled": True}},
    "ingress": {
        "api": {
            "publicUrl": "https://kubedoor.example.com",
            "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "web"},
        }
    },
    "knative domain and login": {
        "api": {"visibility": "external", "publicUrl": "https://kubedoor.example.com", "minScale": 1, "trustedHops": 3},
        "oidc": {
            "issuer": "https://id.example.com",
            "clientSecret": {"secretName": "id"},
            "roleMapping": {"cn=ops,ou=groups,dc=example": "admin", "*": "viewer"},
        },
        "admin": {"username": "root", "existingSecret": {"name": "admin"}},
    },
    "further clusters": {
        "cluster": {"name": "prod-1", "label": "env"},
        "clusters": [
            {"name": "prod-2"},
            {
                "name": "prod-3",
                "kubeconfig": {"secretName": "prod-3", "context": "admin"},
                "prometheus": {
                    "url": "https://vm.prod-3/select/0/prometheus",
                    "basicAuth": {"secretName": "prod-3-prom", "username": "kubedoor"},
                    "headers": {"secretName": "prod-3-prom"},
                    "ca": {"secretName": "prod-3-ca"},
                    "concurrency": 1,
                },
                "peak": {"windows": "20:00-21:30", "timeZone": "Europe/Berlin", "weekdaysOnly": True},
                "namespaces": {"exclude": ["kube-system"]},
                "door": {
                    "mode": "native",
                    "namespace": "doors",
                    "ca": {"secretName": "prod-3-door"},
                    "timeoutSeconds": 3,
                },
            },
        ],
    },
    "the door alone": {
        "doorOnly": True,
        "cluster": {"name": "prod-2"},
        "prometheus": {"url": ""},
        "mutate": {"mode": "deployment"},
        "networkPolicy": {"enabled": True},
    },
    "ping source": {
        "collect": {"trigger": "pingsource", "schedule": "*/15 12 * * *"},
        "secrets": {"collectToken": "made-of-random-letters"},
    },
    "rights taken away": {
        "api": {"canSwitch": False, "canAct": False, "lookSeconds": 0},
        "collect": {"canReadCluster": False},
        "schedules": {"enabled": False},
    },
    "secrets from elsewhere": {"secrets": {"existingSecret": "mine"}, "imagePullSecrets": [{"name": "registry"}]},
    "users that the platform chooses": {
        "podSecurity": {"runAsUser": None},
        "clickhouse": {"existingSecret": {"name": ""}, "builtin": {"enabled": True}},
        "tls": {"mode": "generated"},
    },
    "names that YAML takes for numbers": {
        "imagePullSecrets": [{"name": "123"}, {"name": "456"}],
        "clickhouse": {"existingSecret": {"name": "1234", "key": "1"}, "ca": {"secretName": "7", "key": "2"}},
        "prometheus": {
            "basicAuth": {"secretName": "8", "usernameKey": "1", "passwordKey": "2"},
            "headers": {"secretName": "9", "key": "3"},
        },
        "secrets": {"existingSecret": "99"},
        "admin": {"existingSecret": {"name": "1000", "key": "4"}},
        "tls": {"mode": "generated", "secretName": "0123"},
        "api": {
            "publicUrl": "https://kubedoor.example.com",
            "ingress": {"enabled": True, "className": "1", "tlsSecretName": "2"},
        },
        "mutate": {"mode": "deployment", "priorityClassName": "100"},
        "clusters": [{"name": "prod-2", "kubeconfig": {"secretName": "5"}, "prometheus": {"url": "http://p:9090"}}],
        "oidc": {"issuer": "https://id.example.com", "clientSecret": {"secretName": "6", "key": "5"}},
    },
    "more of everything": {
        "image": {"digest": DIGEST, "pullPolicy": "Always"},
        "snapshot": {"shards": 9},
        "settings": {"KUBEDOOR_LOG_LEVEL": "debug", "KUBEDOOR_PORT": 8080},
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "podLabels": {"team": "platform"},
        "podAnnotations": {"sidecar.istio.io/inject": "false"},
        "peak": {"windows": "10:00-11:30,20:00-21:00", "timeZone": "Europe/Berlin", "weekdaysOnly": True},
        "networkPolicy": {"enabled": True},
    },
}
BAD: dict[str, tuple[Values, str]] = {
    "a policy that is none": (
        {"door": {"failurePolicy": "ignore"}},
        "at '/door/failurePolicy': value must be one of 'Ignore', 'Fail'",
    ),
    "replicas in words": ({"mutate": {"replicas": "two"}}, "at '/mutate/replicas': got string, want integer"),
    "no replicas": ({"mutate": {"replicas": 0}}, "at '/mutate/replicas': minimum: got 0, want 1"),
    "a timeout beyond Kubernetes'": (
        {"door": {"timeoutSeconds": 31}},
        "at '/door/timeoutSeconds': maximum: got 31, want 30",
    ),
    "a misspelt name": ({"peak": {"timezone": "UTC"}}, "at '/peak': additional properties 'timezone' not allowed"),
    "a window that is none": ({"peak": {"windows": "10-11"}}, "at '/peak/windows': '10-11' does not match pattern"),
    "an address without scheme": ({"prometheus": {"url": "prometheus:9090"}}, "at '/prometheus/url'"),
    "a mode that is none": ({"mutate": {"mode": "daemonset"}}, "value must be one of 'knative', 'deployment'"),
    "a setting that is none": (
        {"settings": {"LOG_LEVEL": "debug"}},
        "'LOG_LEVEL' does not match pattern '^KUBEDOOR_[A-Z_]+$'",
    ),
    "no clickhouse": (
        {"clickhouse": {"existingSecret": {"name": ""}}},
        "Where is ClickHouse? Set clickhouse.existingSecret.name",
    ),
    "no prometheus": ({"prometheus": {"url": ""}}, "Where is Prometheus? Set prometheus.url"),
    "two credentials": (
        {"prometheus": {"bearerToken": {"secretName": "a"}, "basicAuth": {"secretName": "b"}}},
        "prometheus.bearerToken and prometheus.basicAuth exclude each other",
    ),
    "a further cluster that nothing tells apart": (
        {"clusters": [{"name": "prod-2"}]},
        "clusters: prod-2 has no prometheus.url of its own",
    ),
    "a further cluster without a name": (
        {"clusters": [{"kubeconfig": {"secretName": "x"}}]},
        "missing property 'name'",
    ),
    "a door alone with clusters": (
        {"doorOnly": True, "clusters": [{"name": "prod-2"}]},
        "doorOnly installs nothing that asks other clusters",
    ),
    "the nodes' network for Knative": ({"mutate": {"hostNetwork": True}}, "Set mutate.mode to deployment"),
    "a ping source without token": ({"collect": {"trigger": "pingsource"}}, "set secrets.collectToken"),
    "a budget too large": ({"collect": {"budgetSeconds": 500}}, "collect.budgetSeconds must be at most a third"),
    "one strict door": (
        {"door": {"failurePolicy": "Fail"}, "mutate": {"replicas": 1}},
        "door.failurePolicy=Fail with one replica would stop all releases",
    ),
}


def merged(*many: Values) -> Values:
    result: Values = {}
    for values in many:
        for name, value in values.items():
            known = result.get(name)
            result[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    try:
        with ControlPlane() as plane:
            install_definitions(plane)
            namespace = {"name": NAMESPACE, "labels": RESTRICTED}
            plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def knative(plane: ControlPlane) -> Iterator[Knative]:
    with Knative(plane) as knative:
        yield knative


def accept(plane: ControlPlane, manifests: list[dict[str, Any]]) -> str:
    """Applies all objects in a dry run; returns the output with warnings. Raises PartFailed if one is refused."""
    document = {"apiVersion": "v1", "kind": "List", "items": manifests}
    return plane.kubectl(
        "apply", "--dry-run=server", "--namespace", NAMESPACE, "-f", "-", input=json.dumps(document)
    ).stderr


@pytest.mark.parametrize("name", list(MATRIX))
def test_values_lint_render_and_are_accepted(plane: ControlPlane, knative: Knative, tmp_path: Path, name: str) -> None:
    values = merged(LEAST, MATRIX[name])
    assert "0 chart(s) failed" in helm(tmp_path, "lint", "--strict", CHART, values=values).stdout
    # Pod Security warns about Deployments and Jobs whose pods it would refuse.
    assert accept(plane, render(tmp_path, values)) == ""


@pytest.mark.parametrize("name", list(BAD))
def test_bad_values_are_refused_in_words(tmp_path: Path, name: str) -> None:
    values, words = BAD[name]
    with pytest.raises(PartFailed) as caught:
        render(tmp_path, merged(LEAST, values))
    assert words in str(caught.value)


FURTHER = {"cluster": {"label": "env"}}
REFUSED_BY_BOTH: dict[str, tuple[Values, dict[str, str]]] = {
    "a door that gives up before its store": ({"door": {"timeoutSeconds": 1}}, {"WEBHOOK_TIMEOUT_SECONDS": "1"}),
    "a door elsewhere that does": (
        merged(FURTHER, {"clusters": [{"name": "west", "door": {"timeoutSeconds": 1}}]}),
        {"CLUSTER_LABEL": "env", "CLUSTERS": "[{name: west, door: {timeout_seconds: 1}}]"},
    ),
    "a zone on no map": ({"peak": {"timeZone": "Mars/Olympus"}}, {"TIME_ZONE": "Mars/Olympus"}),
    "a zone in small letters": ({"peak": {"timeZone": "asia/shanghai"}}, {"TIME_ZONE": "asia/shanghai"}),
    "a zone elsewhere": (
        merged(FURTHER, {"clusters": [{"name": "west", "peak": {"timeZone": "Berlin"}}]}),
        {"CLUSTER_LABEL": "env", "CLUSTERS": "[{name: west, time_zone: Berlin}]"},
    ),
    **{
        f"windows {windows}": ({"peak": {"windows": windows}}, {"PEAK_WINDOWS": windows})
        for windows in (
            "10:00-10:00",
            "24:00-01:00",
            "10:00-24:30",
            "10:60-11:00",
            "10:00-11:30,11:30-12:00",
            "10:00-12:00,11:00-11:30",
            "20:00-02:00,01:00-03:00",
            "00:00-24:00,23:00-23:30",
            "10:00-11:00,12:00-13:00,14:00-15:00,16:00-17:00",
            "10-11",
        )
    },
    **{
        f"an amount of {amount!r}": ({"peak": {"minCpu": amount}}, {"MIN_CPU": str(amount)})
        for amount in ("0", "0m", "-1", ".", "1..2", "10mm", "1e", "ten", 0, -1)
    },
    "no memory": ({"peak": {"minMemory": "0Mi"}}, {"MIN_MEMORY": "0Mi"}),
    "memory in small letters": ({"peak": {"minMemory": "1mi"}}, {"MIN_MEMORY": "1mi"}),
    **{
        f"the network {network}": ({"api": {"trustedProxies": [network]}}, {"TRUSTED_PROXIES": network})
        for network in ("10.0.0.0/33", "10.0.0", "256.0.0.1", "10.0.0.1/", "fd00::/129", "1:2:3:4:5:6:7:8:9", ":::")
    },
    **{
        f"the address {url}": ({"prometheus": {"url": url}}, {"PROMETHEUS_URL": url})
        for url in ("prometheus:9090", "http//prometheus", "http://:9090", "http://p:99999", "http://p:0", "ftp://p")
    },
    **{
        f"the store {dsn}": (
            {"clickhouse": {"existingSecret": {"name": ""}, "dsn": dsn}},
            {"STORE_DSN": dsn},
        )
        for dsn in ("clickhouse://db:9000/x", "https://db/my-db", "https://db/k", "https://db:port/kubedoor")
    },
    "a login that leads nowhere": (
        {"oidc": {"issuer": "https://id"}},
        {"OIDC_ISSUER": "https://id", "OIDC_CLIENT_ID": "kubedoor"},
    ),
    "a role that is none": (
        {"oidc": {"issuer": "https://id", "roleMapping": {"sre": "root"}}, "api": {"publicUrl": "https://k"}},
        {"OIDC_ROLE_MAPPING": '{"sre": "root"}'},
    ),
    **{
        f"the first password {password}": ({"admin": {"password": password}}, {"ADMIN_PASSWORD": password})
        for password in ("short", "12345678", "Password1!", "kubedoor-2026")
    },
    "a secret of one letter": ({"secrets": {"sessionSecret": "x"}}, {"SESSION_SECRET": "x"}),
    "a token that is short": ({"secrets": {"collectToken": "fifteen-letters"}}, {"COLLECT_TOKEN": "fifteen-letters"}),
    "a secret that is guessed": ({"secrets": {"collectToken": "hunter2"}}, {"COLLECT_TOKEN": "hunter2"}),
    "one name for two clusters": (
        merged(FURTHER, {"clusters": [{"name": "default"}]}),
        {"CLUSTER_LABEL": "env", "CLUSTERS": "[{name: default}]"},
    ),
}
TAKEN_BY_BOTH: dict[str, Values] = {
    "amounts without quotes": {"peak": {"minCpu": 0.02, "minMemory": 33554432}},
    "amounts in other forms": {"peak": {"minCpu": "1e-2", "minMemory": ".5Gi"}},
    "windows over midnight": {"peak": {"windows": "23:00-01:00,01:30-02:00,22:00-22:59", "timeZone": "Asia/Kolkata"}},
    "a whole day": {"peak": {"windows": "0:00-24:00", "timeZone": "UTC"}},
    "networks": {"api": {"trustedProxies": ["10.1.2.3/8", "127.0.0.1", "fd00::/8", "::1"]}},
    "an address with everything": {"prometheus": {"url": "https://u:p%40ss@[::1]:65535/select/0/prometheus"}},
    "groups with commas": {
        "oidc": {"issuer": "https://id", "roleMapping": {"cn=sre,dc=example": "admin", "*": "viewer"}},
        "api": {"publicUrl": "https://k"},
    },
    "settings that are false or zero": {
        "peak": {"weekdaysOnly": True},
        "api": {"lookSeconds": 60},
        "settings": {"KUBEDOOR_WEEKDAYS_ONLY": False, "KUBEDOOR_STUCK_SECONDS": 0, "KUBEDOOR_LOOK_BACK_DAYS": 21},
    },
}


@pytest.mark.parametrize("name", list(REFUSED_BY_BOTH))
def test_the_chart_refuses_what_kubedoor_refuses(tmp_path: Path, name: str) -> None:
    values, settings = REFUSED_BY_BOTH[name]
    with pytest.raises(PartFailed) as caught:
        render(tmp_path, merged(LEAST, values))
    assert "kubedoor" in str(caught.value)
    for secret in (one for one in settings.values() if "://" in one or one == "hunter2"):
        assert secret not in str(caught.value), "an address may have a password"
    with pytest.raises(SettingsError):
        clusters.load({f"KUBEDOOR_{variable}": value for variable, value in settings.items()})


@pytest.mark.parametrize("name", list(TAKEN_BY_BOTH))
def test_kubedoor_loads_what_the_chart_takes(tmp_path: Path, name: str) -> None:
    loaded = settings_of("api", render(tmp_path, merged(LEAST, TAKEN_BY_BOTH[name])), tmp_path).home
    if name == "settings that are false or zero":
        assert (loaded.weekdays_only, loaded.stuck_seconds, loaded.look_back_days) == (False, 0, 21)
    if name == "groups with commas":
        assert loaded.oidc_role_mapping == {"cn=sre,dc=example": "admin", "*": "viewer"}
    if name == "amounts without quotes":
        assert (loaded.min_cpu_millicores, loaded.min_memory_bytes) == (20, 33554432)


def settings_of(part: str, manifests: list[dict[str, Any]], folder: Path) -> ClusterSettings:
    """As the process of this part loads them; what comes from a Secret or a mounted file is made up."""
    (service,) = [one for one in manifests if one["kind"] == "Service" and one["metadata"]["name"] == part]
    environment = {
        one["name"]: one.get("value", "")
        for one in service["spec"]["template"]["spec"]["containers"][0]["env"]
        if one["name"].startswith("KUBEDOOR_")
    }
    (folder / "ca.crt").write_text("CA")
    files = {name: str(folder / "ca.crt") for name in environment if name.endswith("_CA_FILE")}
    return clusters.load(environment | files | {"KUBEDOOR_STORE_DSN": "https://u:p@clickhouse:8443/kubedoor"})


def test_every_value_is_explained_in_the_schema_and_the_file() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    text = (CHART / "values.yaml").read_text()
    assert all(f"\n{name}:" in text for name in schema["properties"] if name != "global")


def test_further_clusters_are_settings_that_load_with_their_files_in_place(tmp_path: Path) -> None:
    """KubeDoor loads the settings that the chart renders from `clusters`; every file they name is mounted."""
    manifests = render(tmp_path, merged(LEAST, MATRIX["further clusters"]))
    for name in ("api", "collect"):
        (service,) = [one for one in manifests if one["kind"] == "Service" and one["metadata"]["name"] == name]
        spec = service["spec"]["template"]["spec"]
        environment = {one["name"]: one.get("value", "") for one in spec["containers"][0]["env"]}
        (volume,) = [one for one in spec["volumes"] if one["name"] == "clusters"]
        for source in volume["projected"]["sources"]:
            for item in source["secret"]["items"]:
                file = tmp_path / item["path"]
                file.parent.mkdir(exist_ok=True)
                file.write_text("X-Scope-OrgID=prod-3")
        entries = environment["KUBEDOOR_CLUSTERS"].replace("/clusters/", f"{tmp_path}/")
        names = ("KUBEDOOR_CLUSTER", "KUBEDOOR_CLUSTER_LABEL", "KUBEDOOR_PROMETHEUS_URL")
        loaded = clusters.load({**{one: environment[one] for one in names}, "KUBEDOOR_CLUSTERS": entries})
        third = loaded.for_cluster("prod-3")
        assert [bool(one.no_access) for one in loaded.every_cluster] == [False, True, False]
        assert (third.prometheus_headers, third.kube_context) == ({"X-Scope-OrgID": "prod-3"}, "admin")
        assert (third.time_zone, third.namespace, third.webhook_timeout_seconds) == ("Europe/Berlin", "doors", 3)
    (door,) = [one for one in manifests if one["kind"] == "Service" and one["metadata"]["name"] == "mutate"]
    assert "KUBEDOOR_CLUSTERS" not in json.dumps(door), "a door knows its own cluster only"


def test_the_door_alone_neither_collects_nor_serves_pages(tmp_path: Path) -> None:
    manifests = render(tmp_path, merged(LEAST, MATRIX["the door alone"]))
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    assert ("Deployment", "mutate") in names
    assert ("Secret", "kubedoor-api-token") in names
    assert not names & {("Service", "api"), ("Service", "collect"), ("CronJob", "kubedoor-collect")}


@pytest.mark.parametrize(
    ("values", "want"),
    [
        pytest.param({}, ["kubedoor-collect"], id="by default"),
        pytest.param(MATRIX["the door alone"], ["kubedoor-api"], id="the home cluster collects with this token"),
        pytest.param({"collect": {"canReadCluster": False}}, [], id="switched off"),
    ],
)
def test_who_may_read_the_cluster(tmp_path: Path, values: Values, want: list[str]) -> None:
    manifests = render(tmp_path, merged(LEAST, values))
    bound = [
        one for one in manifests if one["kind"] == "ClusterRoleBinding" and one["roleRef"]["name"] == "kubedoor-collect"
    ]
    assert [subject["name"] for one in bound for subject in one["subjects"]] == want
    roles = [one for one in manifests if one["kind"] == "ClusterRole" and one["metadata"]["name"] == "kubedoor-collect"]
    assert len(roles) == len(bound)
    assert {verb for one in roles for rule in one["rules"] for verb in rule["verbs"]} <= {"list"}


def notes(folder: Path, values: Values) -> str:
    """The rendered NOTES.txt: helm renders it only with a cluster."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    shutil.copy(chart / "templates/NOTES.txt", chart / "notes.txt")
    (chart / "templates/notes.yaml").write_text('notes: {{ tpl (.Files.Get "notes.txt") . | quote }}\n')
    words = ("template", "kubedoor", chart, "--namespace", NAMESPACE, "--show-only", "templates/notes.yaml")
    return str(yaml.safe_load(helm(folder, *words, values=merged(LEAST, values)).stdout)["notes"])


def test_the_notes_warn_of_proxies_that_are_not_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    shared = "all users behind one gateway count as one address"
    for values, want in (({}, True), ({"api": {"trustedHops": 3}}, False), ({"doorOnly": True}, False)):
        text = notes(tmp_path_factory.mktemp("notes"), values)
        assert (shared in text) == want, text


FIRST_PASSWORDS: dict[str, tuple[Values, dict[str, Any] | None, str]] = {
    "random": (
        {},
        {"name": "kubedoor", "key": "admin-password"},
        "get secret kubedoor -o jsonpath='{.data.admin-password}'",
    ),
    "a value": (
        {"admin": {"password": "chosen by hand"}},
        {"name": "kubedoor", "key": "admin-password"},
        "get secret kubedoor",
    ),
    "a secret": (
        {"admin": {"existingSecret": {"name": "boss"}}},
        {"name": "boss", "key": "password"},
        "in Secret boss",
    ),
    "all secrets from elsewhere": (
        {"secrets": {"existingSecret": "mine"}},
        {"name": "mine", "key": "admin-password", "optional": True},
        "in Secret mine, key admin-password",
    ),
    "a setting": ({"settings": {"KUBEDOOR_ADMIN_PASSWORD": "chosen by hand"}}, None, "of the settings"),
    "a pod's variable": (
        {"extraEnv": [{"name": "KUBEDOOR_ADMIN_PASSWORD", "value": "chosen by hand"}]},
        None,
        "of the settings",
    ),
}


@pytest.mark.parametrize("name", list(FIRST_PASSWORDS))
def test_the_first_password_comes_from_a_secret_and_the_notes_say_which(tmp_path: Path, name: str) -> None:
    values, reference, words = FIRST_PASSWORDS[name]
    manifests = render(tmp_path, merged(LEAST, values))
    (api,) = [one for one in manifests if one["kind"] == "Service" and one["metadata"]["name"] == "api"]
    variables = api["spec"]["template"]["spec"]["containers"][0]["env"]
    (password,) = [one for one in variables if one["name"] == "KUBEDOOR_ADMIN_PASSWORD"]
    assert password.get("valueFrom", {}).get("secretKeyRef") == reference
    made = [
        one["stringData"].get("admin-password")
        for one in manifests
        if one["metadata"]["name"] == "kubedoor" and one["kind"] == "Secret"
    ]
    if name == "random":
        assert len(made[0]) >= 20
    elif name == "a value":
        assert made == ["chosen by hand"]
    else:
        assert not any(made)
    assert words in notes(tmp_path, values)


def test_knative_itself_refuses_a_scale_that_is_none(plane: ControlPlane, knative: Knative, tmp_path: Path) -> None:
    services = [one for one in render(tmp_path, LEAST) if one["apiVersion"].startswith("serving.knative.dev")]
    annotations = services[0]["spec"]["template"]["metadata"]["annotations"]
    annotations["autoscaling.knative.dev/min-scale"] = "many"
    with pytest.raises(PartFailed, match=r'(?s)webhook "validation.*min-scale'):
        accept(plane, services[:1])


def checksums(rendered: str) -> set[str]:
    """Of the pods of the three functions."""
    pods = [one["spec"]["template"] for one in yaml.safe_load_all(rendered) if one and one["kind"] == "Service"
            and one["apiVersion"].startswith("serving")]  # fmt: skip
    assert len(pods) == 3
    return {pod["metadata"]["annotations"]["kubedoor.io/secrets-checksum"] for pod in pods}


def test_a_secret_that_changes_rolls_the_pods_that_read_it(plane: ControlPlane, tmp_path: Path) -> None:
    """They read it at their start only; a setting that changes stands in the pods themselves."""
    words = ("template", RELEASE, CHART, "--namespace", NAMESPACE)
    dsns = [{**LEAST, "clickhouse": {"dsn": f"https://u:{password}@ch:8443/kubedoor"}} for password in ("a", "a", "b")]
    (first,), (same,), (other,) = (checksums(helm(tmp_path, *words, values=values).stdout) for values in dsns)
    assert first == same != other
    token = {"prometheus": {**LEAST["prometheus"], "bearerToken": {"secretName": "prom-token", "key": "token"}}}

    def stored(text: str) -> set[str]:
        plane.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "prom-token", "namespace": NAMESPACE},
                     "stringData": {"token": text}})  # fmt: skip
        kubeconfig = plane.credentials("helm", user="helm", groups=("system:masters",))
        asked = (*words, "--dry-run=server")
        return checksums(helm(tmp_path, *asked, values={**LEAST, **token}, kubeconfig=kubeconfig).stdout)

    try:
        assert stored("one") == stored("one") != stored("two")
    finally:
        plane.kubectl("delete", "secret", "prom-token", "-n", NAMESPACE)


def test_api_can_reach_itself_without_cronjobs_too(tmp_path: Path) -> None:
    """To stay awake while it works."""
    rendered = render(tmp_path, {**LEAST, "schedules": {"enabled": False}})
    (api,) = [one for one in rendered if one["kind"] == "Service" and one["metadata"]["name"] == "api"]
    env = {one["name"]: one.get("value") for one in api["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["KUBEDOOR_SCHEDULE_API_URL"] == f"http://api.{NAMESPACE}.svc.cluster.local"
    assert "KUBEDOOR_SCHEDULE_IMAGE" not in env


def test_without_a_cluster_every_random_text_can_be_given(tmp_path: Path) -> None:
    """For tools that only render: two renderings are equal."""
    values = merged(LEAST, MATRIX["secrets from elsewhere"])
    assert render(tmp_path, values) == render(tmp_path, values)


@pytest.fixture(scope="module")
def services(plane: ControlPlane, knative: Knative, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Installs the three Knative Services; returns their ready Deployments by name."""
    # Without the policies: the KubeDoor that is switched on in front of this has a port of its own.
    Release(plane, tmp_path_factory.mktemp("helm")).install(merged(LEAST, {"admissionPolicies": False}))

    def are_ready() -> bool:
        knative.admit_routes(NAMESPACE)
        found = plane.get_all("services.serving.knative.dev", NAMESPACE)
        conditions = [one for service in found for one in service.get("status", {}).get("conditions", ())]
        ready = [one for one in conditions if one["type"] == "Ready" and one["status"] == "True"]
        return len(ready) == 3

    processes.wait_until(are_ready, what=f"Knative's Services are ready\n{knative.log_tails()}", timeout_seconds=120)
    return {one["metadata"]["name"]: one for one in plane.get_all("deployments", NAMESPACE)}


def test_knative_runs_two_doors_and_one_of_the_others(plane: ControlPlane, services: dict[str, Any]) -> None:
    plane.wait_for(
        lambda: replicas_of(plane.get("deployment", "mutate-00001-deployment", NAMESPACE)) == 2,
        what="the autoscaler has scaled the door to its minimum",
    )
    assert {name: replicas_of(one) for name, one in services.items() if not name.startswith("mutate")} == {
        "api-00001-deployment": 1,
        "collect-00001-deployment": 1,
    }


def test_the_pods_are_what_the_door_needs(plane: ControlPlane, services: dict[str, Any]) -> None:
    spec = services["mutate-00001-deployment"]["spec"]["template"]["spec"]
    (door,) = [one for one in spec["containers"] if one["name"] == "mutate"]
    (queue,) = [one for one in spec["containers"] if one["name"] == "queue-proxy"]
    assert [port["containerPort"] for port in door["ports"]] == [8443]
    assert "readinessProbe" not in door, "the queue-proxy probes for the kubelet"
    probes = [one["value"] for one in queue["env"] if one["name"] == "SERVING_READINESS_PROBE"]
    assert json.loads(probes[0])["tcpSocket"]["port"] == 8443
    liveness = {name: door["livenessProbe"]["httpGet"][name] for name in ("scheme", "path", "port")}
    assert liveness == {"scheme": "HTTPS", "path": "/healthz", "port": 8443}, "the kubelet asks, in this mode too"
    assert door["lifecycle"]["preStop"]["httpGet"]["path"] == "/wait-for-drain"
    assert spec["terminationGracePeriodSeconds"] == 60, "30 s without requests, then the door drains for 15 s"
    assert spec["automountServiceAccountToken"] is False
    assert door["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_doors_service_selects_the_revisions_pods(plane: ControlPlane, services: dict[str, Any]) -> None:
    def addresses() -> list[str]:
        slices = plane.get_all("endpointslices", NAMESPACE, selector="kubernetes.io/service-name=kubedoor-mutate")
        return [
            one["targetRef"]["name"] for part in slices for one in part["endpoints"] or () if one["conditions"]["ready"]
        ]

    plane.wait_for(lambda: len(addresses()) == 2, what="the Service has both pods")
    assert all(name.startswith("mutate-00001-deployment-") for name in addresses())


def test_timeouts_of_collect_are_set_together(plane: ControlPlane, services: dict[str, Any]) -> None:
    spec = plane.get("revisions.serving.knative.dev", "collect-00001", NAMESPACE)["spec"]
    assert (spec["timeoutSeconds"], spec["responseStartTimeoutSeconds"]) == (600, 600)
    metadata = plane.get("revisions.serving.knative.dev", "collect-00001", NAMESPACE)["metadata"]
    assert metadata["annotations"]["autoscaling.knative.dev/min-scale"] == "0"


def test_the_door_leaves_knatives_own_deployments_alone(
    plane: ControlPlane, knative: Knative, services: dict[str, Any], clickhouse: ClickHouse, tmp_path: Path
) -> None:
    settings = {
        "KUBEDOOR_STORE_DSN": clickhouse.dsn,
        "KUBEDOOR_CLUSTER": "knative",
        "KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS": "20",
    }
    plane.kubectl("delete", "service", "kubedoor-mutate", "-n", NAMESPACE)
    kubedoor = start_kubedoor(plane, None, folder=tmp_path, settings=settings)
    client = Client(kubedoor.url)
    try:
        client.log_in()
        client.collect(2, on_progress=lambda _record: None)
        client.switch(enabled=True)
        plane.kubectl("create", "namespace", "functions")
        for scale in ("2", "4"):
            plane.apply(hello(scale))
            number = {"2": "00001", "4": "00002"}[scale]

            def is_scaled(number: str = number, scale: str = scale) -> bool:
                knative.admit_routes("functions")
                found = plane.kubectl(
                    "get", "deployment", f"hello-{number}-deployment", "-n", "functions", "-o", "json", check=False
                )
                return found.returncode == 0 and json.loads(found.stdout)["spec"]["replicas"] == int(scale)

            processes.wait_until(is_scaled, what=f"Knative has scaled to {scale}", timeout_seconds=60)
        rows = client.call("GET", "/admissions?namespace=functions")
        assert {row["outcome"] for row in rows} <= {"ignored"}
        assert plane.kubectl("create", "deployment", "plain", "--image=i", "-n", "functions").stderr.startswith(
            "Warning: KubeDoor"
        )
    finally:
        client.switch(enabled=False)
        client.close()
        kubedoor.child.stop()


def hello(scale: str) -> dict[str, Any]:
    template = {
        "metadata": {"annotations": {"autoscaling.knative.dev/min-scale": scale}},
        "spec": {"containers": [{"image": f"{IMAGES}/hello:{scale}"}]},
    }
    metadata = {"name": "hello", "namespace": "functions"}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": template},
    }


@pytest.mark.parametrize(
    ("door", "on"), [("webhook", ["webhook"]), ("native", ["policies"]), ("both", ["webhook", "policies"])]
)
def test_the_notes_name_the_commands_of_what_enforces(tmp_path: Path, door: str, on: list[str]) -> None:
    """Off is off also of what an earlier value of `control.door` has left."""
    text = notes(tmp_path, {"control": {"door": door}, "mutate": {"mode": "deployment"}})
    switched_on = re.findall(r"exec deploy/mutate -- python -m kubedoor (\w+) \| kubectl apply -f -", text)
    switched_off = re.findall(r"kubectl delete --ignore-not-found (\w+) kubedoor-\w+", text)
    assert switched_on == on
    assert switched_off == ["mutatingwebhookconfigurations", "mutatingadmissionpolicybindings"]


@pytest.mark.parametrize("door", ["webhook", "native"])
def test_the_kind_of_the_parameters_is_there_whatever_enforces(tmp_path: Path, door: str) -> None:
    """So that a change of the value never takes it from under policies that are in force, and an upgrade brings a new one."""
    rendered = render(tmp_path, merged(LEAST, {"control": {"door": door}}))
    (found,) = [one for one in rendered if one["kind"] == "CustomResourceDefinition"]
    assert found == custom_resource_definition()
    roles = {one["metadata"]["name"]: one["rules"] for one in rendered if one["kind"] == "ClusterRole"}
    writing = {"create", "patch"}
    for name in ("kubedoor-values", "kubedoor-native"):
        (verbs,) = [set(rule["verbs"]) for rule in roles[name] if rule["apiGroups"] != [""]]
        assert "get" in verbs, "what another value has left in the cluster is seen"
        assert writing.isdisjoint(verbs) is (door == "webhook")
    (bound,) = [
        one for one in rendered if one["kind"] == "ClusterRoleBinding" and one["metadata"]["name"] == "kubedoor-values"
    ]
    accounts = [one["name"] for one in bound["subjects"]]
    assert accounts == (["kubedoor-api"] if door == "webhook" else ["kubedoor-collect", "kubedoor-api"])
