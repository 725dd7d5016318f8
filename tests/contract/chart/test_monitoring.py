"""The dashboard and the alert rules use existing metrics only, and promtool accepts the rules."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kubedoor.admission.metrics import AdmissionMetrics
from kubedoor.errors import StoreError
from kubedoor.model.conditions import CPU_REQUEST, MEMORY_REQUEST, ConditionType
from kubedoor.model.usage import DayUsage
from kubedoor.model.values import ManualValues, WorkloadKey
from kubedoor.peak_windows import PeakWindows
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.deployments import DeploymentStore
from kubedoor.store.listing import ListingStore
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.listing_cache import ListingCache
from kubedoor.workloads.metrics import WorkloadMetrics
from kubedoor.workloads.savings import Savings
from tests.contract.store.test_deployments import make_state
from tests.contract.store.test_store import make_collected, store_day
from tests.support.accounts import Clock
from tests.support.builders import DAY, make_condition, make_usage_day
from tests.toolbox.build import ToolMissing, need

FOLDER = Path(__file__).parents[3] / "monitoring"
WINDOWS = PeakWindows.parse("10:00-11:30", "UTC")
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
    withheld = (make_condition(ConditionType.SHORT_HISTORY, CPU_REQUEST, MEMORY_REQUEST),)
    of_cart = {"cart": withheld}
    control.replace_collected(
        [make_collected(name, replicas=3, conditions=of_cart.get(name, ())) for name in names], run=1, rule="peak-day"
    )
    now = datetime(2026, 11, 21, 8, tzinfo=UTC)
    store_day(usage, *(make_usage_day(deployment=name, pods=3) for name in names), run=1)
    control.edit(WorkloadKey(cluster, "shop", "web"), ManualValues(replicas=7), based_on=0, who="test")
    deployments = DeploymentStore(connection, cluster)
    deployments.record([make_state()], seen_by="door", at=now)
    registry = CollectorRegistry()
    registry.register(
        WorkloadMetrics(
            lambda: ListingCache(ListingStore(connection, cluster)),
            cluster=cluster,
            limit=2,
            windows=WINDOWS,
            refreshed_at=control.refreshed_at,
            saved=Savings(deployments, time_zone="UTC", now=lambda: now).by_namespace,
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
    assert set(recommended.values()) <= {0.36, 0.84, 1.5}, "3 or 7 replicas of 120m; 500m stay where that is withheld"
    assert found["kubedoor_store_up"] == [({"cluster": cluster}, 1.0)]


def test_what_is_saved_is_shown_by_namespace(metrics: CollectorRegistry, cluster: str) -> None:
    found = samples(metrics)
    labels = {"cluster": cluster, "namespace": "shop"}
    assert found["kubedoor_saved_cpu_cores"] == [(labels, 0.9)]
    assert found["kubedoor_saved_memory_bytes"] == [(labels, 3 * 256 * 2**20)]


def test_what_is_withheld_is_counted_by_field_workload_and_condition(metrics: CollectorRegistry, cluster: str) -> None:
    found = samples(metrics)
    # Each of the three workloads has four values of a container and its replicas.
    assert sorted(found["kubedoor_values"], key=str) == [
        ({"cluster": cluster, "state": "enforced"}, 13.0),
        ({"cluster": cluster, "state": "withheld"}, 2.0),
    ]
    assert found["kubedoor_workloads_waiting"] == [({"cluster": cluster}, 1.0)]
    conditions = {labels["condition"]: value for labels, value in found["kubedoor_workloads_with_condition"]}
    assert set(conditions) == set(ConditionType)
    assert {name: value for name, value in conditions.items() if value} == {"ShortHistory": 1.0}


@pytest.mark.parametrize(
    ("weekdays_only", "now", "behind"),
    [
        # The newest day with rows is Friday, 20 November 2026.
        (False, "2026-11-20T12:00", 0),
        (False, "2026-11-21T11:00", 0),
        (False, "2026-11-21T11:40", 1),
        (False, "2026-11-23T11:40", 3),
        (True, "2026-11-23T11:00", 0),
        (True, "2026-11-24T11:40", 2),
    ],
)
def test_days_behind_are_the_peak_days_since_the_newest_with_rows(
    connection: Connection, cluster: str, weekdays_only: bool, now: str, behind: int
) -> None:
    control, usage = ControlStore(connection, cluster), UsageStore(connection, cluster)
    control.replace_collected([make_collected("web")], run=1, rule="peak-day")
    store_day(usage, make_usage_day(deployment="web"), run=1)
    usage.replace_day(DAY + timedelta(days=1), DayUsage((), 0.0), run=1, windows="w", seconds=0.1)
    registry = CollectorRegistry()
    registry.register(
        WorkloadMetrics(
            lambda: ListingCache(ListingStore(connection, cluster)),
            cluster=cluster,
            limit=0,
            windows=PeakWindows.parse("10:00-11:30", "UTC", weekdays_only),
            refreshed_at=control.refreshed_at,
            saved=list,
            now=lambda: datetime.fromisoformat(now).replace(tzinfo=UTC),
        )
    )
    assert samples(registry)["kubedoor_days_behind"] == [({"cluster": cluster}, float(behind))]


def test_without_a_usage_day_nobody_says_how_far_behind_it_is(connection: Connection, cluster: str) -> None:
    registry = CollectorRegistry()
    registry.register(
        WorkloadMetrics(
            lambda: ListingCache(ListingStore(connection, cluster)),
            cluster=cluster,
            limit=0,
            windows=WINDOWS,
            refreshed_at=lambda: None,
            saved=list,
            now=lambda: datetime(2026, 11, 21, 8, tzinfo=UTC),
        )
    )
    found = samples(registry)
    assert "kubedoor_days_behind" not in found
    assert found["kubedoor_workloads_waiting"] == [({"cluster": cluster}, 0.0)]


def test_a_store_that_is_away_is_one_metric_and_it_is_asked_again_later() -> None:
    clock, asked = Clock(), 0

    def away() -> ListingCache:
        nonlocal asked
        asked += 1
        raise StoreError("ClickHouse cannot be reached")

    registry = CollectorRegistry()
    registry.register(
        WorkloadMetrics(
            away, cluster="main", limit=2, windows=WINDOWS, refreshed_at=lambda: None, saved=list, now=clock
        )
    )
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
