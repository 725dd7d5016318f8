"""The scrape times of a fleet and the values of every series, without labels.

All times are whole Unix seconds. Each target is scraped at its own offset within the interval, as by Prometheus.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from tests.toolbox.pods import Life, Pod, first_life
from tests.toolbox.series import STEP_BACK_SECONDS, Fleet, Gap, Role, Shape

Samples = list[tuple[int, float]]
"""(Unix seconds, value)."""
Labels = dict[str, str]
Found = Iterator[tuple[Labels, Callable[[], Samples]]]

CADVISOR = "cadvisor"
STATE = "kube-state-metrics"
PAGE_BYTES = 4096
PAUSE_CORES = 0.0001
PAUSE_BYTES = 57 * PAGE_BYTES


@dataclass(frozen=True)
class _Clock:
    """The scrape times of one target, with their positions on the fleet's grid."""

    times: list[int]
    places: list[int]

    def between(self, start: datetime, end: datetime) -> Iterator[tuple[int, int]]:
        """(time, position on the grid) of the scrapes in [start, end)."""
        first, last = (bisect_left(self.times, at.timestamp()) for at in (start, end))
        return zip(self.times[first:last], self.places[first:last], strict=True)


class Scrapes:
    """The values that one Prometheus scraped from one fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._clocks: dict[tuple[str, str], _Clock] = {}
        self._curves: dict[Shape, list[float]] = {}

    def _grid(self, interval_seconds: int) -> list[int]:
        moments: set[int] = set()
        for stretch in self.fleet.recorded():
            first = -(-int(stretch.start.timestamp()) // interval_seconds) * interval_seconds
            moments.update(range(first, int(stretch.end.timestamp()) + 1, interval_seconds))
        return sorted(moments)

    @cached_property
    def _local_grid(self) -> list[datetime]:
        zone = ZoneInfo(self.fleet.zone)
        return [datetime.fromtimestamp(at, zone) for at in self._grid(self.fleet.scrape_seconds)]

    def _clock(self, job: str, target: str) -> _Clock:
        if (job, target) not in self._clocks:
            self._clocks[job, target] = self._wind(job, target)
        return self._clocks[job, target]

    def _wind(self, job: str, target: str) -> _Clock:
        interval = self.fleet.scrape_seconds if job == CADVISOR else self.fleet.state_scrape_seconds
        offset = zlib.crc32(f"{job}/{target}".encode()) % interval
        gaps = [(gap.start.timestamp(), gap.end.timestamp()) for gap in self.fleet.gaps if _is_of(gap, job, target)]
        scrapes = [
            (at + offset, place)
            for place, at in enumerate(self._grid(interval))
            if not any(start <= at + offset <= end for start, end in gaps)
        ]
        return _Clock([at for at, _ in scrapes], [place for _, place in scrapes])

    def _curve(self, shape: Shape) -> list[float]:
        """The value of the shape at every position of cAdvisor's grid."""
        if shape not in self._curves:
            self._curves[shape] = [shape.at(moment, self.fleet.first_day) for moment in self._local_grid]
        return self._curves[shape]

    def _usage(self, life: Life, shape: Shape, seed: str) -> Iterator[tuple[int, float, float]]:
        """(time, usage, last start of the container) at each scrape of `life`."""
        random = Random(f"{seed}/{life.container_id}")
        curve = self._curve(shape)
        factor = life.pod.app.hot_pod_factor if life.pod.index == 0 else 1.0
        starts = [life.start.timestamp(), *(at.timestamp() for at in life.resets)]
        for at, place in self._clock(CADVISOR, life.pod.node).between(life.start, life.end):
            while len(starts) > 1 and starts[1] <= at:
                starts.pop(0)
            used = curve[place] * factor * (1 + shape.noise * (2 * random.random() - 1))
            yield at, used + shape.climb_per_hour * (at - starts[0]) / 3600, starts[0]

    def cpu_seconds(self, life: Life) -> Samples:
        """The counter of CPU seconds, which starts with the container."""
        samples: Samples = []
        total, before = life.container.counter_seconds, life.start.timestamp()
        for at, cores, started in self._usage(life, life.container.cpu, "cpu"):
            if started > before:
                total, before = 0.0, started
            total = (total + cores * (at - before)) % life.container.counter_wraps_at
            before = at
            samples.append((at, round(total, 6)))
        return _with_glitches(samples, life, is_memory=False)

    def memory_bytes(self, life: Life) -> Samples:
        """In whole pages."""
        usage = self._usage(life, life.container.memory, "memory")
        return _with_glitches([(at, used - used % PAGE_BYTES) for at, used, _ in usage], life, is_memory=True)

    def ticks(self, life: Life, per_second: float) -> Samples:
        """A counter with a constant rate, which starts at zero with the container."""
        usage = self._usage(life, life.container.cpu, "ticks")
        return [(at, float(int((at - started) * per_second))) for at, _, started in usage]

    def pod_total(self, pod: Pod, read: Callable[[Life], Samples], pause: Samples) -> Samples:
        """The cgroup of the pod: the sum of its containers and the pause container; restarts do not reset it."""
        lives = [first_life(pod, container) for container in pod.containers if container.role is not Role.INIT]
        columns = [pause, *(read(life) for life in lives)]
        return [(at, sum(column[row][1] for column in columns)) for row, (at, _) in enumerate(pause)]

    def growing(self, node: str, start: datetime, end: datetime, per_second: float) -> Samples:
        """A cAdvisor counter with a constant rate."""
        begin = start.timestamp()
        return [(at, round((at - begin) * per_second, 6)) for at, _ in self._clock(CADVISOR, node).between(start, end)]

    def constant(self, job: str, target: str, start: datetime, end: datetime, value: float) -> Samples:
        return [(at, value) for at, _ in self._clock(job, target).between(start, end)]

    def counted(self, target: str, start: datetime, end: datetime, events: list[datetime]) -> Samples:
        """The number of past `events` at each scrape of kube-state-metrics."""
        return self.level(target, start, end, [(event, 1) for event in events])

    def level(self, target: str, start: datetime, end: datetime, changes: list[tuple[datetime, int]]) -> Samples:
        """The sum of all past `changes` at each scrape of kube-state-metrics."""
        ordered = sorted((moment.timestamp(), change) for moment, change in changes)
        stamps = [moment for moment, _ in ordered]
        sums = list(accumulate((change for _, change in ordered), initial=0))
        clock = self._clock(STATE, target)
        return [(at, float(sums[bisect_right(stamps, at)])) for at, _ in clock.between(start, end)]


def _is_of(gap: Gap, job: str, target: str) -> bool:
    return gap.job in (None, job) and gap.target in (None, target)


def _with_glitches(samples: Samples, life: Life, *, is_memory: bool) -> Samples:
    for glitch in life.container.glitches:
        if glitch.pod != life.pod.index or glitch.is_memory is not is_memory:
            continue
        first = bisect_left(samples, (glitch.at.timestamp(), 0.0))
        for place in range(max(first, 1), min(first + glitch.samples, len(samples))):
            back = round(samples[place - 1][1] - STEP_BACK_SECONDS, 6)
            samples[place] = (samples[place][0], back if glitch.value is None else glitch.value)
    return samples
