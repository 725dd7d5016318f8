"""Starts `oidc_provider` as a process, and sets the person that it logs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.toolbox import processes

ROOT = Path(__file__).parents[2]
CALLBACK = "/api/v1/session/oidc/callback"


@dataclass(frozen=True)
class IdentityProvider:
    issuer: str

    def seat(self, public_url: str, **claims: Any) -> None:
        """Later log-ins of the KubeDoor at `public_url` are by the person with these claims."""
        body = {**claims, "redirect_uri": f"{public_url}{CALLBACK}"}
        requests.post(f"{self.issuer}/test/person", json=body, timeout=10).raise_for_status()


@contextmanager
def identity_provider(folder: Path) -> Iterator[IdentityProvider]:
    port = processes.free_port()
    child = processes.start(
        "oidc-provider",
        [sys.executable, "-m", "tests.support.oidc_provider", str(port)],
        log=folder / "provider.log",
        environment=dict(os.environ),
        folder=ROOT,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{issuer}/keys"),
            what="the identity provider answers",
            children=[child],
            timeout_seconds=60,
        )
        yield IdentityProvider(issuer)
    finally:
        child.kill()
