"""Quantiles and means of curves against the same computed one number at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubedoor.collection import curve_statistics
from kubedoor.collection.curve_statistics import P95, statistics
from kubedoor.model.usage import QUANTILES

STEADY = settings(derandomize=True, deadline=None)
STEPS = 5
SAMPLE = st.one_of(st.none(), st.floats(0, 100))
CURVE = st.lists(SAMPLE, min_size=STEPS, max_size=STEPS).filter(lambda curve: any(value is not None for value in curve))
Samples = Sequence[float | None]


def quantile(samples: Samples, share: float) -> float:
    ordered = sorted(value for value in samples if value is not None)
    rank = share * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)


def mean(column: Samples) -> float | None:
    present = [value for value in column if value is not None]
    return sum(present) / len(present) if present else None


@STEADY
@given(st.lists(st.lists(CURVE, min_size=1, max_size=4), min_size=1, max_size=4), st.sampled_from([1, 3, 4096]))
def test_statistics_are_those_of_the_samples_that_are_there(containers: list[list[Samples]], batch: int) -> None:
    curves = [
        [array("d", (math.nan if value is None else value for value in pod)) for pod in pods] for pods in containers
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(curve_statistics, "_BATCH_CURVES", batch)
        found = statistics(curves)
    for one, pods in zip(found, containers, strict=True):
        means = [mean(column) for column in zip(*pods, strict=True)]
        assert one.p95 == pytest.approx(quantile(means, P95))
        assert one.quantiles == pytest.approx([quantile(means, share) for share in QUANTILES])
        assert one.hottest_p95 == pytest.approx(max(quantile(pod, P95) for pod in pods))
        assert one.highest == max(value for pod in pods for value in pod if value is not None)
        assert one.gaps == {step for step, value in enumerate(means) if value is None}


def test_without_containers_there_are_none() -> None:
    assert statistics([]) == []
