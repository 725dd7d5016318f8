"""Prometheus metrics of the admission handler."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class AdmissionMetrics:
    """Label values come from fixed sets only, so that the number of series is bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.admissions = Counter(
            "kubedoor_admissions", "Admission reviews answered.", ["outcome", "dry_run"], registry=self.registry
        )
        self._answered: dict[tuple[str, bool], Counter] = {}
        self.seconds = Histogram(
            "kubedoor_admission_seconds", "Time from review to answer.", buckets=_BUCKETS, registry=self.registry
        )
        self.failures = Counter(
            "kubedoor_door_failures", "Failures of KubeDoor itself, by part.", ["part"], registry=self.registry
        )
        self.dropped = Counter(
            "kubedoor_admission_records_dropped", "Rows lost because the store stayed away.", registry=self.registry
        )
        self.age = Gauge(
            "kubedoor_snapshot_age_seconds", "How long ago the store confirmed the snapshot.", registry=self.registry
        )
        self.workloads = Gauge("kubedoor_snapshot_workloads", "Workloads in the snapshot.", registry=self.registry)
        self.timeout = Gauge(
            "kubedoor_webhook_timeout_seconds", "How long the API server waits for the door.", registry=self.registry
        )

    def answered(self, outcome: str, *, is_dry_run: bool, seconds: float) -> None:
        """Count one review. The series are looked up once: `labels` costs more than the counting."""
        counter = self._answered.get((outcome, is_dry_run))
        if counter is None:
            counter = self.admissions.labels(outcome, str(is_dry_run).lower())
            self._answered[(outcome, is_dry_run)] = counter
        counter.inc()
        self.seconds.observe(seconds)
