"""`kubedoor …` as a process, and a KubeDoor that such processes talk to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]
COMMAND_SECONDS = 120


def _variables(folder: Path) -> dict[str, str]:
    """The environment without any setting of KubeDoor but those that keep it to itself."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")}
    return {**rest, "KUBEDOOR_DATA_DIR": str(folder), "KUBEDOOR_KUBECONFIG": "none"}


def run(folder: Path, *words: str, environment: Mapping[str, str], stdin: str = "") -> Done:
    return subprocess.run(
        [sys.executable, "-m", "kubedoor", *words],
        env={**_variables(folder), **environment},
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


AS_IN_THE_IMAGE = (
    'mount -t tmpfs none "$TMPDIR" && mount -o remount,bind,ro / &&'
    ' exec unshare --user --map-user=10001 --map-group=10001 -- "$@"'
)
"""What the chart sets for a container: a root that cannot be written, one folder that can, a user in no /etc/passwd.

There the folder is /tmp, where this checkout may be.
"""


def run_in_image(*words: str, environment: Mapping[str, str], stdin: str = "") -> Done:
    """As `kubectl exec -i POD -- kubedoor …` does in a pod of the chart; the checkout stands for the image's packages."""
    separate = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", AS_IN_THE_IMAGE, "sh"]
    image = {"PATH": os.environ["PATH"], "HOME": "/", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as writable:
        chart = {"TMPDIR": writable, "KUBEDOOR_DATA_DIR": f"{writable}/kubedoor"}
        settings = {"KUBEDOOR_KUBECONFIG": "none", "KUBEDOOR_SOURCE": "sample"}
        return subprocess.run(
            [*separate, sys.executable, "-m", "kubedoor", *words],
            env={**image, **chart, **settings, **environment},
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """A KubeDoor with two sample days; the variables that lead to it, with an admin's token."""
    local = {"KUBEDOOR_ADMIN_PASSWORD": "cli-first-password"}
    assert run(folder, "collect", "--days", "2", environment=local).returncode == 0
    token = run(folder, "tokens", "create", "cli", "--role", "admin", environment=local).stdout.strip()
    viewer = run(folder, "tokens", "create", "cli-viewer", environment=local).stdout.strip()
    port, door_port = processes.free_port(), processes.free_port()
    ports = {"KUBEDOOR_PORT": str(port), "KUBEDOOR_DOOR_PORT": str(door_port)}
    variables = {**_variables(folder), **ports, "KUBEDOOR_NOTIFICATION_HOSTS": "127.0.0.1"}
    command = [sys.executable, "-m", "kubedoor", "serve"]
    child = processes.start("kubedoor", command, log=folder / "serve.log", environment=variables, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{url}/readyz"), what="KubeDoor is ready", children=[child], timeout_seconds=60
        )
        yield {"KUBEDOOR_API_URL": url, "KUBEDOOR_API_TOKEN": token, "viewer": viewer, "folder": str(folder)}
    finally:
        child.stop()
