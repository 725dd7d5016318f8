from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from kubedoor.admission import webhook_configuration


def make_options(**fields: Any) -> webhook_configuration.WebhookOptions:
    given: dict[str, Any] = {
        "namespace": "kubedoor",
        "service": "kubedoor-mutate",
        "port": 443,
        "timeout_seconds": 2,
        "failure_policy": "Ignore",
        "excluded_namespaces": ["kubedoor", "kube-system"],
    }
    return webhook_configuration.WebhookOptions(**{**given, **fields})


def test_the_ca_comes_from_the_options_or_from_cert_manager() -> None:
    with_ca = webhook_configuration.configuration(make_options(ca="PEM"))
    assert with_ca["webhooks"][0]["clientConfig"]["caBundle"] == "UEVN"
    injected = webhook_configuration.configuration(make_options(inject_ca_from="kubedoor/door"))
    assert injected["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": "kubedoor/door"}
    assert "caBundle" not in injected["webhooks"][0]["clientConfig"]


def test_excluded_namespaces_are_in_the_selector() -> None:
    selector = webhook_configuration.configuration(make_options())["webhooks"][0]["namespaceSelector"]
    assert selector["matchExpressions"][1]["values"] == ["kube-system", "kubedoor"]


def test_only_the_namespaces_of_the_settings_are_asked_about() -> None:
    selector = webhook_configuration.configuration(make_options(namespaces=["shop", "pay"]))["webhooks"][0]
    named = [one for one in selector["namespaceSelector"]["matchExpressions"] if one["key"].endswith("metadata.name")]
    assert [(one["operator"], one["values"]) for one in named] == [
        ("NotIn", ["kube-system", "kubedoor"]),
        ("In", ["pay", "shop"]),
    ]


def _selector(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda hook: change(hook["namespaceSelector"]["matchExpressions"])


AKS = [
    {"key": "control-plane", "operator": "NotIn", "values": ["true"]},
    {"key": "kubernetes.azure.com/managedby", "operator": "NotIn", "values": ["aks"]},
]


@pytest.mark.parametrize(
    ("change", "want"),
    [
        pytest.param(lambda hook: None, True, id="as it was made"),
        pytest.param(_selector(lambda expressions: expressions.extend(AKS)), True, id="AKS adds expressions"),
        pytest.param(_selector(lambda expressions: expressions[:0:-1] + AKS), True, id="in another order"),
        pytest.param(lambda hook: hook["namespaceSelector"].update(matchLabels={"a": "b"}), True, id="narrower"),
        pytest.param(_selector(lambda expressions: expressions.pop(0)), False, id="ignored namespaces"),
        pytest.param(_selector(lambda expressions: expressions[1]["values"].pop()), False, id="an excluded namespace"),
        pytest.param(lambda hook: hook.update(namespaceSelector=None), False, id="no selector"),
        pytest.param(lambda hook: hook.update(clientConfig=None), False, id="no target"),
        pytest.param(lambda hook: hook.update(rules=None), False, id="no rules"),
        pytest.param(lambda hook: hook["clientConfig"].update(caBundle="b3RoZXI="), False, id="another CA"),
        pytest.param(lambda hook: hook["clientConfig"]["service"].update(port=8443), False, id="another port"),
        pytest.param(lambda hook: hook.update(failurePolicy="Fail"), False, id="another policy"),
    ],
)
def test_what_is_current_does_what_is_wanted(change: Callable[[dict[str, Any]], object], want: bool) -> None:
    wanted = webhook_configuration.configuration(make_options(ca="PEM"))
    found = copy.deepcopy(wanted)
    change(found["webhooks"][0])
    assert webhook_configuration.is_current(found, wanted) is want


def test_a_configuration_with_other_webhooks_is_not_current() -> None:
    wanted = webhook_configuration.configuration(make_options())
    for hooks in (None, [], [*wanted["webhooks"], *wanted["webhooks"]]):
        assert not webhook_configuration.is_current({**wanted, "webhooks": hooks}, wanted)


def test_any_ca_is_right_where_cert_manager_injects_it() -> None:
    wanted = webhook_configuration.configuration(make_options(inject_ca_from="kubedoor/door"))
    found = copy.deepcopy(wanted)
    found["webhooks"][0]["clientConfig"]["caBundle"] = "YW55"
    assert webhook_configuration.is_current(found, wanted)
