"""The CronJob of a schedule, and the Secret with the token that its pings come with: definitions only. Pure.

A ping says "now", nothing more: which run is due, and whether it has been run already, is the API's to know.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

STARTING_DEADLINE_SECONDS = 300
"""A run that could not be begun within five minutes is missed, and shown as missed."""
BACKOFF_LIMIT = 3
ACTIVE_DEADLINE_SECONDS = 600
RETURN_SECONDS = 86_400
RETURN_BACKOFF_LIMIT = 200
"""What ends a temporary scale comes late rather than never: its Job asks for a day, every seven minutes in the end."""
KEPT_SECONDS = 86_400
REFUSED = 2
"""The exit code of a ping that would be refused again."""
TOKEN_FOLDER = "/var/run/kubedoor"  # noqa: S105 -- a folder
_REFUSED = {
    "action": "FailJob",
    "onExitCodes": {"containerName": "ping", "operator": "In", "values": [REFUSED]},
}
_LABELS = {"app.kubernetes.io/part-of": "kubedoor", "app.kubernetes.io/component": "schedule"}


@dataclass(frozen=True)
class CronJobOptions:
    """Where schedules live and what their pods run."""

    namespace: str
    image: str
    api_url: str
    pull_secret: str = ""
    cluster: str = ""
    """What the pings are about, where that is not the cluster they come from."""


def name_of(schedule: str) -> str:
    return f"kubedoor-schedule-{schedule}"


def secret(options: CronJobOptions, schedule: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name_of(schedule), "namespace": options.namespace, "labels": _LABELS},
        "type": "Opaque",
        "data": {"token": base64.b64encode(token.encode()).decode()},
    }


def cronjob(
    options: CronJobOptions,
    schedule: str,
    *,
    title: str,
    cron: str,
    time_zone: str,
    suspended: bool,
    must_come: bool = False,
) -> dict[str, Any]:
    """`title` is what people call the schedule; `must_come`: late rather than never."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": name_of(schedule),
            "namespace": options.namespace,
            "labels": _LABELS,
            "annotations": {"kubedoor.io/schedule": title},
        },
        "spec": {
            "schedule": cron,
            "timeZone": time_zone,
            "suspend": suspended,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": RETURN_SECONDS if must_come else STARTING_DEADLINE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": RETURN_BACKOFF_LIMIT if must_come else BACKOFF_LIMIT,
                    "activeDeadlineSeconds": RETURN_SECONDS if must_come else ACTIVE_DEADLINE_SECONDS,
                    "podFailurePolicy": {"rules": [_REFUSED]},
                    "ttlSecondsAfterFinished": KEPT_SECONDS,
                    "template": {"metadata": {"labels": _LABELS}, "spec": _pod(options, schedule)},
                }
            },
        },
    }


def _pod(options: CronJobOptions, schedule: str) -> dict[str, Any]:
    url = f"{options.api_url.rstrip('/')}/api/v1/schedules/{schedule}/ping"
    if options.cluster:
        url += f"?{urlencode({'cluster': options.cluster})}"
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "ping",
                "image": options.image,
                "command": ["python", "-m", "kubedoor.schedules.ping", url, f"{TOKEN_FOLDER}/token"],
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True}],
            }
        ],
        # Optional: a pod that is tried again when the schedule is gone already ends, and does not wait for its Secret.
        "volumes": [{"name": "token", "secret": {"secretName": name_of(schedule), "optional": True}}],
    }
    if options.pull_secret:
        pod["imagePullSecrets"] = [{"name": options.pull_secret}]
    return pod
