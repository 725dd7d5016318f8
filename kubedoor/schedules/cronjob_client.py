"""Applies and deletes the CronJobs and Secrets of schedules in the cluster."""

from __future__ import annotations

from kubedoor.kube.client import Cluster, path_segment
from kubedoor.schedules import cronjob
from kubedoor.schedules.cronjob import CronJobOptions


class CronJobs:
    def __init__(self, cluster: Cluster, options: CronJobOptions) -> None:
        self._cluster = cluster
        self._options = options

    def apply(
        self,
        schedule: str,
        *,
        title: str,
        cron: str,
        time_zone: str,
        suspended: bool,
        token: str = "",
        is_return: bool = False,
    ) -> None:
        """Create or update. `token` empty: the Secret stays as it is. Raises ClusterError, Forbidden."""
        if token:
            self._cluster.apply_object(self._secret(schedule), cronjob.secret(self._options, schedule, token))
        manifest = cronjob.cronjob(
            self._options,
            schedule,
            title=title,
            cron=cron,
            time_zone=time_zone,
            suspended=suspended,
            is_return=is_return,
        )
        self._cluster.apply_object(self._cronjob(schedule), manifest)

    def delete(self, schedule: str) -> None:
        """Running pods are not stopped. Raises ClusterError, Forbidden."""
        self._cluster.delete_object(self._cronjob(schedule))
        self._cluster.delete_object(self._secret(schedule))

    def _cronjob(self, schedule: str) -> str:
        return f"/apis/batch/v1/namespaces/{path_segment(self._options.namespace)}/cronjobs/{cronjob.name_of(schedule)}"

    def _secret(self, schedule: str) -> str:
        return f"/api/v1/namespaces/{path_segment(self._options.namespace)}/secrets/{cronjob.name_of(schedule)}"
