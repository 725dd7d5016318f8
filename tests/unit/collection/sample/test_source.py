from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor import quantities
from kubedoor.collection.sample.source import NEW_SERVICE_DAYS, SampleSource, sample_deployments
from kubedoor.model.peak_day import PeakDay
from kubedoor.model.usage import DayUsage, UsageDay
from kubedoor.peak_windows import PeakWindows

WINDOWS = PeakWindows.parse("10:00-11:30", "Asia/Shanghai")
FRIDAY = date(2025, 6, 20)
STEP_SECONDS = 300


def read(day: date, *, seed: int = 7, windows: PeakWindows = WINDOWS) -> DayUsage:
    return SampleSource(seed=seed, today=lambda: FRIDAY).read_day(windows.peak_day(day), step_seconds=STEP_SECONDS)


def rows_of(usage: DayUsage) -> dict[tuple[str, str], UsageDay]:
    return {(row.deployment, row.container): row for row in usage.rows}


@pytest.fixture(scope="module")
def month() -> list[DayUsage]:
    """30 days, newest first."""
    now = datetime(2025, 6, 20, 12, tzinfo=UTC)
    source = SampleSource(seed=7, today=lambda: FRIDAY)
    return [source.read_day(day, step_seconds=STEP_SECONDS) for day in WINDOWS.days_back(now, 30)]


def test_there_are_forty_deployments_in_five_namespaces(month: list[DayUsage]) -> None:
    workloads = {(row.namespace, row.deployment) for row in month[0].rows}
    manifests = sample_deployments()
    assert workloads == {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in manifests}
    assert (len(workloads), len({namespace for namespace, _ in workloads})) == (40, 5)
    assert (month[0].coverage, month[0].warnings, month[0].is_partial) == (1.0, (), False)


def test_the_same_seed_and_day_give_the_same_usage() -> None:
    assert read(FRIDAY) == read(FRIDAY)
    assert read(FRIDAY) != read(FRIDAY, seed=8)
    assert read(FRIDAY).rows != read(FRIDAY - timedelta(days=7)).rows


def test_found_is_what_the_manifests_ask_for(month: list[DayUsage]) -> None:
    rows = rows_of(month[0])
    for manifest in sample_deployments():
        spec = manifest["spec"]["template"]["spec"]
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            requests = container.get("resources", {}).get("requests", {})
            found = rows[manifest["metadata"]["name"], container["name"]].found
            assert found.cpu_request_millicores == (quantities.cpu_millicores(requests["cpu"]) if requests else None)


def test_pods_are_the_replicas_unless_autoscaled(month: list[DayUsage]) -> None:
    replicas = {each["metadata"]["name"]: each["spec"]["replicas"] for each in sample_deployments()}
    for usage in month:
        for row in usage.rows:
            assert row.hpa or row.pods == replicas[row.deployment], row


def test_a_rollout_in_the_window_is_one_row_with_the_usual_pods() -> None:
    wednesday = rows_of(read(date(2025, 6, 18)))
    assert wednesday["checkout", "checkout"].pods == 6
    assert wednesday["checkout", "checkout"].coverage == 1.0


def test_the_new_service_exists_only_for_the_newest_days(month: list[DayUsage]) -> None:
    has_it = [("currency-rates", "currency-rates") in rows_of(usage) for usage in month]
    assert has_it == [True] * NEW_SERVICE_DAYS + [False] * (30 - NEW_SERVICE_DAYS)


def test_the_leaking_one_grows_until_monday() -> None:
    week = [read(date(2025, 6, 9) + timedelta(days=day)) for day in range(8)]
    memory = [rows_of(usage)["sessions", "sessions"].memory_p95_bytes for usage in week]
    assert memory[:7] == sorted(memory[:7])
    assert memory[6] > 2 * memory[0]
    assert memory[7] < memory[6] / 2


def test_the_idle_one_uses_next_to_nothing(month: list[DayUsage]) -> None:
    row = rows_of(month[0])["old-reports", "old-reports"]
    assert row.cpu_p95_millicores <= 3
    assert row.found.cpu_request_millicores == 1000


def test_the_autoscaled_one_has_more_pods_the_busier_it_is() -> None:
    night = PeakWindows.parse("03:00-04:00", "Asia/Shanghai")
    by_day, by_night = (rows_of(read(FRIDAY, windows=each))["query-api", "query-api"] for each in (WINDOWS, night))
    assert by_day.hpa
    assert by_day.pods > by_night.pods


def test_offices_are_quiet_at_weekends_and_at_night(month: list[DayUsage]) -> None:
    friday, sunday = (rows_of(read(day))["reports", "reports"] for day in (FRIDAY, date(2025, 6, 15)))
    night = PeakWindows.parse("03:00-04:00", "Asia/Shanghai")
    asleep = rows_of(read(FRIDAY, windows=night))["reports", "reports"]
    assert sunday.cpu_p95_millicores < 0.7 * friday.cpu_p95_millicores
    assert asleep.cpu_p95_millicores < 0.5 * friday.cpu_p95_millicores


def test_some_ask_for_far_too_much_and_some_for_too_little(month: list[DayUsage]) -> None:
    asked = [(row, row.found.cpu_request_millicores) for row in month[0].rows if row.found.cpu_request_millicores]
    assert sum(row.cpu_p95_millicores < request / 4 for row, request in asked) >= 5
    assert sum(row.cpu_p95_millicores > request for row, request in asked) >= 3
    assert max(row.throttled_share or 0 for row in month[0].rows) > 0.1
    assert sum(row.oom_kills for usage in month for row in usage.rows) > 0
    assert min(row.coverage for usage in month for row in usage.rows) < 1.0


def test_no_container_uses_more_than_its_limit(month: list[DayUsage]) -> None:
    for usage in month:
        for row in usage.rows:
            assert row.cpu_p95_hottest_millicores <= (row.found.cpu_limit_millicores or 10_000)


def test_two_windows_make_one_day() -> None:
    windows = PeakWindows.parse("10:00-11:00,20:00-21:00", "Asia/Shanghai")
    assert len(read(FRIDAY, windows=windows).rows) == len(read(FRIDAY).rows)


@pytest.mark.parametrize(
    "peak_day", [WINDOWS.peak_day(FRIDAY + timedelta(days=1)), PeakDay(FRIDAY, ())], ids=["the future", "no windows"]
)
def test_a_day_without_data_has_no_rows(peak_day: PeakDay) -> None:
    usage = SampleSource(seed=7, today=lambda: FRIDAY).read_day(peak_day, step_seconds=STEP_SECONDS)
    assert (usage.rows, usage.coverage) == ((), 0.0)


def test_sample_data_says_that_it_is() -> None:
    source = SampleSource(seed=7, today=lambda: FRIDAY)
    (check,) = source.checks()
    assert source.is_sample
    assert check.ok
    assert "sample data" in check.detail


def test_native_sidecars_are_init_containers_that_restart() -> None:
    specs = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in sample_deployments()}
    assert [each["restartPolicy"] for each in specs["payment-gateway"]["initContainers"]] == ["Always"]
    assert "initContainers" not in specs["cart"]
    assert "resources" not in specs["audit-log"]["containers"][0]
