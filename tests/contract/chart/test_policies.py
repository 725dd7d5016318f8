"""What the service accounts of the release may write, as the API server decides: RBAC, and the policies of the chart."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_cluster
from kubedoor.admission.native.parameters import LABELS
from kubedoor.admission.native.policy_switch import PolicySwitch
from kubedoor.admission.rules import Rules
from kubedoor.config import settings
from kubedoor.errors import Forbidden, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.runtime.assembly import webhook_options
from tests.contract.chart.test_chart import LEAST, merged
from tests.support.builders import make_deployment
from tests.toolbox.build import ToolMissing
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.helm import NAMESPACE, render

HOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
VALUES_PATH = "/apis/kubedoor.io/v1/namespaces/default/controlvalues"
OWN = f"{HOOKS}/{webhook_configuration.NAME}"
USER = f"system:serviceaccount:{NAMESPACE}:kubedoor-api"
KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
VALUES = merged(
    LEAST,
    {
        "tls": {"mode": "generated"},
        "control": {"door": "both"},
        "namespaces": {"include": ["shop", "web"], "exclude": ["kube-system", "payment"]},
    },
)
Hook = dict[str, Any]
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return render(tmp_path_factory.mktemp("helm"), VALUES)


@pytest.fixture(scope="module")
def plane(manifests: list[Manifest]) -> Iterator[ControlPlane]:
    """With roles and policies of the release."""
    try:
        with ControlPlane(nodes=1) as plane:
            plane.kubectl("create", "namespace", NAMESPACE)
            wanted = [one for one in manifests if one["kind"] in (*KINDS, *POLICIES, "CustomResourceDefinition")]
            plane.apply(*(one for one in wanted if "helm.sh/hook" not in one["metadata"].get("annotations", {})))
            yield plane
    except ToolMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="module")
def switch(plane: ControlPlane) -> Cluster:
    """A client with the rights of `api`."""
    return Cluster(kubeconfig=str(plane.credentials("api", user=USER, groups=("system:authenticated",))))


@pytest.fixture(scope="module")
def unbound(plane: ControlPlane, switch: Cluster, wanted: Manifest) -> Cluster:
    """The same user; RBAC lets it do everything with webhook configurations, so that only the policies are in the way."""
    rules = [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"]}]
    plane.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "everything"},
            "rules": [{**rules[0], "verbs": ["*"]}],
        }
    )
    plane.kubectl("create", "clusterrolebinding", "everything", "--clusterrole=everything", f"--user={USER}")
    others = copy.deepcopy(wanted)
    others["metadata"] = {"name": "of-others"}
    plane.apply(others)
    switch.apply_webhook_configuration(wanted)

    def are_in_force() -> bool:
        try:
            switch.request("POST", HOOKS, body=others | {"metadata": {"name": "probe"}}, query={"dryRun": "All"})
        except Forbidden as error:
            return "ValidatingAdmissionPolicy" in error.message
        return False

    plane.wait_for(are_in_force, what="roles and policies are in force")
    return switch


@pytest.fixture(scope="module")
def wanted(manifests: list[Manifest]) -> Manifest:
    """What the switch of this release writes."""
    (api,) = [one for one in manifests if one["kind"] == "Service" and one["metadata"]["name"] == "api"]
    environment = {one["name"]: one.get("value", "") for one in api["spec"]["template"]["spec"]["containers"][0]["env"]}
    names = [name for name in environment if name.startswith("KUBEDOOR_") and not name.endswith("_FILE")]
    loaded = settings.load({name: environment[name] for name in names if environment[name]})
    return webhook_configuration.configuration(webhook_options(loaded))


def test_the_switch_creates_its_configuration_by_a_named_right_only(
    plane: ControlPlane, switch: Cluster, wanted: Manifest
) -> None:
    switch.apply_webhook_configuration(wanted)
    switch.apply_webhook_configuration(wanted)
    switch.delete_webhook_configuration(webhook_configuration.NAME)
    for method, path, name in (
        ("PATCH", f"{HOOKS}/evil", "evil"),
        ("POST", HOOKS, "evil"),
        ("POST", HOOKS, webhook_configuration.NAME),
    ):
        body = {**wanted, "metadata": {"name": name}}
        kind = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        query = {"fieldManager": "kubedoor"}
        with pytest.raises(Forbidden, match=r"cannot (create|patch) resource"):
            switch.request(method, path, body=body, query=query, content_type=kind)


def test_policies_are_switched_by_named_rights_only(plane: ControlPlane, switch: Cluster) -> None:
    policies = PolicySwitch(switch, Rules(), lambda: None)
    plane.wait_for(policies.is_possible, what="the kind of the parameters is known")
    for _ in range(2):
        policies.turn_on()
        assert (policies.state().is_on, policies.state().is_current) == (True, True)
    policies.turn_off()
    policies.turn_off()
    assert policies.state().is_on is False
    for plural in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"):
        path = f"/apis/admissionregistration.k8s.io/v1/{plural}"
        for method, name in (("POST", ""), ("DELETE", "/of-others"), ("GET", "/of-others"), ("GET", "")):
            with pytest.raises(Forbidden, match="cannot"):
                switch.request(method, path + name, body={} if method == "POST" else None)


CONTROL_VALUES: Manifest = {
    "apiVersion": "kubedoor.io/v1",
    "kind": "ControlValues",
    "metadata": {"name": "control", "namespace": "default", "labels": LABELS},
    "spec": {"deployments": {}},
}
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "any", "uid": "7d0e"}
VALUES_ESCAPES: dict[str, tuple[dict[str, Any], str]] = {
    "another name": ({"name": "mine"}, "only control, control-2"),
    "a name that only begins so": ({"name": "control-x"}, "only control, control-2"),
    "no labels": ({"labels": {}}, "have its labels"),
    "a label more": ({"labels": {**LABELS, "team": "shop"}}, "have its labels"),
    "an owner": ({"ownerReferences": [OWNER]}, "no owners"),
    "a finalizer": ({"finalizers": ["example.com/stay"]}, "no finalizers"),
}


@pytest.fixture(scope="module")
def values_pinned(plane: ControlPlane, switch: Cluster) -> Cluster:
    policies = PolicySwitch(switch, Rules(), lambda: None)
    plane.wait_for(policies.is_possible, what="the kind of the parameters is known")
    probe = _control_values(name="probe")

    def is_pinned() -> bool:
        try:
            switch.request("POST", VALUES_PATH, body=probe, query={"dryRun": "All"})
        except Forbidden as error:
            return "ValidatingAdmissionPolicy" in error.message
        except KubeDoorError:
            pass  # a new kind is not served at once
        return False

    plane.wait_for(is_pinned, what="the policy is in force")
    return switch


def _control_values(**metadata: Any) -> Manifest:
    return {**CONTROL_VALUES, "metadata": {**CONTROL_VALUES["metadata"], **metadata}}


@pytest.mark.parametrize("escape", list(VALUES_ESCAPES))
def test_parameters_are_written_by_their_names_and_labels_only(values_pinned: Cluster, escape: str) -> None:
    fields, words = VALUES_ESCAPES[escape]
    body = _control_values(**fields)
    with pytest.raises(Forbidden, match=words):
        values_pinned.request("POST", VALUES_PATH, body=body)
    with pytest.raises(Forbidden, match=words):
        values_pinned.apply_object(f"{VALUES_PATH}/{body['metadata']['name']}", body)


def test_parameters_of_others_stay_and_the_own_are_written_and_deleted(
    plane: ControlPlane, values_pinned: Cluster
) -> None:
    administrator = Cluster(kubeconfig=str(plane.kubeconfig))
    administrator.apply_object(f"{VALUES_PATH}/mine", _control_values(name="mine"))
    for path in (f"{VALUES_PATH}/mine", VALUES_PATH):
        with pytest.raises(Forbidden):
            values_pinned.request("DELETE", path)
    for name in ("control", "control-2"):
        values_pinned.apply_object(f"{VALUES_PATH}/{name}", _control_values(name=name))
        values_pinned.request("DELETE", f"{VALUES_PATH}/{name}")
    administrator.request("DELETE", f"{VALUES_PATH}/mine")


def _rules(**fields: Any) -> Callable[[Hook], None]:
    return lambda hook: hook["rules"][0].update(fields)


def _service(**fields: Any) -> Callable[[Hook], None]:
    return lambda hook: hook["clientConfig"]["service"].update(fields)


def _expression(number: int, **fields: Any) -> Callable[[Hook], None]:
    """`number`: 0 kubedoor-ignore, 1 the excluded namespaces, 2 the only ones; without fields it goes."""

    def change(hook: Hook) -> None:
        expressions = hook["namespaceSelector"]["matchExpressions"]
        if fields:
            expressions[number].update(fields)
        else:
            del expressions[number]

    return change


IGNORED = {"key": "kubedoor-ignore", "operator": "DoesNotExist"}
NAMED = {"key": "kubernetes.io/metadata.name", "operator": "NotIn"}
ESCAPES: dict[str, tuple[Callable[[Hook], Any], str]] = {
    "pods": (_rules(apiGroups=[""], resources=["pods"]), "creations and updates of Deployments"),
    "Secrets as well": (_rules(apiGroups=["", "apps"], resources=["deployments", "secrets"]), "of Deployments"),
    "everything in apps": (_rules(resources=["*"]), "of Deployments"),
    "every subresource": (_rules(resources=["deployments/*"]), "of Deployments"),
    "every group": (_rules(apiGroups=["*"]), "of Deployments"),
    "a second rule": (
        lambda hook: hook["rules"].append({**hook["rules"][0], "apiGroups": [""], "resources": ["secrets"]}),
        "of Deployments",
    ),
    "deletions": (_rules(operations=["CREATE", "DELETE"]), "of Deployments"),
    "every operation": (_rules(operations=["*"]), "of Deployments"),
    "another Service": (_service(name="evil"), "leads to the Service kubedoor/kubedoor-mutate, port 443"),
    "another namespace": (_service(namespace="evil"), "leads to the Service"),
    "another path": (_service(path="/evil"), "leads to the Service"),
    "another port": (_service(port=8443), "leads to the Service"),
    "a url": (lambda hook: hook.update(clientConfig={"url": "https://evil.example.com/mutate"}), "leads to the Service"),
    "another name of the webhook": (lambda hook: hook.update(name="evil.kubedoor.io"), "one webhook, deployments.kubedoor.io"),
    "no answer, no release": (lambda hook: hook.update(failurePolicy="Fail"), "failurePolicy is Ignore"),
    "half a minute of waiting": (lambda hook: hook.update(timeoutSeconds=30), "timeoutSeconds at most 2"),
    "every namespace": (lambda hook: hook.update(namespaceSelector={}), "namespaceSelector leaves out"),
    "ignored namespaces": (_expression(0), "leaves out"),
    "only ignored ones": (_expression(0, operator="Exists"), "leaves out"),
    "excluded namespaces": (_expression(1), "leaves out"),
    "kube-system": (_expression(1, values=["kubedoor", "payment"]), "leaves out"),
    "its own namespace": (_expression(1, values=["kube-system", "payment"]), "leaves out"),
    "only excluded ones": (_expression(1, operator="In"), "leaves out"),
    "namespaces beside the only ones": (_expression(2), "leaves out"),
    "one more namespace": (_expression(2, values=["shop", "web", "pay"]), "leaves out"),
}  # fmt: skip


@pytest.mark.parametrize("escape", list(ESCAPES))
@pytest.mark.parametrize("way", ["apply", "patch", "put"])
def test_the_own_configuration_cannot_be_made_another(
    unbound: Cluster, wanted: Manifest, escape: str, way: str
) -> None:
    change, words = ESCAPES[escape]
    changed = copy.deepcopy(wanted)
    change(changed["webhooks"][0])
    with pytest.raises(Forbidden, match=words):
        write(unbound, changed, way)


def write(cluster: Cluster, manifest: Manifest, way: str) -> None:
    if way == "apply":
        cluster.apply_webhook_configuration(manifest)
    elif way == "patch":
        patch = [{"op": "replace", "path": "/webhooks", "value": manifest["webhooks"]}]
        cluster.patch_webhook_configuration(webhook_configuration.NAME, patch)
    else:
        found = cluster.request("GET", OWN)
        cluster.request("PUT", OWN, body={**found, "webhooks": manifest["webhooks"]})


def test_a_second_webhook_and_other_configurations_are_out_of_reach(
    plane: ControlPlane, unbound: Cluster, wanted: Manifest
) -> None:
    second = copy.deepcopy(wanted["webhooks"][0]) | {"name": "second.kubedoor.io"}
    with pytest.raises(Forbidden, match="one webhook"):
        write(unbound, {**wanted, "webhooks": [*wanted["webhooks"], second]}, "patch")
    with pytest.raises(Forbidden, match="one webhook"):
        write(unbound, {**wanted, "webhooks": []}, "patch")
    only = "only kubedoor-webhook-configuration"
    for method, path, body in (
        ("POST", HOOKS, {**wanted, "metadata": {"name": "evil"}}),
        ("POST", HOOKS, {**wanted, "metadata": {"generateName": "kubedoor-webhook-configuration"}}),
        ("DELETE", f"{HOOKS}/of-others", None),
        ("DELETE", HOOKS, None),
    ):
        with pytest.raises(Forbidden, match=only):
            unbound.request(method, path, body=body)
    with pytest.raises(Forbidden, match=only):
        unbound.patch_webhook_configuration("of-others", [{"op": "remove", "path": "/webhooks/0/rules"}])
    assert plane.kubectl("get", "mutatingwebhookconfigurations", "of-others").returncode == 0
    administrator = Cluster(kubeconfig=str(plane.kubeconfig))
    administrator.patch_webhook_configuration("of-others", [{"op": "remove", "path": "/webhooks/0/rules"}])


def test_what_belongs_to_operation_goes_on(plane: ControlPlane, unbound: Cluster, wanted: Manifest) -> None:
    """A new CA, also where the cloud has added expressions, or where an earlier release has left out fewer namespaces."""
    administrator = Cluster(kubeconfig=str(plane.kubeconfig))
    more = {"key": "control-plane", "operator": "NotIn", "values": ["true"]}
    expressions = wanted["webhooks"][0]["namespaceSelector"]["matchExpressions"]
    for selector in ([*expressions, more], [IGNORED, {**NAMED, "values": ["kube-system"]}]):
        path = "/webhooks/0/namespaceSelector/matchExpressions"
        administrator.patch_webhook_configuration(
            webhook_configuration.NAME, [{"op": "add", "path": path, "value": selector}]
        )
        ca = base64.b64encode(plane.ca_file.read_bytes()).decode()
        change = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": ca}]
        unbound.patch_webhook_configuration(webhook_configuration.NAME, change)
    unbound.apply_webhook_configuration(wanted)
    unbound.delete_webhook_configuration(webhook_configuration.NAME)
    unbound.apply_webhook_configuration(wanted)


def test_the_probe_of_the_door_is_never_stored(plane: ControlPlane, unbound: Cluster) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/kubedoor-door-probe"
    query = {"fieldManager": "kubedoor"}
    manifest = make_deployment("kubedoor-door-probe", namespace="default", replicas=0)
    apply = "application/apply-patch+yaml"
    unbound.request("PATCH", path, body=manifest, query={**query, "dryRun": "All"}, content_type=apply)
    with pytest.raises(Forbidden, match="dry runs only"):
        unbound.request("PATCH", path, body=manifest, query=query, content_type=apply)
    another = path.replace("kubedoor-door-probe", "web")
    with pytest.raises(Forbidden, match="cannot create resource"):
        unbound.request(
            "PATCH", another, body=make_deployment("web", namespace="default"), query=query, content_type=apply
        )


def test_certificates_are_made_by_a_named_right_and_their_ca_is_written(plane: ControlPlane, unbound: Cluster) -> None:
    user = f"system:serviceaccount:{NAMESPACE}:kubedoor-certificates"
    renewing = Cluster(kubeconfig=str(plane.credentials("certificates", user=user, groups=("system:authenticated",))))

    def renew() -> bool:
        return in_cluster.renew(
            renewing, namespace=NAMESPACE, secret="kubedoor-mutate-tls", names=["door.test"], now=datetime.now(UTC)
        )

    assert renew() is True
    assert renew() is False
    secret = plane.get("secret", "kubedoor-mutate-tls", NAMESPACE)
    hooks = plane.get("mutatingwebhookconfiguration", webhook_configuration.NAME)["webhooks"]
    assert hooks[0]["clientConfig"]["caBundle"] == secret["data"]["ca.crt"]
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    other = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}, "data": {}}
    with pytest.raises(Forbidden, match="cannot create resource"):
        renewing.request("POST", path, body=other)
    with pytest.raises(Forbidden, match="cannot patch resource"):
        renewing.apply_object(f"{path}/other", other)


def test_the_api_server_finds_nothing_amiss_with_the_policies(plane: ControlPlane, unbound: Cluster) -> None:
    for policy in plane.get_all("validatingadmissionpolicies"):
        assert policy["status"].get("typeChecking", {}).get("expressionWarnings", []) == [], policy["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"admissionPolicies": False}, 0),
        ({"admissionPolicies": True, "control": {"door": "webhook"}}, 4),
        ({"admissionPolicies": True, "control": {"door": "both"}}, 6),
        ({"api": {"canAct": False}, "control": {"door": "webhook"}}, 4),
    ],
    ids=["off", "on", "on, with native policies", "by the version"],
)  # fmt: skip
def test_policies_are_there_by_default(tmp_path: Any, values: dict[str, Any], count: int) -> None:
    found = render(tmp_path, merged(LEAST, values))
    assert sum(one["kind"] in POLICIES for one in found) == count
