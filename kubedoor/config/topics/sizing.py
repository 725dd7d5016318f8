"""The peak windows, and the rule that turns usage into control values."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting
from kubedoor.peak_windows import PeakWindows


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class SizingSettings:
    """Fields of `Settings`."""

    peak_windows: str = setting(
        "10:00-11:30", parsers.peak_windows, "10:00-11:30,20:00-21:00", "Local time ranges of a day, at most three."
    )
    time_zone: str = setting(
        "Asia/Shanghai", parsers.time_zone, "Europe/Berlin", "Time zone of the peak windows, of days and of schedules."
    )
    weekdays_only: bool = setting("false", parsers.boolean, "true", "Leave Saturdays and Sundays out.")
    look_back_days: int = setting("10", parsers.integer(1, 365), "14", "How many days the peak day is chosen from.")
    peak_day_scope: str = setting(
        "workload",
        parsers.one_of("workload", "cluster"),
        "cluster",
        "The heaviest day of each workload, or of the whole cluster.",
    )
    sizing_rule: str = setting("peak-day", parsers.text, "peak-day", "Rule that turns usage days into control values.")
    step_seconds: int = setting("60", parsers.integer(15, 600), "30", "Distance of the samples of a window's curve.")
    rate_seconds: int = setting(
        "300",
        parsers.integer(60, 3600),
        "180",
        "Range over which the CPU rate is taken; at least four scrape intervals.",
    )
    min_cpu_millicores: int = setting("10m", parsers.cpu, "20m", "Floor of a CPU request.", variable="KUBEDOOR_MIN_CPU")
    min_memory_bytes: int = setting(
        "1Mi", parsers.memory, "32Mi", "Floor of a memory request.", variable="KUBEDOOR_MIN_MEMORY"
    )

    min_coverage: float = setting(
        "0.8",
        parsers.number(0, 1),
        "0.6",
        "Share of steps and of pods with samples below which a usage day is thin: thin days lower nothing.",
    )
    max_cpu_millicores: int = setting(
        "4096",
        parsers.cpu,
        "128",
        "CPU above which a sample is implausible where neither a limit nor a node is known.",
        variable="KUBEDOOR_MAX_CPU",
    )
    max_memory_bytes: int = setting(
        "64Ti",
        parsers.memory,
        "2Ti",
        "Memory above which a sample is implausible where neither a limit nor a node is known.",
        variable="KUBEDOOR_MAX_MEMORY",
    )
    hpa_requests: str = setting(
        "withhold",
        parsers.one_of("withhold", "target", "control"),
        "target",
        "Requests of a resource that an HPA targets by utilisation: left alone, usage divided by the target, or controlled.",
    )
    guaranteed_qos: str = setting(
        "withhold",
        parsers.one_of("withhold", "keep"),
        "keep",
        "Guaranteed pods: their values are withheld, or request and limit move together.",
    )
    large_change_percent: int = setting(
        "0",
        parsers.integer(0, 10_000),
        "50",
        "A change by more than this share of what is requested is withheld until somebody accepts it; 0: none is.",
    )

    @property
    def windows(self) -> PeakWindows:
        return PeakWindows.parse(self.peak_windows, self.time_zone, weekdays_only=self.weekdays_only)
