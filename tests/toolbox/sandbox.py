"""`python -m tests.toolbox.sandbox`: a cluster, its Prometheus and KubeDoor, for manual tests.

A real control plane with simulated nodes has the Deployments of the sandbox fleet, a real Prometheus has thirty days
of their usage, KubeDoor has collected these days, and control is on. Ctrl-C ends everything; only the toolbox's cache
stays.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.toolbox import processes
from tests.toolbox.build import ToolMissing, need
from tests.toolbox.controlplane import ControlPlane
from tests.toolbox.fleets import newest_day, sandbox_fleet
from tests.toolbox.live import LiveFleet
from tests.toolbox.manifests import manifests_of
from tests.toolbox.processes import PartFailed
from tests.toolbox.prometheus import Prometheus
from tests.toolbox.running import Client, RunningKubeDoor, start_kubedoor
from tests.toolbox.series import Fleet

NODES = 3
DAYS = 30
ZONE = "Asia/Shanghai"
WINDOW = "10:00-11:30"
USUAL_PORT, USUAL_DOOR_PORT = 8080, 8443
A_YEAR_SECONDS = 365 * 86400


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.toolbox.sandbox", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end as soon as everything is up")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job starts with it ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            stack.callback(_say, "everything is ended, nothing is left behind")
            try:
                kubedoor = _start_all(stack)
                if not arguments.once:
                    processes.wait_until(
                        lambda: False, what="", children=[kubedoor.child], timeout_seconds=A_YEAR_SECONDS
                    )
            finally:
                # A second Ctrl-C must not interrupt the shutdown.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        return 0
    except (ToolMissing, PartFailed) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _say(words: str) -> None:
    print(words, flush=True)


def _start_all(stack: ExitStack) -> RunningKubeDoor:
    """Start everything; `stack` ends it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubedoor-sandbox-")))
    fleet = sandbox_fleet(newest_day(datetime.now(UTC), ZONE), zone=ZONE, days=DAYS)
    _say(f"control plane: starting, with {NODES} simulated nodes")
    plane = stack.enter_context(ControlPlane(nodes=NODES))
    plane.apply(*manifests_of(fleet))
    _say(f"Prometheus: filling in {DAYS} days up to {fleet.last_day} (half a minute, once a day)")
    live = stack.enter_context(LiveFleet(fleet, now=lambda: datetime.now(UTC)))
    prometheus = stack.enter_context(Prometheus(fleet, scraped_port=live.port))
    _say("KubeDoor: starting")
    kubedoor = _start_kubedoor(stack, plane, prometheus, folder)
    with closing(Client(kubedoor.url)) as client:
        client.log_in()
        client.collect(DAYS, on_progress=_show_progress)
        client.switch(enabled=True)
    _say(_welcome(plane, prometheus, kubedoor, fleet))
    return kubedoor


def _start_kubedoor(stack: ExitStack, plane: ControlPlane, prometheus: Prometheus, folder: Path) -> RunningKubeDoor:
    kubedoor = start_kubedoor(
        plane,
        prometheus,
        folder=folder,
        port=_port_or_any(USUAL_PORT),
        door_port=_port_or_any(USUAL_DOOR_PORT),
        settings={"KUBEDOOR_TIME_ZONE": ZONE, "KUBEDOOR_PEAK_WINDOWS": WINDOW},
    )
    stack.callback(kubedoor.child.stop)
    return kubedoor


def _port_or_any(port: int) -> int:
    """`port`, or 0 (any free port) if it is in use."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex(("127.0.0.1", port)) == 0 else port


def _show_progress(record: dict[str, Any]) -> None:
    _say(f"KubeDoor: collected {record['days_done']} of {DAYS} days, {record['rows']} rows")


def _welcome(plane: ControlPlane, prometheus: Prometheus, kubedoor: RunningKubeDoor, fleet: Fleet) -> str:
    deployments = sum(manifest["kind"] == "Deployment" for manifest in manifests_of(fleet))
    return f"""
The door is on. {deployments} Deployments run, and what they used in the peak window {WINDOW} ({ZONE}) is known.

  KubeDoor     {kubedoor.url}  (log in as kubedoor / kubedoor)
  Prometheus   {prometheus.url}
  cluster      export KUBECONFIG={plane.kubeconfig}
  kubectl      alias kubectl={need("kubectl")}

Try:
  kubectl -n shop scale deployment/catalog --replicas=10        # the door has its own number, and says so
  kubectl -n shop set image deployment/cart cart=cart:2.18.0     # a restart: requests and limits are set as well
  kubectl -n shop label deployment/cart tried=yes                # no restart, no change: left alone
  kubectl -n shop get deployment cart -o yaml                    # what the API server has stored
  kubectl -n shop rollout undo deployment/cart --dry-run=server  # what would happen

Ctrl-C ends it all."""


if __name__ == "__main__":
    sys.exit(main())
