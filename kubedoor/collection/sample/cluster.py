"""The Deployments of the sample cluster: their requests, their usage at the busiest hour, and a scenario each.

As in real clusters, most request far more than they use; some request too little and are throttled or OOM-killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class LoadProfile(Enum):
    """Load over the day and the week."""

    OFFICE = auto()
    """Working hours; low at weekends."""
    SHOPPERS = auto()
    """Noon and evening; higher at weekends."""


class Scenario(Enum):
    """The behaviour that a Deployment demonstrates."""

    STEADY = auto()
    ROLLOUT = auto()
    """A new version every Wednesday, in the middle of the window."""
    NEW = auto()
    """Exists only on the newest days."""
    IDLE = auto()
    LEAKING = auto()
    """Memory grows from day to day until it is restarted on Monday."""
    AUTOSCALED = auto()
    """A HorizontalPodAutoscaler changes the number of pods within the window."""
    GAPPY = auto()
    """Some samples are missing."""
    STARVED = auto()
    """Requests too little memory and is OOM-killed on some days."""


@dataclass(frozen=True)
class SampleContainer:
    """`busy_*` is the usage of one pod at the busiest hour. Requests and limits are quantities; empty: not set."""

    name: str
    busy_millicores: int
    busy_mebibytes: int
    cpu_request: str = ""
    memory_request: str = ""
    cpu_limit: str = ""
    memory_limit: str = ""
    is_native_sidecar: bool = False

    def manifest(self, image: str) -> dict[str, Any]:
        requests = {"cpu": self.cpu_request, "memory": self.memory_request}
        limits = {"cpu": self.cpu_limit, "memory": self.memory_limit}
        resources = {
            name: set_values
            for name, values in (("requests", requests), ("limits", limits))
            if (set_values := {resource: text for resource, text in values.items() if text})
        }
        return {
            "name": self.name,
            "image": image,
            **({"restartPolicy": "Always"} if self.is_native_sidecar else {}),
            **({"resources": resources} if resources else {}),
        }


@dataclass(frozen=True)
class SampleDeployment:
    namespace: str
    name: str
    replicas: int
    containers: tuple[SampleContainer, ...]
    profile: LoadProfile = LoadProfile.OFFICE
    scenario: Scenario = Scenario.STEADY

    def manifest(self) -> dict[str, Any]:
        """The metadata and spec as `kubectl get deployment -o json` shows them."""
        labels = {"app.kubernetes.io/name": self.name}
        pod_spec: dict[str, Any] = {}
        for group, is_native_sidecar in (("initContainers", True), ("containers", False)):
            if manifests := [
                container.manifest(f"{self.namespace}/{container.name}:1.4.2")
                for container in self.containers
                if container.is_native_sidecar is is_native_sidecar
            ]:
                pod_spec[group] = manifests
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod_spec},
            },
        }


_app = SampleContainer
_PROFILES = {
    "shop": LoadProfile.SHOPPERS,
    "payments": LoadProfile.SHOPPERS,
    "search": LoadProfile.SHOPPERS,
    "platform": LoadProfile.OFFICE,
    "data": LoadProfile.OFFICE,
}


def _proxy(*, is_native_sidecar: bool = False) -> SampleContainer:
    return SampleContainer("istio-proxy", 38, 96, "100m", "128Mi", "2", "1Gi", is_native_sidecar=is_native_sidecar)


def _deployment(
    path: str, replicas: int, *containers: SampleContainer, scenario: Scenario = Scenario.STEADY
) -> SampleDeployment:
    namespace, _, name = path.partition("/")
    return SampleDeployment(namespace, name, replicas, containers, _PROFILES[namespace], scenario)


DEPLOYMENTS = (
    _deployment("shop/storefront", 12, _app("storefront", 640, 710, "2", "2Gi", "4", "4Gi"), _proxy()),
    _deployment("shop/cart", 6, _app("cart", 410, 520, "1", "2Gi", "2", "2Gi"), _proxy()),
    _deployment(
        "shop/checkout", 6, _app("checkout", 350, 900, "2", "4Gi", "4", "4Gi"), _proxy(), scenario=Scenario.ROLLOUT
    ),
    _deployment("shop/catalog", 8, _app("catalog", 780, 1350, "1", "2Gi", "2", "3Gi"), _proxy()),
    _deployment("shop/pricing", 4, _app("pricing", 930, 640, "500m", "512Mi", "1", "1Gi")),
    _deployment("shop/inventory", 4, _app("inventory", 130, 480, "1", "2Gi")),
    _deployment("shop/reviews", 3, _app("reviews", 45, 310, "500m", "1Gi", "1", "1Gi")),
    _deployment("shop/recommendations", 5, _app("recommendations", 1450, 2900, "2", "4Gi", "4", "6Gi")),
    _deployment("shop/image-resizer", 3, _app("image-resizer", 1850, 760, "1", "1Gi", "2", "1Gi")),
    _deployment(
        "payments/payment-gateway", 6, _proxy(is_native_sidecar=True), _app("gateway", 520, 830, "2", "4Gi", "2", "4Gi")
    ),
    _deployment(
        "payments/ledger",
        3,
        _app("ledger", 610, 2400, "2", "4Gi", "4", "6Gi"),
        _app("backup-agent", 12, 60, "50m", "64Mi"),
    ),
    _deployment(
        "payments/fraud-check",
        4,
        _proxy(is_native_sidecar=True),
        _app("fraud-check", 1320, 1700, "1", "1536Mi", "2", "2Gi"),
        scenario=Scenario.STARVED,
    ),
    _deployment("payments/wallet", 4, _app("wallet", 240, 560, "1", "2Gi", "2", "2Gi")),
    _deployment("payments/refunds", 2, _app("refunds", 28, 290, "500m", "1Gi", "1", "1Gi")),
    _deployment("payments/settlement", 2, _app("settlement", 170, 1250, "1", "2Gi", "2", "2Gi")),
    _deployment("payments/invoicing", 2, _app("invoicing", 95, 420, "500m", "1Gi", "1", "1Gi")),
    _deployment(
        "payments/currency-rates",
        2,
        _app("currency-rates", 60, 180, "250m", "512Mi", "500m", "512Mi"),
        scenario=Scenario.NEW,
    ),
    _deployment(
        "search/query-api",
        4,
        _app("query-api", 870, 1100, "1", "2Gi", "2", "2Gi"),
        _proxy(),
        scenario=Scenario.AUTOSCALED,
    ),
    _deployment("search/ranking", 5, _app("ranking", 1680, 3400, "2", "4Gi", "3", "5Gi")),
    _deployment("search/suggest", 4, _app("suggest", 330, 780, "1", "1Gi", "2", "2Gi")),
    _deployment("search/indexer", 2, _app("indexer", 540, 2100, "500m", "2Gi", "1", "3Gi")),
    _deployment("search/crawler", 3, _app("crawler", 260, 640, "1", "2Gi", "2", "4Gi")),
    _deployment("search/synonyms", 2, _app("synonyms", 6, 120, "200m", "512Mi"), scenario=Scenario.IDLE),
    _deployment(
        "search/click-collector", 3, _app("collector", 145, 230, "500m", "512Mi", "1", "1Gi"), scenario=Scenario.GAPPY
    ),
    _deployment("platform/auth", 4, _app("auth", 310, 540, "1", "1Gi", "2", "2Gi"), _proxy()),
    _deployment(
        "platform/sessions", 3, _app("sessions", 190, 1600, "500m", "1Gi", "1", "4Gi"), scenario=Scenario.LEAKING
    ),
    _deployment("platform/notifications", 3, _app("notifications", 120, 380, "1", "2Gi", "1", "2Gi")),
    _deployment("platform/mailer", 2, _app("mailer", 35, 260, "500m", "1Gi", "500m", "1Gi")),
    _deployment("platform/feature-flags", 2, _app("feature-flags", 22, 110, "100m", "128Mi")),
    _deployment("platform/config-server", 2, _app("config-server", 18, 450, "500m", "1Gi", "1", "1Gi")),
    _deployment("platform/audit-log", 2, _app("audit-log", 75, 330)),
    _deployment("platform/rate-limiter", 3, _app("rate-limiter", 420, 140, "250m", "128Mi", "500m", "256Mi")),
    _deployment("data/reports", 2, _app("reports", 480, 1900, "2", "8Gi", "4", "8Gi")),
    _deployment("data/dashboards", 2, _app("dashboards", 160, 620, "1", "2Gi", "2", "2Gi")),
    _deployment("data/event-router", 4, _app("event-router", 590, 470, "1", "1Gi", "2", "1Gi")),
    _deployment("data/export-worker", 3, _app("export-worker", 390, 980, "1", "4Gi", "2", "4Gi")),
    _deployment("data/feature-store", 3, _app("feature-store", 280, 3900, "1", "8Gi", "2", "8Gi")),
    _deployment("data/scoring", 3, _app("scoring", 1150, 2600, "1", "2Gi", "2", "4Gi"), scenario=Scenario.STARVED),
    _deployment("data/schema-registry", 2, _app("schema-registry", 30, 700, "500m", "1Gi", "1", "1Gi")),
    _deployment("data/old-reports", 1, _app("old-reports", 2, 340, "1", "4Gi", "1", "4Gi"), scenario=Scenario.IDLE),
)
PERMANENT_DEPLOYMENTS = tuple((each.namespace, each.name) for each in DEPLOYMENTS if each.scenario is not Scenario.NEW)
"""(namespace, name) of the Deployments that every day of sample data has."""
