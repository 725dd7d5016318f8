"""Further doors beside the lab's: on their own, or called by the API server instead of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubedoor.admission import webhook_configuration
from tests.contract.conftest import PATIENCE
from tests.contract.lab import CLUSTER, Lab
from tests.toolbox import processes
from tests.toolbox.processes import Child
from tests.toolbox.running import ROOT


def make_door(folder: Path, dsn: str, *, clock: Path | None = None, **settings: str) -> tuple[Child, int, Path]:
    """Start `python -m kubedoor mutate`; returns the process, its port and its CA file.

    `clock`: the file of `tests/support/door_with_clock.py`.
    """
    port = processes.free_port()
    environment = {
        "PATH": "/usr/bin:/bin",
        "KUBEDOOR_STORE_DSN": dsn,
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_SOURCE": "sample",
        "KUBEDOOR_DATA_DIR": str(folder),
        "KUBEDOOR_DOOR_PORT": str(port),
        **PATIENCE,
        **settings,
    }
    words = ["tests.support.door_with_clock", clock] if clock else ["kubedoor", "mutate"]
    command = [sys.executable, "-m", *words]
    child = processes.start("mutate", command, log=folder / "mutate.log", environment=environment, folder=ROOT)
    ca = folder / "tls" / "ca.crt"
    processes.wait_until(lambda: "door: https" in child.log_tail(), what="the door is open", children=[child])
    return child, port, ca


@contextmanager
def door_instead(lab: Lab, folder: Path, dsn: str, **settings: str) -> Iterator[None]:
    """Inside, the API server calls a door with these settings; afterwards the lab's again."""
    child, port, ca = make_door(folder, dsn, clock=None, **settings)
    try:
        with leading_to(lab, port, ca):
            yield
            child.stop()
    finally:
        child.stop()


@contextmanager
def leading_to(lab: Lab, port: int, ca: Path) -> Iterator[None]:
    """Inside, the API server calls the door at this port; afterwards the lab's again."""
    with no_door(lab):
        options = webhook_configuration.WebhookOptions(
            "kubedoor", "kubedoor-mutate", port, 20, "Ignore", ["kube-system"], ca.read_text()
        )
        lab.plane.apply(webhook_configuration.configuration(options))
        _wait_for(lab, answers=True)
        yield


@contextmanager
def no_door(lab: Lab) -> Iterator[None]:
    """Inside, control is off. The API server learns of a change of webhooks a moment later, which is waited for."""
    lab.client.switch(enabled=False)
    try:
        _wait_for(lab, answers=False)
        yield
    finally:
        lab.client.switch(enabled=True)
        _wait_for(lab, answers=True)


def _wait_for(lab: Lab, *, answers: bool) -> None:
    words = ("create", "deployment", "probe", "--image=registry.test/app:1", "--dry-run=server", "-n", "default")
    lab.plane.wait_for(
        lambda: ("KubeDoor" in lab.plane.kubectl(*words).stderr) is answers,
        what=f"the API server {'calls' if answers else 'no longer calls'} a door",
    )
