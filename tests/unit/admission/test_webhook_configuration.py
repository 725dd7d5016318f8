from __future__ import annotations

from typing import Any

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
