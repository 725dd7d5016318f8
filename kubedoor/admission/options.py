"""What the settings say to the door: shared by the function `mutate` and the preview of `api`."""

from __future__ import annotations

from typing import NamedTuple

from kubedoor.admission.rules import Rules
from kubedoor.config.settings import Settings


class HandlerOptions(NamedTuple):
    """`service_account`: KubeDoor's own user, whose requests are always read through the snapshot."""

    cluster: str
    service_account: str
    max_age_seconds: float
    wait_seconds: float
    reads_traces: bool = True
    """False: no policies are wanted before the webhook, so that a trace of theirs can only be forged."""


def rules_of(settings: Settings) -> Rules:
    """The rules as configured; handler and preview share them."""
    return Rules(
        excluded_namespaces=frozenset(settings.all_excluded_namespaces),
        namespaces=frozenset(settings.namespaces),
        deny_unknown=settings.unknown_workloads == "deny",
        deny_on_error=settings.on_internal_error == "deny",
        hpa_replicas=settings.hpa_replicas,
        keep_unchanged_manifests=settings.unchanged_manifests == "keep",
        min_cpu_millicores=settings.min_cpu_millicores,
        min_memory_bytes=settings.min_memory_bytes,
    )


def options_of(settings: Settings) -> HandlerOptions:
    return HandlerOptions(
        cluster=settings.cluster,
        service_account=settings.service_account,
        max_age_seconds=settings.snapshot_max_age_seconds,
        wait_seconds=settings.snapshot_wait_seconds,
        reads_traces=settings.door != "webhook",
    )
