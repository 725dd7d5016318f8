"""A real Prometheus with the data of fleets.

promtool converts the OpenMetrics text of a fleet into blocks once. They are cached under a hash of the fleet and of the
source code that generates the text; each run hard-links them into its own folder.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import ssl
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.toolbox import cadvisor, exposition, kube_state, pods, processes, scrapes, series
from tests.toolbox.build import cache_folder, need
from tests.toolbox.certificates import Authority
from tests.toolbox.processes import Child, PartFailed
from tests.toolbox.series import Fleet

GENERATOR = (cadvisor, exposition, kube_state, pods, scrapes, series)
KEPT_IN_CACHE = 100
IMPORT_TIMEOUT_SECONDS = 300
# One block for all data: promtool reads the whole file once per block.
BLOCK_HOURS = 20_000
# Two importers at once; promtool uses one core.
IMPORTERS = 2
SCRAPE_INTERVAL = "30s"

USER, PASSWORD = "reader", "reads-only"
PASSWORD_BCRYPT = "$2b$04$abcdefghijklmnopqrstuuM.djxEDsG05cBDuhAfyKsnp4PopfhB."


@contextmanager
def _cache() -> Iterator[Path]:
    """The cache of databases, locked for one process at a time."""
    folder = cache_folder() / "tsdb"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder


def cache_key(fleet: Fleet) -> str:
    """A hash of the fleet and of the source code that generates its series."""
    sources = [Path(str(module.__file__)).read_bytes() for module in GENERATOR]
    return hashlib.sha256(b"\0".join([repr(fleet).encode(), *sources])).hexdigest()[:24]


def _import(text: Path, blocks: Path) -> Child:
    command: list[str | Path] = [need("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += [f"--max-block-duration={BLOCK_HOURS}h", text, blocks]
    return processes.start("promtool", command, log=text.with_suffix(".log"))


def _fill(fleet: Fleet, target: Path) -> None:
    """Create the folder `target` of blocks atomically."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        blocks = Path(scratch) / "blocks"
        texts = [Path(scratch) / f"fleet-{number}.txt" for number in range(IMPORTERS)]
        exposition.write(fleet, *texts)
        importers = [_import(text, blocks) for text in texts]
        try:
            for importer in importers:
                if importer.process.wait(IMPORT_TIMEOUT_SECONDS):
                    raise PartFailed(f"promtool did not take the fleet; it says:\n{importer.log_tail()}")
        finally:
            for importer in importers:
                importer.kill()
        blocks.rename(target)


def _forget_oldest(folder: Path) -> None:
    filled = sorted((one for one in folder.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime)
    for one in filled[:-KEPT_IN_CACHE]:
        shutil.rmtree(one)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # Another file system.
        shutil.copy2(source, target)


def fill(fleet: Fleet, folder: Path) -> None:
    """Put the fleet's blocks into the TSDB folder, from the cache if it has them."""
    with _cache() as cache:
        filled = cache / cache_key(fleet)
        if not filled.exists():
            _fill(fleet, filled)
        filled.touch()
        _forget_oldest(cache)
        shutil.copytree(filled, folder, copy_function=_link, dirs_exist_ok=True)


@dataclass(frozen=True)
class Access:
    """The authentication and TLS of a Prometheus."""

    password: bool = False
    """Basic authentication as USER with PASSWORD."""
    tls: bool = False
    """HTTPS with a certificate of `Prometheus.authority`."""


OPEN = Access()


class Prometheus:
    """A context manager: inside, Prometheus has the data and answers. Several fleets are several clusters."""

    def __init__(
        self, *fleets: Fleet, access: Access = OPEN, max_samples: int | None = None, scraped_port: int | None = None
    ) -> None:
        """`scraped_port` is that of a LiveFleet to scrape."""
        self.access, self.max_samples, self.fleets, self.scraped_port = access, max_samples, fleets, scraped_port
        self.port = processes.free_port()
        self.url = f"{'https' if access.tls else 'http'}://127.0.0.1:{self.port}"
        self.child: Child | None = None
        self._temporary = tempfile.TemporaryDirectory(prefix="kubedoor-prometheus-")
        self.folder = Path(self._temporary.name)
        self.authority = Authority("prometheus") if access.tls else None

    def __enter__(self) -> Self:
        try:
            for fleet in self.fleets:
                fill(fleet, self.folder / "data")
            self._configure()
            self.start()
        except BaseException:
            self._temporary.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._temporary.cleanup()

    @property
    def ca_file(self) -> Path:
        """The CA file that verifies the server's certificate."""
        return self.folder / "ca.crt"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authenticate a request."""
        if not self.access.password:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}

    def _configure(self) -> None:
        (self.folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": self._scrapes()}))
        web: dict[str, Any] = {}
        if self.access.password:
            web["basic_auth_users"] = {USER: PASSWORD_BCRYPT}
        if self.authority:
            self.ca_file.write_bytes(self.authority.certificate_pem)
            self.authority.issue("prometheus").write(self.folder / "tls.crt", self.folder / "tls.key")
            web["tls_server_config"] = {"cert_file": "tls.crt", "key_file": "tls.key"}
        (self.folder / "web.yml").write_text(json.dumps(web))

    def _scrapes(self) -> list[dict[str, Any]]:
        if self.scraped_port is None:
            return []
        targets = [{"targets": [f"127.0.0.1:{self.scraped_port}"]}]
        job = {"job_name": "fleet", "honor_labels": True, "scrape_interval": SCRAPE_INTERVAL}
        return [{**job, "static_configs": targets}]

    def start(self) -> None:
        """Start or restart it on the same port, and wait until it answers."""
        command: list[str | Path] = [need("prometheus"), f"--config.file={self.folder / 'prometheus.yml'}"]
        command += [f"--web.config.file={self.folder / 'web.yml'}", f"--web.listen-address=127.0.0.1:{self.port}"]
        command += [f"--storage.tsdb.path={self.folder / 'data'}", "--storage.tsdb.retention.time=100y"]
        command += ["--no-storage.tsdb.allow-overlapping-compaction", "--log.level=warn"]
        if self.max_samples:
            command.append(f"--query.max-samples={self.max_samples}")
        self.child = processes.start("prometheus", command, log=self.folder / "prometheus.log", folder=self.folder)
        processes.wait_until(self.is_ready, what="prometheus answers", children=[self.child])

    def refill(self, *fleets: Fleet) -> None:
        """Restart it with other data behind the same address: what it forgets, or learns late."""
        self.stop()
        shutil.rmtree(self.folder / "data")
        self.fleets = fleets
        for fleet in fleets:
            fill(fleet, self.folder / "data")
        self.start()

    def stop(self) -> None:
        if self.child:
            self.child.stop()

    def is_ready(self) -> bool:
        return processes.answers(f"{self.url}/-/ready", context=self.tls(), headers=self.headers)

    def tls(self) -> ssl.SSLContext | None:
        """None without TLS."""
        return ssl.create_default_context(cafile=str(self.ca_file)) if self.access.tls else None

    def query(self, expression: str, at: datetime) -> list[tuple[Mapping[str, str], float]]:
        """The result of an instant query: labels and value of every series."""
        form = urllib.parse.urlencode({"query": expression, "time": at.timestamp()}).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/query", data=form, headers=self.headers)
        with urllib.request.urlopen(request, timeout=60, context=self.tls()) as response:
            answer = json.load(response)
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]
