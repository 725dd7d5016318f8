"""One browser and one KubeDoor with sample data for the session, a fresh browser context for every test.

Of a test that fails, its last picture, what the page said and the log of KubeDoor are kept in `screenshots/failures/`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.serving import FIRST_PASSWORD, ROOT, chromium, sample_kubedoor
from tests.toolbox.processes import PartFailed
from tests.toolbox.running import RunningKubeDoor

FAILURES = ROOT / "screenshots" / "failures"
WAIT_MS = 15_000

_failed = pytest.StashKey[bool]()
expect.set_options(timeout=WAIT_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(chromium())
        except PartFailed as failure:
            pytest.fail(str(failure))
        yield found


@pytest.fixture(scope="session")
def kubedoor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKubeDoor]:
    """Shared: a test that changes values does so to workloads that no other test looks at."""
    with sample_kubedoor(tmp_path_factory.mktemp("kubedoor")) as running:
        yield running


class Visits:
    """Pages of one test: `visits(running, "/path")` logs in and goes there; without `running`, to the shared KubeDoor."""

    def __init__(self, browser: Browser, running: Callable[[], RunningKubeDoor]) -> None:
        self._browser = browser
        self._running = running
        self._contexts: list[BrowserContext] = []
        self.pages: list[Page] = []
        self.said: list[str] = []
        self.requested: list[str] = []
        self.logs: list[Path] = []

    def __call__(
        self,
        path: str = "/",
        *,
        at: RunningKubeDoor | None = None,
        username: str = "kubedoor",
        password: str = FIRST_PASSWORD,
        log_in: bool = True,
        **options: Any,
    ) -> Page:
        """A page in a context of its own. `options` are those of a browser context."""
        running = at or self._running()
        self.logs.append(running.child.log)
        context = self._browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "locale": "en-US", "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(WAIT_MS)
        self._contexts.append(context)
        if log_in:
            answer = context.request.post(
                f"{running.url}/api/v1/session", data={"username": username, "password": password}
            )
            assert answer.ok, answer.text()
        page = context.new_page()
        page.on("console", lambda said: self.said.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.said.append(f"pageerror: {error}"))
        page.on("request", lambda request: self.requested.append(request.url))
        self.pages.append(page)
        page.goto(running.url + path)
        return page

    def keep(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, page in enumerate(self.pages):
            page.screenshot(path=folder / f"{number}.png")
        (folder / "console.txt").write_text("\n".join(self.said), encoding="utf-8")
        for log in dict.fromkeys(self.logs):
            shutil.copy(log, folder / log.name)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    visits = Visits(browser, lambda: request.getfixturevalue("kubedoor"))
    yield visits
    if request.node.stash.get(_failed, False):
        visits.keep(FAILURES / re.sub(r"[^\w.-]+", "_", request.node.name))
    visits.close()
