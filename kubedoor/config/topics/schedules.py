"""CronJobs of schedules, and the timer of `api`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ScheduleSettings:
    """Fields of `Settings`."""

    schedule_image: str = setting(
        "",
        parsers.text,
        "kubedoor:0.1.0",
        "Image of the CronJobs of schedules; empty: there are none, and schedules run in `api` itself.",
    )
    schedule_api_url: str = setting(
        "",
        parsers.url("http", "https"),
        "http://api.kubedoor.svc.cluster.local",
        "Where the CronJobs of schedules find `api`, and `api` itself, so that it is not scaled to zero while it works.",
    )
    schedule_pull_secrets: tuple[str, ...] = setting(
        "",
        parsers.names,
        "registry-login,mirror-login",
        "Secrets in KubeDoor's namespace that the image of schedules is pulled with, with commas between.",
        variable="KUBEDOOR_SCHEDULE_PULL_SECRET",
    )
    schedule_pod: Mapping[str, Any] = setting(
        "",
        parsers.pod_fields,
        '{"tolerations": [{"operator": "Exists"}]}',
        "What the pods of schedules have besides: `labels`, `annotations`, `nodeSelector` and `tolerations`, as JSON.",
    )
    clock_seconds: float = setting(
        "5",
        parsers.number(0, 60),
        "10",
        "How often `api` looks whether schedules are due and notifications are to be sent; 0: never.",
    )
