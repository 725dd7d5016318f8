"""What values would do, judged by the usage in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kubedoor.model.usage import DayUsage, Peaks
from kubedoor.model.values import ManualValues, Resources, WorkloadKey
from kubedoor.sizing.dangers import DangerKind
from kubedoor.store.connection import Connection
from kubedoor.store.usage import UsageStore
from kubedoor.workloads.value_warnings import ValueWarnings, Wanted
from tests.support.builders import make_usage_day

TODAY = datetime.now(UTC).date()
MI = 2**20
LIMITED = Wanted(ManualValues(containers={"app": Resources(memory_limit_bytes=256 * MI)}))


class Asked(UsageStore):
    """Notes whose peaks are read."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        super().__init__(connection, cluster)
        self.read: list[list[str]] = []

    def peaks(self, workloads: Sequence[tuple[str, str]], *, days: int) -> dict[tuple[str, str], Peaks]:
        self.read.append([deployment for _, deployment in workloads])
        return super().peaks(workloads, days=days)


def collect(usage: UsageStore, memory: int, *, day: date = TODAY, run: int = 1) -> None:
    row = replace(make_usage_day(day=day), memory_max_bytes=memory)
    usage.replace_day(day, DayUsage((row,), 1.0), run=run, windows="w", seconds=0.1)


def test_peaks_are_read_once_until_another_day_is_collected(embedded: Connection, cluster: str) -> None:
    usage = Asked(embedded, cluster)
    warnings = ValueWarnings(usage=usage, look_back_days=10)
    collect(usage, 100 * MI, day=TODAY - timedelta(days=1))
    assert warnings.of_each({("shop", "web"): Wanted(ManualValues())}) == {("shop", "web"): []}
    assert usage.read == [], "nothing is set by hand"
    for _ in range(2):
        assert warnings.of(WorkloadKey(cluster, "shop", "web"), LIMITED) == []
    assert usage.read == [["web"]]
    assert warnings.of_each({("shop", "web"): LIMITED, ("shop", "never-seen"): LIMITED})["shop", "web"] == []
    assert usage.read == [["web"], ["never-seen"]]
    collect(usage, 300 * MI, run=2)
    (danger,) = warnings.of(WorkloadKey(cluster, "shop", "web"), LIMITED)
    assert danger.kind is DangerKind.MEMORY_LIMIT_BELOW_PEAK


def test_the_look_back_ends_with_the_newest_day_as_that_of_oom_kills(embedded: Connection, cluster: str) -> None:
    """Also where nothing has been collected for a while."""
    usage = UsageStore(embedded, cluster)
    newest = TODAY - timedelta(days=20)
    collect(usage, 300 * MI, day=newest - timedelta(days=9))
    collect(usage, 400 * MI, day=newest - timedelta(days=10))
    collect(usage, 100 * MI, day=newest)
    (danger,) = ValueWarnings(usage=usage, look_back_days=10).of(WorkloadKey(cluster, "shop", "web"), LIMITED)
    assert danger.message.parameters["used"] == "300Mi"


@pytest.mark.parametrize(("hpa_replicas", "kinds"), [("keep", []), ("control", [DangerKind.NO_REPLICAS])])
def test_replicas_beside_an_hpa_are_warned_of_where_they_are_set_all_the_same(
    embedded: Connection, cluster: str, hpa_replicas: str, kinds: list[DangerKind]
) -> None:
    usage = UsageStore(embedded, cluster)
    collect(usage, 100 * MI)
    warnings = ValueWarnings(usage=usage, look_back_days=10, hpa_replicas=hpa_replicas)
    found = warnings.of(WorkloadKey(cluster, "shop", "web"), Wanted(ManualValues(replicas=0), hpa=True))
    assert [one.kind for one in found] == kinds
