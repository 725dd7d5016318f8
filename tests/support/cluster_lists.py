"""Settings loaded with a given KUBEDOOR_CLUSTERS."""

from __future__ import annotations

import pytest

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import SettingsError

HOME = {"KUBEDOOR_PROMETHEUS_URL": "http://home:9090", "KUBEDOOR_CLUSTER": "home", "KUBEDOOR_CLUSTER_LABEL": "env"}


def load(entries: str, **environ: str) -> ClusterSettings:
    return clusters.load({**HOME, "KUBEDOOR_CLUSTERS": entries, **environ})


def problems_of(entries: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(entries, **environ)
    found: list[str] = caught.value.details["problems"]
    return found
