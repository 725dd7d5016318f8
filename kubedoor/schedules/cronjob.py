"""The manifests of a schedule: its CronJob, and the Secret with the token of its pings. Pure.

A ping carries neither the action nor the due time: the API decides which run is due and whether it has run already.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

STARTING_DEADLINE_SECONDS = 300
"""A run that could not be started within five minutes is missed."""
BACKOFF_LIMIT = 3
ACTIVE_DEADLINE_SECONDS = 600
RETURN_DEADLINE_SECONDS = 86_400
RETURN_RETRY_SECONDS = 432
"""The Job of a return retries for a day: six minutes of Kubernetes' backoff at most, and a minute of the ping's own."""
JOB_TTL_SECONDS = 86_400
EXIT_REFUSED = 2
"""The exit code of a ping whose retry would be refused too."""
TOKEN_FOLDER = "/var/run/kubedoor"  # noqa: S105 -- a folder
_FAIL_IF_REFUSED = {
    "action": "FailJob",
    "onExitCodes": {"containerName": "ping", "operator": "In", "values": [EXIT_REFUSED]},
}
_LABELS = {"app.kubernetes.io/part-of": "kubedoor", "app.kubernetes.io/component": "schedule"}
SELECTOR = ",".join(f"{name}={value}" for name, value in _LABELS.items())
_URL_ARGUMENT = 3
_NAME_PREFIX = "kubedoor-schedule-"


@dataclass(frozen=True)
class CronJobOptions:
    """`namespace`: of the CronJobs; `image`: of their pods; `api_url`: what they ping."""

    namespace: str
    image: str
    api_url: str
    pull_secrets: tuple[str, ...] = ()
    cluster: str = ""
    """The cluster whose schedules these are; empty: the home cluster, where the CronJobs run."""
    pod: Mapping[str, Any] = field(default_factory=dict)
    """`labels`, `annotations`, `nodeSelector` and `tolerations` of the pods, as far as wanted."""


def name_of(schedule: str) -> str:
    return f"{_NAME_PREFIX}{schedule}"


def schedule_of(manifest: Mapping[str, Any]) -> str:
    """The inverse of `name_of`; empty: it is of no schedule."""
    name = str(manifest["metadata"]["name"])
    return name.removeprefix(_NAME_PREFIX) if name.startswith(_NAME_PREFIX) else ""


def pinged_url(manifest: Mapping[str, Any]) -> str:
    """What a CronJob pings; empty: nothing that KubeDoor knows."""
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    command = pod["containers"][0].get("command") or []
    return str(command[_URL_ARGUMENT]) if len(command) > _URL_ARGUMENT else ""


def token_of(manifest: Mapping[str, Any]) -> str:
    """Of a Secret; empty: it has none."""
    try:
        return base64.b64decode((manifest.get("data") or {}).get("token", ""), validate=True).decode()
    except ValueError:
        return ""


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
    is_return: bool = False,
    later_seconds: int = 0,
) -> dict[str, Any]:
    """`title`: the schedule's name as people see it; `is_return`: retry for a day, not for ten minutes.

    `later_seconds`: how much later than the first workload the last one may be due.
    """
    deadline = RETURN_DEADLINE_SECONDS + later_seconds
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
            "startingDeadlineSeconds": deadline if is_return else STARTING_DEADLINE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": deadline // RETURN_RETRY_SECONDS if is_return else BACKOFF_LIMIT,
                    "activeDeadlineSeconds": deadline if is_return else ACTIVE_DEADLINE_SECONDS,
                    "podFailurePolicy": {"rules": [_FAIL_IF_REFUSED]},
                    "ttlSecondsAfterFinished": JOB_TTL_SECONDS,
                    "template": {"metadata": _pod_metadata(options), "spec": _pod(options, schedule)},
                }
            },
        },
    }


def _pod_metadata(options: CronJobOptions) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": {**options.pod.get("labels", {}), **_LABELS}}
    if annotations := options.pod.get("annotations"):
        metadata["annotations"] = dict(annotations)
    return metadata


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
        # Optional, so that the retry of a deleted schedule exits instead of waiting for its Secret.
        "volumes": [{"name": "token", "secret": {"secretName": name_of(schedule), "optional": True}}],
    }
    if options.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in options.pull_secrets]
    pod |= {name: options.pod[name] for name in ("nodeSelector", "tolerations") if options.pod.get(name)}
    return pod
