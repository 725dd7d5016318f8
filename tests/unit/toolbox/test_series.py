"""What the tests' own Prometheus data promise; the tests of collecting are only as good as these."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from kubedoor.model.values import Resources
from tests.toolbox.exposition import Series, series_of, write
from tests.toolbox.fleets import big_fleet, newest_day, sandbox_fleet
from tests.toolbox.pods import pods_of
from tests.toolbox.series import (
    OWNER_METRICS,
    App,
    Container,
    Fleet,
    Gap,
    Kind,
    Replace,
    Restart,
    Role,
    Rollout,
    Scale,
    Shape,
)

CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
PLAIN = Container("app", Shape(0.2), Shape(3e8), Resources(500, 2**29, 1000, 2**30))
FLEET = Fleet((App("pay", "shop", (PLAIN,), 2),), date(2026, 3, 2), 2, has_pod_cgroups=False)


def with_app(**changes: object) -> Fleet:
    return replace(FLEET, apps=(replace(FLEET.apps[0], **changes),))  # type: ignore[arg-type]


def with_container(**changes: object) -> Fleet:
    return with_app(containers=(replace(PLAIN, **changes),))  # type: ignore[arg-type]


def only(fleet: Fleet, metric: str, **labels: str) -> list[Series]:
    return [one for one in series_of(fleet, metric) if labels.items() <= one.labels.items()]


def test_the_same_fleet_gives_the_same_text_byte_for_byte(tmp_path: Path) -> None:
    fleet = with_container(cpu=Shape(0.2, noise=0.3))
    count = write(fleet, tmp_path / "one")
    write(fleet, tmp_path / "two")
    text = (tmp_path / "one").read_text()
    assert text == (tmp_path / "two").read_text()
    assert text.endswith("# EOF\n")
    assert count == sum(not line.startswith("#") for line in text.splitlines())


def test_series_dealt_out_among_files_are_the_same_series(tmp_path: Path) -> None:
    whole, first, second = (tmp_path / name for name in ("whole", "first", "second"))
    assert write(FLEET, whole) == write(FLEET, first, second)
    parts = first.read_text().splitlines() + second.read_text().splitlines()
    assert sorted(set(parts)) == sorted(set(whole.read_text().splitlines()))


def test_a_counter_grows_by_what_the_shape_uses() -> None:
    for series in only(FLEET, CPU):
        for (before, start), (after, end) in pairwise(series.samples()):
            assert end - start == pytest.approx(0.2 * (after - before))


def test_a_restart_begins_a_new_series_at_zero_for_that_pod_only() -> None:
    at = FLEET.moment(0, "10:20")
    series = only(with_container(restarts=(Restart(at, pod=1),)), CPU)
    pods = sorted(one.labels["pod"] for one in series)
    assert len(set(pods)) == 2
    assert len(pods) == 3
    fresh = [one for one in series if one.samples()[0][1] < 0.2 * 60]
    assert [one.samples()[0][0] >= at.timestamp() for one in fresh] == [True]


def test_a_restart_that_keeps_the_id_resets_the_counter_inside_its_series() -> None:
    at = FLEET.moment(0, "10:20")
    fleet = with_container(restarts=(Restart(at, pod=1, keeps_id=True),))
    drops = [b < a for one in only(fleet, CPU) for (_, a), (_, b) in pairwise(one.samples())]
    assert drops.count(True) == 1


def test_a_kill_is_seen_by_kube_state_metrics() -> None:
    fleet = with_container(restarts=(Restart(FLEET.moment(0, "10:20"), pod=1),))
    [reason] = only(fleet, "kube_pod_container_status_last_terminated_reason")
    counts = [one.samples()[-1][1] for one in only(fleet, "kube_pod_container_status_restarts_total")]
    assert reason.labels["reason"] == "OOMKilled"
    assert sorted(counts) == [0, 1]


def test_a_rollout_hands_over_pod_by_pod_to_a_new_replica_set() -> None:
    at = FLEET.moment(1, "10:30")
    fleet = with_app(events=(Rollout(at),))
    pods = list(pods_of(fleet))
    assert len({pod.owner_name for pod in pods}) == 2
    alive = [sum(pod.start <= moment < pod.end for pod in pods) for moment in (at, at + timedelta(minutes=5))]
    assert alive == [3, 2]
    assert len(only(fleet, "kube_replicaset_owner", owner_name="pay")) == 2


@pytest.mark.parametrize(
    ("event", "pods_over_time"),
    [
        pytest.param(Scale(FLEET.moment(1, "10:30"), 5), 5, id="scaled up"),
        pytest.param(Scale(FLEET.moment(1, "10:30"), 1), 2, id="scaled down"),
        pytest.param(Replace(FLEET.moment(1, "10:30")), 3, id="replaced"),
    ],
)
def test_events_make_pods_come_and_go(event: Scale | Replace, pods_over_time: int) -> None:
    assert len(list(pods_of(with_app(events=(event,))))) == pods_over_time


@pytest.mark.parametrize(
    ("kind", "pattern", "owner"),
    [
        (Kind.DEPLOYMENT, r"pay-[4-9bcdf]{1,10}-[bcdfghjklmnpqrstvwxz2456789]{5}", "ReplicaSet"),
        (Kind.ROLLOUT, r"pay-[4-9bcdf]{1,10}-[bcdfghjklmnpqrstvwxz2456789]{5}", "ReplicaSet"),
        (Kind.REPLICA_SET, r"pay-[bcdfghjklmnpqrstvwxz2456789]{5}", "ReplicaSet"),
        (Kind.STATEFUL_SET, r"pay-[01]", "StatefulSet"),
        (Kind.DAEMON_SET, r"pay-[bcdfghjklmnpqrstvwxz2456789]{5}", "DaemonSet"),
        (Kind.JOB, r"pay-[bcdfghjklmnpqrstvwxz2456789]{5}", "Job"),
        (Kind.POD, r"pay", "<none>"),
    ],
)
def test_pods_are_named_and_owned_as_kubernetes_does_it(kind: Kind, pattern: str, owner: str) -> None:
    for pod in pods_of(with_app(kind=kind)):
        assert re.fullmatch(pattern, pod.name)
        assert pod.owner_kind == owner


def test_a_name_too_long_loses_the_end_of_its_hash() -> None:
    [pod, _] = pods_of(with_app(name="a" * 50))
    assert len(pod.name) == 63
    assert pod.name[:58] == f"{pod.owner_name}-"[:58]


def test_pod_cgroups_hold_the_sum_of_their_containers_and_carry_no_container_label() -> None:
    fleet = replace(FLEET, has_pod_cgroups=True)
    pod = next(pods_of(fleet)).name
    series = only(fleet, CPU, pod=pod)
    slice_, *parts = sorted(series, key=lambda one: ("image" in one.labels, "container" in one.labels))
    assert "container" not in slice_.labels
    assert [value for _, value in slice_.samples()] == pytest.approx(
        [sum(values) for values in zip(*([v for _, v in one.samples()] for one in parts), strict=True)]
    )


def test_quota_exists_only_with_a_limit() -> None:
    assert [one.samples()[0][1] for one in only(FLEET, "container_spec_cpu_quota")] == [100_000, 100_000]
    assert only(with_container(asks=Resources(cpu_request_millicores=5)), "container_spec_cpu_quota") == []


def test_a_native_sidecar_is_an_init_container_that_restarts() -> None:
    fleet = with_container(role=Role.SIDECAR)
    assert {one.labels["restart_policy"] for one in only(fleet, "kube_pod_init_container_info")} == {"Always"}
    assert len(only(fleet, CPU)) == 2
    assert only(fleet, "kube_pod_container_info") == []


def test_a_plain_init_container_uses_nothing_that_is_seen() -> None:
    fleet = with_container(role=Role.INIT)
    assert only(fleet, CPU) == []
    assert all("restart_policy" not in one.labels for one in only(fleet, "kube_pod_init_container_info"))


def test_gaps_and_empty_days_have_no_samples() -> None:
    gap = Gap(FLEET.moment(0, "10:10"), FLEET.moment(0, "10:20"), job="cadvisor")
    fleet = replace(FLEET, gaps=(gap,), empty_days=(FLEET.last_day,))
    times = {datetime.fromtimestamp(at, UTC) for one in only(fleet, MEMORY) for at, _ in one.samples()}
    assert times
    assert not any(gap.start <= at <= gap.end or at.date() == FLEET.last_day for at in times)
    assert any(
        gap.start.timestamp() <= at <= gap.end.timestamp() for at, _ in only(fleet, "kube_pod_owner")[0].samples()
    )


def test_metrics_can_be_left_out_and_labels_added() -> None:
    fleet = replace(FLEET, without=OWNER_METRICS, external_labels=(("env", "prod"),))
    series = list(series_of(fleet))
    assert not {one.name for one in series} & set(OWNER_METRICS)
    assert all(one.labels["env"] == "prod" for one in series)


def test_recorded_hours_follow_the_local_clock_across_daylight_saving() -> None:
    berlin = Fleet((), date(2026, 3, 28), 2, "Europe/Berlin", record_from=time(10), record_minutes=60)
    assert [stretch.start.hour for stretch in berlin.recorded()] == [9, 8]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        pytest.param(datetime(2026, 11, 23, 14, 34, tzinfo=UTC), date(2026, 11, 22), id="too fresh"),
        pytest.param(datetime(2026, 11, 23, 14, 35, tzinfo=UTC), date(2026, 11, 23), id="three hours after"),
    ],
)
def test_the_newest_day_is_the_last_that_can_be_filled_in(now: datetime, day: date) -> None:
    assert newest_day(now) == day


def test_the_sandbox_has_about_forty_deployments_in_five_namespaces() -> None:
    fleet = sandbox_fleet(date(2026, 11, 23))
    deployments = [app for app in fleet.apps if app.kind is Kind.DEPLOYMENT]
    assert len(deployments) == 41
    assert len({app.namespace for app in deployments}) == 5
    assert fleet.last_day == date(2026, 11, 23)


def test_the_big_fleet_has_twelve_hundred_containers() -> None:
    fleet = big_fleet()
    assert len(only(fleet, "kube_pod_container_info")) == 200 * 3 * 2
    assert fleet.days == 30
