"""Puts the CronJobs of schedules into the cluster, and takes them out again."""

from __future__ import annotations

from kubedoor.kube.client import Cluster, segment
from kubedoor.schedules import cronjob
from kubedoor.schedules.cronjob import CronJobOptions


class CronJobs:
    def __init__(self, cluster: Cluster, options: CronJobOptions) -> None:
        self._cluster = cluster
        self._options = options

    def put(
        self,
        schedule: str,
        *,
        title: str,
        cron: str,
        time_zone: str,
        suspended: bool,
        token: str = "",
        must_come: bool = False,
    ) -> None:
        """Make it so in the cluster. Without a `token` the Secret stays as it is; `must_come`: late rather than never."""
        if token:
            self._cluster.apply_object(self._secret(schedule), cronjob.secret(self._options, schedule, token))
        manifest = cronjob.cronjob(
            self._options,
            schedule,
            title=title,
            cron=cron,
            time_zone=time_zone,
            suspended=suspended,
            must_come=must_come,
        )
        self._cluster.apply_object(self._cronjob(schedule), manifest)

    def remove(self, schedule: str) -> None:
        """Pods that are under way go on to their end."""
        self._cluster.delete_object(self._cronjob(schedule))
        self._cluster.delete_object(self._secret(schedule))

    def _cronjob(self, schedule: str) -> str:
        return f"/apis/batch/v1/namespaces/{segment(self._options.namespace)}/cronjobs/{cronjob.name_of(schedule)}"

    def _secret(self, schedule: str) -> str:
        return f"/api/v1/namespaces/{segment(self._options.namespace)}/secrets/{cronjob.name_of(schedule)}"
