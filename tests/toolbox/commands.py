"""Command lines, folders and keys of the control plane's components.

Default feature gates and admission plugins, RBAC, loopback only. Differences from a production cluster: etcd does not
sync to disk, controllers have higher rate limits, and the HPA controller runs every second without an initial delay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.toolbox.build import need, need_files
from tests.toolbox.certificates import Authority
from tests.toolbox.processes import free_port

Command = list[str | Path]

ISSUER = "https://kubernetes.default.svc"
SERVICE_RANGE = "10.96.0.0/16"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:kubedoor"]},
        {"level": "Metadata", "resources": [{"group": "apps"}]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True)
class Layout:
    """The folder, ports and certificates of one control plane."""

    folder: Path
    authority: Authority
    front_authority: Authority
    etcd_port: int
    etcd_peer_port: int
    api_port: int
    controller_port: int
    scheduler_port: int

    @classmethod
    def create(cls, folder: Path) -> Layout:
        """Choose ports and write all files that the commands use."""
        layout = cls(folder, Authority("cluster"), Authority("front-proxy"), *(free_port() for _ in range(5)))
        layout._write_certificates()
        (folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        for name in ("kube-controller-manager", "kube-scheduler"):
            layout.write_kubeconfig(name, user=f"system:{name}")
        for name in ("admin", "kwok"):
            layout.write_kubeconfig(name, user=name, groups=("system:masters",))
        return layout

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    def _write_certificates(self) -> None:
        self.ca_file.write_bytes(self.authority.certificate_pem)
        (self.folder / "front-ca.crt").write_bytes(self.front_authority.certificate_pem)
        names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
        for name, certificate in (
            ("server", self.authority.issue("kube-apiserver", names=names)),
            ("front", self.front_authority.issue("front-proxy-client")),
            ("service-account", self.authority.issue("service-account")),
        ):
            certificate.write(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def write_kubeconfig(self, name: str, *, user: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig whose client certificate makes its holder `user` in `groups`."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self.authority.issue(user, organizations=groups).write(certificate, key)
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        credentials = {"client-certificate": str(certificate), "client-key": str(key)}
        path = self.folder / f"{name}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "toolbox", "cluster": cluster}],
            "users": [{"name": name, "user": credentials}],
            "contexts": [{"name": "toolbox", "context": {"cluster": "toolbox", "user": name}}],
            "current-context": "toolbox",
        }
        path.write_text(json.dumps(document, indent=2))
        return path

    def etcd(self) -> Command:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.etcd_peer_port))
        return [
            need("etcd"),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def apiserver(self) -> Command:
        folder = self.folder
        return [
            need("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.api_port}",
            f"--tls-cert-file={folder / 'server.crt'}",
            f"--tls-private-key-file={folder / 'server.key'}",
            f"--client-ca-file={self.ca_file}",
            "--authorization-mode=Node,RBAC",
            # Where Kubernetes 1.34 and 1.35 have admission policies.
            "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={folder / 'service-account.crt'}",
            f"--service-account-signing-key-file={folder / 'service-account.key'}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--requestheader-client-ca-file={folder / 'front-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={folder / 'front.crt'}",
            f"--proxy-client-key-file={folder / 'front.key'}",
            f"--audit-policy-file={folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
        ]

    def controller_manager(self) -> Command:
        kubeconfig = self.folder / "kube-controller-manager.kubeconfig"
        return [
            need("kube-controller-manager"),
            *self._component(kubeconfig, self.controller_port),
            "--controllers=*",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.folder / 'service-account.key'}",
            f"--root-ca-file={self.ca_file}",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
        ]

    def scheduler(self) -> Command:
        kubeconfig = self.folder / "kube-scheduler.kubeconfig"
        return [need("kube-scheduler"), *self._component(kubeconfig, self.scheduler_port), "--kube-api-qps=300"]

    def _component(self, kubeconfig: Path, port: int) -> Command:
        return [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            "--leader-elect=false",
        ]

    def kwok(self, unsimulated: str) -> Command:
        """kwok, for all pods except those of `unsimulated`, which a Kubelet runs (see kubelet.py)."""
        paths = [self._stage_without(path, unsimulated) if unsimulated else path for path in need_files("kwok")]
        stages = [f"--config={path}" for path in paths]
        lease = "--node-lease-duration-seconds=40"
        kubeconfig = f"--kubeconfig={self.folder / 'kwok.kubeconfig'}"
        return [need("kwok"), kubeconfig, "--manage-all-nodes=true", lease, *stages]

    def _stage_without(self, stage: Path, unsimulated: str) -> Path:
        """A copy of a kwok stage that does not match the pods of `unsimulated`."""
        copy = self.folder / stage.name
        condition = [
            "    matchExpressions:",
            """    - key: '.metadata.labels["app.kubernetes.io/part-of"]'""",
            "      operator: NotIn",
            f"      values: [{unsimulated}]",
        ]
        copy.write_text(stage.read_text().replace("    matchExpressions:", "\n".join(condition), 1))
        return copy
