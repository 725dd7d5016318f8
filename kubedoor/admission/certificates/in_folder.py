"""The certificate of a door that keeps it in a folder: renewed there, once the API server trusts what comes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from kubedoor.admission.certificates import self_signed
from kubedoor.admission.certificates.in_cluster import FILES, newest_ca, renewed, update_ca_bundle
from kubedoor.admission.certificates.self_signed import CertificateFiles
from kubedoor.errors import ClusterError, Forbidden, NoClusterAccess
from kubedoor.kube.client import Cluster

log = logging.getLogger(__name__)


def ensure(folder: Path, names: Sequence[str], *, cluster: Cluster, now: datetime) -> CertificateFiles:
    """As `self_signed.ensure`; a new CA is in the webhook configuration before a certificate of it is in the folder.

    The bundle of another door, which does not have this folder's CA, is left alone. While the API server cannot be asked,
    the old files stay for as long as they are valid.
    """
    found = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    if len(found) == len(FILES):
        wanted = renewed(found, names, now)
        if newest_ca(wanted["ca.crt"]) != newest_ca(found["ca.crt"]):
            return _replace_ca(folder, found, wanted, cluster, now)
    return self_signed.ensure(folder, names, now=now)


def _replace_ca(
    folder: Path, found: Mapping[str, bytes], wanted: Mapping[str, bytes], cluster: Cluster, now: datetime
) -> CertificateFiles:
    try:
        update_ca_bundle(cluster, wanted["ca.crt"], after=newest_ca(found["ca.crt"]))
    except NoClusterAccess:
        pass
    except (ClusterError, Forbidden) as error:
        log.error("the webhook configuration has no new CA yet: %s", error.message)
        if self_signed.days_left(folder / "ca.crt", now=now) > 0:
            return self_signed.files_in(folder)
    self_signed.write(folder, wanted)
    return self_signed.files_in(folder)
