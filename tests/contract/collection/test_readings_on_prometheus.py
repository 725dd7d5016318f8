"""Readings that cannot lie: what a real Prometheus has of clusters in trouble, and the rows that come of it.

Each case is a line of issue 13 or of ../shared/cases; the right values are those of an app beside it that has no trouble.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubedoor.errors import UsageNotMapped
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources
from tests.contract.collection.conftest import MONDAY, PLAIN, Read, at
from tests.toolbox.kube_state import shard_of
from tests.toolbox.pods import pods_of
from tests.toolbox.series import (
    NODE_METRICS,
    OWNER_METRICS,
    App,
    Container,
    Fleet,
    Gap,
    Glitch,
    Kind,
    Replace,
    Restart,
    Rollout,
    Shape,
)

MIB = 2**20
OLD_COUNTER = 2_000_000.0
CLOCK = 1.73e9
"""google/cadvisor#3611: looks like a clock."""
UNSIGNED = 2**64 / 1e9
"""One less than zero nanoseconds, as an unsigned number."""
LONG_NAME = "a-deployment-with-a-name-that-leaves-no-room-for-its-hash"


FREE = Container("app", Shape(0.2, swing=0.5), Shape(200 * MIB), Resources(300, 256 * MIB), counter_seconds=OLD_COUNTER)
LIMITED = replace(FREE, asks=Resources(300, 256 * MIB, 1000, 512 * MIB))


def rows_of(usage: DayUsage) -> dict[str, UsageDay]:
    return {row.deployment: row for row in usage.rows if row.container == "app"}


# Samples that cannot be true

GLITCHES = {
    "step-back": (Glitch(at("10:31")),),
    "step-back-of-all-pods": (Glitch(at("10:31")), Glitch(at("10:52"), pod=1)),
    "step-backs": (Glitch(at("10:11")), Glitch(at("10:42")), Glitch(at("11:13"))),
    "step-back-before-the-window": (Glitch(at("09:58")),),
    "step-back-at-its-end": (Glitch(at("11:29")),),
    "clock": (Glitch(at("10:31"), value=CLOCK),),
    "clock-for-five-minutes": (Glitch(at("10:31"), samples=5, value=CLOCK),),
    "clock-at-the-end": (Glitch(at("11:28"), samples=30, value=CLOCK),),
    "unsigned": (Glitch(at("10:31"), value=UNSIGNED),),
    "zero": (Glitch(at("10:31"), value=0.0),),
    "memory": (Glitch(at("10:31"), value=float(2**64 - 4096), is_memory=True),),
    "memory-for-nine-minutes": (Glitch(at("10:31"), samples=9, value=float(2**47), is_memory=True),),
}
YOUNG = App("young", "shop", (replace(FREE, counter_seconds=3000.0, glitches=(Glitch(at("10:31")),)),), 2)
YOUNG = replace(YOUNG, created=at("06:00"))
WRAPPED = App("wrapped", "shop", (replace(FREE, counter_seconds=0.0, counter_wraps_at=86_400 * 0.17),), 2)
TYPO = App("typo", "shop", (replace(FREE, asks=Resources(300, 256 * MIB, 5_000_000_000, 2**30)),), 2)
GLITCHY = Fleet(
    (
        App("clean", "shop", (FREE,), 2),
        App("limited-clean", "shop", (LIMITED,), 2),
        App("alone-clean", "shop", (FREE,)),
        *(App(name, "shop", (replace(FREE, glitches=found),), 2) for name, found in GLITCHES.items()),
        *(App(f"limited-{name}", "shop", (replace(LIMITED, glitches=found),), 2) for name, found in GLITCHES.items()),
        *(App(f"alone-{name}", "shop", (replace(FREE, glitches=found),)) for name, found in GLITCHES.items()),
        YOUNG,
        WRAPPED,
        TYPO,
    ),
    MONDAY,
    1,
    has_pod_cgroups=False,
)


def assert_same_usage(row: UsageDay, clean: UsageDay) -> None:
    for name in ("cpu_p95_millicores", "cpu_p95_hottest_millicores", "memory_p95_bytes", "memory_p95_hottest_bytes"):
        assert getattr(row, name) == pytest.approx(getattr(clean, name), rel=0.01), (row.deployment, name)
    assert row.cpu_quantiles_millicores[:4] == pytest.approx(clean.cpu_quantiles_millicores[:4], rel=0.02), (
        row.deployment
    )
    # After a step back the counter makes up for what it did not show: within one rate range that is a quarter more.
    assert row.cpu_quantiles_millicores[-1] <= 1.3 * clean.cpu_quantiles_millicores[-1], row.deployment
    assert row.memory_quantiles_bytes == pytest.approx(clean.memory_quantiles_bytes, rel=0.02), row.deployment
    assert row.memory_max_bytes == clean.memory_max_bytes, row.deployment
    assert row.coverage > 0.8, row.deployment


