"""The installed chart does its job end to end, and its roles have exactly the permissions that are needed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import yaml

from kubedoor.admission import webhook_configuration
from kubedoor.admission.native.parameters import namespace_objects
from kubedoor.admission.native.policies import NAMES
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.rules import Rules
from kubedoor.collection.cluster_facts.from_api import facts_from_api
from kubedoor.config import settings
from kubedoor.errors import KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.live.reader import DEPLOYMENTS
from kubedoor.model.cluster_facts import FactKind
from kubedoor.runtime import jobs
from kubedoor.schedules.cronjob import CronJobOptions
from kubedoor.schedules.cronjob_client import CronJobs
from tests.contract.conftest import PrometheusOf
from tests.contract.lab import replicas_of, resources_of
from tests.contract.production import Production, install_definitions, production, values_of
from tests.support.builders import make_container, make_deployment
from tests.support.clickhouse import ClickHouse
from tests.toolbox import processes
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.fleets import newest_day
from tests.toolbox.helm import CHART, NAMESPACE, render
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import Client
from tests.toolbox.series import App, Container, Fleet, Shape

CLUSTER = "production"
PASSWORD = "Better-than-the-first-1"
MIB = 2**20
Rule = tuple[str, str, str]
"""Role, resource, verb."""


def fleet() -> Fleet:
    """Three days of one Deployment with four pods and no requests."""
    container = Container("app", Shape(0.2), Shape(300 * MIB))
    last = newest_day(datetime.now(UTC))
    return Fleet((App("web", "shop", (container,), 4),), last - timedelta(days=2), 3)


@dataclass
class Installed:
    """KubeDoor after `helm install`, with a pod of `collect`, a pod of `api`, and a session."""

    production: Production
    values: dict[str, Any]
    client: Client

    @property
    def plane(self) -> ControlPlane:
        return self.production.plane


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    try:
        with ControlPlane(unsimulated="kubedoor") as plane:
            install_definitions(plane)
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def installed(
    plane: ControlPlane,
    prometheus_of: PrometheusOf,
    clickhouse: ClickHouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installed]:
    with production(plane, tmp_path_factory.mktemp("production")) as found:
        values = values_of(
            found.door_port,
            clickhouse.dsn,
            cluster={"name": CLUSTER},
            prometheus={"sample": False, "url": prometheus_of(fleet()).url},
            peak={"windows": "10:00-11:30", "timeZone": "UTC", "lookBackDays": 3},
            door={"timeoutSeconds": 20},
            settings={"KUBEDOOR_SNAPSHOT_WAIT_SECONDS": "8"},
        )
        found.release.install(values)
        found.lead_to_the_door()
        found.wait_for_pods("mutate", 2)
        found.run_service("collect")
        with closing(found.client()) as client:
            first = found.first_password()
            with pytest.raises(PartFailed, match="wrong"):
                client.log_in()
            client.log_in(password=first)
            body = {"old_password": first, "new_password": PASSWORD}
            client.call("PUT", "/session/password", body)
            yield Installed(found, values, client)


def test_the_main_job_is_done(installed: Installed) -> None:
    plane, client = installed.plane, installed.client
    assert client.call("GET", "/control")["enabled"] is False, "control is off after an installation"
    assert installed.production.run_cron_job("kubedoor-collect").get("succeeded") == 1
    (row,) = client.call("GET", "/workloads?search=web")["items"]
    assert (row["namespace"], row["deployment"]) == ("shop", "web")
    one = client.call("GET", f"/workloads/{CLUSTER}/shop/web")
    client.call("PATCH", f"/workloads/{CLUSTER}/shop/web", {"version": one["version"], "replicas": 3})
    plane.kubectl("create", "namespace", "shop")
    before = make_deployment("web", namespace="shop", replicas=9, containers=[make_container("app")])
    plane.apply(before)
    assert replicas_of(plane.get("deployment", "web", "shop")) == 9, "nothing is changed while control is off"
    assert client.switch(enabled=True)["enabled"] is True
    said = plane.kubectl("scale", "deployment/web", "--replicas=10", "-n", "shop")
    assert "KubeDoor: replicas 10 -> 3" in said.stderr
    plane.kubectl("set", "image", "deployment/web", "app=registry.test/app:2", "-n", "shop")
    stored = plane.get("deployment", "web", "shop")
    assert replicas_of(stored) == 3
    # Four pods used 200m and 300Mi each: three replicas, set by hand, have to carry the same load.
    assert resources_of(stored)["requests"] == {"cpu": "267m", "memory": "400Mi"}


def test_helm_test_passes(installed: Installed) -> None:
    assert "Phase:          Succeeded" in installed.production.release.test()


def test_the_checkup_finds_nothing_amiss_with_the_rights(installed: Installed) -> None:
    checks = installed.client.call("GET", "/checkup")["checks"]
    assert [check for check in checks if check["name"].startswith("permission") and not check["ok"]] == []


# The switch: four ways, one state.


def test_the_webhook_configuration_that_a_pod_prints_is_the_switch(installed: Installed) -> None:
    """As `kubectl exec … python -m kubedoor webhook | kubectl apply -f -`, and the native policies beside it."""
    installed.client.switch(enabled=False)
    (pod, *_) = installed.production.kubelet.pods("mutate")
    for command, part in (("webhook", "webhook"), ("policies", "policies")):
        printed = processes.run_once(["python", "-m", "kubedoor", command], environment=pod.environment)
        installed.plane.kubectl("apply", "-f", "-", input=printed)
        assert installed.client.call("GET", "/control")[part] == "on"
    state = installed.client.call("GET", "/control")
    assert (state["enabled"], state["is_current"]) == (True, True)
    off_by_kubectl(installed)
    assert installed.client.call("GET", "/control")["enabled"] is False
    assert installed.client.switch(enabled=True)["is_current"] is True


def off_by_kubectl(found: Installed) -> None:
    found.plane.kubectl("delete", "mutatingwebhookconfigurations", webhook_configuration.NAME)
    found.plane.kubectl("delete", "mutatingadmissionpolicybindings", *NAMES)


# Rights: every verb is needed, and whoever lacks it is told.


def switch_on(found: Installed) -> None:
    # From nothing, so that the configuration has to be created.
    found.plane.kubectl("delete", "mutatingwebhookconfigurations", webhook_configuration.NAME, "--ignore-not-found")
    if not found.client.switch(enabled=True)["enabled"]:
        raise PartFailed("the switch is not on")


def switch_on_again(found: Installed) -> None:
    found.client.switch(enabled=True)


def switch_off(found: Installed) -> None:
    found.client.switch(enabled=False)


def see_the_switch(found: Installed) -> None:
    if found.client.call("GET", "/control")["enabled"] is None:
        raise PartFailed("the state of the switch is not known")


def find_the_door_away(found: Installed) -> None:
    """By the checkup's dry run. It is allowed, so that nothing but the door can be what is missing."""
    switch_on_again(found)
    elsewhere = [{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": 1}]
    found.plane.kubectl("patch", HOOKS, webhook_configuration.NAME, "--type=json", "-p", json.dumps(elsewhere))

    def is_found() -> bool:
        checks = found.client.call("GET", "/checkup")["checks"]
        (reach,) = [check for check in checks if check["name"] == "API server reaches the door"]
        return "passed without the door's answer" in reach["detail"]

    try:
        found.plane.wait_for(is_found, 15, what="the checkup finds the door away")
    finally:
        switch_on_again(found)


def see_a_deployment(found: Installed) -> None:
    found.client.call("GET", f"/workloads/{CLUSTER}/shop/web/live")


def act(kind: str) -> Callable[[Installed], None]:
    def start(found: Installed) -> None:
        body = {"kind": kind, "workloads": [{"namespace": "shop", "deployment": "web"}], "replicas": None}
        planned = found.client.call("POST", "/actions", {**body, "dry_run": True})
        if any(item["verdict"] == "refused" for item in planned["planned"]):
            raise PartFailed(json.dumps(planned))

    return start


def heed_the_label(found: Installed) -> None:
    """An action is refused in a namespace whose label excludes it from the webhook."""
    found.plane.kubectl("label", "namespace", "shop", f"{webhook_configuration.IGNORE_LABEL}=true", "--overwrite")
    try:
        act("restart")(found)
    except PartFailed as refused:
        if webhook_configuration.IGNORE_LABEL in str(refused):
            return
        raise
    finally:
        found.plane.kubectl("label", "namespace", "shop", f"{webhook_configuration.IGNORE_LABEL}-")
    raise PartFailed("the namespace's label is not seen")


def publish(component: str) -> Callable[[Installed], None]:
    """A check that `component` publishes the snapshot of the webhook after a change."""

    def change(found: Installed) -> None:
        before = _stamps(found.plane)
        if component == "api":
            path = f"/workloads/{CLUSTER}/shop/web"
            version = found.client.call("GET", path)["version"]
            found.client.call("PATCH", path, {"version": version, "replicas": 3 + version % 2})
        else:
            found.production.restart_service("collect")
            found.production.run_cron_job("kubedoor-collect")
        found.plane.wait_for(lambda: _stamps(found.plane) != before, 5, what="the snapshot is written")

    return change


def _stamps(plane: ControlPlane) -> list[str]:
    maps = plane.get_all("configmaps", NAMESPACE, selector="app.kubernetes.io/component=snapshot")
    return [one["metadata"]["resourceVersion"] for one in maps]


def schedule(found: Installed) -> None:
    """Create a schedule and delete it, with its CronJob and Secret."""
    body = {"kind": "restart", "workloads": [{"namespace": "shop", "deployment": "web"}], "cron": "0 3 1 1 *"}
    made = found.client.call("POST", "/schedules", {**body, "name": f"once a year {time.monotonic_ns()}"})
    found.client.call("DELETE", f"/schedules/{made['schedule']}")


def list_cronjobs(found: Installed) -> None:
    """As `api` does at its start and hourly."""
    _cronjobs(found).listed()


def list_tokens(found: Installed) -> None:
    _cronjobs(found).tokens()


def _cronjobs(found: Installed) -> CronJobs:
    cluster = Cluster(kubeconfig=str(found.production.kubeconfig_of("kubedoor-api")))
    return CronJobs(cluster, CronJobOptions(NAMESPACE, "kubedoor:1", "http://api.test"))


def watch_deployments(found: Installed) -> None:
    """As `api` does while somebody looks at the pages."""
    cluster = Cluster(kubeconfig=str(found.production.kubeconfig_of("kubedoor-api")))
    list(cluster.watch(DEPLOYMENTS, resource_version="0", seconds=1))


def certificates(found: Installed) -> None:
    _renew(found, "kubedoor-mutate-tls")


def a_ca_that_is_new(found: Installed) -> None:
    found.plane.kubectl("patch", "secret", "kubedoor-mutate-tls", "-n", NAMESPACE, "--type=merge", "-p", NO_CA)
    switch_on_again(found)
    _renew(found, "kubedoor-mutate-tls")


def a_first_certificate(found: Installed) -> None:
    found.plane.kubectl("delete", "secret", "kubedoor-mutate-tls", "-n", NAMESPACE)
    try:
        _renew(found, "kubedoor-mutate-tls")
    finally:
        _renew(found, "kubedoor-mutate-tls", admin=True)


NO_CA = json.dumps({"data": {"ca.key": None}})


def _renew(found: Installed, secret: str, *, admin: bool = False) -> None:
    kubeconfig = found.plane.kubeconfig if admin else found.production.kubeconfig_of("kubedoor-certificates")
    jobs.renew_certificates(settings.load({"KUBEDOOR_KUBECONFIG": str(kubeconfig), "KUBEDOOR_WEBHOOK_SECRET": secret}))


def remove_the_webhook(found: Installed) -> None:
    kubeconfig = found.production.kubeconfig_of("kubedoor-removal")
    jobs.remove_webhook(settings.load({"KUBEDOOR_KUBECONFIG": str(kubeconfig)}))


def read_fact(kind: FactKind) -> Callable[[Installed], None]:
    """A check that `collect` may read one kind of cluster facts. VPAs are forbidden without the rule even without the CRD."""

    def read(found: Installed) -> None:
        cluster = Cluster(kubeconfig=str(found.production.kubeconfig_of("kubedoor-collect")))
        facts = facts_from_api(cluster)
        if kind not in facts.known:
            raise PartFailed(facts.unknown[kind])

    return read


def _policies(found: Installed, account: str = "kubedoor-api") -> PolicySwitch:
    return PolicySwitch(Cluster(kubeconfig=str(found.production.kubeconfig_of(account))), Rules(), traced=True)


def see_policies(found: Installed) -> None:
    if not _policies(found).state().is_possible:
        raise PartFailed("the cluster cannot have them")


def policies_on(found: Installed) -> None:
    _policies(found).turn_on()


def policies_on_from_nothing(found: Installed) -> None:
    for plural in (POLICIES, BINDINGS):
        found.plane.kubectl("delete", plural, *NAMES, "--ignore-not-found")
    policies_on(found)


def policies_off(account: str) -> Callable[[Installed], None]:
    return lambda found: _policies(found, account).turn_off()


def write_values(found: Installed) -> None:
    """As after an edit of a workload in a namespace that had none."""
    cluster = Cluster(kubeconfig=str(found.production.kubeconfig_of("kubedoor-collect")))
    (made,) = namespace_objects("default", {"not-there": {"replicas": 1}})
    path = f"{VALUES_PATH}/{made['metadata']['name']}"
    list(cluster.list_metadata("/api/v1/namespaces"))
    list(cluster.list_metadata(VALUES_PATH))
    for _ in range(2):
        cluster.apply_large_object(path, made)
    cluster.request("DELETE", path)


VALUES_PATH = "/apis/kubedoor.io/v1/namespaces/default/controlvalues"
POLICIES, BINDINGS = "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"
VERBS = ("create", "patch", "delete")
HOOKS = "mutatingwebhookconfigurations"
NEEDS: dict[Rule, Callable[[Installed], None]] = {
    ("kubedoor-api", "deployments", "get"): see_a_deployment,
    ("kubedoor-api", "deployments", "list"): switch_on,
    ("kubedoor-api", "deployments", "watch"): watch_deployments,
    ("kubedoor-api", "deployments", "create"): find_the_door_away,
    ("kubedoor-api", "deployments", "patch"): act("restart"),
    ("kubedoor-api", "deployments/scale", "patch"): act("scale"),
    ("kubedoor-api", "horizontalpodautoscalers", "list"): switch_on,
    ("kubedoor-api", HOOKS, "get"): see_the_switch,
    ("kubedoor-api", HOOKS, "create"): switch_on,
    ("kubedoor-api", HOOKS, "patch"): switch_on_again,
    ("kubedoor-api", HOOKS, "delete"): switch_off,
    ("kubedoor-collect", "nodes", "list"): read_fact(FactKind.NODES),
    ("kubedoor-collect", "limitranges", "list"): read_fact(FactKind.LIMIT_RANGES),
    ("kubedoor-collect", "resourcequotas", "list"): read_fact(FactKind.QUOTAS),
    ("kubedoor-collect", "horizontalpodautoscalers", "list"): read_fact(FactKind.HPAS),
    ("kubedoor-collect", "verticalpodautoscalers", "list"): read_fact(FactKind.VPAS),
    ("kubedoor-door", "services", "get"): switch_on,
    ("kubedoor-snapshot", "configmaps", "patch"): publish("api"),
    **{("kubedoor-schedules", kind, verb): schedule for kind in ("cronjobs", "secrets") for verb in VERBS},
    ("kubedoor-schedules", "cronjobs", "list"): list_cronjobs,
    ("kubedoor-schedules", "secrets", "list"): list_tokens,
    ("kubedoor-certificates", "secrets", "get"): certificates,
    ("kubedoor-certificates", "secrets", "patch"): a_ca_that_is_new,
    ("kubedoor-certificates", "secrets", "create"): a_first_certificate,
    ("kubedoor-certificates", HOOKS, "get"): certificates,
    ("kubedoor-certificates", HOOKS, "patch"): a_ca_that_is_new,
    ("kubedoor-removal", HOOKS, "delete"): remove_the_webhook,
    **{("kubedoor-removal", kind, "delete"): policies_off("kubedoor-removal") for kind in (POLICIES, BINDINGS)},
    **{("kubedoor-native", kind, "get"): see_policies for kind in (POLICIES, BINDINGS)},
    **{("kubedoor-native", kind, "create"): policies_on_from_nothing for kind in (POLICIES, BINDINGS)},
    **{("kubedoor-native", kind, "patch"): policies_on for kind in (POLICIES, BINDINGS)},
    **{("kubedoor-native", kind, "delete"): policies_off("kubedoor-api") for kind in (POLICIES, BINDINGS)},
    # The API server asks for it of whoever makes a policy that uses them.
    ("kubedoor-values", "namespaces", "list"): heed_the_label,
    ("kubedoor-values", "controlvalues", "get"): policies_on_from_nothing,
    **{("kubedoor-values", "controlvalues", verb): write_values for verb in ("list", *VERBS)},
}


def roles_of(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in manifests if one["kind"] in ("Role", "ClusterRole")]


def rules_of(role: dict[str, Any]) -> set[Rule]:
    return {
        (role["metadata"]["name"], resource, verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def without(role: dict[str, Any], resource: str, verb: str) -> dict[str, Any]:
    """The role without one verb on one resource."""
    rules = []
    for rule in role["rules"]:
        others = [one for one in rule["resources"] if one != resource]
        verbs = [one for one in rule["verbs"] if one != verb]
        rules += [{**rule, "resources": others}] if others else []
        rules += [{**rule, "resources": [resource], "verbs": verbs}] if resource in rule["resources"] and verbs else []
    return {**role, "rules": rules}


@pytest.fixture(scope="module")
def rendered(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """With hooks; the job that removes the webhook exists only during an uninstall, so it is created here."""
    manifests = render(tmp_path_factory.mktemp("helm"), installed.values)
    removal = [one for one in manifests if one["metadata"]["name"] == "kubedoor-removal" and one["kind"] != "Job"]
    installed.plane.apply(*({**one, "metadata": {**one["metadata"], "namespace": NAMESPACE}} for one in removal))
    return manifests


def test_no_role_has_a_verb_that_nothing_here_needs(rendered: list[dict[str, Any]]) -> None:
    found = set().union(*(rules_of(role) for role in roles_of(rendered)))
    # The hook's roles are those of the CronJob, for before the installation.
    found = {rule for rule in found if rule[0] != "kubedoor-first-certificates"}
    assert found == set(NEEDS)


def test_the_first_certificate_is_made_with_the_rights_that_renew_it(rendered: list[dict[str, Any]]) -> None:
    by_name: dict[str, list[Any]] = {}
    for role in roles_of(rendered):
        by_name.setdefault(role["metadata"]["name"], []).append((role["kind"], role["rules"]))
    assert by_name["kubedoor-first-certificates"] == by_name["kubedoor-certificates"]


@pytest.mark.parametrize("rule", list(NEEDS), ids=" ".join)
def test_every_verb_is_needed(installed: Installed, rendered: list[dict[str, Any]], rule: Rule) -> None:
    name, resource, verb = rule
    (role,) = [one for one in roles_of(rendered) if rule in rules_of(one)]
    exercise = NEEDS[rule]
    exercise(installed)
    installed.plane.apply(without(role, resource, verb))
    try:
        with pytest.raises((PartFailed, KubeDoorError)):
            installed.production.until_it_fails(lambda: exercise(installed))
    finally:
        installed.plane.apply(role)
        installed.production.until_it_works(lambda: exercise(installed))
    assert name


def test_collect_publishes_the_snapshot_as_well(installed: Installed) -> None:
    publish("collect")(installed)


@pytest.mark.parametrize(("right", "status"), [(True, 200), (False, 401)], ids=["right", "wrong"])
def test_a_ping_source_brings_the_token_as_an_extension(installed: Installed, right: bool, status: int) -> None:
    (pod, *_) = installed.production.kubelet.pods("collect")
    token = pod.environment["KUBEDOOR_COLLECT_TOKEN"] if right else "guessed"
    url = installed.production.url_of(pod)
    answer = requests.post(url, data="{}", headers={"ce-type": "ping", "ce-kubedoortoken": token}, timeout=60)
    assert answer.status_code == status


def test_the_door_has_no_credentials(installed: Installed) -> None:
    for pod in installed.production.kubelet.pods("mutate"):
        assert pod.environment["KUBEDOOR_KUBECONFIG"] == "none"
        assert pod.manifest["spec"]["automountServiceAccountToken"] is False
    said = installed.plane.kubectl(
        "auth", "can-i", "--list", f"--as=system:serviceaccount:{NAMESPACE}:kubedoor-mutate", "-n", NAMESPACE
    ).stdout
    assert "apps" not in said
    assert "configmaps" not in said


def test_the_shipped_file_is_the_switch(installed: Installed) -> None:
    """knative/webhook.yaml has cert-manager's CA, the default port and the default timeout."""
    path = CHART / "webhook.yaml"
    shipped = yaml.safe_load(path.read_text())
    switch_on(installed)
    stored = installed.plane.get(HOOKS, webhook_configuration.NAME)
    for name in ("rules", "namespaceSelector", "matchConditions", "failurePolicy", "sideEffects"):
        assert shipped["webhooks"][0][name] == stored["webhooks"][0][name]
    off_by_kubectl(installed)
    installed.plane.kubectl("apply", "-f", path, "-f", CHART / "both.yaml")
    assert installed.client.call("GET", "/control")["enabled"] is True
    off_by_kubectl(installed)
    assert installed.client.call("GET", "/control")["enabled"] is False
