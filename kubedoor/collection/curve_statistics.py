"""What a usage day keeps of its curves: quantiles of the mean over pods, and the hottest pod. Pure.

All containers of a day at once, in arrays: one at a time they took more time than reading them. A quantile is a linear
interpolation, as Prometheus' quantile_over_time. A step without a sample is in no mean and in no quantile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kubedoor.collection.grid import Curve
from kubedoor.model.usage import QUANTILES

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[numpy.float64]
    """A matrix of one curve a row, or one number for each of them."""
    Indexes: TypeAlias = NDArray[numpy.intp]

P95 = 0.95
_BATCH_CURVES = 4096
"""Bounds the memory of the arrays: 3 MB of a window of 90 minutes."""


@dataclass(frozen=True)
class CurveStatistics:
    """Of one container and one metric, in the unit of its curves. The window's curve is the mean over its pods."""

    p95: float
    quantiles: tuple[float, ...]
    """QUANTILES of the window's curve."""
    hottest_p95: float
    """The largest 0.95 quantile of a single pod."""
    highest: float
    """The largest sample of a single pod."""
    gaps: frozenset[int]
    """The steps at which no pod has a sample."""


def statistics(containers: Sequence[Sequence[Curve]]) -> list[CurveStatistics]:
    """`containers`: of each the curves of its pods, at least one, each of the same steps and with at least one sample."""
    return [one for batch in _batches(containers) for one in _statistics(batch)]


def extremes(curves: Sequence[Curve]) -> list[tuple[float, float]]:
    """The smallest and the largest sample of each curve, which has at least one; all curves are of the same steps."""
    # Imported by the first day that is read: what collects nothing does not wait for it.
    import numpy

    found: list[tuple[float, float]] = []
    for first in range(0, len(curves), _BATCH_CURVES):
        matrix = _matrix(curves[first : first + _BATCH_CURVES])
        found += zip(
            numpy.fmin.reduce(matrix, axis=1).tolist(), numpy.fmax.reduce(matrix, axis=1).tolist(), strict=True
        )
    return found


def _matrix(curves: Sequence[Curve]) -> Numbers:
    import numpy

    return numpy.frombuffer(b"".join(curves)).reshape(len(curves), -1)


def _batches(containers: Sequence[Sequence[Curve]]) -> Iterator[Sequence[Sequence[Curve]]]:
    batch: list[Sequence[Curve]] = []
    curves = 0
    for pods in containers:
        if batch and curves + len(pods) > _BATCH_CURVES:
            yield batch
            batch, curves = [], 0
        batch.append(pods)
        curves += len(pods)
    if batch:
        yield batch


def _statistics(containers: Sequence[Sequence[Curve]]) -> Iterator[CurveStatistics]:
    import numpy

    of_pods = _matrix([curve for pods in containers for curve in pods])
    pod_counts = numpy.array([len(pods) for pods in containers])
    first_pods = numpy.cumsum(pod_counts) - pod_counts
    means = _means(of_pods, first_pods, pod_counts)
    gaps = _gaps(means)
    ordered, of_mean = numpy.sort(of_pods), numpy.sort(means)
    hottest = numpy.maximum.reduceat(_quantile(ordered, P95), first_pods).tolist()
    highest = numpy.maximum.reduceat(_quantile(ordered, 1.0), first_pods).tolist()
    p95 = _quantile(of_mean, P95).tolist()
    quantiles = zip(*[_quantile(of_mean, share).tolist() for share in QUANTILES], strict=True)
    yield from map(CurveStatistics, p95, quantiles, hottest, highest, gaps)


def _means(of_pods: Numbers, first_pods: Indexes, pod_counts: Indexes) -> Numbers:
    """At each step, the mean of the curves that have a sample there; NaN if none has."""
    import numpy

    totals: Numbers = numpy.add.reduceat(of_pods, first_pods)
    if not numpy.isnan(totals).any():
        return totals / pod_counts[:, None]
    has_sample = ~numpy.isnan(of_pods)
    totals = numpy.add.reduceat(numpy.where(has_sample, of_pods, 0.0), first_pods)
    counts = numpy.add.reduceat(has_sample, first_pods, dtype=numpy.intp)
    with numpy.errstate(invalid="ignore"):
        means: Numbers = totals / counts
    return means


def _gaps(means: Numbers) -> list[frozenset[int]]:
    import numpy

    gaps = [frozenset[int]()] * len(means)
    is_gap = numpy.isnan(means)
    for index in numpy.flatnonzero(is_gap.any(axis=1)).tolist():
        gaps[index] = frozenset(numpy.flatnonzero(is_gap[index]).tolist())
    return gaps


def _quantile(ordered: Numbers, share: float) -> Numbers:
    """Of each row; in `ordered`, the steps without a sample are last."""
    import numpy

    last = ordered.shape[1] - 1 - numpy.isnan(ordered).sum(axis=1)
    rank = share * last
    lower = numpy.floor(rank).astype(numpy.intp)
    weight = rank - lower
    rows = numpy.arange(len(ordered))
    found: Numbers = ordered[rows, lower] * (1 - weight) + ordered[rows, numpy.minimum(lower + 1, last)] * weight
    return found