@pytest.mark.parametrize("without", [(), NODE_METRICS], ids=["nodes are known", "no node is known"])
@pytest.mark.parametrize("kind", ["", "limited-", "alone-"], ids=["no limit", "limited", "one pod"])
def test_a_sample_that_cannot_be_true_is_a_missing_one(read: Read, kind: str, without: tuple[str, ...]) -> None:
    rows = rows_of(read(replace(GLITCHY, without=without)))
    clean = rows[f"{kind}clean"]
    for name in GLITCHES:
        assert_same_usage(rows[f"{kind}{name}"], clean)
    assert clean.dropped_samples == 0
    told = {name for name in GLITCHES if rows[f"{kind}{name}"].dropped_samples}
    assert told == set(GLITCHES), "each is counted"


def test_a_counter_that_is_young_steps_back_below_every_bound(read: Read) -> None:
    """10 ms too little at 6,000 s read as 20 cores, which a node can have."""
    fleet = replace(GLITCHY, node_cores=64)
    rows = rows_of(read(fleet))
    assert_same_usage(rows["young"], rows["clean"])
    assert rows["young"].dropped_samples


def test_a_counter_that_wraps_or_restarts_at_zero_is_none(read: Read) -> None:
    row, clean = (rows_of(read(GLITCHY))[name] for name in ("wrapped", "clean"))
    assert_same_usage(row, clean)
    assert row.dropped_samples == 0


def test_a_restart_is_none_where_it_goes_on_in_the_same_series(read: Read) -> None:
    """Whoever drops the labels `id` and `name` has the restarted container in the series of its predecessor."""
    busy_at_first = replace(FREE, cpu=Shape(0.01), counter_seconds=20.0, restarts=(Restart(at("10:20")),))
    fleet = Fleet((App("idle", "shop", (busy_at_first,)),), MONDAY, 1, kubelet_drops=("id", "name", "image"))
    [row] = read(fleet).rows
    assert (row.dropped_samples, row.coverage) == (0, 1.0)
    assert row.cpu_quantiles_millicores[-1] == pytest.approx(20_000 / 240 + 10, abs=10), "what it used to start is seen"


def test_the_warnings_of_the_day_name_and_count_them(read: Read) -> None:
    usage = read(GLITCHY)
    [warning] = [warning for warning in usage.warnings if "implausible" in warning]
    assert warning.startswith(f"{sum(row.dropped_samples for row in usage.rows)} implausible samples dropped: shop/")


def test_a_limit_that_no_column_holds_costs_its_own_row_and_no_other(read: Read) -> None:
    usage = read(GLITCHY)
    assert {app.name for app in GLITCHY.apps} - set(rows_of(usage)) == {"typo"}
    [warning] = [warning for warning in usage.warnings if "typo" in warning and "left out" in warning]
    assert "shop/typo/app left out: cpu_limit_millicores is 5000000000" in warning
    assert not usage.is_partial


# What kube-state-metrics does not say

SHOP = (
    App("cart", "shop", (PLAIN,), 6),
    App("pay", "money", (LIMITED,), 4, events=(Rollout(at("10:40")),)),
    App("web", "shop", (PLAIN,), 8),
    App("redis", "shop", (PLAIN,), 2, Kind.STATEFUL_SET),
    App("agent", "shop", (PLAIN,), 3, Kind.DAEMON_SET),
)
SHARDED = Fleet(SHOP, MONDAY, 1, state_shards=3)
DEPLOYMENTS = {"cart": 6, "pay": 4, "web": 8}


def shard_away(fleet: Fleet, *names: str) -> Fleet:
    gaps = (Gap(at("08:00"), at("12:00"), "kube-state-metrics", name) for name in names)
    return replace(fleet, gaps=(*fleet.gaps, *gaps))


@pytest.mark.parametrize("shard", [f"kube-state-metrics-{number}" for number in range(3)])
def test_a_shard_that_is_away_costs_no_row_and_makes_the_day_partial(read: Read, shard: str) -> None:
    unlisted = sum(
        pod.end > at("10:00") and pod.app.kind is Kind.DEPLOYMENT and shard_of(SHARDED, pod.uid) == shard
        for pod in pods_of(SHARDED)
    )
    assert unlisted, "it had some"
    usage, whole = read(shard_away(SHARDED, shard)), read(SHARDED)
    assert {row.deployment: row.pods for row in usage.rows} == DEPLOYMENTS
    assert usage.is_partial
    assert any(f"{unlisted} pods with usage not listed by kube_pod_container_info" in one for one in usage.warnings)
    for row, want in zip(usage.rows, whole.rows, strict=True):
        assert (row.cpu_quantiles_millicores, row.memory_p95_bytes) == (
            want.cpu_quantiles_millicores,
            want.memory_p95_bytes,
        )
    assert (whole.is_partial, whole.warnings) == (False, ())


