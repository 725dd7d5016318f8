"""The peak windows, and the rule that turns usage into control values."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting
from kubedoor.peak_windows import PeakWindows


@dataclass(frozen=True, kw_only=True)
class SizingSettings:
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

    @property
    def windows(self) -> PeakWindows:
        return PeakWindows.parse(self.peak_windows, self.time_zone, weekdays_only=self.weekdays_only)
