"""Checks every dependency, metric and permission; each failed check says what to do. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kubedoor.admission.door_probe import DoorProbe
from kubedoor.admission.native.parameters import MAX_CONTAINERS
from kubedoor.admission.native.writer import WriteState
from kubedoor.admission.switch import NATIVE, WEBHOOK, Switch
from kubedoor.config.settings import Settings
from kubedoor.errors import ClusterError, Conflict, KubeDoorError
from kubedoor.kube.client import Cluster
from kubedoor.model.checks import Check
from kubedoor.model.usage import UsageSource
from kubedoor.runtime.permissions import needed, permission_check
from kubedoor.sentences import NOTHING, Sentence, as_sentence, sentence
from kubedoor.store.control import ControlStore
from kubedoor.store.usage import UsageStore

CERTIFICATE_WARNING_DAYS = 14
LOOKS_MISSED = 3
SHOWN_WORKLOADS = 5
LOOK_SECONDS = timedelta(seconds=60)
"""What one look may take."""


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
    written: Callable[[], WriteState | None] = lambda: None
    """How control values were written into the cluster last; None: nobody writes them here."""

    def run(self) -> list[Check]:
        """All checks, in the order in which problems have to be fixed. Never raises: an exception is a failed check."""
        checks: list[Check] = []
        for name, group in (
            (sentence("checkup.store"), self._store),
            (sentence("checkup.usage_source"), self.source.checks),
            (sentence("checkup.collection"), self._collection),
            (sentence("checkup.cluster"), self._cluster),
            (sentence("checkup.door"), self._door),
        ):
            checks += _guarded(name, group)
        return checks

    def _store(self) -> Iterator[Check]:
        workloads = self.control.workload_count()
        detail = (
            sentence("checkup.store_embedded", workloads=workloads)
            if self.settings.is_embedded
            else sentence("checkup.store_clickhouse", workloads=workloads)
        )
        yield Check(sentence("checkup.store"), True, detail)

    def _collection(self) -> Iterator[Check]:
        wanted = [
            peak_day.day for peak_day in self.settings.windows.days_back(self.now(), self.settings.look_back_days)
        ]
        stored = self.usage.days()
        missing = [day for day in wanted if day not in stored]
        yield Check(
            sentence("checkup.usage_days"),
            not missing,
            sentence("checkup.days_there", there=len(wanted) - len(missing), wanted=len(wanted)),
            sentence("checkup.collect") if missing else NOTHING,
        )
        least = self.settings.min_coverage
        thin = [day for day in wanted if day in stored and not stored[day].is_covered(least)]
        yield Check(
            sentence("checkup.coverage"),
            not thin,
            sentence("checkup.thin_days", days=len(thin), share=f"{least:.0%}")
            if thin
            else sentence("checkup.all_covered"),
            sentence("checkup.look_at_prometheus", day=thin[0]) if thin else NOTHING,
        )

    def _cluster(self) -> Iterator[Check]:
        if self.settings.no_access:
            yield Check(sentence("checkup.cluster"), True, self.settings.no_access)
            return
        try:
            version = sentence("checkup.kubernetes", version=self.cluster.version())
            yield Check(sentence("checkup.cluster"), True, version)
        except ClusterError as error:
            is_home = self.settings.is_home
            remedy = sentence("checkup.set_kubeconfig") if is_home else sentence("checkup.further_cluster")
            yield Check(sentence("checkup.cluster"), False, error.message, remedy)
            return
        for permission in needed(self.settings):
            yield permission_check(self.cluster, permission)
        yield self._look()

    def _look(self) -> Check:
        looked_at = self.looked_at()
        age = self.now() - looked_at if looked_at else None
        every = timedelta(seconds=self.settings.look_seconds if self.settings.clock_seconds else 0)
        is_old = bool(every) and (age is None or age > LOOKS_MISSED * every + LOOK_SECONDS)
        seen = sentence("checkup.never_looked")
        if age is not None:
            minutes = _minutes(age)
            seen = sentence("checkup.looked_at", minutes=minutes) if minutes else sentence("checkup.looked_at_now")
        detail = seen if every else sentence("checkup.look_with_switch", seen=seen)
        remedy = sentence("checkup.look_permissions") if is_old else NOTHING
        return Check(sentence("checkup.look"), not is_old, detail, remedy)

    def _door(self) -> Iterator[Check]:
        if self.settings.no_access:
            return
        state = self.switch.state()
        if state.enabled is None:
            detail, remedy = sentence("checkup.not_known", reason=state.reason), sentence("checkup.see_cluster")
            yield Check(sentence("checkup.switch"), False, detail, remedy)
        else:
            detail = sentence("checkup.control_on") if state.enabled else sentence("checkup.control_off")
            yield Check(sentence("checkup.switch"), True, detail)
        # Also of policies of which some are missing: that counts as off, and the others enforce.
        if not state.is_current:
            yield Check(
                sentence("checkup.webhook_configuration"),
                False,
                state.reason or sentence("checkup.not_current"),
                sentence("checkup.switch_again"),
            )
        if self.settings.door != WEBHOOK:
            yield from self._native_door()
        if state.enabled and state.door != NATIVE:
            yield self._reach()
        yield from self._certificate()

    def _native_door(self) -> Iterator[Check]:
        """What of the setting the cluster can, and for which workloads."""
        name = sentence("checkup.native_door")
        try:
            self.switch.check_policies()
        except Conflict as error:
            if self.settings.door == NATIVE:
                yield Check(name, False, error.message, sentence("checkup.no_native_door"))
            elif error.message.code == "cluster.no_policies":
                yield Check(name, True, sentence("checkup.webhook_suffices"))
            else:
                yield Check(name, True, sentence("checkup.webhook_alone", reason=error.message))
            return
        yield Check(name, True, sentence("checkup.has_native_door"))
        if written := self.written():
            yield written_check(written, self.now())
        if large := self.control.workloads_with_more_containers(MAX_CONTAINERS):
            found = ", ".join("/".join(one) for one in large[:SHOWN_WORKLOADS])
            detail = sentence("checkup.too_many_containers", count=len(large), most=MAX_CONTAINERS, workloads=found)
            yield Check(name, False, detail, sentence("checkup.webhook_for_large"))

    def _reach(self) -> Check:
        reach = self.probe.ask()
        if reach.is_reached is None:
            return Check(sentence("checkup.reach"), True, sentence("checkup.not_tried", reason=reach.detail))
        remedy = NOTHING if reach.is_reached else sentence("checkup.unreached")
        return Check(sentence("checkup.reach"), reach.is_reached, reach.detail, remedy)

    def _certificate(self) -> Iterator[Check]:
        own = str(self.settings.data_dir / "tls" / "tls.crt")
        certificate = Path(self.settings.tls_cert_file or own)
        if self.settings.is_home and certificate.is_file():
            from kubedoor.admission.certificates import self_signed

            left = self_signed.days_left(certificate, now=self.now())
            remedy = NOTHING if left > CERTIFICATE_WARNING_DAYS else sentence("checkup.renew")
            yield Check(sentence("checkup.certificate"), not remedy, sentence("checkup.ends_in", days=left), remedy)


def written_check(state: WriteState, now: datetime) -> Check:
    seen = sentence("checkup.never_written")
    if state.whole_at:
        minutes = _minutes(now - state.whole_at)
        seen = sentence("checkup.written_at", minutes=minutes) if minutes else sentence("checkup.written_at_now")
    name = sentence("checkup.parameters")
    if not state.trouble:
        return Check(name, True, seen)
    detail = sentence("checkup.not_written", trouble=state.trouble, seen=seen)
    remedy = sentence("checkup.look_at_store") if state.is_kept else sentence("checkup.write_parameters")
    return Check(name, False, detail, remedy)


def _minutes(age: timedelta) -> int:
    """Whole ones."""
    return int(age.total_seconds() / 60)


def _guarded(name: Sentence, group: Callable[[], Iterable[Check]]) -> list[Check]:
    checks: list[Check] = []
    try:
        checks.extend(group())
    except (KubeDoorError, OSError, ValueError) as error:
        detail = error.message if isinstance(error, KubeDoorError) else as_sentence(str(error))
        checks.append(Check(name, False, detail, sentence("checkup.put_right")))
    return checks
