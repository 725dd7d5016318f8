"""The cluster, and where its resource usage is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubedoor.config import metrics_link as link
from kubedoor.config import parsers
from kubedoor.config.declaration import setting

SYSTEM_NAMESPACES = (
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "knative-serving",
    "knative-eventing",
    "kourier-system",
    "cert-manager",
)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class UsageSettings:
    """Fields of `Settings`."""

    cluster: str = setting("default", parsers.text, "prod-1", "Name of the Kubernetes cluster; part of every key.")
    cluster_label: str = setting(
        "", parsers.text, "env", "Prometheus label whose value is the cluster's name; empty: one cluster only."
    )
    clusters: str = setting(
        "",
        parsers.text,
        "/etc/kubedoor/clusters.yaml",
        "Further clusters: a YAML or JSON list, or the file that has it (see clusters.md); empty: this cluster alone.",
    )
    source: str = setting("auto", parsers.one_of("auto", "prometheus", "sample"), "prometheus", "Where usage comes from; `auto`: Prometheus if its URL is set, else sample data if the store is embedded.")  # fmt: skip
    prometheus_url: str = setting(
        "",
        parsers.url("http", "https", may_have_query=False),
        "http://prometheus.monitoring:9090",
        "Prometheus or VictoriaMetrics, path prefix included.",
    )
    prometheus_bearer_token: str = setting(
        "", parsers.token, "eyJhbGciOi…", "Bearer token for Prometheus.", secret=True
    )
    prometheus_bearer_token_file: str = setting(
        "",
        parsers.file,
        "/var/run/secrets/prometheus/token",
        "File with the bearer token, read anew for every request.",
    )
    prometheus_username: str = setting("", parsers.text, "kubedoor", "User for basic authentication at Prometheus.")
    prometheus_password: str = setting(
        "", parsers.text, "…", "Password for basic authentication at Prometheus.", secret=True
    )
    prometheus_headers: Mapping[str, str] = setting(
        "",
        parsers.headers,
        "X-Scope-OrgID=prod",
        "Further headers of requests to Prometheus, `name=value` with commas between.",
        secret=True,
    )
    prometheus_ca_file: str = setting(
        "", parsers.file, "/etc/ssl/prometheus-ca.crt", "CA file that Prometheus' certificate is checked with."
    )
    prometheus_timeout_seconds: float = setting(
        "120", parsers.number(1, 600), "60", "Longest wait for one answer of Prometheus."
    )
    prometheus_concurrency: int = setting("2", parsers.integer(1, 8), "1", "Most queries to one Prometheus at once.")
    metrics_link: str = setting(
        "",
        link.template,
        "https://grafana.example.com/d/pods?var-namespace={namespace}&var-workload={deployment}&from={from}&to={to}",
        "Link from a workload's history to your own Grafana or Prometheus, at the same time: a URL with `{cluster}`,"
        " `{namespace}`, `{deployment}`, `{container}`, `{from}` and `{to}` (milliseconds, Grafana), `{days}` and `{end}`"
        " (Prometheus); empty: none.",
    )
    namespaces: tuple[str, ...] = setting(
        "", parsers.names, "shop,payment", "Only these namespaces are collected and controlled; empty: all."
    )
    excluded_namespaces: tuple[str, ...] = setting(",".join(SYSTEM_NAMESPACES), parsers.names, "kube-system,monitoring", "Namespaces that are neither collected nor controlled; KubeDoor's own is always among them.")  # fmt: skip
