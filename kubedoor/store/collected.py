"""Collected values as rows of `collected_rows`, one for each container."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from kubedoor.model.collected import CollectedValues
from kubedoor.store.conditions import conditions_as_json, withheld_entries
from kubedoor.store.said import said_columns

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


def collected_rows(cluster: str, run: int, value: CollectedValues) -> Iterator[dict[str, Any]]:
    conditions = conditions_as_json(value.conditions)
    for container in value.containers:
        yield {
            "cluster": cluster,
            "run": run,
            "namespace": value.namespace,
            "deployment": value.deployment,
            "container": container.container,
            "replicas": value.replicas,
            "memory_pods": value.replicas if value.memory_pods is None else value.memory_pods,
            "node_cpu_millicores": value.largest_node.cpu_millicores or UINT32_MAX,
            "node_memory_bytes": value.largest_node.memory_bytes or UINT64_MAX,
            "peak_day": value.peak_day,
            "memory_peak_day": value.memory_peak_day,
            "days": value.days,
            "hpa": bool(value.hpa),
            **asdict(container.values),
            "cpu_usage_millicores": container.cpu_usage_millicores,
            "memory_usage_bytes": container.memory_usage_bytes,
            "reasons": [*value.reasons, *container.reasons],
            "reasons_said": said_columns((*value.reasons, *container.reasons)),
            "conditions": conditions,
            "withheld": withheld_entries(value.conditions, container.container),
        }
