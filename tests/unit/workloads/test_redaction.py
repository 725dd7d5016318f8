"""Redaction of the Deployments that viewers see."""

from __future__ import annotations

from typing import Any

from kubedoor.workloads.redaction import LAST_APPLIED, PLACEHOLDER, redacted


def manifest() -> dict[str, Any]:
    secret = {"secretKeyRef": {"name": "db", "key": "password"}}
    env = [{"name": "TOKEN", "value": "s3cret"}, {"name": "PASSWORD", "valueFrom": secret}, {"name": "EMPTY"}]
    return {
        "metadata": {"name": "web", "annotations": {LAST_APPLIED: "{... s3cret ...}", "team": "shop"}},
        "spec": {
            "template": {
                "metadata": {"annotations": {LAST_APPLIED: "s3cret"}},
                "spec": {
                    "initContainers": [{"name": "first", "env": env}],
                    "containers": [{"name": "app", "env": env}],
                },
            }
        },
    }


def test_values_of_variables_are_left_out_and_names_stay() -> None:
    shown = redacted(manifest())
    assert "s3cret" not in str(shown)
    assert shown["metadata"]["annotations"] == {"team": "shop"}
    for kind in ("initContainers", "containers"):
        (container,) = shown["spec"]["template"]["spec"][kind]
        assert [one["name"] for one in container["env"]] == ["TOKEN", "PASSWORD", "EMPTY"]
        assert container["env"][0]["value"] == PLACEHOLDER
        assert container["env"][1]["valueFrom"]["secretKeyRef"]["name"] == "db"


def test_what_is_shown_is_a_copy() -> None:
    live = manifest()
    redacted(live)
    assert live == manifest()


def test_a_bare_deployment_is_shown_as_it_is() -> None:
    assert redacted({"metadata": {"name": "web"}, "spec": {}}) == {"metadata": {"name": "web"}, "spec": {}}
