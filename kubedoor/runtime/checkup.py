"""Checks every dependency, metric and permission; each failed check says what to do. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kubedoor.admission import webhook_configuration
from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.switch import Switch
from kubedoor.config.settings import Settings
from kubedoor.errors import ClusterError, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.model.checks import Check
from kubedoor.model.usage import UsageSource
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import UsageStore

CERTIFICATE_WARNING_DAYS = 14
LOOKS_MISSED = 3
LOOK_SECONDS = timedelta(seconds=60)
"""What one look may take."""
_FURTHER_REMEDY = "look at its kubeconfig in KUBEDOOR_CLUSTERS, and whether its API server can be reached from here"
_UNREACHED_REMEDY = (
    "see that pods of mutate are ready and that the control plane may connect to them; where its network does not lead to"
    " pods (EKS and GKE with an overlay network), set mutate.hostNetwork"
)
_PERMISSIONS = (
    ("get", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", webhook_configuration.NAME),
    ("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", webhook_configuration.NAME),
    # By server-side apply: that alone has a name.
    ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", webhook_configuration.NAME),
    ("delete", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", webhook_configuration.NAME),
    ("list", "apps", "deployments", ""),
    ("list", "autoscaling", "horizontalpodautoscalers", ""),
)


@dataclass(frozen=True)
class Checkup:
    settings: Settings
    source: UsageSource
    usage: UsageStore
    control: ControlStore
    cluster: Cluster
    switch: Switch
    probe: DoorProbe
    looked_at: Callable[[], datetime | None]
    """The newest look at all Deployments of the cluster."""
    now: Callable[[], datetime]

    def run(self) -> list[Check]:
        """All checks, in the order in which problems have to be fixed. Never raises: an exception is a failed check."""
        checks: list[Check] = []
        for name, group in (
            ("store", self._store),
            ("usage source", self.source.checks),
            ("collection", self._collection),
            ("cluster", self._cluster),
            ("door", self._door),
        ):
            checks += _guarded(name, group)
        return checks

    def _store(self) -> Iterator[Check]:
        workloads = self.control.workload_count()
        kind = "embedded" if self.settings.is_embedded else "ClickHouse"
        yield Check("store", True, f"{kind}, {workloads} workloads in the control table")

    def _collection(self) -> Iterator[Check]:
        wanted = [
            peak_day.day for peak_day in self.settings.windows.days_back(self.now(), self.settings.look_back_days)
        ]
        stored = self.usage.days()
        missing = [day for day in wanted if day not in stored]
        yield Check(
            "usage days of the look-back",
            not missing,
            f"{len(wanted) - len(missing)} of {len(wanted)} days are there",
            "collect: POST /api/v1/collect, or let the CronJob do it" if missing else "",
        )
        thin = [day for day in wanted if day in stored and stored[day].coverage < 0.5]
        yield Check(
            "coverage of the look-back",
            not thin,
            f"{len(thin)} days have samples for less than half of the peak window" if thin else "every day is covered",
            f"look at Prometheus for {thin[0]}, then collect that day anew" if thin else "",
        )

    def _cluster(self) -> Iterator[Check]:
        if self.settings.no_access:
            yield Check("cluster", True, self.settings.no_access)
            return
        try:
            yield Check("cluster", True, f"Kubernetes {self.cluster.version()}")
        except ClusterError as error:
            at_home = "set KUBEDOOR_KUBECONFIG, or run KubeDoor in the cluster"
            yield Check("cluster", False, error.message, at_home if self.settings.is_home else _FURTHER_REMEDY)
            return
        service = ("get", "", "services", self.settings.webhook_service, self.settings.namespace)
        for verb, group, resource, name, namespace in (*((*one, "") for one in _PERMISSIONS), service):
            allowed = self.cluster.may(verb, group, resource, name=name, namespace=namespace)
            remedy = (
                ""
                if allowed
                else f"allow it in KubeDoor's ClusterRole: apiGroups [{group!r}], resources [{resource}], verbs [{verb}]"
            )
            yield Check(f"permission to {verb} {resource}", allowed, "allowed" if allowed else "not allowed", remedy)
        yield self._look()

    def _look(self) -> Check:
        looked_at = self.looked_at()
        age = self.now() - looked_at if looked_at else None
        every = timedelta(seconds=self.settings.look_seconds if self.settings.clock_seconds else 0)
        is_old = bool(every) and (age is None or age > LOOKS_MISSED * every + LOOK_SECONDS)
        seen = f"{int(age.total_seconds() / 60)} minutes ago" if age is not None else "never, or more than 30 days ago"
        detail = seen if every else f"{seen}; only when control goes on (KUBEDOOR_LOOK_SECONDS is 0)"
        remedy = "see the permissions to list Deployments and HPAs, and the log of api" if is_old else ""
        return Check("look at all Deployments", not is_old, detail, remedy)

    def _door(self) -> Iterator[Check]:
        if self.settings.no_access:
            return
        state = self.switch.state()
        words = {True: "control is on", False: "control is off", None: f"not known: {state.reason}"}[state.enabled]
        yield Check(
            "switch", state.enabled is not None, words, "" if state.enabled is not None else "see the cluster's checks"
        )
        if state.enabled and not state.is_current:
            yield Check(
                "webhook configuration",
                False,
                "it is not as this version would make it",
                "switch control off and on again",
            )
        if state.enabled:
            yield self._reach()
        yield from self._certificate()

    def _reach(self) -> Check:
        reach = self.probe.ask()
        if reach.is_reached is None:
            return Check("API server reaches the door", True, f"not tried out: {reach.detail}")
        return Check(
            "API server reaches the door",
            reach.is_reached,
            reach.detail,
            "" if reach.is_reached else _UNREACHED_REMEDY,
        )

    def _certificate(self) -> Iterator[Check]:
        own = str(self.settings.data_dir / "tls" / "tls.crt")
        certificate = Path(self.settings.tls_cert_file or own)
        if self.settings.is_home and certificate.is_file():
            from kubedoor.admission.certificates import self_signed

            left = self_signed.days_left(certificate, now=self.now())
            remedy = "" if left > CERTIFICATE_WARNING_DAYS else "renew it; a new file is used without a restart"
            yield Check("door's certificate", not remedy, f"ends in {left} days", remedy)


def _guarded(name: str, group: Callable[[], Iterable[Check]]) -> list[Check]:
    checks: list[Check] = []
    try:
        checks.extend(group())
    except (KubeDoorError, OSError, ValueError) as error:
        checks.append(Check(name, False, str(error), "put this right, then look again"))
    return checks
