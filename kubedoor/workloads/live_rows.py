"""What the list says of a Deployment as it is in the cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubedoor.live.deployments import LiveDeployment
from kubedoor.live.standing import Standing
from kubedoor.model.deployments import DeploymentState
from kubedoor.model.values import Resources
from kubedoor.workloads.listing import Row

Seen = LiveDeployment | DeploymentState | None


def live_row(seen: Seen, as_of: datetime | None, standing: Standing, *, is_current: bool) -> Row:
    live = seen if isinstance(seen, LiveDeployment) else None
    return {
        "state": standing.state,
        "is_current": is_current,
        "as_of": as_of,
        "replicas": seen.replicas if seen else None,
        "ready": live.ready if live else None,
        "updated": live.updated if live else None,
        "is_settled": live.is_settled if live else None,
        "changes": [
            {**change._asdict(), "is_drifted": (change.container, change.field) in standing.drifted}
            for change in standing.changes
        ],
    }


def state_row(state: DeploymentState) -> Row:
    """What the list says of the Deployment, as the store sums it (sql/0013), but for when it was so."""
    asked, runs = [one.asked for one in state.containers], [one.runs for one in state.containers]
    return {
        "is_sized": state.is_sized,
        "running_replicas": state.replicas,
        "cpu_asked_millicores": state.replicas * _cpu(asked),
        "memory_asked_bytes": state.replicas * _memory(asked),
        "cpu_running_millicores": state.replicas * _cpu(runs),
        "memory_running_bytes": state.replicas * _memory(runs),
    }


def _cpu(containers: Iterable[Resources]) -> int:
    """A request that is not set is the limit."""
    pairs = ((one.cpu_request_millicores, one.cpu_limit_millicores) for one in containers)
    return sum((limit if request is None else request) or 0 for request, limit in pairs)


def _memory(containers: Iterable[Resources]) -> int:
    pairs = ((one.memory_request_bytes, one.memory_limit_bytes) for one in containers)
    return sum((limit if request is None else request) or 0 for request, limit in pairs)
