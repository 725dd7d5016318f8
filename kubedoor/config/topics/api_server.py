"""Access to the Kubernetes API server, and the webhook configuration written there."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ApiServerSettings:
    """Fields of `Settings`."""

    kubeconfig: str = setting(
        "",
        parsers.text,
        "~/.kube/config",
        "kubeconfig file; empty: the pod's service account or the usual kubeconfig; `none`: no cluster.",
    )
    kube_context: str = setting("", parsers.text, "prod-1", "Context of the kubeconfig; empty: its current one.")
    cluster_timeout_seconds: float = setting(
        "10", parsers.number(1, 120), "10", "Longest wait for one answer of the API server."
    )
    look_seconds: float = setting(
        "300",
        parsers.number(0, 86_400),
        "60",
        "How often `api` looks at all Deployments and HPAs, for what the door has not seen; 0: only when control goes on.",
    )
    live_idle_seconds: float = setting(
        "300",
        parsers.number(0, 86_400),
        "60",
        "How long after the last question about workloads `api` goes on watching Deployments; 0: it never watches.",
    )
    webhook_service: str = setting(
        "kubedoor-mutate",
        parsers.text,
        "kubedoor-mutate",
        "Service in KubeDoor's namespace that the API server reaches the door by.",
    )
    webhook_port: int = setting("443", parsers.integer(1, 65535), "443", "Port of the door's Service.")
    webhook_ca_file: str = setting(
        "",
        parsers.file,
        "/tls/ca.crt",
        "CA that the API server checks the door's certificate with; empty: `serve`'s own, or cert-manager's injection.",
    )
    webhook_inject_ca_from: str = setting(
        "",
        parsers.text,
        "kubedoor/kubedoor-mutate",
        "Certificate, by namespace and name, whose CA cert-manager keeps in the webhook configuration; empty: none.",
    )
    webhook_secret: str = setting(
        "kubedoor-mutate-tls",
        parsers.text,
        "kubedoor-mutate-tls",
        "Secret that `python -m kubedoor certificates` keeps the door's certificate in.",
    )
    webhook_timeout_seconds: int = setting(
        "2", parsers.integer(1, 30), "2", "How long the API server waits for the door."
    )
    door: str = setting(
        "both",
        parsers.one_of("webhook", "native", "both"),
        "native",
        "What enforces control values: the `webhook`; `native`: policies inside the API server, which neither warn nor record; `both`, or the webhook alone where the cluster has no such policies.",
    )
    failure_policy: str = setting(
        "Ignore", parsers.one_of("Ignore", "Fail"), "Ignore", "What the API server does when the door is away."
    )
