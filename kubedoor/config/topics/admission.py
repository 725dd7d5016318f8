"""Admission decisions, and the snapshot of control values that they are based on."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.config import parsers
from kubedoor.config.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class AdmissionSettings:
    """Fields of `Settings`."""

    namespace: str = setting("kubedoor", parsers.text, "kubedoor", "KubeDoor's own namespace: never controlled.")
    unknown_workloads: str = setting(
        "allow",
        parsers.one_of("allow", "deny"),
        "deny",
        "What happens to a Deployment that is not in the control table.",
    )
    on_internal_error: str = setting(
        "allow", parsers.one_of("allow", "deny"), "deny", "What the door answers after an internal error."
    )
    hpa_replicas: str = setting(
        "keep",
        parsers.one_of("keep", "pass", "control"),
        "pass",
        "Replicas of a workload that an HPA scales: `keep` what runs (0 excepted), whatever a release says; `pass` what is sent; `control` them all the same.",
    )
    unchanged_manifests: str = setting(
        "keep",
        parsers.one_of("keep", "restart"),
        "restart",
        "A manifest that is applied again and asks for nothing new: `keep` requests and limits as they run; `restart`: set the control values of now, which rolls out where one has moved.",
    )
    snapshot_max_age_seconds: float = setting(
        "1",
        parsers.number(0.1, 60),
        "1",
        "Greatest age of the snapshot that a decision may use while the store answers.",
    )
    snapshot_wait_seconds: float = setting(
        "1",
        parsers.number(0.05, 10),
        "0.5",
        "Longest wait for the store in one admission; then the last good snapshot serves.",
    )
    snapshot_file: str = setting(
        "",
        parsers.path,
        "/var/lib/kubedoor/snapshot.json",
        "File with the last good snapshot; empty: in the data folder.",
    )
    snapshot_folder: str = setting(
        "",
        parsers.text,
        "/snapshot",
        "Folder where the ConfigMaps of the published snapshot are mounted; the door uses it while ClickHouse confirms nothing newer.",
    )
    snapshot_configmap: str = setting(
        "",
        parsers.text,
        "kubedoor-snapshot",
        "Name prefix of the ConfigMaps that `collect` and `api` publish the snapshot to; `-0`, `-1` and so on follow it; empty: none.",
    )
    snapshot_shards: int = setting(
        "4", parsers.integer(1, 64), "8", "Number of ConfigMaps that the published snapshot is divided into."
    )
    service_account: str = setting("system:serviceaccount:kubedoor:kubedoor-api", parsers.text, "system:serviceaccount:kubedoor:kubedoor-api", "User name of KubeDoor's own requests; for these the door reads the store and not its snapshot.")  # fmt: skip
