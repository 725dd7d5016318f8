"""Records the Deployments of the sample data, so that pages and exports show them without a cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kubedoor.admission.deployment_state import state_of
from kubedoor.collection.sample.source import sample_deployments
from kubedoor.store.deployments import SAMPLE, DeploymentStore


def record_sample_states(deployments: DeploymentStore, now: Callable[[], datetime]) -> None:
    """Leaves alone what has been seen in a cluster under the same name. Raises StoreError."""
    known = deployments.observed()
    new = [state for state in map(state_of, sample_deployments()) if state.key not in known]
    deployments.record(new, seen_by=SAMPLE, at=now())
