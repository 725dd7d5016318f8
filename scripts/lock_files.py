"""Reads the lock files of Python packages, as `make lock` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parent.parent
EVERYTHING = ROOT / "requirements.lock"
IMAGE = ROOT / "requirements.image.lock"
BUILD = ROOT / "requirements.build.lock"
IN_THE_IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.12"} | {
    "python_full_version": "3.12.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
_PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)(?: ; (?P<marker>.+))?")


@dataclass(frozen=True)
class Pinned:
    """One package. `marker` says where it is installed; empty: everywhere."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    """Of each file that may be installed, as `sha256:…`."""

    @property
    def is_in_the_image(self) -> bool:
        return not self.marker or Marker(self.marker).evaluate(IN_THE_IMAGE)


def pinned(lock: Path) -> Iterator[Pinned]:
    """Raises ValueError for a line that pins nothing."""
    for line in lock.read_text(encoding="utf-8").replace(" \\\n", "\0").splitlines():
        requirement, *hashes = line.split("\0")
        found = _PINNED.fullmatch(requirement.strip())
        if found is None:
            raise ValueError(f"{lock.name}: {requirement!r} pins no package")
        names = tuple(one.strip().removeprefix("--hash=") for one in hashes)
        yield Pinned(found["name"], found["version"], found["marker"] or "", names)
