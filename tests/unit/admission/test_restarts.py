"""Which changes of a pod template roll out new pods."""

from __future__ import annotations

from typing import Any

import pytest

from kubedoor.admission.restarts import restarts
from kubedoor.errors import QuantityError
from tests.support.builders import make_container, make_deployment

DIVISOR = "1Mi", "1048576"
STORAGE = "1Gi", "1073741824"


def field(divisor: str) -> dict[str, Any]:
    return {"resourceFieldRef": {"resource": "limits.memory", "divisor": divisor}}


def env(divisor: str) -> dict[str, Any]:
    return make_container(env=[{"name": "PLAIN", "value": "1Gi"}, {"name": "M", "valueFrom": field(divisor)}])


def volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "other", "configMap": {"name": "c"}}, {"name": "v", **source}]}


def claim(storage: str) -> dict[str, Any]:
    return {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": storage}}}}}


SPELLINGS = {
    "request": [{"containers": [make_container(requests={"cpu": cpu})]} for cpu in ("0.5", "500m")],
    "limit": [{"containers": [make_container(limits={"memory": memory})]} for memory in STORAGE],
    "init container": [{"initContainers": [make_container(requests={"cpu": cpu})]} for cpu in ("1", "1000m")],
    "pod-level resources": [{"resources": {"limits": {"memory": memory}}} for memory in STORAGE],
    "overhead": [{"overhead": {"memory": memory}} for memory in STORAGE],
    "size of an emptyDir": [volume(emptyDir={"sizeLimit": size}) for size in STORAGE],
    "storage of an ephemeral volume": [volume(ephemeral=claim(storage)) for storage in STORAGE],
    "divisor in a variable": [{"containers": [env(divisor)]} for divisor in DIVISOR],
    "divisor in a variable of an init container": [{"initContainers": [env(divisor)]} for divisor in DIVISOR],
    "divisor in a file": [volume(downwardAPI={"items": [field(divisor)]}) for divisor in DIVISOR],
    "divisor in a projected file": [
        volume(projected={"sources": [{"secret": {"name": "s"}}, {"downwardAPI": {"items": [field(divisor)]}}]})
        for divisor in DIVISOR
    ],
}


@pytest.mark.parametrize(("before", "after"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_another_spelling_of_a_quantity_is_no_restart(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = make_deployment(**before), make_deployment(**after)
    assert old != new
    assert not restarts(old, new)


@pytest.mark.parametrize(
    "changed",
    [
        {"containers": [make_container(requests={"cpu": "501m"})]},
        {"containers": [make_container(requests={"memory": "500m"})]},
        {"containers": [make_container(image="registry.test/app:2", requests={"cpu": "500m"})]},
        {"containers": [make_container(requests={"cpu": "500m"})], "resources": None, "nodeSelector": {"cpu": "0.5"}},
        {"containers": None},
    ],
    ids=["more", "another resource", "another image", "a label that looks like a quantity", "none left"],
)
def test_everything_else_is_a_restart(changed: dict[str, Any]) -> None:
    before = make_deployment(
        containers=[make_container(requests={"cpu": "500m"})], resources=None, nodeSelector={"cpu": "500m"}
    )
    after = make_deployment()
    after["spec"]["template"]["spec"] = {"nodeSelector": {"cpu": "500m"}, "resources": None, **changed}
    assert restarts(before, after)


def test_annotations_are_texts_and_not_quantities() -> None:
    before, after = (make_deployment(annotations={"divisor": text}) for text in DIVISOR)
    assert restarts(before, after)


@pytest.mark.parametrize("empty", [{}, {"spec": None}, {"spec": {"template": None}}, {"spec": {"template": {}}}])
def test_an_absent_template_equals_an_empty_one(empty: dict[str, Any]) -> None:
    assert not restarts({}, empty)
    assert restarts(empty, make_deployment())


def test_an_invalid_quantity_raises() -> None:
    with pytest.raises(QuantityError):
        restarts(*(make_deployment(**volume(emptyDir={"sizeLimit": text})) for text in ("much", "more")))


def hashed(*, labels: dict[str, str] | None) -> dict[str, Any]:
    manifest = make_deployment()
    manifest["spec"]["template"]["metadata"] = {} if labels is None else {"labels": labels}
    return manifest


@pytest.mark.parametrize("labels", [None, {"app": "web"}])
def test_the_label_pod_template_hash_is_no_restart(labels: dict[str, str] | None) -> None:
    bare = hashed(labels=labels)
    assert not restarts(bare, hashed(labels={**(labels or {}), "pod-template-hash": "55d4"}))
    assert not restarts(hashed(labels={**(labels or {}), "pod-template-hash": "6b9c"}), bare)
    assert restarts(bare, hashed(labels={**(labels or {}), "pod-template-hash": "55d4", "more": "x"}))
