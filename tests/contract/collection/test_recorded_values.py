"""Unharmed data give the values they always gave: those of a realistic fleet, recorded before conditions existed.

recorded_values.json was written at commit f585382 from the ten newest days of this fleet: of each workload its replicas and
peak days, of each container the requests, the limits and the P95s of CPU (millicores) and memory (bytes).
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.model.collected import CollectedContainer, CollectedValues
from kubedoor.model.conditions import ConditionType
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import collected_values
from tests.contract.collection.conftest import STEP_SECONDS, WINDOWS
from tests.contract.conftest import PrometheusOf
from tests.toolbox.fleets import sandbox_fleet

LAST_DAY = date(2026, 3, 20)
CPU_REQUEST, MEMORY_REQUEST = 0, 1

# Requests and replicas belong together (A.7): more where another day's load, or a day with as many pods or fewer, needs it.
RAISED = {
    ("payment/refund", "istio-proxy", MEMORY_REQUEST): 78643200,
    ("payment/risk-score", "istio-proxy", CPU_REQUEST): 118,
    ("payment/settlement", "istio-proxy", CPU_REQUEST): 35,
    ("shop/promotion", "promotion", CPU_REQUEST): 143,
    ("shop/search", "istio-proxy", CPU_REQUEST): 138,
    ("shop/storefront", "istio-proxy", CPU_REQUEST): 77,
    ("shop/storefront", "istio-proxy", MEMORY_REQUEST): 77594624,
    # Its peak day had seven pods, for a sale; on other days four pods hold more each.
    ("shop/storefront", "storefront", MEMORY_REQUEST): 844103680,
    # OOM-killed: the maximum that was seen instead of the P95.
    ("content/feed", "feed", MEMORY_REQUEST): 1568669696,
}


def as_recorded(container: CollectedContainer) -> list[int | None]:
    values = container.values
    requests = [values.cpu_request_millicores, values.memory_request_bytes]
    limits = [values.cpu_limit_millicores, values.memory_limit_bytes]
    return [*requests, *limits, container.cpu_usage_millicores, container.memory_usage_bytes]


def values_of(prometheus_of: PrometheusOf) -> dict[str, CollectedValues]:
    with PrometheusClient(prometheus_of(sandbox_fleet(LAST_DAY, days=18)).url) as client:
        source = PrometheusSource(client)
        days = WINDOWS.days_back(datetime(2026, 3, 20, 20, tzinfo=UTC), 10)
        rows = [row for day in days for row in source.read_day(day, step_seconds=STEP_SECONDS).rows]
    found = collected_values(rows, rule="peak-day", options=SizingOptions(), whole_cluster=False)
    return {f"{one.namespace}/{one.deployment}": one for one in found}


def test_a_fleet_without_trouble_has_its_recorded_values(prometheus_of: PrometheusOf) -> None:
    recorded: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("recorded_values.json").read_text())
    for (workload, container, place), amount in RAISED.items():
        before = recorded[workload]["containers"][container]
        assert before[place] < amount
        before[place] = amount
    values = values_of(prometheus_of)
    assert {
        name: {
            "replicas": one.replicas,
            "peak_day": str(one.peak_day),
            "memory_peak_day": str(one.memory_peak_day),
            "hpa": one.hpa,
            "containers": {container.container: as_recorded(container) for container in one.containers},
        }
        for name, one in values.items()
    } == recorded
    conditions = {(name, condition.type) for name, one in values.items() for condition in one.conditions}
    assert conditions == {
        ("account/consent", ConditionType.GUARANTEED_QOS),
        ("content/feed", ConditionType.OOM_KILLED),
        ("platform/feature-flag", ConditionType.GUARANTEED_QOS),
        ("shop/recommendation", ConditionType.SHORT_HISTORY),
        ("shop/storefront", ConditionType.HORIZONTAL_POD_AUTOSCALER),
    }
