from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubedoor.model.usage import Peak, Peaks
from kubedoor.model.values import ManualValues, Mode, Resources
from kubedoor.sizing.dangers import Danger, dangers
from tests.support.builders import DAY
from tests.support.sizing import MI

DAY_BEFORE = DAY - timedelta(days=1)
PEAKS = Peaks(3, DAY, {"app": Peak(310, DAY, 380 * MI, DAY_BEFORE, 412 * MI - 100, DAY_BEFORE)})


def of(replicas: int | None = None, mode: Mode | None = None, hpa: bool = False, **app: int) -> list[Danger]:
    manual = ManualValues(mode=mode, replicas=replicas, containers={"app": Resources(**app)} if app else {})
    return dangers(manual, PEAKS, hpa=hpa)


@pytest.mark.parametrize(
    ("values", "field", "kills", "text"),
    [
        pytest.param(
            {"memory_limit_bytes": 64 * MI},
            "containers.app.memory_limit",
            True,
            "memory limit 64Mi of app is below the 412Mi that a pod used on 2026-11-19: its pods would be OOM-killed",
            id="memory limit",
        ),
        pytest.param(
            {"cpu_limit_millicores": 300},
            "containers.app.cpu_limit",
            False,
            "cpu limit 300m of app is below the 310m that a pod used at peak on 2026-11-20: it would be throttled",
            id="cpu limit",
        ),
        pytest.param(
            {"cpu_request_millicores": 31},
            "containers.app.cpu_request",
            False,
            "cpu request 31m of app is 10 % of the 310m that a pod used at peak on 2026-11-20",
            id="cpu request",
        ),
        pytest.param(
            {"memory_request_bytes": 95 * MI},
            "containers.app.memory_request",
            False,
            "memory request 95Mi of app is 25 % of the 380Mi that a pod used at peak on 2026-11-19",
            id="memory request",
        ),
        pytest.param({"replicas": 0}, "replicas", True, "replicas 0 ends every pod; 3 ran at most", id="no replicas"),
        pytest.param(
            {"replicas": 300},
            "replicas",
            False,
            "replicas 300 are 100 times the 3 pods that ran at most, on 2026-11-20",
            id="many replicas",
        ),
    ],
)
def test_a_dangerous_value_is_said_with_its_number(values: dict[str, Any], field: str, kills: bool, text: str) -> None:
    (found,) = of(**values)
    assert (found.field, found.kills, found.message) == (field, kills, text)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"memory_limit_bytes": 412 * MI - 100}, id="memory limit at the peak"),
        pytest.param({"cpu_limit_millicores": 310}, id="cpu limit at the peak"),
        pytest.param({"cpu_request_millicores": 155, "memory_request_bytes": 190 * MI}, id="half of the usage"),
        pytest.param({"replicas": 9}, id="three times the pods"),
        pytest.param({"replicas": 0, "mode": Mode.OFF}, id="nothing is set with mode off"),
        pytest.param({"replicas": 0, "hpa": True}, id="the replicas are the autoscaler's"),
    ],
)
def test_what_is_enough_is_no_danger(values: dict[str, Any]) -> None:
    assert of(**values) == []


def test_nothing_is_killed_while_it_is_only_observed() -> None:
    observed = of(replicas=0, mode=Mode.OBSERVE, memory_limit_bytes=64 * MI)
    assert [(one.kind, one.kills) for one in observed] == [("no_replicas", False), ("memory_limit_below_peak", False)]
    assert all(one.kills for one in of(replicas=0, mode=Mode.ENFORCE, memory_limit_bytes=64 * MI))


def test_without_usage_only_ending_every_pod_is_said() -> None:
    manual = ManualValues(replicas=300, containers={"app": Resources(1, 1, 1, 1)})
    assert dangers(manual, Peaks()) == []
    assert [one.kind for one in dangers(ManualValues(replicas=0), Peaks())] == ["no_replicas"]
