"""All settings: read from the environment once, checked, and held in one frozen object that is passed around.

Each module of `topics` declares the settings of one topic. `docs/settings.md` is generated from `table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubedoor.config.declaration import SettingRow, rows_of
from kubedoor.config.topics.admission import AdmissionSettings
from kubedoor.config.topics.api_server import ApiServerSettings
from kubedoor.config.topics.collection import CollectionSettings
from kubedoor.config.topics.command_line import CommandLineSettings
from kubedoor.config.topics.identity import IdentitySettings
from kubedoor.config.topics.listening import ListeningSettings
from kubedoor.config.topics.monitoring import LogSettings, MetricsSettings
from kubedoor.config.topics.notifications import NotificationSettings
from kubedoor.config.topics.prices import PriceSettings
from kubedoor.config.topics.schedules import ScheduleSettings
from kubedoor.config.topics.sizing import SizingSettings
from kubedoor.config.topics.store import StoreSettings
from kubedoor.config.topics.usage import UsageSettings
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.sentences import NOTHING, Sentence, sentence

CLUSTERS_VARIABLE = "KUBEDOOR_CLUSTERS"
TEST_VARIABLES = frozenset({"KUBEDOOR_TOOLBOX", "KUBEDOOR_TEST_CLICKHOUSE_URL"})
"""Read by the tests, not by KubeDoor."""
_TOPICS = (
    UsageSettings,
    SizingSettings,
    PriceSettings,
    StoreSettings,
    CollectionSettings,
    ScheduleSettings,
    NotificationSettings,
    AdmissionSettings,
    ListeningSettings,
    ApiServerSettings,
    IdentitySettings,
    MetricsSettings,
    CommandLineSettings,
    LogSettings,
)
"""In the order of docs/settings.md; a dataclass collects the fields of its bases from the last base to the first."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Settings(
    UsageSettings,
    SizingSettings,
    PriceSettings,
    StoreSettings,
    CollectionSettings,
    ScheduleSettings,
    NotificationSettings,
    AdmissionSettings,
    ListeningSettings,
    ApiServerSettings,
    IdentitySettings,
    MetricsSettings,
    CommandLineSettings,
    LogSettings,
):
    """The settings of one cluster."""

    is_home: bool = True
    """KubeDoor itself runs in this cluster. No setting."""

    @property
    def no_access(self) -> Sentence:
        """The reason why this cluster's API server cannot be used; empty if the settings allow its use."""
        if self.is_home or self.kubeconfig != NO_CLUSTER:
            return NOTHING
        return sentence("cluster.no_access", cluster=self.cluster, setting=CLUSTERS_VARIABLE)

    @property
    def uses_sample(self) -> bool:
        """Usage is sample data, which the UI and the API label as such."""
        return self.source == "sample" or (self.source == "auto" and not self.prometheus_url and self.is_embedded)

    @property
    def source_problem(self) -> str:
        """Why no usage can be collected; empty if a source is set."""
        if self.uses_sample or self.prometheus_url:
            return ""
        return "KUBEDOOR_PROMETHEUS_URL is not set: set it, e.g. http://prometheus.monitoring:9090, or KUBEDOOR_SOURCE=sample"

    @property
    def all_excluded_namespaces(self) -> tuple[str, ...]:
        """Sorted, with KubeDoor's own namespace."""
        return tuple(sorted({*self.excluded_namespaces, self.namespace}))

    def controls(self, namespace: str) -> bool:
        """Whether the workloads of this namespace are collected and controlled."""
        return namespace not in self.all_excluded_namespaces and (not self.namespaces or namespace in self.namespaces)

    @property
    def snapshot_path(self) -> Path:
        return Path(self.snapshot_file) if self.snapshot_file else self.data_dir / "snapshot.json"


def table() -> tuple[SettingRow, ...]:
    """Every setting, in the order of docs/settings.md."""
    return tuple(row for topic in _TOPICS for row in rows_of(topic))


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of the home cluster; `clusters.load` also loads those of the further clusters.

    Raises SettingsError with every problem that `read` finds.
    """
    settings, problems = read(environ)
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)
    return settings


def read(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings of the home cluster, with the default in place of each wrong value, and all problems.

    Problems are wrong values, unknown KUBEDOOR_ variables and, if there are none of these, contradictions between
    settings. Each problem is a sentence with the variable and an example.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for row in table():
        try:
            values[row.name] = row.parse(_raw(environ, row))
        except (ValueError, KubeDoorError) as error:
            shown = repr(_raw(environ, row)) if row.is_shown else "its value"
            problems.append(f"{row.variable}: {shown} {error}; set it like {row.variable}={row.example}")
            values[row.name] = row.default_value
    problems += [f"{name}: there is no such setting; see docs/settings.md" for name in _unknown_variables(environ)]
    settings = Settings(**values)
    return settings, problems or _contradictions(settings)


def _raw(environ: Mapping[str, str], row: SettingRow) -> str:
    raw = environ.get(row.variable, "").strip()
    # A Service named `kubedoor` sets KUBEDOOR_PORT=tcp://… in every pod of its namespace.
    return raw if raw and not raw.startswith("tcp://") else row.default


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {row.variable for row in table()} | TEST_VARIABLES
    return sorted(
        name for name in environ if name.startswith("KUBEDOOR_") and name not in known and not _is_service_link(name)
    )


def _is_service_link(name: str) -> bool:
    """Kubernetes sets KUBEDOOR_<SERVICE>_PORT… in every pod of a namespace that has Services named kubedoor-…."""
    return (
        "_SERVICE_HOST" in name
        or "_SERVICE_PORT" in name
        or "_PORT_" in name
        or (name.endswith("_PORT") and name.count("_") > 1)
    )


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.source == "prometheus" and not settings.prometheus_url:
        problems.append(
            "KUBEDOOR_SOURCE is prometheus: set KUBEDOOR_PROMETHEUS_URL too, e.g. http://prometheus.monitoring:9090"
        )
    if settings.schedule_image and not settings.schedule_api_url:
        problems.append(
            "KUBEDOOR_SCHEDULE_IMAGE needs KUBEDOOR_SCHEDULE_API_URL, which the CronJobs ping: set both or neither"
        )
    if settings.snapshot_wait_seconds >= settings.webhook_timeout_seconds:
        problems.append(
            "KUBEDOOR_SNAPSHOT_WAIT_SECONDS must be less than KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS: a slow store would let every"
            " release through; set it like KUBEDOOR_SNAPSHOT_WAIT_SECONDS=1"
        )
    if settings.oidc_issuer and not (settings.public_url and settings.oidc_client_id):
        problems.append(
            "KUBEDOOR_OIDC_ISSUER needs KUBEDOOR_PUBLIC_URL, which the provider leads back to, and KUBEDOOR_OIDC_CLIENT_ID; set"
            " them like KUBEDOOR_PUBLIC_URL=https://kubedoor.example.com"
        )
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        problems.append("KUBEDOOR_TLS_CERT_FILE and KUBEDOOR_TLS_KEY_FILE go together: set both or neither")
    if settings.prometheus_bearer_token and settings.prometheus_username:
        problems.append(
            "KUBEDOOR_PROMETHEUS_BEARER_TOKEN and KUBEDOOR_PROMETHEUS_USERNAME exclude each other: unset one"
        )
    return problems
