"""Certificates of a door that makes its own, in the data folder. Apart from the assembly, which imports far more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubedoor.config.settings import Settings

if TYPE_CHECKING:
    from kubedoor.admission.certificates.self_signed import CertificateFiles


def ensure_door_certificate(settings: Settings) -> CertificateFiles:
    """A self-signed certificate for the door's Service name, localhost and 127.0.0.1; created if missing."""
    from kubedoor.admission.certificates import self_signed

    return self_signed.ensure(settings.data_dir / "tls", _door_names(settings), now=datetime.now(UTC))


def renew_door_certificate(settings: Settings) -> CertificateFiles:
    """As `ensure_door_certificate`; where control is on in this cluster, the API server gets a new CA first."""
    from kubedoor.admission.certificates import in_folder
    from kubedoor.runtime.sources import build_cluster

    folder, cluster = settings.data_dir / "tls", build_cluster(settings)
    return in_folder.ensure(folder, _door_names(settings), cluster=cluster, now=datetime.now(UTC))


def _door_names(settings: Settings) -> list[str]:
    return [*service_names(settings), "localhost", "127.0.0.1"]


def service_names(settings: Settings) -> list[str]:
    """DNS names of the door's Service inside the cluster."""
    service = f"{settings.webhook_service}.{settings.namespace}.svc"
    return [service, f"{service}.cluster.local"]
