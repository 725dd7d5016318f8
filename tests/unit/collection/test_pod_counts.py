"""How many pods ran: what Kubernetes wants and has, else what is listed, else what is seen. See decision 14."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from kubedoor.collection.pod_counts import DeploymentSteps, by_replicaset, nearest_rank, replicas, seen_share

STEPS = 91
NAN = math.nan


def steps(*pieces: tuple[int, float]) -> list[int]:
    """(until step, pods) one after the other, as whole numbers."""
    return [int(value) for value in known(*pieces)]


def known(*pieces: tuple[int, float]) -> list[float]:
    found: list[float] = []
    for until, value in pieces:
        found += [value] * (until - len(found))
    return found


def always(value: float) -> list[float]:
    return [value] * STEPS


def deployment(spec: Sequence[float], ready: Sequence[float] = (), existing: Sequence[float] = ()) -> DeploymentSteps:
    return DeploymentSteps(spec, ready, existing)


@pytest.mark.parametrize(
    ("has", "listed", "want"),
    [
        pytest.param(deployment(always(10), always(10), always(10)), [10], 10, id="quiet"),
        pytest.param(
            deployment(always(10), always(8), always(11)), [8, 3], 10, id="hanging: 8 ready, 3 that never are"
        ),
        pytest.param(deployment(always(10), always(10), always(13)), [10, 3], 10, id="a surge all the time"),
        pytest.param(deployment(always(10), always(10), always(10)), [8, 2], 10, id="paused, a canary"),
        pytest.param(deployment(always(100), always(98), always(125)), [60, 65], 100, id="a rollout of three hours"),
        pytest.param(deployment(always(100), always(99), always(100)), [101], 100, id="pods that live an hour"),
        pytest.param(deployment(always(10), always(4), always(4)), [4], 4, id="a quota permits four"),
        pytest.param(deployment(always(10), always(0), always(10)), [10], 10, id="none is ready, all are there"),
        pytest.param(deployment(always(10), always(6)), [], 6, id="ready alone"),
        pytest.param(deployment(always(10), (), always(6)), [], 6, id="existing alone"),
        pytest.param(deployment(always(10)), [6], 6, id="listed alone"),
        pytest.param(deployment(always(10), always(NAN), always(NAN)), [6], 6, id="known at no step"),
        pytest.param(deployment(known((82, 3), (91, 10)), always(10)), [], 3, id="a scale-up of 9 steps"),
        pytest.param(deployment(known((81, 3), (91, 10)), always(10)), [], 10, id="a scale-up of 10 steps"),
        pytest.param(deployment(known((60, 3), (91, 0)), known((60, 3), (91, 0))), [], 3, id="scaled to zero"),
        pytest.param(deployment(known((5, NAN), (91, 4)), always(4)), [9], 4, id="known nearly all the time"),
        pytest.param(deployment(known((5, 3), (91, NAN)), always(3)), [10], 10, id="known for a moment only"),
        pytest.param(deployment(known((50, 12), (91, NAN)), always(12)), [10], 12, id="known for a half, with more"),
        pytest.param(deployment(always(0), always(0), always(0)), [], 0, id="nothing runs"),
    ],
)
def test_what_kubernetes_wants_and_has(has: DeploymentSteps, listed: list[int], want: int) -> None:
    by_name = {f"rs-{index}": [pods] * STEPS for index, pods in enumerate(listed)}
    assert replicas(has, by_name, {}) == want


def test_without_the_deployment_the_listed_pods_count_and_without_those_the_seen_ones() -> None:
    nothing = DeploymentSteps()
    assert replicas(nothing, {"a": [10] * STEPS}, {"a": [6] * STEPS}) == 10
    assert replicas(nothing, {}, {"a": [6] * STEPS}) == 6
    assert replicas(nothing, {"a": [0] * STEPS}, {"a": [6] * STEPS}) == 6
    assert replicas(deployment(always(NAN)), {}, {"a": [6] * STEPS}) == 6
    assert replicas(nothing, {}, {}) == 0


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param(steps((91, 10)), steps((91, 0)), 10, id="quiet"),
        pytest.param(
            steps((40, 10), (60, 3), (91, 0)), steps((40, 0), (60, 10), (91, 10)), 10, id="20 steps of rollout"
        ),
        pytest.param(steps((91, 8)), steps((91, 2)), 10, id="a canary"),
        pytest.param(steps((80, 10), (91, 8)), steps((80, 0), (91, 3)), 10, id="hanging since a while"),
        pytest.param(steps((91, 8)), steps((91, 3)), 11, id="hanging all the time: too many, never too few"),
        pytest.param(steps((91, 100)), steps((91, 25)), 125, id="a rollout that takes the whole window"),
        pytest.param(steps((10, 1), (91, 8)), steps((10, 0), (91, 8)), 8, id="scaled up by a rollout without an end"),
        pytest.param(steps((5, 3), (91, 0)), steps((5, 0), (91, 0)), 3, id="gone after five steps"),
    ],
)
def test_listed_pods_without_what_is_wanted(old: list[int], new: list[int], want: int) -> None:
    assert by_replicaset({"old": old, "new": new}) == want


@pytest.mark.parametrize(("share", "want"), [(0.0, 1), (0.5, 2), (0.51, 3), (0.9, 4), (1.0, 4)])
def test_the_nearest_rank(share: float, want: int) -> None:
    assert nearest_rank([1, 2, 3, 4], share) == want


@pytest.mark.parametrize(
    ("listed", "seen", "want"),
    [
        ([10, 10], [6, 6], 0.6),
        ([10, 10], [10, 2], 0.6),
        ([10, 10], [14, 2], 0.6),
        ([10, 0], [10, 4], 1.0),
        ([0, 0], [4, 4], 1.0),
    ],
    ids=["unscraped nodes", "for a half", "more seen makes up for none", "nothing listed any more", "nothing listed"],
)
def test_the_share_of_listed_pods_that_are_seen(listed: list[int], seen: list[int], want: float) -> None:
    assert seen_share(listed, seen) == pytest.approx(want)
