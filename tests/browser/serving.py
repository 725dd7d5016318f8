"""KubeDoor as people run it on their own machine, and the Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.toolbox import processes
from tests.toolbox.processes import Child, PartFailed
from tests.toolbox.running import Client, RunningKubeDoor

ROOT = Path(__file__).parents[2]
FIRST_PASSWORD = "kubedoor"
# Nothing of the browser's own may go out, and root may not have a sandbox.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
)


def _need_web() -> None:
    if not (ROOT / "web/dist/index.html").is_file():
        raise PartFailed("the web UI is not built: cd web && npm ci && npm run build")


def start_sample_kubedoor(
    folder: Path, *, port: int = 0, door_port: int = 0, settings: Mapping[str, str] | None = None
) -> RunningKubeDoor:
    """`python -m kubedoor serve` without Prometheus and without a cluster; its data and log are in `folder`."""
    _need_web()
    port, door_port = port or processes.free_port(), door_port or processes.free_port()
    data = folder / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(data),
        "KUBEDOOR_NOTIFICATION_HOSTS": "127.0.0.1",
        "KUBEDOOR_PORT": str(port),
        "KUBEDOOR_DOOR_PORT": str(door_port),
        **(settings or {}),
    }
    command = [sys.executable, "-m", "kubedoor", "serve"]
    child = processes.start("kubedoor", command, log=folder / "kubedoor.log", environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(url, child)
    except BaseException:
        child.kill()
        raise
    return RunningKubeDoor(child, url, port, door_port, data)


def wait_ready(url: str, child: Child) -> None:
    processes.wait_until(
        lambda: processes.answers(f"{url}/readyz"), what="KubeDoor is ready", children=[child], timeout_seconds=60
    )


@contextmanager
def sample_kubedoor(
    folder: Path, *, days: int = 30, settings: Mapping[str, str] | None = None
) -> Iterator[RunningKubeDoor]:
    """A KubeDoor that has collected `days` days of sample data; 0: that has nothing yet."""
    running = start_sample_kubedoor(folder, settings=settings)
    try:
        if days:
            with closing(Client(running.url)) as client:
                client.log_in()
                client.collect(days, on_progress=lambda record: None)
        yield running
    finally:
        running.child.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or Playwright's own where that is installed."""
    path = shutil.which("chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        except Exception as error:
            raise PartFailed("no Chromium: apt-get install chromium, or `playwright install chromium`") from error
        try:
            yield browser
        finally:
            browser.close()
