"""Usage read from a real Prometheus, compared with values computed from the raw samples."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from kubedoor.collection.prometheus.client import PrometheusClient
from kubedoor.collection.prometheus.source import PrometheusSource
from kubedoor.errors import PrometheusRefused, PrometheusUnreachable, QueryTooLarge
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.model.values import Resources
from kubedoor.peak_windows import PeakWindows
from tests.contract.collection.conftest import MONDAY, PLAIN, WINDOWS, Read, at
from tests.contract.conftest import PrometheusOf
from tests.support.raw_samples import RawSamples, mean_at_each_step, p95, present
from tests.toolbox.fleets import big_fleet
from tests.toolbox.gate import HeaderGate
from tests.toolbox.prometheus import PASSWORD, USER, Access
from tests.toolbox.series import (
    DEPLOYMENT_METRICS,
    OWNER_METRICS,
    App,
    Container,
    Fleet,
    Gap,
    Hpa,
    Kind,
    Replace,
    Restart,
    Role,
    Rollout,
    Scale,
    Shape,
)

MIB = 2**20
MAIN = Container(
    "app",
    Shape(0.42, swing=0.5, noise=0.3),
    Shape(410 * MIB, swing=0.2, noise=0.15),
    Resources(500, 512 * MIB, 1000, 1024 * MIB),
    throttled_share=0.25,
)
PROXY = Container("proxy", Shape(0.03, noise=0.2), Shape(60 * MIB, noise=0.1), Resources(50, 64 * MIB), Role.SIDECAR)
MIGRATE = Container("migrate", Shape(0.2), Shape(90 * MIB), Resources(100, 128 * MIB), Role.INIT)
LONG_NAME = "a-deployment-with-a-name-that-leaves-no-room-for-its-hash"


BYSTANDERS = (
    App("redis", "shop", (PLAIN,), 2, Kind.STATEFUL_SET),
    App("agent", "shop", (PLAIN,), 3, Kind.DAEMON_SET),
    App("import", "shop", (PLAIN,), 1, Kind.JOB),
    App("shell", "shop", (PLAIN,), 1, Kind.POD),
)
NAMED_LIKE_DEPLOYMENTS = (
    App("canary", "shop", (PLAIN,), 2, Kind.ROLLOUT),
    App("bare-7d4b9c8f65", "shop", (PLAIN,), 2, Kind.REPLICA_SET),
)
DEPLOYMENTS = (
    App("pay", "money", (MAIN, PROXY, MIGRATE), 3, hot_pod_factor=1.5),
    App("cart", "shop", (PLAIN,), 4, events=(Rollout(at("10:40")),)),
    App("moved", "shop", (PLAIN,), 3, events=(Replace(at("10:50"), 1),)),
    App("scaled", "web", (PLAIN,), 2, events=(Scale(at("09:57"), 5),), hpa=Hpa("scaled", 2, 9)),
    App("born", "web", (PLAIN,), 2, created=at("11:00")),
    App(
        "killed",
        "web",
        (replace(PLAIN, restarts=(Restart(at("10:20"), 0), Restart(at("10:50"), 1), Restart(at("11:10"), 1))),),
        2,
    ),
    App("failed", "web", (replace(PLAIN, restarts=(Restart(at("09:51")), Restart(at("10:30"), reason="Error"))),)),
    App("reset", "web", (replace(MAIN, restarts=(Restart(at("10:33"), 0, "Error", keeps_id=True),)),), 2),
)
FLEET = Fleet((*DEPLOYMENTS, *BYSTANDERS, *NAMED_LIKE_DEPLOYMENTS), MONDAY, 2)


def rows_of(usage: DayUsage) -> dict[tuple[str, str], UsageDay]:
    return {(row.deployment, row.container): row for row in usage.rows}


def names_of(usage: DayUsage) -> set[str]:
    return {row.deployment for row in usage.rows}


@pytest.mark.parametrize(
    ("deployment", "container"),
    [("pay", "app"), ("pay", "proxy"), ("moved", "app"), ("scaled", "app"), ("reset", "app")],
)
def test_p95_and_maxima_are_those_of_the_raw_samples(read: Read, deployment: str, container: str) -> None:
    row = rows_of(read(FLEET))[deployment, container]
    raw = RawSamples(FLEET, deployment, container, WINDOWS.peak_day(MONDAY).ranges[0])
    cores, memory = raw.cores(), raw.memory()
    assert row.cpu_p95_millicores == pytest.approx(p95(mean_at_each_step(cores)) * 1000, rel=0.01, abs=1)
    assert row.memory_p95_bytes == pytest.approx(p95(mean_at_each_step(memory)), rel=0.01)
    assert row.memory_max_bytes == pytest.approx(raw.highest_memory(), rel=0.01)
    assert row.cpu_quantiles_millicores[-1] == pytest.approx(max(mean_at_each_step(cores)) * 1000, rel=0.01, abs=1)
    hottest = max(p95(present(pod)) for pod in memory if len(present(pod)) > 1)
    assert row.memory_p95_hottest_bytes == pytest.approx(hottest, rel=0.01)


def test_a_hot_pod_stands_out_of_the_mean(read: Read) -> None:
    row = rows_of(read(FLEET))["pay", "app"]
    hottest = max(
        p95(present(pod)) for pod in RawSamples(FLEET, "pay", "app", WINDOWS.peak_day(MONDAY).ranges[0]).cores()
    )
    assert row.cpu_p95_hottest_millicores == pytest.approx(hottest * 1000, rel=0.01)
    assert row.cpu_p95_hottest_millicores > 1.2 * row.cpu_p95_millicores


def test_only_deployments_have_rows(read: Read) -> None:
    usage = read(FLEET)
    assert names_of(usage) == {app.name for app in DEPLOYMENTS}
    assert (usage.coverage, usage.warnings, usage.is_partial, usage.queries) == (1.0, (), False, 9)


def test_a_native_sidecar_has_a_row_and_an_init_container_has_none(read: Read) -> None:
    rows = rows_of(read(FLEET))
    assert {container for deployment, container in rows if deployment == "pay"} == {"app", "proxy"}
    assert rows["pay", "app"].found == Resources(500, 512 * MIB, 1000, 1024 * MIB)
    assert rows["pay", "proxy"].found == Resources(50, 64 * MIB)


@pytest.mark.parametrize("without", [(), DEPLOYMENT_METRICS], ids=["as Deployments say", "as pods are listed"])
@pytest.mark.parametrize(
    ("deployment", "pods"),
    [
        pytest.param("pay", 3, id="quiet"),
        pytest.param("cart", 4, id="a rollout inside the window"),
        pytest.param("moved", 3, id="a pod replaced inside the window"),
        pytest.param("scaled", 5, id="scaled before the window"),
        pytest.param("born", 2, id="created inside the window"),
    ],
)
def test_pods_are_those_side_by_side(read: Read, deployment: str, pods: int, without: tuple[str, ...]) -> None:
    rows = rows_of(read(replace(FLEET, without=without)))
    assert rows[deployment, "app"].pods == pods


def test_a_workload_born_in_the_window_covers_the_rest_of_it(read: Read) -> None:
    assert rows_of(read(FLEET))["born", "app"].coverage == pytest.approx(0.33, abs=0.03)


def test_only_the_autoscaled_one_has_an_autoscaler(read: Read) -> None:
    has_hpa = {row.deployment: row.hpa for row in read(FLEET).rows}
    assert {name for name, hpa in has_hpa.items() if hpa} == {"scaled"}
    assert set(has_hpa.values()) == {True, False}, "of the others it is known that they have none"


def test_oom_kills_are_counted_and_other_restarts_are_not(read: Read) -> None:
    """A container that was OOM-killed before the window and failed in it counts no kill in the window."""
    kills = {row.deployment: row.oom_kills for row in read(FLEET).rows if row.oom_kills}
    assert kills == {"killed": 3}


def test_throttling_is_known_where_there_is_a_limit(read: Read) -> None:
    rows = rows_of(read(FLEET))
    assert rows["pay", "app"].throttled_share == pytest.approx(0.25, rel=0.01)
    assert rows["cart", "app"].throttled_share is None


def test_without_owner_metrics_the_answer_is_the_same(read: Read) -> None:
    fleet = replace(FLEET, apps=(*DEPLOYMENTS, *BYSTANDERS))
    assert read(replace(fleet, without=OWNER_METRICS)) == read(fleet)


def test_names_that_kubernetes_cut_short_need_owner_metrics(read: Read) -> None:
    fleet = replace(FLEET, apps=(App(LONG_NAME, "shop", (PLAIN,), 2), App("cart", "shop", (PLAIN,))))
    assert names_of(read(fleet)) == {LONG_NAME, "cart"}
    assert names_of(read(replace(fleet, without=OWNER_METRICS))) == {"cart"}


def test_a_docker_runtime_gives_the_same_answer(read: Read) -> None:
    assert read(replace(FLEET, pause_container="POD")) == read(FLEET)


def test_two_replicas_of_one_prometheus_behind_one_address_count_once(read: Read) -> None:
    replicas = [replace(FLEET, external_labels=(("replica", name),)) for name in "ab"]
    assert read(*replicas) == read(FLEET)


def test_clusters_in_one_prometheus_are_told_apart(read: Read) -> None:
    staging = replace(FLEET, apps=(App("trial", "shop", (PLAIN,)),), external_labels=(("env", "staging"),))
    both = (replace(FLEET, external_labels=(("env", "prod"),)), staging)
    assert read(*both, cluster_label="env", cluster="prod") == read(FLEET)
    assert names_of(read(*both, cluster_label="env", cluster="staging")) == {"trial"}
    assert read(*both, cluster_label="env", cluster='no"such').rows == ()


@pytest.mark.parametrize(
    ("options", "want"),
    [
        pytest.param({"namespaces": ("web",)}, {"scaled", "born", "killed", "failed", "reset"}, id="one"),
        pytest.param({"namespaces": ("money", "shop")}, {"pay", "cart", "moved"}, id="two"),
        pytest.param({"excluded_namespaces": ("web", "shop")}, {"pay"}, id="all but two"),
        pytest.param({"namespaces": ('a"b\\c.d|e{}(', "money")}, {"pay"}, id="a name that is none"),
        pytest.param({"namespaces": ("w.b", "mone.*")}, set(), id="names are no patterns"),
    ],
)
def test_namespaces_narrow_the_answer(read: Read, options: dict[str, Any], want: set[str]) -> None:
    assert names_of(read(FLEET, **options)) == want


def test_a_prometheus_with_a_low_limit_is_asked_in_pieces(read: Read) -> None:
    pieces, whole = read(FLEET, max_samples=600), read(FLEET)
    assert pieces.queries > 20
    assert [_blurred(row) for row in pieces.rows] == [_blurred(row) for row in whole.rows]


def _blurred(row: UsageDay) -> UsageDay:
    """Rounds the share that depends on how a query is split: `increase` extrapolates to the edges of each range."""
    return replace(row, throttled_share=row.throttled_share and round(row.throttled_share, 2))


def test_a_limit_below_one_step_is_an_error_in_the_end(read: Read) -> None:
    with pytest.raises(QueryTooLarge, match="too many samples"):
        read(FLEET, max_samples=2)


@pytest.mark.parametrize(
    ("zone", "day", "text"),
    [
        pytest.param("America/New_York", date(2026, 3, 8), "10:00-11:30", id="the clocks went forward that night"),
        pytest.param("America/New_York", date(2026, 3, 8), "01:00-04:00", id="across the skipped hour"),
        pytest.param("Asia/Shanghai", date(2026, 3, 9), "23:00-01:00", id="over midnight"),
        pytest.param("Asia/Kathmandu", date(2026, 3, 9), "10:00-10:30,20:00-20:30", id="two windows"),
    ],
)
def test_windows_are_read_on_the_local_clock(read: Read, zone: str, day: date, text: str) -> None:
    fleet = Fleet((App("pay", "shop", (MAIN,), 2),), date(2026, 3, 7), 4, zone, time(0), 1500)
    windows = PeakWindows.parse(text, zone)
    usage = read(fleet, day=day, windows=windows)
    (row,) = usage.rows
    assert (row.coverage, row.pods, row.day) == (1.0, 2, day)
    assert usage.queries == 8 * len(windows.windows) + 1
    pieces = [RawSamples(fleet, "pay", "app", piece) for piece in windows.peak_day(day).ranges]
    cores = [value for piece in pieces for value in mean_at_each_step(piece.cores())]
    assert row.cpu_p95_millicores == pytest.approx(p95(cores) * 1000, rel=0.01)


def test_a_gap_is_coverage_and_not_a_zero(read: Read) -> None:
    gap = Gap(at("10:15"), at("10:45"))
    whole, gappy = rows_of(read(FLEET))["pay", "app"], read(replace(FLEET, gaps=(gap,)))
    row = rows_of(gappy)["pay", "app"]
    # Prometheus looks back 5 minutes, so that much of the gap is bridged.
    assert gappy.coverage == pytest.approx(1 - 26 / 91, abs=0.04)
    assert row.cpu_quantiles_millicores[0] == pytest.approx(whole.cpu_quantiles_millicores[0], rel=0.1)


def test_while_kube_state_metrics_is_away_the_names_decide(read: Read) -> None:
    fleet = replace(
        FLEET, apps=(*DEPLOYMENTS, *BYSTANDERS), gaps=(Gap(at("09:00"), at("12:00"), "kube-state-metrics"),)
    )
    usage = read(fleet)
    assert names_of(usage) == {app.name for app in DEPLOYMENTS}
    assert rows_of(usage)["pay", "app"].found == Resources(cpu_limit_millicores=1000), "the quota is cAdvisor's"
    assert {row.hpa for row in usage.rows} == {None}, "nobody can say who has an HPA"
    assert [warning.split()[0] for warning in usage.warnings] == [
        "kube_pod_container_info",
        "kube_pod_container_resource_limits",
        "kube_pod_container_resource_requests",
    ]


def test_a_day_without_data_is_empty_and_says_so(read: Read) -> None:
    usage = read(replace(FLEET, empty_days=(MONDAY + timedelta(days=1),)), day=MONDAY + timedelta(days=1))
    assert (usage.rows, usage.coverage, usage.is_partial) == ((), 0.0, False)
    assert len(usage.warnings) == 6


def test_thirty_days_of_two_hundred_workloads_are_twelve_thousand_rows(read: Read) -> None:
    fleet, windows = big_fleet(), PeakWindows.parse("10:00-10:30", "UTC")
    days = [read(fleet, day=fleet.first_day + timedelta(days=number), windows=windows) for number in range(fleet.days)]
    assert sum(len(day.rows) for day in days) == 12_000
    assert {len({(row.namespace, row.deployment, row.container) for row in day.rows}) for day in days} == {400}
    assert {day.queries for day in days} == {9}
    assert {row.pods for day in days for row in day.rows} == {3}


def test_a_password_and_a_ca_file_open_the_door(prometheus_of: PrometheusOf) -> None:
    prometheus = prometheus_of(FLEET, access=Access(password=True, tls=True))
    peak_day, ca_file = WINDOWS.peak_day(MONDAY), str(prometheus.ca_file)
    with PrometheusClient(prometheus.url, username=USER, password=PASSWORD, ca_file=ca_file) as client:
        assert names_of(PrometheusSource(client).read_day(peak_day, step_seconds=60)) == {
            app.name for app in DEPLOYMENTS
        }
    stranger = PrometheusClient(prometheus.url, username=USER, password="wrong", ca_file=ca_file)
    with stranger, pytest.raises(PrometheusRefused, match="401"):
        PrometheusSource(stranger).read_day(peak_day, step_seconds=60)
    doubtful = PrometheusClient(prometheus.url, username=USER, password=PASSWORD)
    with doubtful, pytest.raises(PrometheusUnreachable, match="certificate"):
        PrometheusSource(doubtful).read_day(peak_day, step_seconds=60)


def test_a_gate_wants_a_token_and_a_tenant(prometheus_of: PrometheusOf) -> None:
    wanted = {"Authorization": "Bearer let-me-in", "X-Scope-OrgID": "shop"}
    with HeaderGate(prometheus_of(FLEET).url, wanted) as gate:
        with PrometheusClient(gate.url, bearer_token="let-me-in", headers={"X-Scope-OrgID": "shop"}) as client:
            assert PrometheusSource(client).read_day(WINDOWS.peak_day(MONDAY), step_seconds=60).rows
        with PrometheusClient(gate.url, bearer_token="let-me-in") as client, pytest.raises(PrometheusRefused):
            PrometheusSource(client).read_day(WINDOWS.peak_day(MONDAY), step_seconds=60)


def test_the_checkup_asks_what_a_real_one_understands(prometheus_of: PrometheusOf) -> None:
    with PrometheusClient(prometheus_of(FLEET).url) as client:
        checks = {str(check.name): check for check in PrometheusSource(client).checks()}
    assert checks["Prometheus"].ok
    assert checks["labels of kube-state-metrics"].ok
    assert checks["kube_pod_container_info"].detail == "no series in the last hour (needed)"
