"""A patch is made of the changes, and refused here if it would not apply."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest

from kubedoor.admission.json_patch import applied, operations
from kubedoor.admission.work import Work, work_on
from kubedoor.asked import ANNOTATION
from kubedoor.errors import KubeDoorError
from tests.support.builders import make_container, make_deployment, make_scale


def patched(work: Work) -> Any:
    """Applied by the library and by ourselves, which must be the same, and change nothing of what arrived."""
    patch, arrived = operations(work), copy.deepcopy(work.object)
    stored = applied(work.object, patch)
    assert work.object == arrived
    assert stored == jsonpatch.apply_patch(work.object, list(patch))
    return stored


def test_nothing_changed_needs_no_patch() -> None:
    assert operations(work_on(make_deployment())) == ()


def test_only_what_changes_is_touched() -> None:
    manifest = make_deployment(containers=[make_container("a"), make_container("b", limits={"cpu": "1"})])
    work = work_on(manifest)
    work.containers[1].write("requests", "cpu", "100m")
    work.replicas = 5
    assert [one["path"] for one in operations(work)] == [
        "/spec/replicas",
        "/spec/template/spec/containers/1/resources",
    ]
    assert patched(work)["spec"]["template"]["spec"]["containers"][1]["resources"] == {
        "limits": {"cpu": "1"},
        "requests": {"cpu": "100m"},
    }


@pytest.mark.parametrize("annotations", [None, {}, {"a": "b"}, {ANNOTATION: "old"}])
def test_an_annotation_is_set_beside_the_others(annotations: dict[str, str] | None) -> None:
    manifest = make_deployment()
    if annotations is not None:
        manifest["metadata"]["annotations"] = annotations
    work = work_on(manifest)
    work.annotation, work.sets_annotation = "app:", True
    assert patched(work)["metadata"]["annotations"] == {**(annotations or {}), ANNOTATION: "app:"}


def test_an_annotation_that_is_not_there_needs_no_removal() -> None:
    work = work_on(make_deployment())
    work.sets_annotation = True
    assert operations(work) == ()


def test_an_annotation_is_taken_away() -> None:
    manifest = make_deployment()
    manifest["metadata"]["annotations"] = {"a": "b", ANNOTATION: "app:"}
    work = work_on(manifest)
    work.sets_annotation = True
    assert patched(work)["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize("spec", [None, {}])
def test_a_scale_without_a_spec_gets_one(spec: dict[str, int] | None) -> None:
    work = work_on({**make_scale(0), "spec": spec})
    work.replicas = 3
    assert patched(work)["spec"] == {"replicas": 3}


@pytest.mark.parametrize("path", ["/spec/template/spec/containers/7", "/spec/nothing/spec/containers/0", "/kind"])
def test_an_operation_that_would_not_apply_is_refused(path: str) -> None:
    work = work_on(make_deployment())
    work.containers[0].path = path
    work.containers[0].write("requests", "cpu", "1")
    with pytest.raises(KubeDoorError, match="the patch does not apply: add"):
        operations(work)
