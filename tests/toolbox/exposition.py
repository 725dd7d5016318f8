"""All series of a fleet, as raw samples and as OpenMetrics text for promtool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TextIO

from tests.toolbox.cadvisor import Cadvisor
from tests.toolbox.kube_state import KubeState
from tests.toolbox.scrapes import Labels, Samples, Scrapes
from tests.toolbox.series import Fleet


@dataclass(frozen=True)
class Series:
    """One series; `samples()` computes its (Unix seconds, value) pairs, deterministically."""

    name: str
    labels: Labels
    samples: Callable[[], Samples]

    def __str__(self) -> str:
        pairs = ",".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.name}{{{pairs}}}"


def series_of(fleet: Fleet, *metrics: str) -> Iterator[Series]:
    """All series, or those of the named metrics, grouped by metric."""
    scrapes = Scrapes(fleet)
    families = Cadvisor(scrapes).metrics | KubeState(scrapes).metrics
    external = dict(fleet.external_labels)
    for name in metrics or families:
        if name not in fleet.without:
            for labels, samples in families[name]():
                present = {key: value for key, value in labels.items() if value}
                yield Series(name, present | external, samples)


def write(fleet: Fleet, *paths: Path) -> int:
    """Write the fleet as OpenMetrics text; returns the number of samples.

    With several paths the series are distributed among them; each is a complete file, for a parallel import.
    """
    with ExitStack() as stack:
        outputs = [_Output(stack.enter_context(path.open("w"))) for path in paths]
        for series, output in zip(series_of(fleet), cycle(outputs), strict=False):
            output.add(series)
        for output in outputs:
            output.file.write("# EOF\n")
    return sum(output.samples for output in outputs)


@dataclass
class _Output:
    file: TextIO
    metric: str = ""
    samples: int = 0

    def add(self, series: Series) -> None:
        if series.name != self.metric:
            self.metric = series.name
            kind = "counter" if series.name.endswith("_total") else "gauge"
            self.file.write(f"# TYPE {series.name.removesuffix('_total')} {kind}\n")
        head, samples = str(series), series.samples()
        self.file.write("".join([f"{head} {value!r} {at}\n" for at, value in samples]))
        self.samples += len(samples)