def test_what_cannot_be_counted_is_told(read: Read) -> None:
    """Pods that nothing lists and no name tells of, and Deployments that nothing is seen of."""
    fleet = replace(SHARDED, apps=(SHOP[0], App(LONG_NAME, "shop", (PLAIN,)), App("dark", "shop", (PLAIN,))), nodes=40)
    [hidden, dark] = [next(pod for pod in pods_of(fleet) if pod.app.name == name) for name in (LONG_NAME, "dark")]
    gaps = (
        Gap(at("08:00"), at("12:00"), "kube-state-metrics", shard_of(fleet, hidden.uid)),
        Gap(at("08:00"), at("12:00"), "cadvisor", dark.node),
    )
    assert shard_of(fleet, dark.uid) != shard_of(fleet, hidden.uid)
    usage = read(replace(fleet, gaps=gaps))
    assert {row.deployment for row in usage.rows} == {"cart"}
    assert any(f"left out, since such names are no Deployment's: shop/{hidden.name}" in one for one in usage.warnings)
    assert any("1 Deployment with listed pods and without a sample: shop/dark" in one for one in usage.warnings)


RENAMING = (("namespace", "monitoring"),)
RENAMING_ALL = (*RENAMING, ("pod", "kube-state-metrics-7d4b9c8f65-x7k2p"), ("container", "kube-state-metrics"))


@pytest.mark.parametrize("labels", [RENAMING, RENAMING_ALL], ids=["exported_namespace", "exported_pod too"])
def test_labels_that_the_scrape_job_replaced_are_said_and_names_decide(
    read: Read, labels: tuple[tuple[str, str], ...]
) -> None:
    usage = read(replace(SHARDED, state_shards=1, state_target_labels=labels))
    assert {row.deployment: row.pods for row in usage.rows} == DEPLOYMENTS
    assert usage.is_partial
    assert [warning for warning in usage.warnings if "honor_labels: true" in warning]
    assert {row.resources_known for row in usage.rows} == {False}


LONG = Fleet((App(LONG_NAME, "shop", (PLAIN,), 2),), MONDAY, 1)


@pytest.mark.parametrize(
    ("fleet", "cause"),
    [
        pytest.param(replace(LONG, state_target_labels=RENAMING), "exported_namespace.*honor_labels: true", id="04"),
        pytest.param(replace(LONG, state_target_labels=RENAMING_ALL), "honor_labels: true", id="04, the pod too"),
        pytest.param(
            replace(LONG, gaps=(Gap(at("08:00"), at("12:00"), "kube-state-metrics"),)),
            "scrape kube-state-metrics",
            id="no kube-state-metrics",
        ),
        pytest.param(replace(LONG, without=OWNER_METRICS), "kube_pod_owner", id="no owners"),
        pytest.param(
            replace(LONG, kubelet_drops=("container", "image", "name")), "no label container", id="no containers"
        ),
        pytest.param(
            replace(LONG, kubelet_drops=("container", "image", "name", "pod", "namespace")),
            "no label container",
            id="cgroups only",
        ),
    ],
)
def test_usage_without_any_row_fails_the_day_and_says_the_likely_cause(read: Read, fleet: Fleet, cause: str) -> None:
    with pytest.raises(UsageNotMapped, match=cause):
        read(fleet)


def test_a_cluster_without_deployments_is_no_failure(read: Read) -> None:
    usage = read(replace(SHARDED, state_shards=1, apps=SHOP[3:]))
    assert (usage.rows, usage.is_partial, usage.coverage) == ((), False, 1.0)


# Kills


def test_kills_of_pods_that_are_gone_by_the_end_of_the_window_count(read: Read) -> None:
    killed = replace(PLAIN, restarts=(Restart(at("10:20")), Restart(at("10:31"), 1), Restart(at("10:45"), 1)))
    others = replace(PLAIN, restarts=(Restart(at("10:20"), reason="Error"), Restart(at("10:45"), 1, reason="Error")))
    apps = (
        App("replaced", "shop", (killed,), 2, events=(Replace(at("10:50")),)),
        App("rolled-out", "shop", (killed,), 2, events=(Rollout(at("11:00")),)),
        App("scaled-to-nothing", "shop", (killed,), 2, deleted=at("11:00")),
        App("staying", "shop", (killed,), 2),
        App("failing", "shop", (others,), 2, events=(Rollout(at("11:00")),)),
    )
    rows = rows_of(read(Fleet(apps, MONDAY, 1)))
    assert {name: row.oom_kills for name, row in rows.items()} == {
        "replaced": 3,
        "rolled-out": 3,
        "scaled-to-nothing": 3,
        "staying": 3,
        "failing": 0,
    }
