"""managedFields without KubeDoor's own entries, and with what it took given back to who had applied it."""

from __future__ import annotations

import copy
from typing import Any

from kubedoor.kube.ownership import SCALE, given_back, lock, owns

CPU: dict[str, Any] = {"f:spec": {"f:requests": {"f:cpu": {}}}}
REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def entry(manager: str, fields: dict[str, Any], *, operation: str = "Update", subresource: str = "") -> dict[str, Any]:
    found = {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": copy.deepcopy(fields)}
    return {**found, **({"subresource": subresource} if subresource else {})}


def applied(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return entry(manager, fields, operation="Apply")


def managed(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


def test_an_object_that_kubedoor_has_not_changed_stays_as_it_is() -> None:
    assert given_back(managed(), managed(entry("ci", CPU))) is None
    assert given_back({"metadata": {}}, {"metadata": {}}) is None


def test_what_was_applied_before_is_the_owners_again() -> None:
    both: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:requests": {"f:cpu": {}, "f:memory": {}}}}
    rest: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:requests": {"f:memory": {}}}}
    before, now = managed(applied("flux", both)), managed(applied("flux", rest), entry("kubedoor", CPU))
    assert given_back(before, now) == [applied("flux", both)]
    assert now == managed(applied("flux", rest), entry("kubedoor", CPU)), "the arguments stay as they are"


def test_an_owner_that_owned_nothing_else_has_its_entry_again() -> None:
    other = entry("ci", {"f:metadata": {"f:labels": {}}})
    assert given_back(managed(applied("flux", CPU)), managed(other, entry("kubedoor", CPU))) == [
        other,
        applied("flux", CPU),
    ]


def test_who_only_updates_gets_nothing_back() -> None:
    """Such an entry would only cause conflicts."""
    assert given_back(managed(entry("kubectl", REPLICAS)), managed(entry("kubedoor", REPLICAS))) == []


def test_what_kubedoor_did_not_take_is_not_given() -> None:
    taken_by_ci = managed(entry("ci", REPLICAS), entry("kubedoor", CPU))
    assert given_back(managed(applied("flux", REPLICAS)), taken_by_ci) == [entry("ci", REPLICAS)]


def test_of_one_subresource_only_its_entry_is_dropped() -> None:
    restart, scale = entry("kubedoor", CPU), entry("kubedoor", REPLICAS, subresource=SCALE)
    assert given_back(managed(), managed(restart, scale), subresource=SCALE) == [restart]
    assert given_back(managed(), managed(restart), subresource=SCALE) is None


def test_a_node_that_is_owned_itself_stays_apart_from_what_is_below_it() -> None:
    whole: dict[str, Any] = {"f:spec": {"f:requests": {".": {}, "f:cpu": {}}}}
    before = managed(applied("flux", whole))
    assert given_back(before, managed(entry("kubedoor", CPU))) == [applied("flux", CPU)]
    assert given_back(before, managed(entry("kubedoor", whole))) == [applied("flux", whole)]
    leaf: dict[str, Any] = {"f:spec": {"f:requests": {}}}
    assert given_back(before, managed(entry("kubedoor", leaf))) == [applied("flux", leaf)]
    assert given_back(before, managed(applied("flux", leaf), entry("kubedoor", CPU))) == [applied("flux", whole)]


def test_an_entry_owns_a_field_and_not_the_fields_above_it() -> None:
    manifest = managed(entry("kubedoor", CPU), entry("ci", REPLICAS))
    assert owns(manifest, ("f:spec", "f:requests", "f:cpu"))
    assert not owns(manifest, ("f:spec", "f:requests"))
    assert not owns(manifest, ("f:spec", "f:replicas"))


def test_the_lock_names_the_version_that_was_read() -> None:
    assert lock(managed()) == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
