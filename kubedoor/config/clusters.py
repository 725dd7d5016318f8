"""The settings of all clusters: the home cluster, and the further clusters that KUBEDOOR_CLUSTERS lists.

A further cluster's settings are those of the home cluster, overlaid with its entry in the list. Access to the API
server is not taken over: it needs a kubeconfig or a context in the entry. Nor are the home cluster's Prometheus settings if
the entry names another Prometheus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubedoor.config import cluster_entries, settings
from kubedoor.config.cluster_entries import FIELDS, GROUP_EXAMPLES, problem
from kubedoor.config.settings import Settings
from kubedoor.errors import NotFound, SettingsError
from kubedoor.kube.kubeconfig import NO_CLUSTER
from kubedoor.sentences import sentence


@dataclass(frozen=True)
class ClusterSettings:
    """The settings of every cluster; what all clusters share is in `home`."""

    home: Settings
    further: tuple[Settings, ...] = ()
    """In the order of KUBEDOOR_CLUSTERS."""

    @property
    def is_alone(self) -> bool:
        """There is no further cluster."""
        return not self.further

    @property
    def every_cluster(self) -> tuple[Settings, ...]:
        """The home cluster first."""
        return (self.home, *self.further)

    def for_cluster(self, name: str) -> Settings:
        """Raises NotFound with the names of all clusters."""
        for one in self.every_cluster:
            if one.cluster == name:
                return one
        there_are = ", ".join(one.cluster for one in self.every_cluster)
        if self.further:
            raise NotFound(sentence("workloads.no_cluster_of", cluster=repr(name), clusters=there_are))
        raise NotFound(sentence("workloads.no_cluster", cluster=repr(name), clusters=there_are))


def load(environ: Mapping[str, str]) -> ClusterSettings:
    """Raises SettingsError with every problem of the home settings and of every entry of KUBEDOOR_CLUSTERS."""
    home, problems = settings.read(environ)
    further, problems_of_entries = _further(home)
    if problems := problems + problems_of_entries:
        raise SettingsError("\n".join(problems), problems=problems)
    return ClusterSettings(home, tuple(further))


def _further(home: Settings) -> tuple[list[Settings], list[str]]:
    """The settings of the further clusters without a problem, and the problems of the others."""
    found: list[Settings] = []
    problems: list[str] = []
    names = {home.cluster}
    try:
        entries = cluster_entries.entries(home.clusters) if home.clusters else []
    except SettingsError as error:
        return found, error.details["problems"]
    for number, entry in enumerate(entries, start=1):
        try:
            name = cluster_entries.name_of(entry, number, names)
            names.add(name)
            found.append(_overlaid(home, name, cluster_entries.values_of(entry, name)))
        except SettingsError as error:
            problems += error.details["problems"]
    return found, problems


def _overlaid(home: Settings, name: str, values: Mapping[str, Any]) -> Settings:
    """`values` are by key of the entry. Raises SettingsError."""
    changes: dict[str, Any] = {
        **_never_taken_over(home, name, has_access=bool(values.get("kubeconfig") or values.get("context"))),
        **(_prometheus_defaults(home) if "prometheus.url" in values else {}),
        **{FIELDS[key].setting: value for key, value in values.items()},
    }
    if headers := {**values.get("prometheus.headers", {}), **values.get("prometheus.headers_file", {})}:
        changes["prometheus_headers"] = headers
    if "door.ca_file" in values and "door.inject_ca_from" not in values:
        changes["webhook_inject_ca_from"] = ""
    overlaid = replace(home, **changes)
    if not overlaid.uses_sample and "prometheus.url" not in values and not home.cluster_label:
        raise problem(
            name,
            "has no Prometheus of its own, and without KUBEDOOR_CLUSTER_LABEL nothing tells it apart in the home cluster's",
            f"KUBEDOOR_CLUSTER_LABEL=env, or {GROUP_EXAMPLES['prometheus']}",
        )
    if overlaid.snapshot_wait_seconds >= overlaid.webhook_timeout_seconds:
        raise problem(
            f"{name}: door.timeout_seconds",
            f"must be more than the {overlaid.snapshot_wait_seconds:g} s of KUBEDOOR_SNAPSHOT_WAIT_SECONDS",
            "door: {timeout_seconds: 2}",
        )
    return overlaid


def _never_taken_over(home: Settings, name: str, *, has_access: bool) -> dict[str, Any]:
    """Identity, access, files and certificates."""
    home_kubeconfig = home.kubeconfig if home.kubeconfig != NO_CLUSTER else ""
    return {
        "cluster": name,
        "is_home": False,
        "clusters": "",
        "kubeconfig": home_kubeconfig if has_access else NO_CLUSTER,
        "kube_context": "",
        # Publishing a snapshot needs access to the API server.
        "snapshot_configmap": home.snapshot_configmap if has_access else "",
        "snapshot_file": str(home.data_dir / f"snapshot-{name}.json"),
        "webhook_ca_file": "",
        "tls_cert_file": "",
        "tls_key_file": "",
    }


def _prometheus_defaults(home: Settings) -> dict[str, Any]:
    """For a Prometheus other than the home cluster's; timeout and concurrency stay those of the home cluster.

    So does a link to metrics that names the cluster; any other leads to the home cluster's.
    """
    kept = ("prometheus_timeout_seconds", "prometheus_concurrency")
    defaults = {
        row.name: row.default_value
        for row in settings.table()
        if row.name.startswith("prometheus_") and row.name not in kept
    }
    link = home.metrics_link if "{cluster}" in home.metrics_link else ""
    return {**defaults, "source": "prometheus", "cluster_label": "", "metrics_link": link}
