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
        later_seconds: int = 0,
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
            later_seconds=later_seconds,
        )
        self._cluster.apply_object(self._cronjob(schedule), manifest)

    def delete(self, schedule: str) -> None:
        """Running pods are not stopped. Raises ClusterError, Forbidden."""
        self._cluster.delete_object(self._cronjob(schedule))
        self._cluster.delete_object(self._secret(schedule))

    def listed(self) -> dict[str, str]:
        """What the CronJobs in the namespace ping, by schedule. Raises ClusterError, Forbidden."""
        found = self._cluster.list_objects(self._cronjobs, labelSelector=cronjob.SELECTOR)
        return {schedule: cronjob.pinged_url(one) for one in found if (schedule := cronjob.schedule_of(one))}

    def tokens(self) -> dict[str, str]:
        """The tokens in the Secrets of schedules, by schedule. Raises ClusterError, Forbidden."""
        found = self._cluster.list_objects(self._secrets, labelSelector=cronjob.SELECTOR)
        return {schedule: cronjob.token_of(one) for one in found if (schedule := cronjob.schedule_of(one))}

    def is_own(self, url: str) -> bool:
        """Whether a CronJob pings this KubeDoor."""
        return url.startswith(f"{self._options.api_url.rstrip('/')}/")

    @property
    def _cronjobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{path_segment(self._options.namespace)}/cronjobs"

    @property
    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{path_segment(self._options.namespace)}/secrets"

    def _cronjob(self, schedule: str) -> str:
        return f"{self._cronjobs}/{cronjob.name_of(schedule)}"

    def _secret(self, schedule: str) -> str:
        return f"{self._secrets}/{cronjob.name_of(schedule)}"
