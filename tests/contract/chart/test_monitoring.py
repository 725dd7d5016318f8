"""The dashboard and the alert rules use existing metrics only, and promtool accepts the rules."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.errors import StoreError
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.metrics import WorkloadMetrics
from tests.contract.store.test_store import make_collected, store_day
from tests.support.accounts import Clock
from tests.support.builders import make_usage_day
from tests.toolbox.build import ToolMissing, need

FOLDER = Path(__file__).parents[3] / "monitoring"
NAME = re.compile(r"\bkubedoor_[a-z0-9_]+")


def expressions() -> list[str]:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    dashboard: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    found += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + [one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]


@pytest.fixture
def metrics(connection: Connection, cluster: str) -> CollectorRegistry:
    """Metrics of three workloads with a limit of two single ones."""
    control, usage = ControlStore(connection, cluster), UsageStore(connection, cluster)
    names = ("web", "api", "cart")
    control.replace_collected([make_collected(name, replicas=3) for name in names], run=1, rule="peak-day")
    now = datetime(2026, 11, 21, 8, tzinfo=UTC)
    store_day(usage, *(make_usage_day(deployment=name, pods=3) for name in names), run=1)
    control.edit(WorkloadKey(cluster, "shop", "web"), ManualValues(replicas=7), based_on=0, who="test")
    registry = CollectorRegistry()
    registry.register(
        WorkloadMetrics(
            lambda: ListingCache(ListingStore(connection, cluster)),
            cluster=cluster,
            limit=2,
            refreshed_at=control.refreshed_at,
            now=lambda: now,
        )
    )
    return registry


def samples(registry: CollectorRegistry) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def test_every_metric_that_is_spoken_of_is_there(metrics: CollectorRegistry) -> None:
    there = set(samples(metrics)) | set(samples(AdmissionMetrics().registry))
    # What has labels shows no sample before the first event.
    there |= {"kubedoor_admissions_total", "kubedoor_door_failures_total"}
    spoken_of = {name for expression in expressions() for name in NAME.findall(expression)}
    assert spoken_of <= there


def test_workloads_are_shown_up_to_the_limit_and_sums_are_whole(metrics: CollectorRegistry, cluster: str) -> None:
    found = samples(metrics)
    assert found["kubedoor_workloads"] == [({"cluster": cluster}, 3.0)]
    assert found["kubedoor_workloads_not_shown"] == [({"cluster": cluster}, 1.0)]
    assert len(found["kubedoor_workload_replicas"]) == 2
    recommended = {labels["deployment"]: value for labels, value in found["kubedoor_workload_cpu_recommended_cores"]}
    assert set(recommended.values()) <= {0.36, 0.84}, "3 or 7 replicas of 120m"
    assert found["kubedoor_store_up"] == [({"cluster": cluster}, 1.0)]


def test_a_store_that_is_away_is_one_metric_and_it_is_asked_again_later() -> None:
    clock, asked = Clock(), 0

    def away() -> ListingCache:
        nonlocal asked
        asked += 1
        raise StoreError("ClickHouse cannot be reached")

    registry = CollectorRegistry()
    registry.register(WorkloadMetrics(away, cluster="main", limit=2, refreshed_at=lambda: None, now=clock))
    for _ in range(3):
        assert samples(registry) == {"kubedoor_store_up": [({"cluster": "main"}, 0.0)]}
    assert asked == 1
    clock.advance(minutes=2)
    samples(registry)
    assert asked == 2


@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")], ids=" ".join
)
def test_promtool_takes_the_rules(words: tuple[str, ...]) -> None:
    try:
        promtool = need("promtool")
    except ToolMissing as missing:
        pytest.fail(str(missing))
    done = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    """The expressions are checked as recording rules, with Grafana's variables replaced."""
    filled = [
        text.replace("$__rate_interval", "5m").replace("$cluster", ".*").replace("$namespace", ".*")
        for text in expressions()
    ]
    rules = [
        {"record": f"test:{number}", "expr": text} for number, text in enumerate(filled) if "label_values" not in text
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = [str(need("promtool")), "check", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
