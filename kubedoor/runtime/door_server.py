"""The HTTPS server of the door, whose certificates renew while it runs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import uvicorn

from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.connections import Limits
from kubedoor.runtime.limited_server import LimitedServer


class DoorServer(LimitedServer):
    """`config` has the certificate."""

    def __init__(self, config: uvicorn.Config, limits: Limits, reload: CertificateReload) -> None:
        super().__init__(config, limits, name="the door")
        self._reload = reload

    def background(self) -> list[Coroutine[Any, Any, None]]:
        assert self.config.ssl is not None  # noqa: S101 -- build_door_server gives a certificate
        return [*super().background(), self._reload.watch(self.config.ssl)]
