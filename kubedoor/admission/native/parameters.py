"""Control values as the parameters of the policies: objects of the kind ControlValues. Pure.

A namespace has one object, and more only where its workloads do not fit into one: each object then has those of a range
of names. Withheld fields are absent. Quantities are spelled as the API server spells them, so that equal ones are equal
texts in most cases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubedoor.admission.resources import Floors
from kubedoor.model.values import ControlContainer, ControlValues, Mode, Value, WorkloadKey

GROUP = "kubedoor.io"
VERSION = "v1"
KIND = "ControlValues"
PLURAL = "controlvalues"
LABELS = {"app.kubernetes.io/part-of": "kubedoor", "kubedoor.io/door": "native"}
"""The bindings find the objects by these labels."""
COUNT = f"{GROUP}/deployments"
"""An annotation: how many Deployments an object has, which a list of metadata then tells."""
MAX_BYTES = 900 * 1024
"""Of one object as JSON: etcd takes 1.5 MiB, kubectl edits 1 MiB."""
MAX_CONTAINERS = 100
"""Of a workload: with many more, a policy costs more than the API server allows. Larger ones are the webhook's."""
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("", "k", "M", "G", "T", "P", "E")
Manifest = dict[str, Any]


def parameter_objects(values: Mapping[WorkloadKey, ControlValues], floors: Floors) -> dict[str, list[Manifest]]:
    """Namespace -> its objects, for the workloads of one cluster that are in the control table and not too large."""
    namespaces: dict[str, dict[str, Manifest]] = {}
    for key, found in values.items():
        if found.known and fits(found):
            namespaces.setdefault(key.namespace, {})[key.deployment] = workload_entry(found, floors)
    return {namespace: namespace_objects(namespace, entries) for namespace, entries in namespaces.items()}


def namespace_objects(namespace: str, entries: Mapping[str, Manifest]) -> list[Manifest]:
    """`entries`: by the names of the Deployments, at least one; as `workload_entry` makes them."""
    return list(_objects(namespace, dict(sorted(entries.items()))))


def object_name(number: int) -> str:
    """Of a namespace's object; `number` counts from 0."""
    return f"control-{number + 1}" if number else "control"


def counted(metadata: Mapping[str, Any]) -> int:
    """How many Deployments an object with this metadata has; 1 where it does not say so."""
    text = (metadata.get("annotations") or {}).get(COUNT, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 1


def fits(values: ControlValues) -> bool:
    """Whether policies can afford the values; other workloads have no entry, and so no policy changes them.

    Containers without values are counted by the policies themselves: `deployment_policy.IS_SMALL`.
    """
    return len(values.containers) <= MAX_CONTAINERS


def workload_entry(values: ControlValues, floors: Floors) -> Manifest:
    """`mode` is absent where values are enforced. `exempt`: of a Scale, which shows neither label nor owner."""
    entry: Manifest = {}
    if values.mode is not Mode.ENFORCE:
        entry["mode"] = str(values.mode)
    if values.replicas is not None:
        entry["replicas"] = values.replicas.amount
    if values.hpa:
        entry["hpa"] = True
    if values.opted_out or values.owned:
        entry["exempt"] = True
    containers = {name: found for name, one in values.containers.items() if (found := _container(one, floors))}
    if containers:
        entry["containers"] = containers
    return entry


def _container(values: ControlContainer, floors: Floors) -> Manifest:
    parts = {
        "requests": {
            "cpu": _cpu(values.cpu_request_millicores, floors.cpu_millicores),
            "memory": _memory(values.memory_request_bytes, floors.memory_bytes),
        },
        "limits": {"cpu": _cpu(values.cpu_limit_millicores), "memory": _memory(values.memory_limit_bytes)},
    }
    found = {part: {name: text for name, text in amounts.items() if text} for part, amounts in parts.items()}
    return {part: amounts for part, amounts in found.items() if amounts}


def _cpu(value: Value | None, floor: int = 0) -> str:
    return "" if value is None else spelled_cpu(max(value.amount, floor))


def _memory(value: Value | None, floor: int = 0) -> str:
    return "" if value is None else spelled_memory(max(value.amount, floor))


def spelled_cpu(millicores: int) -> str:
    """1500 -> `"1500m"`, 2000 -> `"2"`, 2000000 -> `"2k"`."""
    return f"{millicores}m" if millicores % 1000 else _shortest(millicores // 1000, 1000, _DECIMAL)


def spelled_memory(count_bytes: int) -> str:
    """1610612736 -> `"1536Mi"`, 128000000 -> `"128M"`, 1023 -> `"1023"`."""
    return _shortest(count_bytes, 1000, _DECIMAL) if count_bytes % 1024 else _shortest(count_bytes, 1024, _BINARY)


def _shortest(amount: int, factor: int, suffixes: tuple[str, ...]) -> str:
    power = 0
    while amount and amount % factor == 0 and power < len(suffixes) - 1:
        amount, power = amount // factor, power + 1
    return f"{amount}{suffixes[power]}"


def _objects(namespace: str, entries: Mapping[str, Manifest]) -> Iterator[Manifest]:
    parts = list(_split(entries))
    firsts = [next(iter(part)) for part in parts]
    for number, part in enumerate(parts):
        spec: Manifest = {"count": len(part), "deployments": part}
        if number:
            spec["from"] = firsts[number]
        if number + 1 < len(parts):
            spec["before"] = firsts[number + 1]
        yield {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {
                "name": object_name(number),
                "namespace": namespace,
                "labels": dict(LABELS),
                "annotations": {COUNT: str(len(part))},
            },
            "spec": spec,
        }


def _split(entries: Mapping[str, Manifest]) -> Iterator[dict[str, Manifest]]:
    part: dict[str, Manifest] = {}
    size = 0
    for name, entry in entries.items():
        length = len(json.dumps({name: entry}))
        if part and size + length > MAX_BYTES:
            yield part
            part, size = {}, 0
        part[name] = entry
        size += length
    yield part
