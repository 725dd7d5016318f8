"""Redaction of the Deployments that viewers see."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.asked import ANNOTATION
from kubedoor.workloads.redaction import LAST_APPLIED, PLACEHOLDER, redacted, shown_word


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


SECRET = "hunter2"
PROBE = {
    "exec": {"command": ["/bin/check", f"--token={SECRET}", SECRET]},
    "httpGet": {
        "path": f"/health?key={SECRET}",
        "port": 80,
        "httpHeaders": [{"name": "Authorization", "value": SECRET}],
    },
    "periodSeconds": 5,
}


def with_secrets() -> dict[str, Any]:
    """A Deployment with the same secret in each place that takes free text."""
    container = {
        "name": "app",
        "image": "shop/app:1",
        "command": ["/bin/sh", "-c", f"export TOKEN={SECRET}; exec app"],
        "args": [f"--password={SECRET}", "--user", SECRET, f"-p{SECRET}", "-v", f"postgres://a:{SECRET}@db"],
        "env": [{"name": "TOKEN", "value": SECRET}],
        "livenessProbe": PROBE,
        "readinessProbe": PROBE,
        "startupProbe": PROBE,
        "lifecycle": {"postStart": PROBE, "preStop": PROBE},
        "securityContext": {"windowsOptions": {"gmsaCredentialSpec": SECRET}},
    }
    volumes = [
        {"name": "a", "csi": {"driver": "vault", "volumeAttributes": {"password": SECRET}}},
        {"name": "b", "flexVolume": {"driver": "x", "options": {"password": SECRET}}},
        {"name": "c", "gitRepo": {"repository": f"https://a:{SECRET}@git"}},
    ]
    copies = {
        "objectset.rio.cattle.io/applied": "H4sIAAAAAAAA/6yRz2rjQBCE7/MUQmdhunter2",
        "kapp.k14s.io/original": f'{{"env": "{SECRET}"}}',
        "kubernetes.io/change-cause": f"kubectl set env deploy/web TOKEN {SECRET}",
        "vault.example.com/agent-inject-template": f"password {SECRET}",
        "example.com/notes": f"first line\npassword: {SECRET}",
        "example.com/db-pass": SECRET,
    }
    pod = {"initContainers": [container], "containers": [container], "volumes": volumes}
    return {
        "metadata": {"name": "web", "annotations": {**copies, ANNOTATION: '{"v": 1}'}},
        "spec": {"template": {"metadata": {"annotations": dict(copies)}, "spec": pod}},
    }


def test_no_place_of_a_deployment_shows_a_secret() -> None:
    assert SECRET not in str(redacted(with_secrets()))


def test_what_a_deployment_is_made_of_stays() -> None:
    shown = redacted(with_secrets())
    (container,) = shown["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/app:1"
    assert container["command"] == ["/bin/sh", "-c", PLACEHOLDER]
    assert container["args"][:3] == [f"--password={PLACEHOLDER}", "--user", PLACEHOLDER]
    probe = container["livenessProbe"]
    assert probe["exec"]["command"][0] == "/bin/check"
    assert (probe["httpGet"]["path"], probe["periodSeconds"]) == (f"/health?{PLACEHOLDER}", 5)
    assert probe["httpGet"]["httpHeaders"] == [{"name": "Authorization", "value": PLACEHOLDER}]
    assert shown["metadata"]["annotations"][ANNOTATION] == '{"v": 1}'
    assert shown["metadata"]["annotations"]["kapp.k14s.io/original"] == PLACEHOLDER


@pytest.mark.parametrize(
    ("word", "want"),
    [
        ("--verbose", "--verbose"),
        ("--level=debug", f"--level={PLACEHOLDER}"),
        ("--script=a\nb", f"--script={PLACEHOLDER}"),
        ("-v", "-v"),
        ("-pc2VjcmV0Cg==", f"-p{PLACEHOLDER}"),
        ("-Dspring.password=x", f"-Dspring.password={PLACEHOLDER}"),
        ("serve", PLACEHOLDER),
        ("", PLACEHOLDER),
        ("-", PLACEHOLDER),
    ],
)
def test_of_a_command_line_only_flags_are_shown(word: str, want: str) -> None:
    assert shown_word(word) == want


@pytest.mark.parametrize(
    ("name", "value", "is_shown"),
    [
        ("team", "shop", True),
        ("deployment.kubernetes.io/revision", "3", True),
        ("prometheus.io/path", "/metrics", True),
        ("kubectl.kubernetes.io/restartedAt", "2026-01-05T10:00:00+08:00", True),
        ("说明", "购物车", True),
        ("example.com/api-key", "abc", False),
        ("example.com/x", "AKIAIOSFODNN7EXAMPLE", False),
        ("example.com/x", "redis://user:pw@host", False),
        ("example.com/x", '{"a": 1}', False),
        ("example.com/x", "word " * 100, False),
    ],
)
def test_an_annotation_is_shown_only_if_it_is_a_short_plain_text(name: str, value: str, is_shown: bool) -> None:
    shown = redacted({"metadata": {"annotations": {name: value}}})
    assert shown["metadata"]["annotations"] == {name: value if is_shown else PLACEHOLDER}
