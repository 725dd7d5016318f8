"""How many pods of a workload ran, and how many of them were seen. Pure; docs/decisions/0014 has the arithmetic.

What runs is what Kubernetes says runs. At each step of the window:

- `spec` and the ready or existing replicas of the Deployment, where kube-state-metrics has them: the smaller of what is
  wanted and what is there, so that neither the surge of a rollout nor pods that cannot be made count;
- else the pods that are listed and not known to be unready: an evicted pod is listed until somebody deletes it. While
  pods of one ReplicaSet alone are there they are all of them; while there are two, a surge cannot be told from pods, and
  such steps count only where a window has hardly any others; but there are never fewer than the largest ReplicaSet has;
- else, where nothing lists pods, those that have samples, in the same way.

The number of the day is the 0.9 quantile (nearest rank) over the steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

PODS_QUANTILE = 0.9
ROLLOUT_QUANTILE = 0.5
"""Of steps with two ReplicaSets: the middle of a rollout, when a surge has come and the old pods go."""
MIN_QUIET_SHARE = 0.1
"""Share of steps without a rollout from which these alone decide."""
Steps = Sequence[float]
"""One number per step, NaN where it is not known."""
Step = tuple[float, float, float, int]
"""Replicas that are wanted, ready and existing, and listed pods."""


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """The smallest of `ordered` (not empty) that at least `share` of them do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


@dataclass(frozen=True)
class DeploymentSteps:
    """What kube-state-metrics says of one Deployment, step by step; empty: it has no such metric."""

    spec: Steps = ()
    ready: Steps = ()
    existing: Steps = ()


def replicas(
    deployment: DeploymentSteps,
    listed: Mapping[str, Sequence[int]],
    seen: Mapping[str, Sequence[int]],
    ready: Mapping[str, Sequence[int]] | None = None,
) -> int:
    """The replicas of one workload in one window; 0 when nothing is known of any.

    Pods at each step by ReplicaSet: `listed` by Kubernetes, `seen` in samples, `ready` as far as known (None: all listed).
    """
    known: dict[Step, int] = {}
    counts = [
        known[step] if step in known else known.setdefault(step, _running(step)) for step in _steps(deployment, listed)
    ]
    wanted = sorted(count for count in counts if count)
    by_deployment = nearest_rank(wanted, PODS_QUANTILE) if wanted else 0
    # Where the Deployment itself is known for a part of the window only, the other part may have had more.
    others = {name: [*_where_unknown(counts, pods)] for name, pods in (ready or listed).items()}
    if wanted and len(wanted) >= PODS_QUANTILE * (len(wanted) + _steps_with_any(others)):
        return by_deployment
    return max(by_deployment, by_replicaset(others)) or by_replicaset(seen)


def _where_unknown(counts: Sequence[int], pods: Sequence[int]) -> Iterable[int]:
    return (number for count, number in zip_longest(counts, pods, fillvalue=0) if not count)


def _steps_with_any(pods: Mapping[str, Sequence[int]]) -> int:
    return sum(any(column) for column in zip(*pods.values(), strict=True))


def _steps(deployment: DeploymentSteps, listed: Mapping[str, Sequence[int]]) -> Iterable[Step]:
    if not deployment.spec:
        return ()
    unknown = [math.nan] * len(deployment.spec)
    return zip(
        deployment.spec,
        deployment.ready or unknown,
        deployment.existing or unknown,
        [sum(column) for column in zip(*listed.values(), strict=True)] if listed else [0] * len(deployment.spec),
        strict=True,
    )


def _running(step: Step) -> int:
    """What is there, as far as it is wanted; 0: not known at this step."""
    spec, ready, existing, listed = step
    if math.isnan(spec):
        return 0
    there = max(value for value in (ready, existing, float(listed)) if not math.isnan(value))
    return round(min(spec, there))


def by_replicaset(counts: Mapping[str, Sequence[int]]) -> int:
    """Pods without what the Deployment wants: of the steps without a rollout, else of the middle of the rollout.

    No ReplicaSet ever has more pods than are wanted, so that there are at least as many as the largest one has.
    """
    quiet: list[int] = []
    rollout: list[int] = []
    largest: list[int] = []
    for column in zip(*counts.values(), strict=True):
        present = [count for count in column if count]
        if present:
            (quiet if len(present) == 1 else rollout).append(sum(present))
            largest.append(max(present))
    if not largest:
        return 0
    least = nearest_rank(sorted(largest), PODS_QUANTILE)
    if len(quiet) >= MIN_QUIET_SHARE * len(largest):
        return max(nearest_rank(sorted(quiet), PODS_QUANTILE), least)
    return max(nearest_rank(sorted(rollout), ROLLOUT_QUANTILE), least)


def seen_share(listed: Sequence[int], seen: Sequence[int]) -> float:
    """The share of listed pods that have samples, over all steps; 1 where nothing is listed.

    More seen than listed (a dead pod stays visible for Prometheus' look-back) makes up for none that was missed.
    """
    there = sum(listed)
    if not there:
        return 1.0
    return sum(map(min, listed, seen)) / there
